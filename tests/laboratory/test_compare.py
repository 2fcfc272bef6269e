"""Recipes compared: one table, JSON, pictures; what costs are measured by; trials that fail."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ran import Ran
from tiny_recipe import ENCODER
from word_set import write_words

from foveal.alphabet import Alphabet
from foveal.laboratory import cost
from foveal.laboratory.table import markdown, short, shown, summary
from foveal.models.encoders import EncoderSpec
from foveal.models.recogniser import recogniser
from foveal.train.torch_reader import TorchReader

BODY = f"""
{ENCODER}[data]
batch = 8
width = 96
characters = 6
augment = 0.0
[schedule]
warm = 3
average = 0.9
"""


def test_recipes_are_trained_alike_and_put_into_one_table(tmp_path: Path, shell: Callable[..., Ran]) -> None:
    words = write_words(tmp_path / "words")
    files = []
    for name, decoder in (("look", '{ name = "autoregressive", hidden = 32, heads = 2 }'), ("ctc", '"ctc"')):
        files.append(tmp_path / f"{name}.toml")
        files[-1].write_text(f"decoder = {decoder}\n{BODY}", encoding="utf-8")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(f'decoder = {{ name = "parallel", hidden = 32, longest = 2 }}\n{BODY}', encoding="utf-8")
    out = tmp_path / "out"
    ran = shell(
        "compare", *files, wrong, "--train", words, "--dev", words, "--steps", 40, "--seeds", 1,
        "--together", 2, "--threads", 1, "--device", "cpu", "--output", out,
    )  # fmt: skip
    assert ran.code == 0
    assert "wrong, seed 0: 7 places, and 2 queries" in ran.err
    kept = json.loads((out / "trials.json").read_text(encoding="utf-8"))
    assert kept["budget"]["steps"] == 40
    by_name = {short(trial["recipe"]): trial for trial in kept["trials"]}
    assert by_name.keys() == {"look", "ctc"}
    for trial in by_name.values():
        assert trial["steps"] == 40
        assert 0 <= trial["sets"]["words"]["cer"] < 3
        assert trial["cpu_ms"] > 0
        assert trial["flops"] > 1e5
        assert trial["joules"] > 0
        assert [row["width"] for row in trial["by_length"]] == [64, 128, 256, 512, 1024]
    assert by_name["ctc"]["looks"] == {}
    assert "look_inside" not in by_name["ctc"]["sets"]["words"]
    assert set(by_name["look"]["looks"]) >= {"entropy", "gini"}
    table = (out / "table.md").read_text(encoding="utf-8")
    assert table.strip() == ran.out.strip()
    assert "words CER %" in table.splitlines()[0]
    assert all((out / f"{name}.png").stat().st_size > 5000 for name in ("pareto", "length", "cost"))


def trial(recipe: str, seed: int, cer: float, **more: Any) -> dict[str, Any]:
    figures = {"cer": cer, "accuracy": 1 - cer}
    return {"recipe": recipe, "seed": seed, "sets": {"words": figures}, "looks": {}, "joules_by": "estimate",
            **more}  # fmt: skip


def test_the_table_gives_means_and_spreads_and_marks_what_is_estimated() -> None:
    trials = [trial("recipes/a.toml", 0, 0.3), trial("recipes/a.toml", 1, 0.1),
              trial("recipes/heads/02.toml", 0, 0.05, joules=2.0)]  # fmt: skip
    rows = summary(trials)
    assert [short(row["recipe"]) for row in rows] == ["heads/02", "a"]
    assert rows[1]["cells"]["words CER %"] == (pytest.approx(20.0), pytest.approx(10.0))
    lines = markdown(trials).splitlines()
    assert lines[3].startswith("| a | 80 ± 10 | 20 ± 10 | – |")
    assert lines[2].endswith("| ~2 |")
    assert shown(None) == "–"


def test_working_memory_is_that_of_the_tensors_that_live_at_once() -> None:
    def read() -> float:
        total = 0.0
        for _ in range(5):
            total += float((torch.ones(250_000) * 2).sum())  # 1 MB, and 1 MB beside it
        return total

    assert cost.working_memory(read) == pytest.approx(2e6, rel=0.01)


def test_operations_are_counted_and_time_is_the_median() -> None:
    assert cost.flops(lambda: torch.ones(3, 5) @ torch.ones(5, 7)) == 2 * 3 * 5 * 7
    waits = iter([0.2, 0.01, 0.03, 0.02])
    assert 15 < cost.latency(lambda: time.sleep(next(waits)), times=3, clock=time.perf_counter) < 100


def test_energy_says_by_what_it_was_measured() -> None:
    matrix = np.random.default_rng(0).normal(size=(300, 300))
    spent = cost.energy(lambda: np.linalg.svd(matrix), torch.device("cpu"), seconds=0.1)
    assert spent.by in ("rapl", "estimate")
    assert spent.joules > 0


def test_energy_is_counted_between_moves_of_a_coarse_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two joules a call, told by a counter that moves by 20 at a time."""
    calls = 3
    monkeypatch.setattr(cost, "_meter", lambda _: (lambda: 20.0 * (2 * calls // 20), "nvml"))

    def read() -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.001)

    assert cost.energy(read, torch.device("cpu"), seconds=0.05).joules == pytest.approx(2.0)


def test_longer_strips_take_more_memory() -> None:
    spec = EncoderSpec(stem=(4, 8, 8), dim=16, depth=1, heads=2)
    model = recogniser(spec, "ctc", 5)
    rows = cost.by_length(TorchReader(model, Alphabet("abcd")), widths=(64, 512))
    assert rows[1]["bytes"] > 4 * rows[0]["bytes"]
