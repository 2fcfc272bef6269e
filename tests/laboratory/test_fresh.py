"""Costs by weights that learnt nothing: texts as long as words, and figures that replace those of trials."""

import json
import runpy
import sys
from pathlib import Path

import pytest
from test_compare import BODY

from foveal.laboratory.fresh import CHARACTERS, _noise, reader_of_words
from foveal.train.recipe import read_recipe

ROOT = Path(__file__).parent.parent.parent
KINDS = ("ctc", "summary", "recurrent", "autoregressive", "parallel", "fixations")


@pytest.mark.parametrize("kind", KINDS)
def test_random_weights_write_as_much_as_a_word_has(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f'decoder = "{kind}"\n{BODY}', encoding="utf-8")
    written = [len(line.text) for line in reader_of_words(read_recipe(file)).transcribe(_noise(2))]
    assert CHARACTERS - 4 <= sum(written) / 2 <= CHARACTERS + 4


def test_costs_are_measured_once_and_replace_those_of_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, costs, trials = tmp_path / "mine.toml", tmp_path / "cost.json", tmp_path / "trials.json"
    body = BODY.replace('alphabet = "abc "', "")  # the pack of the tests draws other letters too
    recipe.write_text(f'decoder = "ctc"\n{body}', encoding="utf-8")
    trial = {"recipe": "x/mine.toml", "seed": 0, "cpu_ms": 0.0, "sets": {"a": {"cer": 0.5}}}
    trials.write_text(json.dumps({"trials": [trial]}), encoding="utf-8")
    arguments = (recipe, "--json", costs, "--merge", trials, "--batch", "4", "--device", "cpu")
    monkeypatch.setattr(sys, "argv", ["laboratory_cost.py", *map(str, arguments)])
    told = []
    for _ in range(2):
        runpy.run_path(str(ROOT / "benchmarks" / "laboratory_cost.py"), run_name="__main__")
        told.append(capsys.readouterr().out)
    assert told[0].startswith("mine: ")
    assert told[1] == ""
    kept = json.loads(trials.read_text(encoding="utf-8"))
    (after,) = kept["trials"]
    assert after["sets"] == trial["sets"]
    assert after["cpu_ms"] > 0
    assert after["images_s"] > 0
    assert after["joules"] > 0
    assert kept["costs"]["machine"]["cpu"]
