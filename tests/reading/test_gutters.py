"""A line found across the gutter of two columns is parted there; whole lines and headings stay whole."""

from __future__ import annotations

import numpy as np
import pytest

from foveal.reading.found import FoundLine
from foveal.reading.gutters import part

TALL, PITCH = 20, 30
LEFT, RIGHT = (50, 390), (410, 750)


def line(x0: float, x1: float, row: int, *, tall: float = TALL) -> FoundLine:
    y = 40 + PITCH * row
    upper, lower = np.array([[x0, y], [x1, y]], float), np.array([[x0, y + tall], [x1, y + tall]], float)
    return FoundLine(upper, lower, tall, 0.9)


def columns() -> list[FoundLine]:
    return [line(*side, row) for row in (1, 2, 3) for side in (LEFT, RIGHT)]


def page(*, bridged: bool) -> np.ndarray:
    """Letters as strokes in both columns of row 0; if bridged, in the gutter too."""
    pixels = np.full((200, 800, 3), 255, np.uint8)
    for x in range(52, 748, 8):
        if bridged or not LEFT[1] - 4 < x < RIGHT[0] + 1:
            pixels[42:58, x : x + 4] = 0
    return pixels


def test_a_line_across_a_gutter_is_parted() -> None:
    parted = part([line(LEFT[0], RIGHT[1], 0), *columns()], page(bridged=False))
    assert len(parted) == 8
    ends = [(one.upper[0, 0], one.upper[-1, 0], one.height) for one in parted[:2]]
    assert ends == [(50, 390, TALL), (410, 750, TALL)]
    assert [one.polygon.tolist() for one in parted[2:]] == [one.polygon.tolist() for one in columns()]


def test_outlines_that_meet_over_the_gutter_still_show_it() -> None:
    reaching = [line(*side, row) for row in (1, 2, 3) for side in ((48, 401), (399, 752))]
    parted = part([line(48, 752, 0), *reaching], page(bridged=False))
    assert len(parted) == 8
    assert parted[0].upper[-1, 0] < parted[1].upper[0, 0]


@pytest.mark.parametrize(
    ("lines", "bridged"),
    [
        ([line(LEFT[0], RIGHT[1], 0), *columns()], True),
        ([line(LEFT[0], RIGHT[1], 0, tall=32), *columns()], False),
        ([line(LEFT[0], RIGHT[1], row) for row in range(6)], False),
    ],
    ids=["with letters in the gutter", "a heading", "without columns"],
)
def test_other_lines_stay_whole(lines: list[FoundLine], bridged: bool) -> None:
    assert len(part(lines, page(bridged=bridged))) == len(lines)
