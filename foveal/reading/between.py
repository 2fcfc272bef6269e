"""Figures and colons alone between two lines of one row, as the quantities of a till's list stand.

The page model sees words, and seldom a sign by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from foveal.geometry import bounds, points
from foveal.reading.cut import MARGIN
from foveal.reading.found import FoundLine
from foveal.reading.reach import LEVEL, ink_beside

APART = 1.5
"""Least gap between two lines of a row in which something is looked for, in line heights."""

_BESIDE = 0.4  # least white on either side of a figure, in line heights
_WHITE = 0.1  # how much of it is cut out with the figure
_JOINED = 0.3  # ink nearer to each other than this belongs together
_LOW, _HIGH, _WIDE = 0.45, 1.15, 2.2  # a figure's least and greatest height, and its greatest width

Boxes = NDArray[np.float64]
Picture = NDArray[np.uint8]


def between(lines: list[FoundLine], page: Picture) -> list[FoundLine]:
    """Return what looks like figures in the gaps of rows of a page "h w 3", as lines of their own."""
    boxes = np.array([bounds(line.polygon) for line in lines]).reshape(-1, 4)
    found = (one for index, line in enumerate(lines) for one in _behind(line, boxes, index, page))
    return list(found)


def _behind(line: FoundLine, boxes: Boxes, index: int, page: Picture) -> Iterator[FoundLine]:
    tall = line.height
    if abs(line.angle) > LEVEL or line.length < APART * tall:
        return
    _, top, right, bottom = boxes[index]
    shared = np.minimum(boxes[:, 3], bottom) - np.maximum(boxes[:, 1], top)
    follows = (shared > 0.5 * (bottom - top)) & (boxes[:, 0] > right)
    if not follows.any():
        return
    end = boxes[follows, 0].min()
    if end - right < APART * tall:
        return
    y = float((line.upper[-1][1] + line.lower[-1][1]) / 2)
    rows = slice(max(round(y - tall * (0.5 + MARGIN)), 0), max(round(y + tall * (0.5 + MARGIN)), 0))
    start = round(right)
    letters = page[rows, max(round(right - 2 * tall), 0) : start, 1]
    if not letters.size:
        return
    ink = ink_beside(letters, page[rows, start : round(end), 1])
    high, low = rows.start + MARGIN * tall, rows.start + len(ink) - MARGIN * tall
    for first, last in _groups(ink, tall):
        left, right = start + first - _WHITE * tall, start + last + _WHITE * tall
        upper, lower = (points([(left, y), (right, y)]) for y in (high, low))
        yield FoundLine(upper, lower, tall, line.sure, line.kind)


def _groups(ink: NDArray[np.bool_], tall: float) -> Iterator[tuple[int, int]]:
    """Yield the columns of each lone piece of ink, as high as a figure, with white around it."""
    columns = np.flatnonzero(ink.any(axis=0))
    if not columns.size:
        return
    parts = np.split(columns, np.flatnonzero(np.diff(columns) > _JOINED * tall) + 1)
    for number, part in enumerate(parts):
        first, last = int(part[0]), int(part[-1]) + 1
        before = first - (int(parts[number - 1][-1]) + 1 if number else 0)
        behind = (int(parts[number + 1][0]) if number + 1 < len(parts) else ink.shape[1]) - last
        rows = np.flatnonzero(ink[:, first:last].any(axis=1))
        high = int(rows[-1] - rows[0]) + 1
        whole = rows[0] >= 1 and rows[-1] < len(ink) - 1  # a rule of a table goes on
        fits = _LOW * tall <= high <= _HIGH * tall and last - first <= _WIDE * tall
        if whole and fits and min(before, behind) >= _BESIDE * tall:
            yield first, last
