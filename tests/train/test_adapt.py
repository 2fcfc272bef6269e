"""Adapting: a few lines teach a model, held-out lines decide, and nothing is written that reads worse."""

from collections.abc import Callable
from pathlib import Path

import pytest
from line_set import write_lines
from ran import Ran

import foveal
from foveal.errors import ConfigError, FovealError
from foveal.train.adapt import Plan, adapt, decide

QUICK = Plan(steps=15, minutes=4.0, threads=1)


@pytest.fixture
def by_heart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let steps be so long that a few of them are enough to know these lines by heart."""
    monkeypatch.setattr("foveal.train.adapt._RATE", 6e-4)


def accented(text: str) -> str:
    """Return a text as somebody spells it who writes é for every e."""
    return text.replace("e", "é")


@pytest.mark.usefixtures("by_heart")
def test_a_habit_is_learnt_from_a_few_lines_and_kept_in_one_small_file(tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "lines", 12, told=accented)
    told: list[float] = []
    result = adapt("fast", lines, tmp_path / "mine.onnx", plan=QUICK, told=told.append)
    assert result.after < result.before
    assert (result.lines, result.left_out) == (12, 0)
    assert told == sorted(told)
    assert (tmp_path / "mine.onnx").stat().st_size < 5e6
    reader = foveal.load(tmp_path / "mine.onnx", threads=1)
    images = sorted((lines / "images").iterdir())
    read, plain = (each.transcribe(images) for each in (reader, foveal.Reader("fast", 1)))
    assert sum(line.text.count("é") for line in read) > sum(line.text.count("é") for line in plain)


@pytest.mark.usefixtures("by_heart")
def test_what_was_learnt_can_lie_beside_the_model(tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "lines", 12, told=accented)
    adapt("fast", lines, tmp_path / "mine.npz", plan=QUICK)
    assert (tmp_path / "mine.npz").stat().st_size < 2e6
    images = sorted((lines / "images").iterdir())
    read = foveal.load(tmp_path / "mine.npz", threads=1).transcribe(images)
    plain = foveal.Reader("fast", 1).transcribe(images)
    assert sum(line.text.count("é") for line in read) > sum(line.text.count("é") for line in plain)


def test_labels_that_contradict_the_ink_are_refused(tmp_path: Path) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    shuffled = str.maketrans(letters, letters[13:] + letters[:13])
    lines = write_lines(tmp_path / "lines", 10, words=1, told=lambda text: text.translate(shuffled))
    with pytest.raises(FovealError, match="not written"):
        adapt("fast", lines, tmp_path / "mine.onnx", plan=Plan(steps=2, threads=1))
    assert not (tmp_path / "mine.onnx").exists()


def test_lines_that_are_read_already_need_no_model_of_their_own(tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "lines", 10)
    with pytest.raises(FovealError, match="nothing to adapt"):
        adapt("fast", lines, tmp_path / "mine.onnx", plan=QUICK)


def test_too_few_lines_and_unknown_signs_are_said_before_any_work(tmp_path: Path) -> None:
    few = write_lines(tmp_path / "few", 9)
    with pytest.raises(ConfigError, match="9 lines are too few"):
        adapt("fast", few, tmp_path / "mine.onnx", plan=QUICK)
    strange = write_lines(tmp_path / "strange", 10, told=lambda text: f"{text} Ж")
    with pytest.raises(ConfigError, match=r"lacks Ж .*finetune"):
        adapt("fast", strange, tmp_path / "mine.onnx", plan=QUICK)


def test_the_shell_says_why_in_one_sentence(shell: Callable[..., Ran], tmp_path: Path) -> None:
    lines, mine = write_lines(tmp_path / "few", 3), tmp_path / "mine.onnx"
    for arguments, code in (
        (("--lines", tmp_path / "none"), 3),
        (("--lines", lines), 2),
        (("--lines", lines, "--from", "fats"), 2),
        (("--lines", lines, "-o", tmp_path), 2),
    ):
        ran = shell("adapt", "-o", mine, *arguments)
        assert ran.code == code
        assert ran.err.startswith("foveal: ")
        assert ran.err.count("\n") == 1
    assert not mine.exists()


def test_context_is_read_with_unless_fifty_lines_speak_clearly_against_it() -> None:
    left = {"as before": 120, "their own": 98, "in context": 100, "none": 140}
    assert decide(left) == "in context"
    assert decide(left | {"their own": 89}) == "their own"
    assert decide(left | {"none": 80}) == "none"
