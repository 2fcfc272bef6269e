"""Lines that were found as one across the white space between two columns, parted there."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.geometry import Points, bounds
from foveal.reading.cut import cut
from foveal.reading.found import FoundLine

NEAR = 8.0
"""How far away the lines lie that show where a gutter is, in line heights."""
GUTTER = 0.3
"""Least width of a gutter, in line heights."""
OVER = 0.2
"""By so many line heights the outlines on both sides of a gutter may overlap."""
SHOWN = 2
"""How many lines must end at a gutter, and as many begin."""

Boxes = NDArray[np.float64]


def part(lines: list[FoundLine], page: NDArray[np.uint8]) -> list[FoundLine]:
    """Return the lines of a page "h w 3", those that run across a gutter as two.

    A gutter is where some lines near by end that begin with this line, others begin that end with it, and
    nothing stands on the line itself.
    """
    if len(lines) <= 2 * SHOWN:
        return lines
    boxes = np.array([bounds(line.polygon) for line in lines])
    heights = np.array([line.height for line in lines])
    parted: list[FoundLine] = []
    for index, line in enumerate(lines):
        gutter = _gutter(boxes, heights, index)
        clear = gutter is not None and _is_white(page, line, gutter)
        parted += _halves(line, gutter) if gutter is not None and clear else [line]
    return parted


def _gutter(boxes: Boxes, heights: NDArray[np.float64], index: int) -> tuple[float, float] | None:
    """Return left and right of the gutter that a line crosses, as the lines near it show it.

    An outline may reach beyond its letters by a quarter of its height: medians, and those may overlap.
    """
    (left, top, right, bottom), tall = boxes[index], heights[index]
    alike = (heights < 1.4 * tall) & (heights > tall / 1.4)
    near = alike & (np.abs(boxes[:, 1] + boxes[:, 3] - top - bottom) / 2 < NEAR * tall)
    near[index] = False
    inside = (left + 3 * tall, right - 3 * tall)
    ends = near & (np.abs(boxes[:, 0] - left) < 3 * tall) & _within(boxes[:, 2], inside)
    starts = near & (np.abs(boxes[:, 2] - right) < 3 * tall) & _within(boxes[:, 0], inside)
    if ends.sum() < SHOWN or starts.sum() < SHOWN:
        return None
    low, high = float(np.median(boxes[ends, 2])), float(np.median(boxes[starts, 0]))
    if high - low < -OVER * tall:
        return None
    middle, half = (low + high) / 2, max(high - low, GUTTER * tall) / 2
    return middle - half, middle + half


def _within(values: NDArray[np.float64], span: tuple[float, float]) -> NDArray[np.bool_]:
    return np.asarray((values > span[0]) & (values < span[1]))


def _is_white(page: NDArray[np.uint8], line: FoundLine, gutter: tuple[float, float]) -> bool:
    """Tell whether nothing stands on a line between the sides of a gutter."""
    strip = cut(page, line.polygon)
    grey = cv2.cvtColor(strip.image, cv2.COLOR_RGB2GRAY).astype(np.int16)
    middle = (line.polygon[:, 1].min() + line.polygon[:, 1].max()) / 2
    first, last = strip.to_strip([(x, middle) for x in gutter])[:, 0]
    inner = grey[4:-4, max(0, int(np.ceil(first))) : max(0, int(last))]
    contrast = int(np.ptp(np.percentile(grey, (1, 99))))
    return inner.size > 0 and int(np.ptp(inner)) < 0.35 * contrast


def _halves(line: FoundLine, gutter: tuple[float, float]) -> list[FoundLine]:
    """Return what of a line lies left and right of a gutter."""
    x = (line.upper[:, 0] + line.lower[:, 0]) / 2
    if x[-1] < x[0]:
        return [line]
    halves = []
    for keep, end in ((x < gutter[0], gutter[0]), (x > gutter[1], gutter[1])):
        edges = [_ended(edge, x, keep, end) for edge in (line.upper, line.lower)]
        halves.append(replace(line, upper=edges[0], lower=edges[1]))
    return halves


def _ended(edge: Points, x: NDArray[np.float64], keep: NDArray[np.bool_], end: float) -> Points:
    """Return the kept points of an edge and where it passes x = end."""
    last = np.array([[np.interp(end, x, edge[:, 0]), np.interp(end, x, edge[:, 1])]])
    return np.concatenate([edge[keep], last] if keep[0] else [last, edge[keep]])
