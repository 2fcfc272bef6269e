from __future__ import annotations

import numpy as np
import pytest

from foveal.document import Char, Line, Word
from foveal.measure.planted import KINDS, is_in, plant

RNG = np.random.default_rng


def drawn(text: str = "abcde") -> tuple[np.ndarray, Line]:
    """A line image on which each character is a black bar 6 pixels wide every 10 pixels."""
    image = np.full((20, 10 * len(text) + 10, 3), 230, np.uint8)
    chars = []
    for i, sign in enumerate(text):
        left, right = 10.0 * i + 5, 10.0 * i + 11
        image[4:16, int(left) : int(right)] = 20
        place = ((left, 0.0), (right, 0.0), (right, 20.0), (left, 20.0))
        chars.append(Char(sign, place, 1.0))
    outline = ((0.0, 0.0), (60.0, 0.0), (60.0, 20.0), (0.0, 20.0))
    return image, Line(outline, 1.0, (Word(outline, 1.0, tuple(chars)),))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "cut off"])
def test_only_the_place_changes(kind: str) -> None:
    image, line = drawn()
    planted = plant(image, line, kind, RNG(0))
    assert planted is not None
    left, right = (round(side) for side in planted.span)
    kept = planted.image[:, :left]
    assert (kept == image[:, : kept.shape[1]]).all()
    assert (planted.image[:, right:] == image[:, right:]).all()
    assert (planted.image[:, left:right] != image[:, left:right]).any()


@pytest.mark.parametrize("seed", range(6))
def test_a_cut_leaves_a_fifth_of_the_character_at_most(seed: int) -> None:
    image, line = drawn()
    planted = plant(image, line, "cut off", RNG(seed))
    assert planted is not None
    width, (left, right) = planted.image.shape[1], planted.span
    if left < 0:  # the image begins here
        assert right <= 3
        assert (planted.image == image[:, -width:]).all()
        assert is_in(planted, (0.0, right))
        assert not is_in(planted, (right, right + 6))
    else:
        assert width <= left + 3
        assert (planted.image == image[:, :width]).all()
        assert is_in(planted, (left, width))
        assert not is_in(planted, (left - 10, left - 4))


def test_an_erased_character_leaves_paper() -> None:
    image, line = drawn()
    planted = plant(image, line, "erased", RNG(1))
    assert planted is not None
    left, right = (round(side) for side in planted.span)
    assert planted.image[:, left:right].min() > 200


def test_what_is_read_in_the_place_was_planted_and_its_neighbours_were_not() -> None:
    image, line = drawn()
    chars = [(char.polygon[0][0], char.polygon[1][0]) for char in line.words[0].chars]
    for kind in set(KINDS) - {"cut off"}:
        planted = plant(image, line, kind, RNG(2))
        assert planted is not None
        assert [is_in(planted, span) for span in chars].count(True) == 1


def test_a_line_without_a_place_is_left_alone() -> None:
    image, line = drawn("ab")
    assert plant(image, line, "erased", RNG(0)) is None
