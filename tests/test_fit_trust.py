"""The command that fits confidences: no line is judged by what it taught, and no set outvotes the others."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from line_set import write_lines

from foveal.measure.additive import Additive

TOOLS = Path(__file__).parent.parent / "tools"
pytestmark = pytest.mark.skipif(not TOOLS.exists(), reason="only in a checkout")


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module("fit_trust")


def rows(tool: ModuleType, halves: Sequence[int]) -> object:
    return tool.Rows.of([([float(i), 1.0], i % 3 > 0, half) for i, half in enumerate(halves)], width=2)


def test_each_half_is_judged_by_what_the_other_taught(tool: ModuleType) -> None:
    sets = {"mine": rows(tool, [0, 1, -1, 1]), "only to fit": rows(tool, [-1, -1])}
    models = {0: Additive((), np.log(1 / 9)), 1: Additive((), np.log(9))}
    judged = tool.unseen({0: sets, 1: sets}, models)
    assert list(judged) == ["mine"]
    chances, kept = judged["mine"]
    assert chances == pytest.approx([0.9, 0.1, 0.1])
    assert kept.rows[:, 0].tolist() == [0, 1, 3]


def test_what_is_learnt_from_and_what_chooses_are_apart(tool: ModuleType) -> None:
    sets = {"handwriting_a": rows(tool, [0] * 6 + [1] * 3), "handwriting_b": rows(tool, [0, 1, -1])}
    sets = sets | {"scene_words_c": rows(tool, [0, 0])}
    chosen, share = tool.together(sets, 0)
    assert set(chosen.half.tolist()) == {0}
    parts = [part.sum() for part in np.split(share, [6, 7])]
    assert parts == pytest.approx([0.5**0.5, 0.5**0.5, 1.0])
    learnt, whole = tool.together(sets, tool.LEARNT)
    assert learnt.half.tolist() == [-1]
    assert whole.sum() == pytest.approx(1.0)


def test_as_many_false_alarms_as_allowed(tool: ModuleType) -> None:
    chances = np.random.default_rng(0).random(20000)
    limit = tool._upper(chances, np.ones(20000))
    assert (chances >= limit).mean() == pytest.approx(tool.FALSE_ALARMS, rel=0.05)


def test_one_command_fits_everything_and_says_how_well(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tool, "WEIGHTS", tmp_path)
    monkeypatch.setattr(tool, "PLANTED", 1)
    folder = str(write_lines(tmp_path / "lines", 24, words=3))
    others = str(write_lines(tmp_path / "others", 12, words=3))
    given = [folder, "--rendered", folder, "--choose", others, "--limit", "20"]
    monkeypatch.setattr(sys, "argv", ["fit_trust.py", *given])
    tool.main()
    said = capsys.readouterr().out
    assert all(title in said for title in ("words", "lines of several words", "guesses"))
    fitted = json.loads((tmp_path / "line-fast-trust.json").read_text(encoding="utf-8"))
    assert set(fitted) == {"sets", "words", "lines", "guesses"}
    assert 0 < fitted["guesses"]["limit"] <= 1
