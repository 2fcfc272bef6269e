"""Where the columns of a page part, whatever title, caption or table stands across the gutter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from foveal.reading.found import FoundLine

COLUMN_WIDTH = 7.0
"""Least width of a column of running text, in line heights: narrower ones are prices, numbers, cells."""

RUNNING = 0.3
"""Least share of the lines of a column of running text that are so wide."""

CELLED = 0.7
"""Least share of the lines of a column that is a table, which the page model holds for one."""

SIDE_BY_SIDE = 2
"""Least number of lines of each column beside lines of the other; with less it is a letter's head."""

GUTTER = 0.5
"""Least white space between two columns, in line heights, as most of their lines leave it."""

OVER = 0.4
"""By so many line heights an outline may reach over the gutter and still belong to its column."""

ACROSS = 1 / 3
"""Most lines with columns beside them that may stand across a gutter, as a share of the columns' lines."""

APART = 1.5
"""A row by itself, so many line heights from the columns, is the head or the foot of the page."""

_TRIED = 12  # places of a gutter, those that the fewest lines stand across

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Table = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Lines:
    """Lines of a page in its upright frame: boxes "n 4" (left, top, right, bottom) and line heights "n"."""

    lines: list[FoundLine]
    boxes: Floats
    heights: Floats

    def pick(self, chosen: NDArray[np.intp] | Mask) -> Lines:
        """Return some of the lines."""
        index = np.arange(len(self.lines))[chosen]
        return Lines([self.lines[i] for i in index], self.boxes[index], self.heights[index])

    @cached_property
    def tall(self) -> float:
        """The usual height of a line."""
        return float(np.median(self.heights))


@dataclass(frozen=True)
class Columns:
    """Text parted at a gutter, and the groups of lines across it that have both columns beside them."""

    left: Lines
    right: Lines
    islands: list[Lines]


def columns(lines: Lines, tables: list[Table]) -> Columns | list[Lines] | None:
    """Return the two columns at the gutter that the fewest lines stand across, None if there is none.

    What stands across it with nothing beside it parts the page: then the bands above, in and below it are
    returned, top to bottom. With one column beside it, a line across belongs to the other column.
    """
    beside, inner = _beside(lines.boxes), _inner(lines)
    for x in _places(lines, inner, tables):
        barred = _barred(lines, x, tables)
        sides = (inner[:, 2] <= x) & ~barred, (inner[:, 0] >= x) & ~barred
        found = _settle(lines, sides, beside, barred)
        if found is None:
            continue
        (left, right), islands = found
        if not _are_columns(lines.pick(left), lines.pick(right), tall=lines.tall, tables=tables):
            continue
        bars = ~left & ~right & ~np.any([barred & False, *islands], axis=0) | _margins(lines)
        if bars.any():
            return _bands(lines, bars)
        return Columns(lines.pick(left), lines.pick(right), [lines.pick(one) for one in islands])
    return None


def _inner(lines: Lines) -> Floats:
    """Return left and right of what surely is a line's own: "n 4"."""
    over = np.minimum(OVER * lines.heights, (lines.boxes[:, 2] - lines.boxes[:, 0]) / 4)
    return np.asarray(lines.boxes + np.stack([over, 0 * over, -over, 0 * over], axis=1))


def _beside(boxes: Floats) -> Mask:
    """Tell of every two lines whether they stand at the same height, by half of the lower one: "n n"."""
    top, bottom = boxes[:, 1], boxes[:, 3]
    shared = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    tall = bottom - top
    return np.asarray(shared > 0.5 * np.minimum(tall[:, None], tall))


def _places(lines: Lines, inner: Floats, tables: list[Table]) -> Floats:
    """Return where a gutter might be, with text or a table on each side, the least crossed first."""
    edges = np.unique(inner[:, [0, 2]])
    x = (edges[1:] + edges[:-1]) / 2
    left, right = inner[:, 2] <= x[:, None], inner[:, 0] >= x[:, None]
    wide, celled = _wide(lines.boxes, lines.tall), _within(lines.boxes, tables)
    fits = _usual(-lines.boxes[:, 0], right) + _usual(lines.boxes[:, 2], left) <= -GUTTER * lines.tall
    for side in (left, right):
        size = side.sum(1)
        fits &= (size >= 2) & ((side @ wide >= RUNNING * size) | (side @ celled >= CELLED * size))
    across = len(inner) - left.sum(1) - right.sum(1)
    by_need = np.lexsort((edges[:-1] - edges[1:], across))
    return np.asarray(x[by_need[fits[by_need]][:_TRIED]])


def _usual(ends: Floats, sides: Mask) -> Floats:
    """Return how far most of the lines of each of some sides reach: four of five. sides: "k n"."""
    rising = np.argsort(ends)
    count = sides[:, rising].cumsum(1)
    return np.asarray(ends[rising][(count >= 0.8 * count[:, -1:]).argmax(1)])


def _wide(boxes: Floats, tall: float) -> Floats:
    """Say which lines look like running text, wide for their height, rather than cells or prices: 0 or 1."""
    return np.asarray(boxes[:, 2] - boxes[:, 0] > COLUMN_WIDTH * tall, np.float64)


def _within(boxes: Floats, tables: list[Table]) -> Floats:
    """Say which lines have their middle in a table: 0 or 1."""
    if not tables:
        return np.zeros(len(boxes))
    middle, corners = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2, np.array(tables)
    inside = np.asarray((middle > corners[:, :2]) & (middle < corners[:, 2:]))
    return np.asarray(np.any(inside.all(axis=2), axis=1), np.float64)


def _barred(lines: Lines, x: float, tables: list[Table]) -> Mask:
    """Tell which lines are of a table that reaches over the gutter: it is not cut through."""
    over = [table for table in tables if table[0] + lines.tall < x < table[2] - lines.tall]
    return _within(lines.boxes, over) > 0


def _settle(
    lines: Lines, sides: tuple[Mask, Mask], beside: Mask, barred: Mask
) -> tuple[tuple[Mask, Mask], list[Mask]] | None:
    """Give what stands across a gutter to a column, or to the islands.

    None if too much stands there, or a table that goes on beside it.
    """
    if barred.any() and beside[barred][:, sides[0] | sides[1]].any():
        return None
    islands, given = [], 0
    left, right = sides[0].copy(), sides[1].copy()
    for group in _groups(lines, ~sides[0] & ~sides[1] & ~barred):
        by_left, by_right = (bool(beside[group][:, side].any()) for side in sides)
        given += int(group.sum()) * (by_left or by_right)
        if by_left and by_right:
            islands.append(group)
        elif by_left:
            right |= group
        elif by_right:
            left |= group
    fits = given <= ACROSS * (sides[0].sum() + sides[1].sum())
    return ((left, right), islands) if fits else None


def _groups(lines: Lines, chosen: Mask) -> list[Mask]:
    """Return the blocks of some lines: each less than a line below the one before it."""
    groups: list[Mask] = []
    reach = -np.inf
    for index in np.flatnonzero(chosen)[np.argsort(lines.boxes[chosen, 1])]:
        if lines.boxes[index, 1] - reach >= lines.tall:
            groups.append(np.zeros(len(chosen), bool))
        groups[-1][index] = True
        reach = max(reach, float(lines.boxes[index, 3]))
    return groups


def _are_columns(one: Lines, other: Lines, *, tall: float, tables: list[Table]) -> bool:
    """Say whether text runs on both sides, and side by side: some whole lines stand beside whole ones."""
    whole = [side.boxes[(_wide(side.boxes, tall) + _within(side.boxes, tables)) > 0] for side in (one, other)]
    pairs = _beside(np.concatenate(whole))[: len(whole[0]), len(whole[0]) :]
    if min(pairs.any(0).sum(), pairs.any(1).sum()) < SIDE_BY_SIDE:
        return False
    return all(
        _wide(side.boxes, tall).mean() >= RUNNING or _is_table(side, beside, tables)
        for side, beside in ((one, other), (other, one))
    )


def _is_table(column: Lines, other: Lines, tables: list[Table]) -> bool:
    """Say whether a column is a table for itself: its rows do not go on in the other column."""
    if _within(column.boxes, tables).mean() < CELLED:
        return False
    own, others = (side.boxes[:, 1] + side.boxes[:, 3] for side in (column, other))
    away = np.abs(own[:, None] - others).min(axis=1) / 2
    return float((away < 0.2 * column.tall).mean()) < 0.5


def _margins(lines: Lines) -> Mask:
    """Tell which lines are the head and the foot of the page: a first or last row with white around it."""
    top, bottom = lines.boxes[:, 1], lines.boxes[:, 3]
    head = bottom <= bottom[top.argmin()] + lines.tall / 2
    foot = top >= top[bottom.argmax()] - lines.tall / 2
    above = float(top[~head].min(initial=np.inf)) - float(bottom[head].max())
    below = float(top[foot].min()) - float(bottom[~foot].max(initial=-np.inf))
    far = APART * lines.tall
    return np.asarray(head & (far < above < np.inf) | foot & (far < below < np.inf))


def _bands(lines: Lines, bars: Mask) -> list[Lines]:
    """Return what is above, in and below the lines that bar a gutter, top to bottom."""
    down = np.argsort(lines.boxes[:, 1] + lines.boxes[:, 3], kind="stable")
    starts = np.flatnonzero(np.diff(bars[down].astype(int))) + 1
    return [lines.pick(band) for band in np.split(down, starts)]
