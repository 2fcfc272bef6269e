"""A line that runs up or down a page, found in pieces of a letter or of several: joined into that line."""

from __future__ import annotations

import numpy as np

from foveal.geometry import bounds, points
from foveal.reading.found import FoundLine

FEWEST = 4
"""A column lower than this many of its widths is no line."""

WIDEST = 2.0
"""A mark is at most this many times as long as it is high; longer pieces run up or down."""

GAP = 2.2
"""Widest gap between pieces of a column, in their width: a letter in between may not have been found."""

BEYOND = 0.7
"""So much further than its pieces a line is cut out, in its width: for letters at its ends."""

Box = tuple[float, float, float, float]


def stacks(places: list[FoundLine]) -> list[list[FoundLine]]:
    """Return the pieces that stand under each other in columns, each column from the top down."""
    pieces = sorted((place for place in places if _is_piece(place)), key=lambda piece: _box(piece)[1])
    columns: list[list[FoundLine]] = []
    for piece in pieces:
        above = next((column for column in columns if _continues(column, piece)), None)
        if above is None:
            columns.append([piece])
        else:
            above.append(piece)
    return [column for column in columns if len(column) > 1 and _tall(column) >= FEWEST]


def falling(column: list[FoundLine]) -> FoundLine:
    """Return the line from above the top of a column to below its foot, as wide as the column."""
    left, top, right, bottom = bounds(np.concatenate([mark.polygon for mark in column]))
    top, bottom = top - BEYOND * (right - left), bottom + BEYOND * (right - left)
    upper, lower = points([(right, top), (right, bottom)]), points([(left, top), (left, bottom)])
    return FoundLine(upper, lower, right - left, float(np.mean([mark.sure for mark in column])))


def _is_piece(place: FoundLine) -> bool:
    left, top, right, bottom = _box(place)
    return place.length <= WIDEST * place.height or bottom - top > right - left


def _continues(column: list[FoundLine], piece: FoundLine) -> bool:
    """Tell whether a piece stands below the last of a column or reaches beyond it, in line with it."""
    above, below = _box(column[-1]), _box(piece)
    size = max(above[2] - above[0], below[2] - below[0])
    across = (below[0] + below[2] - above[0] - above[2]) / 2
    return abs(across) < 0.5 * size and below[1] - above[3] < GAP * size


def _tall(column: list[FoundLine]) -> float:
    """Return the height of a column in the mean width of its pieces."""
    boxes = np.array([_box(piece) for piece in column])
    return float((boxes[:, 3].max() - boxes[:, 1].min()) / (boxes[:, 2] - boxes[:, 0]).mean())


def _box(place: FoundLine) -> Box:
    return bounds(place.polygon)
