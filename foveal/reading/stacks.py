"""Letters of a line that runs up or down a page, found one by one: joined into that line again."""

from __future__ import annotations

import numpy as np

from foveal.geometry import Points, bounds, points
from foveal.reading.found import FoundLine

FEWEST = 4
"""Fewer marks under each other are no line."""

WIDEST = 2.0
"""A mark is at most this many times as long as it is high."""

GAP = 2.2
"""Widest gap between marks of a column, in their size: a letter in between may not have been found."""

BEYOND = 0.7
"""So much further than its marks a line is cut out, in its width: for letters at its ends."""


def stacks(places: list[FoundLine]) -> list[list[FoundLine]]:
    """Return the marks that stand under each other in columns, each column from the top down."""
    marks = sorted(
        (mark for mark in places if mark.length <= WIDEST * mark.height), key=lambda m: _middle(m)[1]
    )
    columns: list[list[FoundLine]] = []
    for mark in marks:
        above = next((column for column in columns if _continues(column[-1], mark)), None)
        if above is None:
            columns.append([mark])
        else:
            above.append(mark)
    return [column for column in columns if len(column) >= FEWEST]


def falling(column: list[FoundLine]) -> FoundLine:
    """Return the line from above the top of a column to below its foot, as wide as the column."""
    left, top, right, bottom = bounds(np.concatenate([mark.polygon for mark in column]))
    top, bottom = top - BEYOND * (right - left), bottom + BEYOND * (right - left)
    upper, lower = points([(right, top), (right, bottom)]), points([(left, top), (left, bottom)])
    return FoundLine(upper, lower, right - left, float(np.mean([mark.sure for mark in column])))


def _continues(above: FoundLine, mark: FoundLine) -> bool:
    size = max(_size(above), _size(mark))
    across, down = _middle(mark) - _middle(above)
    return bool(abs(across) < 0.5 * size and down < (1 + GAP) * size)


def _middle(mark: FoundLine) -> Points:
    return np.asarray(mark.polygon.mean(axis=0), np.float64)


def _size(mark: FoundLine) -> float:
    return max(mark.length, mark.height)
