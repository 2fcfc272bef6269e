"""A tournament on one's own crops: halves go on, the slow stay out, held-out crops are not learned from."""

import sys
from pathlib import Path

import numpy as np
import pytest
from test_compare import BODY
from word_set import write_words

from foveal.alphabet import Alphabet
from foveal.errors import ConfigError, InputMissing
from foveal.laboratory import choose as choosing
from foveal.laboratory.choose import Candidate, Choice, Question, _sure, choose, in_folder, shipped
from foveal.measure.sets import read_crops
from foveal.train.recipe import read_recipe
from foveal.train.strips import Sources, StripBatches

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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


def long_words(folder: Path, *, texts: dict[int, str]) -> Path:
    """Write words whose labels say something longer: `texts` by number."""
    words = write_words(folder, count=60)
    rows = [row.split("\t") for row in (words / "labels.tsv").read_text(encoding="utf-8").splitlines()]
    told = "".join(f"{image}\t{texts.get(i, text)}\n" for i, (image, text) in enumerate(rows))
    (words / "labels.tsv").write_text(told, encoding="utf-8")
    return words


def kinds_tried(folder: Path, files: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch) -> Choice:
    """Hold a tournament in which nobody learns."""
    monkeypatch.setattr(choosing, "_train", lambda *_, **__: None)
    monkeypatch.setattr(choosing, "_judge", lambda one, *_: one.cers.append(one.ms))
    return choose(Question(folder, files, folder / "out", device="cpu"))


def test_lines_are_learned_as_lines_and_judged_by_what_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = dict.fromkeys(range(0, 60, 3), "abba cab " * 4) | {1: "ab" * 80, 2: "what is not written"}
    lines = kinds_tried(long_words(tmp_path / "lines", texts=texts), recipes(tmp_path)[:1], monkeypatch)
    assert lines.best.recipe.data.kind == "line"
    assert lines.judges.lines
    assert lines.judges.unread == 2
    assert max(len(crop.text) for crop in lines.judges.held) == len(("abba cab " * 4).strip())
    assert "2 crops were left out" in lines.to_text()
    few = {7: "abba cab " * 4}
    words = kinds_tried(long_words(tmp_path / "words", texts=few), recipes(tmp_path)[:1], monkeypatch)
    assert words.best.recipe.data.kind == "word"
    assert words.judges.unread == 1


def test_recipes_that_differ_in_their_schedule_only_take_part_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = recipes(tmp_path)[:2]
    twin = tmp_path / "hurried.toml"
    twin.write_text(files[0].read_text(encoding="utf-8") + 'shape = "one_cycle"\n', encoding="utf-8")
    choice = kinds_tried(write_words(tmp_path / "words", count=40), (*files, twin), monkeypatch)
    assert {one.path for one in (choice.best, *choice.others)} == set(files)


def test_recipes_come_with_the_package_those_of_folders_when_asked_for() -> None:
    assert {path.stem for path in shipped()} >= {"ctc", "none", "fixations"}
    every = {f"{path.parent.name}/{path.stem}" for path in shipped(every=True)}
    assert every >= {"encoders/local", "positions/rotary", "gates/mixed"}
    root = Path(__file__).parent.parent.parent
    build = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["force-include"] == {"recipes": "foveal/laboratory/recipes"}
    with pytest.raises(InputMissing, match="no recipes"):
        in_folder(root / "docs")


def test_sureness_is_the_share_of_resamples_won(tmp_path: Path) -> None:
    recipe = read_recipe(recipes(tmp_path)[0])
    one = Candidate(tmp_path, recipe, 1.0, [0.1], edits=np.zeros(20, np.int64))
    worse = Candidate(tmp_path, recipe, 1.0, [0.2], edits=np.ones(20, np.int64))
    mixed = Candidate(tmp_path, recipe, 1.0, [0.2], edits=np.array([2, 0] * 10) - np.array([0, 2] * 10))
    assert _sure(one, worse, 0) == 1.0
    assert _sure(one, one, 0) == 0.0
    assert 0.3 < _sure(one, mixed, 0) < 0.6
