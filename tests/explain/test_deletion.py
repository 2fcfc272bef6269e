"""Looks of clean print pass the deletion test; a look that is put elsewhere does not."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from foveal.document import Char, Line
from foveal.explain.colours import Note, noted
from foveal.explain.deletion import delete, deletions, note
from foveal.explain.examiner import Asked, Examiner
from foveal.explain.maps import heat_map, multiples
from foveal.images import pages
from foveal.reading.reader import Reader

PAGE = Path(__file__).parents[2] / "examples" / "printed_page.jpg"
PIXELS = next(iter(pages(PAGE))).pixels


@pytest.fixture(scope="module")
def lines() -> tuple[Line, ...]:
    return Reader().read(PAGE, looks=True).pages[0].lines[2:6]


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner()


@pytest.fixture(scope="module")
def word(lines: tuple[Line, ...], examiner: Examiner) -> Asked:
    words = examiner.words([lines[1].held.strip.image])[0]  # type: ignore[attr-defined]
    return max(words, key=lambda word: len(word.text)).alone()


def chars_of(line: Line) -> list[Char]:
    return [char for word in line.words for char in word.chars]


def test_characters_of_clean_print_go_with_their_looks(lines: tuple[Line, ...]) -> None:
    chars = [char for line in lines for char in chars_of(line)]
    tested = {id_: one for line in lines for id_, one in deletions(line, chars_of(line)).items()}
    found = [tested[id(char)] for char in chars]
    assert [one.text for one in found] == [char.text for char in chars]
    assert np.mean([one.is_true for one in found]) > 0.9


def test_a_look_at_another_place_is_not_true(word: Asked, examiner: Examiner) -> None:
    elsewhere = replace(word, looks=np.roll(word.looks, 2, axis=0))
    assert np.mean([one.is_true for one in delete(word, examiner)]) > 0.8
    assert np.mean([one.is_true for one in delete(elsewhere, examiner)]) < 0.2


def test_a_line_that_a_second_look_read_is_tested_by_the_looks_it_shows() -> None:
    line = Reader().read(PAGE.with_name("receipt.jpg"), looks=True).pages[0].lines[4]
    (words,) = Examiner().words([line.held.strip.image])  # type: ignore[union-attr]
    chars = chars_of(line)
    assert all(len(words[0].count) != char.look.weights.shape[1] for char in chars if char.look)
    tested = deletions(line, chars)
    assert len(tested) >= len(chars) - 1  # one was read otherwise at first
    assert np.mean([one.is_true for one in tested.values()]) > 0.9
    elsewhere = [replace(char, look=other.look) for char, other in pairwise(chars)]
    assert np.mean([one.is_true for one in deletions(line, elsewhere).values()]) < 0.2


def test_what_the_fixation_does_not_read_is_not_true(word: Asked, examiner: Examiner) -> None:
    other = replace(word, ids=np.roll(word.ids, 1))
    found = [one for one, a, b in zip(delete(other, examiner), word.ids, other.ids, strict=True) if a != b]
    assert found
    assert not any(one.is_read or one.is_true for one in found)


def test_pictures_say_whether_their_looks_are_true(lines: tuple[Line, ...]) -> None:
    line = lines[1]
    said = note(line, line.words)
    assert said is not None
    assert said.holds
    assert "passed" in said.text
    assert note(line, line.words, deletions(line, chars_of(line))) == said
    assert note(line, line.words, {}) is None
    one = note(line, [replace(line.words[0], chars=line.words[0].chars[:1])])
    assert one is not None
    for draw in (
        lambda said: heat_map(PIXELS, line, line.words, polygon=line.polygon, note=said),
        lambda said: multiples(PIXELS, line, note=said),
    ):
        plain, told = draw(None), draw(said)
        assert np.array_equal(told[: len(plain)], plain)
        assert np.array_equal(told[len(plain) :], noted(said, plain.shape[1]))


def test_a_note_is_green_if_it_holds_and_else_red_and_as_long_as_it_needs() -> None:
    fine, bad = (noted(Note("a b c " * 20, holds), 200).astype(int) for holds in (True, False))
    assert fine.shape == bad.shape
    assert fine.shape[0] > len(noted(Note("a", True), 200))
    assert (fine[..., 1] >= fine[..., 0]).all()
    assert (bad[..., 0] >= bad[..., 1]).all()
    assert noted(None, 200).shape == (0, 200, 3)


def test_a_line_without_its_pixels_is_not_tested(lines: tuple[Line, ...]) -> None:
    bare = replace(lines[0], held=None)
    assert deletions(bare, bare.words[0].chars) == {}
    assert note(bare, bare.words) is None
