"""Lines to blocks in reading order: recursive cuts along the white space (XY-cut, Nagy and Seth, 1984)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from foveal.geometry import Points, Transform, bounds, box
from foveal.reading.columns import Columns, Lines, Table, columns
from foveal.reading.found import Found, FoundLine

WHITE = 0.8
"""Least white above a band of columns, in line heights, where no line parts it from what is above."""

WORTH = 8
"""So few lines are not cut into bands."""

_TRIED = 4  # white rows, the widest


@dataclass(frozen=True)
class FoundBlock:
    """Lines in reading order that belong together, their kind, and their outline in page pixels."""

    lines: list[FoundLine]
    kind: str
    polygon: Points


@dataclass(frozen=True)
class _Flow:
    """Columns one after the other, and what stands between them, belonging to none."""

    columns: list[Lines]
    islands: list[Lines]


def order(found: Found, width: float, height: float) -> list[FoundBlock]:
    """Return the blocks of a page of width × height pixels in reading order.

    Columns of running text are read one after the other; narrow columns (prices, table cells) row by row.
    """
    if not found.lines:
        return []
    upright = found.upright(width, height)
    corners = [bounds(upright.to(line.polygon)) for line in found.lines]
    everything = Lines(found.lines, np.array(corners), np.array([line.height for line in found.lines]))
    tables = [bounds(upright.to(region.polygon)) for region in found.regions if region.kind == "table"]
    leaves = _cut(everything, tables)
    blocks = [block for leaf in leaves for block in _paragraphs(leaf)]
    return [_block(block, upright) for block in blocks]


def _cut(lines: Lines, tables: list[Table]) -> list[Lines]:
    """Split into columns and bands until nothing splits; titles between columns come first, captions last."""
    flow = _flow(lines, tables)
    titles = [island for island in flow.islands if island.lines[0].kind == "title"]
    others = [island for island in flow.islands if island.lines[0].kind != "title"]
    return [*titles, *flow.columns, *others]


def _flow(lines: Lines, tables: list[Table]) -> _Flow:
    found = columns(lines, tables) if len(lines.lines) > 2 else None
    bands = found if isinstance(found, list) else _bands(lines, found, tables)
    if len(bands) > 1:
        return _Flow([leaf for band in bands for leaf in _cut(band, tables)], [])
    if not isinstance(found, Columns):
        return _Flow([lines], [])
    sides = [_flow(side, tables) for side in (found.left, found.right)]
    islands = [island for side in sides for island in side.islands] + found.islands
    return _Flow([column for side in sides for column in side.columns], islands)


def _bands(lines: Lines, found: Columns | None, tables: list[Table]) -> list[Lines]:
    """Split at the widest white row above or below which columns appear that are none on the whole.

    Where columns were found, with islands between them, both bands must have columns without: what looked
    like an island may be a column of the upper one.
    """
    if len(lines.lines) < WORTH or (found and not found.islands):
        return [lines]
    top, bottom = lines.boxes[:, 1], lines.boxes[:, 3]
    for middle in _gaps(top, bottom, least=WHITE * lines.tall)[:_TRIED]:
        bands = [lines.pick(bottom <= middle), lines.pick(bottom > middle)]
        parted = [columns(band, tables) if len(band.lines) > 3 else None for band in bands]
        clean = [isinstance(one, Columns) and not one.islands for one in parted]
        if all(clean) or (not found and any(parted)):
            return bands
    return [lines]


def _gaps(starts: NDArray[np.float64], ends: NDArray[np.float64], *, least: float) -> list[float]:
    """Return the middles of the empty intervals of a set of spans, widest first."""
    by_start = np.argsort(starts)
    reach = np.maximum.accumulate(ends[by_start])[:-1]
    following = starts[by_start][1:]
    width = following - reach
    open_ = np.flatnonzero(width > least)
    return [float((reach[i] + following[i]) / 2) for i in open_[np.argsort(-width[open_])]]


def _rows(lines: Lines) -> list[Lines]:
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


def _paragraphs(leaf: Lines) -> list[Lines]:
    """Split a column at wide gaps, at changes of kind and of line height."""
    rows = _rows(leaf)
    groups: list[list[Lines]] = []
    for row in rows:
        if groups and _continues(groups[-1], row):
            groups[-1].append(row)
        else:
            groups.append([row])
    return [_joined(group) for group in groups]


def _continues(group: list[Lines], row: Lines) -> bool:
    last = group[-1]
    small, large = sorted((float(np.median(last.heights)), float(np.median(row.heights))))
    gap = float(row.boxes[:, 1].min() - last.boxes[:, 3].max())
    usual = [float(b.boxes[:, 1].min() - a.boxes[:, 3].max()) for a, b in pairwise(group)]
    most = max(1.1 * large, 1.6 * float(np.median(usual)) if usual else 0.0)
    same = (row.lines[0].kind == "title") == (last.lines[0].kind == "title")
    return bool(same and gap < most and large < 1.7 * small)


def _joined(group: list[Lines]) -> Lines:
    lines = [line for row in group for line in row.lines]
    return Lines(
        lines, np.concatenate([row.boxes for row in group]), np.concatenate([row.heights for row in group])
    )


def _block(block: Lines, upright: Transform) -> FoundBlock:
    left, top = block.boxes[:, :2].min(axis=0)
    right, bottom = block.boxes[:, 2:].max(axis=0)
    kinds = [line.kind for line in block.lines]
    kind = max(sorted(set(kinds)), key=kinds.count)
    return FoundBlock(block.lines, kind, upright.back(box(left, top, right, bottom)))
