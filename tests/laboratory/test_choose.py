"""A tournament on one's own crops: halves go on, the slow stay out, held-out crops are not learned from."""

from pathlib import Path

import numpy as np
import pytest
from test_compare import BODY
from word_set import write_words

from foveal.alphabet import Alphabet
from foveal.errors import ConfigError
from foveal.laboratory.choose import Candidate, Question, _sure, choose
from foveal.measure.sets import read_crops
from foveal.train.recipe import read_recipe
from foveal.train.strips import Sources, StripBatches

DECODERS = {
    "a": '"ctc"',
    "b": '{ name = "summary", hidden = 16 }',
    "c": '{ name = "recurrent", hidden = 400 }',
}


def recipes(folder: Path) -> tuple[Path, ...]:
    files = []
    for name, decoder in DECODERS.items():
        files.append(folder / f"{name}.toml")
        files[-1].write_text(f"decoder = {decoder}\n{BODY}", encoding="utf-8")
    return tuple(files)


def test_the_better_half_goes_on_and_the_answer_says_why(tmp_path: Path) -> None:
    words = write_words(tmp_path / "words", count=40)
    said: list[str] = []
    asked = Question(words, recipes(tmp_path), tmp_path / "out", minutes=0.06, hold=4, device="cpu")
    choice = choose(asked, told=said.append)
    assert [len(one.cers) for one in (choice.best, choice.others[0], choice.others[1])] == [2, 2, 1]
    assert choice.best.cers[-1] <= choice.others[0].cers[-1]
    assert 0 <= choice.sure <= 1
    assert len(said) == 5
    text = choice.to_text()
    assert str(choice.best.path) in text.splitlines()[0]
    assert "resamples" in text


def test_what_is_too_slow_does_not_take_part(tmp_path: Path) -> None:
    words = write_words(tmp_path / "words", count=40)
    with pytest.raises(ConfigError, match="the quickest"):
        choose(Question(words, recipes(tmp_path), tmp_path / "out", max_ms=0.001))
    with pytest.raises(ConfigError, match="too few"):
        choose(Question(words, recipes(tmp_path), tmp_path / "out", hold=40))


def test_held_out_crops_are_not_learned_from(tmp_path: Path) -> None:
    words = write_words(tmp_path / "words", count=16)
    held = frozenset(crop.image for crop in read_crops(words)[::4])
    spec = read_recipe(recipes(tmp_path)[0]).data
    batches = StripBatches(Sources((words,), held=held), spec, seed=0, alphabet=Alphabet("abc "))
    assert len(batches.crops) == 12
    assert not {crop.image for crop, _ in batches.crops} & held


def test_sureness_is_the_share_of_resamples_won(tmp_path: Path) -> None:
    recipe = read_recipe(recipes(tmp_path)[0])
    one = Candidate(tmp_path, recipe, 1.0, [0.1], edits=np.zeros(20, np.int64))
    worse = Candidate(tmp_path, recipe, 1.0, [0.2], edits=np.ones(20, np.int64))
    mixed = Candidate(tmp_path, recipe, 1.0, [0.2], edits=np.array([2, 0] * 10) - np.array([0, 2] * 10))
    assert _sure(one, worse, 0) == 1.0
    assert _sure(one, one, 0) == 0.0
    assert 0.3 < _sure(one, mixed, 0) < 0.6
