"""Marks set apart from their line are found beside it; letters, dots, rules and what is known are not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from foveal.reading.found import FoundLine
from foveal.reading.reach import reach

TALL, TOP, LEFT, RIGHT = 20, 40, 100, 200
Ink = tuple[int, int, int, int]
"""Left, top, right, bottom."""

COLON: list[Ink] = [(0, 46, 3, 49), (0, 55, 3, 58)]


def line(left: float = LEFT, right: float = RIGHT, *, lean: float = 0.0) -> FoundLine:
    upper = np.array([[left, TOP], [right, TOP + lean]], float)
    return FoundLine(upper, upper + np.array([0, TALL]), TALL, 0.9)


def page(ink: list[Ink], *, dark: bool = False) -> NDArray[np.uint8]:
    """Strokes for letters where the line is, and some ink; light on dark if asked."""
    pixels = np.full((110, 320, 3), 245, np.uint8)
    for x in range(LEFT + 4, RIGHT - 4, 6):
        pixels[44:57, x : x + 3] = 30
    for left, top, right, bottom in ink:
        pixels[top:bottom, left:right] = 40
    return 255 - pixels if dark else pixels


def moved(ink: list[Ink], x: int) -> list[Ink]:
    return [(left + x, top, right + x, bottom) for left, top, right, bottom in ink]


@pytest.mark.parametrize("dark", [False, True])
def test_a_line_reaches_on_to_the_colon_behind_it(dark: bool) -> None:
    (reached,) = reach([line()], page(moved(COLON, 222), dark=dark))
    assert 225 <= reached.upper[-1, 0] <= 230
    assert (reached.lower - reached.upper == (0, TALL)).all()
    assert reached.upper[0, 0] == LEFT


def test_a_colon_before_a_line_is_a_line_of_its_own() -> None:
    mark, same = reach([line()], page(moved(COLON, 78)))
    assert same.polygon.tolist() == line().polygon.tolist()
    assert 72 <= mark.upper[0, 0] <= 78 < 81 <= mark.upper[-1, 0] <= 86


@pytest.mark.parametrize(
    "ink",
    [
        [],
        [(222, 54, 225, 57)],
        [(222, 44, 235, 58)],
        [(222, 0, 225, 110)],
        [*moved(COLON, 222), (229, 44, 240, 58)],
        moved(COLON, 260),
    ],
    ids=["nothing", "a dot", "a letter", "a rule", "a word that begins with a colon", "far away"],
)
def test_other_ink_is_left_alone(ink: list[Ink]) -> None:
    (same,) = reach([line()], page(ink))
    assert same.polygon.tolist() == line().polygon.tolist()


def test_what_is_a_line_already_is_left_to_it() -> None:
    lines = [line(), line(214, 236)]
    assert len(reach(lines, page(moved(COLON, 222)))) == 2
    assert reach(lines, page(moved(COLON, 222)))[0].upper[-1, 0] == RIGHT


def test_a_line_askew_is_left_alone() -> None:
    (same,) = reach([line(lean=20)], page(moved(COLON, 222)))
    assert same.upper[-1, 0] == RIGHT
