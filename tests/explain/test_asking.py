"""What is asked of a reading: why this character and not another, and what its look does."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from damaged import page
from ran import Ran

import foveal
from foveal.document import Word
from foveal.errors import ConfigError
from foveal.explain.asking import asked_of, picture, what_if, why
from foveal.explain.causal import INTERVENTIONS, causes, own_columns, set_looks
from foveal.explain.counterfactual import CELL, Contrast
from foveal.explain.examiner import Asked
from foveal.explain.explanation import Explanation, choose
from foveal.reading.eye import load_eye
from foveal.reading.transcribe import load_transcriber

Shell = Callable[..., Ran]
EYE = load_eye("fast")


@pytest.fixture(scope="module")
def whole() -> Explanation:
    return foveal.explain(page())


@pytest.fixture(scope="module")
def quick(whole: Explanation) -> Asked:
    line = whole.page.lines[0]
    return asked_of(line.held, line.words[1])  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def found(whole: Explanation) -> Contrast:
    """Why the c of “quick” is no e."""
    choice = choose(whole.page, 1, 2, 4, name="page")
    return why(Explanation(whole.image, whole.page, choice), "e")


def test_a_look_set_to_what_it_was_reads_the_same(quick: Asked) -> None:
    found = causes(quick.alone(), EYE)
    assert [one.effects["own"].read for one in found] == list("quick")


def test_swapped_looks_read_each_others_characters(quick: Asked) -> None:
    read = [one.effects["swap"].read for one in causes(quick.alone(), EYE)]
    assert read == list("uickc")


def test_without_a_look_nothing_is_known(quick: Asked) -> None:
    for one in causes(quick.alone(), EYE):
        assert one.effects["zero"].chance < 0.5 < one.chance


def test_clean_print_is_read_by_its_own_pixels(quick: Asked) -> None:
    found = causes(quick.alone(), EYE)
    assert all(0 <= one.sight <= 1 for one in found)
    assert np.mean([one.sight for one in found]) > 0.8


def test_looks_that_are_not_touched_stay(quick: Asked) -> None:
    glimpse = EYE.glance(quick.strip[None])
    nothing = np.zeros(len(quick.count), np.float32)
    (log_probs,) = set_looks(quick, EYE, glimpse, [(4, nothing)])
    assert list(log_probs[:4].argmax(-1)) == list(quick.ids[:4])


def test_every_intervention_gives_a_look(quick: Asked) -> None:
    for name, intervene in INTERVENTIONS.items():
        for place in range(len(quick.ids)):
            look = intervene(quick, place)
            assert look.shape == quick.count.shape
            assert look.sum() == pytest.approx(0.0 if name == "zero" else 1.0, abs=1e-3)


def test_own_columns_do_not_overlap(quick: Asked) -> None:
    spans = [own_columns(quick, place) for place in range(len(quick.ids))]
    assert all(left < right for left, right in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_the_change_makes_the_reader_read_the_rival(found: Contrast) -> None:
    assert (found.text, found.rival) == ("c", "e")
    assert found.changed is not None
    (before,), (after,) = (
        load_transcriber("fast").read([image], again=False) for image in (found.strip, found.changed)
    )
    assert "quick" in before.text
    assert "quiek" in after.text


def test_the_change_is_small_and_within_the_characters_place(found: Contrast) -> None:
    assert found.changed is not None
    differs = (found.changed != found.strip).any(axis=2)
    assert differs.any()
    assert not differs[:, : found.left].any()
    assert not differs[:, found.right :].any()
    assert np.array_equal(differs, found.added | found.removed)
    assert differs.sum() < 0.25 * 32 * (found.right - found.left)


def test_no_cell_of_the_change_is_for_nothing(found: Contrast) -> None:
    """Taking any one of its squares back undoes it."""
    assert found.changed is not None
    first = found.left % CELL
    undone = []
    for y, x in np.argwhere((found.added | found.removed)[::CELL, first::CELL]) * CELL + (0, first):
        strip = found.changed.copy()
        strip[y : y + CELL, x : x + CELL] = found.strip[y : y + CELL, x : x + CELL]
        undone.append(strip)
    readings = load_transcriber("fast").read(undone, again=False)
    assert not any("quiek" in reading.text for reading in readings)


def test_occluding_what_speaks_for_it_hurts(found: Contrast) -> None:
    assert found.evidence.shape == found.strip.shape[:2]
    assert not found.evidence[:, : found.left].any()
    assert found.evidence.max() > 0


def test_the_answer_is_a_picture_and_a_sentence(found: Contrast) -> None:
    shown = picture(found)
    assert shown.ndim == 3
    assert np.ptp(shown.astype(int), axis=2).max() > 50, "no colours"
    assert found.sentence().startswith("“c” ")
    assert "would make it “e”" in found.sentence()


@pytest.mark.parametrize(
    ("parts", "rival", "says"),
    [
        ({"line": 1, "word": 2}, "e", "--char"),
        ({"line": 1}, "e", "--word or --char"),
        ({"line": 1, "word": 2, "char": 4}, "c", "is what was read"),
        ({"line": 1, "word": 2, "char": 4}, "rn", "no character"),
        ({"line": 1, "word": 2, "char": 4}, "中", "no character"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    parts: dict[str, int], rival: str, says: str, whole: Explanation
) -> None:
    asked = {"line": None, "word": None, "char": None} | parts
    explanation = Explanation(whole.image, whole.page, choose(whole.page, **asked, name="page"))
    with pytest.raises(ConfigError, match=says):
        why(explanation, rival)


def reads(word: Word, text: str) -> Word:
    """The word with other characters, as where words of a language decided or a mark was dropped."""
    chars = zip(text, (*word.chars, *word.chars), strict=False)
    return replace(word, chars=tuple(replace(char, text=one) for one, char in chars))


def test_a_word_that_words_decided_is_asked_for_what_was_read(whole: Explanation, quick: Asked) -> None:
    line = whole.page.lines[0]
    asked = asked_of(line.held, reads(line.words[1], "quiek"))  # type: ignore[arg-type]
    assert asked.text == "quiek"
    assert asked.chances[[0, 1, 2, 4]] == pytest.approx(quick.chances[[0, 1, 2, 4]], abs=0.05)
    assert asked.chances[3] < 0.1 < quick.chances[3]


def test_a_word_without_its_first_mark_is_asked_at_its_own_fixations(whole: Explanation) -> None:
    line = whole.page.lines[0]
    asked = asked_of(line.held, reads(line.words[1], "uic"))  # type: ignore[arg-type]
    assert [one.effects["own"].read for one in causes(asked.alone(), EYE)] == list("uic")


def test_a_word_of_another_length_cannot_be_asked(whole: Explanation) -> None:
    line = whole.page.lines[0]
    with pytest.raises(ConfigError, match="“quickly”, which was read “quick” at first"):
        asked_of(line.held, reads(line.words[1], "quickly"))  # type: ignore[arg-type]


def test_one_character_or_all_of_a_word(whole: Explanation) -> None:
    word, char = (
        Explanation(whole.image, whole.page, choose(whole.page, 1, 2, char, name="page"))
        for char in (None, 4)
    )
    assert "".join(one.text for one in what_if(word)) == "quick"
    assert [one.text for one in what_if(char)] == ["c"]


def test_the_shell_answers(tmp_path: Path, shell: Shell) -> None:
    page().save(tmp_path / "scan.png")
    out = tmp_path / "out"
    chosen = ("--line", 1, "--word", 2, "--char", 4)
    ran = shell("explain", tmp_path / "scan.png", *chosen, "--why", "?", "--what-if", "--out", out)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("“c” ")
    stem = "scan-line1-word2-char4"
    assert (out / f"{stem}-why.png").is_file()
    (one,) = json.loads((out / f"{stem}-what-if.json").read_text("utf-8"))["chars"]
    assert set(one["effects"]) == set(INTERVENTIONS)
