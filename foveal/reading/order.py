"""Lines to blocks in reading order: recursive cuts along the white space (XY-cut, Nagy and Seth, 1984)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from foveal.geometry import Points, Transform, bounds, box
from foveal.reading.found import Found, FoundLine

COLUMN_WIDTH = 7.0
"""Least width of a column of running text, in line heights: narrower ones are prices, numbers, cells."""

GUTTER = 0.5
"""Least white space between two columns, in line heights."""


@dataclass(frozen=True)
class FoundBlock:
    """Lines in reading order that belong together, their kind, and their outline in page pixels."""

    lines: list[FoundLine]
    kind: str
    polygon: Points


@dataclass(frozen=True)
class _Set:
    """Lines of a page in its upright frame: boxes "n 4" (left, top, right, bottom) and line heights "n"."""

    lines: list[FoundLine]
    boxes: NDArray[np.float64]
    heights: NDArray[np.float64]

    def pick(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> _Set:
        """Return some of the lines."""
        index = np.arange(len(self.lines))[chosen]
        return _Set([self.lines[i] for i in index], self.boxes[index], self.heights[index])


def order(found: Found, width: float, height: float) -> list[FoundBlock]:
    """Return the blocks of a page of width × height pixels in reading order.

    Columns of running text are read one after the other; narrow columns (prices, table cells) row by row.
    """
    if not found.lines:
        return []
    upright = found.upright(width, height)
    corners = [bounds(upright.to(line.polygon)) for line in found.lines]
    everything = _Set(found.lines, np.array(corners), np.array([line.height for line in found.lines]))
    tables = [bounds(upright.to(region.polygon)) for region in found.regions if region.kind == "table"]
    leaves = _cut(everything, tables)
    blocks = [block for leaf in leaves for block in _paragraphs(leaf)]
    return [_block(block, upright) for block in blocks]


def _cut(lines: _Set, tables: list[tuple[float, float, float, float]]) -> list[_Set]:
    """Split at the gutters if columns stand side by side, else at white rows, until nothing splits."""
    if len(lines.lines) < 3:
        return [lines]
    columns = _columns(lines, tables)
    if len(columns) > 1:
        return [leaf for column in columns for leaf in _cut(column, tables)]
    rows = _bands(lines)
    if len(rows) > 1:
        return [leaf for row in rows for leaf in _cut(row, tables)]
    return [lines]


def _columns(lines: _Set, tables: list[tuple[float, float, float, float]]) -> list[_Set]:
    """Return the parts left and right of the widest gutter between columns of text; one part if none."""
    tall = float(np.median(lines.heights))
    for middle in _gaps(lines.boxes[:, 0], lines.boxes[:, 2], least=GUTTER * tall):
        left = lines.boxes[:, 2] <= middle
        one, other = lines.pick(left), lines.pick(~left)
        if _runs(one, tall) and _runs(other, tall) and not _in_table(lines, middle, tables):
            return [one, other]
    return [lines]


def _gaps(starts: NDArray[np.float64], ends: NDArray[np.float64], *, least: float) -> list[float]:
    """Return the middles of the empty intervals of a set of spans, widest first."""
    by_start = np.argsort(starts)
    reach = np.maximum.accumulate(ends[by_start])[:-1]
    following = starts[by_start][1:]
    width = following - reach
    open_ = np.flatnonzero(width > least)
    return [float((reach[i] + following[i]) / 2) for i in open_[np.argsort(-width[open_])]]


def _runs(column: _Set, tall: float) -> bool:
    """Say whether lines look like running text, wide for their height, rather than cells or prices."""
    widths = column.boxes[:, 2] - column.boxes[:, 0]
    return len(column.lines) >= 2 and float(np.quantile(widths, 0.7)) > COLUMN_WIDTH * tall


def _in_table(lines: _Set, x: float, tables: list[tuple[float, float, float, float]]) -> bool:
    top, bottom = lines.boxes[:, 1].min(), lines.boxes[:, 3].max()
    inside = (min(t[3], bottom) - max(t[1], top) for t in tables if t[0] < x < t[2])
    return float(sum(max(part, 0.0) for part in inside)) > 0.5 * float(bottom - top)


def _bands(lines: _Set) -> list[_Set]:
    """Split at the white row above which or below which columns appear; else at the widest white row.

    Only rows that part whole lines count; a set that is one column already stays whole.
    """
    tall = float(np.median(lines.heights))
    middles = sorted(_gaps(lines.boxes[:, 1], lines.boxes[:, 3], least=0.0))
    if not middles:
        return [lines]
    parts = np.searchsorted(middles, (lines.boxes[:, 1] + lines.boxes[:, 3]) / 2)
    sides = np.array([_row_is_split(lines.pick(parts == i), tall) for i in range(len(middles) + 1)])
    cuts = np.flatnonzero(sides[1:] != sides[:-1])
    if not len(cuts) or sides.all():
        return [lines]
    group = np.searchsorted(cuts + 0.5, parts)
    return [lines.pick(group == g) for g in np.unique(group)]


def _row_is_split(row: _Set, tall: float) -> bool:
    """Say whether a row has a gutter between two wide lines."""
    widths = row.boxes[:, 2] - row.boxes[:, 0]
    wide = row.pick(widths > COLUMN_WIDTH * tall)
    return len(wide.lines) > 1 and bool(_gaps(wide.boxes[:, 0], wide.boxes[:, 2], least=GUTTER * tall))


def _rows(lines: _Set) -> list[_Set]:
    """Group lines into rows, top to bottom, each left to right: a row's lines share half their height."""
    left = list(np.argsort(lines.boxes[:, 1] + lines.boxes[:, 3]))
    rows: list[list[int]] = []
    for index in left:
        top, bottom = lines.boxes[index, [1, 3]]
        for row in rows[-3:]:
            first = lines.boxes[row]
            shared = np.minimum(first[:, 3], bottom) - np.maximum(first[:, 1], top)
            beside = np.minimum(first[:, 2], lines.boxes[index, 2]) - np.maximum(
                first[:, 0], lines.boxes[index, 0]
            )
            tall = np.minimum(first[:, 3] - first[:, 1], bottom - top)
            if (shared > 0.5 * tall).any() and (beside < 0.5 * tall).all():
                row.append(int(index))
                break
        else:
            rows.append([int(index)])
    return [lines.pick(np.array(sorted(row, key=lambda i: float(lines.boxes[i, 0])))) for row in rows]


def _paragraphs(leaf: _Set) -> list[_Set]:
    """Split a column at wide gaps, at changes of kind and of line height."""
    rows = _rows(leaf)
    groups: list[list[_Set]] = []
    for row in rows:
        if groups and _continues(groups[-1], row):
            groups[-1].append(row)
        else:
            groups.append([row])
    return [_joined(group) for group in groups]


def _continues(group: list[_Set], row: _Set) -> bool:
    last = group[-1]
    small, large = sorted((float(np.median(last.heights)), float(np.median(row.heights))))
    gap = float(row.boxes[:, 1].min() - last.boxes[:, 3].max())
    usual = [float(b.boxes[:, 1].min() - a.boxes[:, 3].max()) for a, b in pairwise(group)]
    most = max(1.1 * large, 1.6 * float(np.median(usual)) if usual else 0.0)
    same = (row.lines[0].kind == "title") == (last.lines[0].kind == "title")
    return bool(same and gap < most and large < 1.7 * small)


def _joined(group: list[_Set]) -> _Set:
    lines = [line for row in group for line in row.lines]
    return _Set(
        lines, np.concatenate([row.boxes for row in group]), np.concatenate([row.heights for row in group])
    )


def _block(block: _Set, upright: Transform) -> FoundBlock:
    left, top = block.boxes[:, :2].min(axis=0)
    right, bottom = block.boxes[:, 2:].max(axis=0)
    kinds = [line.kind for line in block.lines]
    kind = max(sorted(set(kinds)), key=kinds.count)
    return FoundBlock(block.lines, kind, upright.back(box(left, top, right, bottom)))
