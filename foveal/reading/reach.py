"""Lines that reach on to a colon set apart from them: the page model sees the words and not the mark."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from foveal.geometry import Points, bounds
from foveal.reading.cut import MARGIN
from foveal.reading.found import FoundLine

FAR = 2.2
"""How far beyond its end a line may reach, in line heights."""
LEVEL = 5.0
"""Only lines that run level to so many degrees are looked at."""

_WIDEST, _LOWEST = 0.4, 0.3  # of a mark: a dot is lower, a letter wider; in line heights
_ALONE = 0.4  # least white behind it, in line heights
_INK, _LEAST = 0.3, 12.0  # of the contrast of the line's own letters; at least so many grey levels

Boxes = NDArray[np.float64]
Picture = NDArray[np.uint8]
Mark = tuple[int, int]


def reach(lines: list[FoundLine], page: Picture) -> list[FoundLine]:
    """Return the lines of a page "h w 3", those with a narrow mark behind them lengthened to it.

    A mark before a line becomes one of its own: words far behind their first sign are read badly. Cost: a few
    array operations on a small piece of the page for each end of a line.
    """
    boxes = np.array([bounds(line.polygon) for line in lines]).reshape(-1, 4)
    return [one for index, line in enumerate(lines) for one in _reached(line, boxes, index, page)]


def _reached(line: FoundLine, boxes: Boxes, index: int, page: Picture) -> list[FoundLine]:
    if abs(line.angle) > LEVEL or line.length < 1.5 * line.height:
        return [line]
    left, right = (min(FAR * line.height, room) for room in _rooms(boxes, index))
    least = _ALONE * line.height
    before = _mark(line, page, end=0, room=left) if left > least else None
    behind = _mark(line, page, end=-1, room=right) if right > least else None
    marks = [] if before is None else [_cut_off(line, *before)]
    return [*marks, line if behind is None else _lengthened(line, behind[1])]


def _rooms(boxes: Boxes, index: int) -> tuple[float, float]:
    """Return how far it is from the ends of a line to what stands left and right of it, in pixels."""
    left, top, right, bottom = boxes[index]
    shared = np.minimum(boxes[:, 3], bottom) - np.maximum(boxes[:, 1], top)
    beside = shared > 0.2 * (bottom - top)
    before, behind = boxes[beside & (boxes[:, 0] < left), 2], boxes[beside & (boxes[:, 2] > right), 0]
    return float((left - before).min(initial=np.inf)), float((behind - right).min(initial=np.inf))


def _mark(line: FoundLine, page: Picture, *, end: int, room: float) -> Mark | None:
    """Return where a mark beyond an end begins and ends, in pixels from there. room: what is looked at."""
    tall, own = line.height, min(2 * line.height, line.length)
    x, y = (line.upper[end] + line.lower[end]) / 2
    rows = slice(max(round(y - tall * (0.5 + MARGIN)), 0), max(round(y + tall * (0.5 + MARGIN)), 0))
    if end == 0:
        letters, beyond = page[rows, round(x) : round(x + own), 1], page[rows, : round(x), 1][:, ::-1]
    else:
        letters, beyond = page[rows, max(round(x - own), 0) : round(x), 1], page[rows, round(x) :, 1]
    beyond = beyond[:, : round(room)]
    if not letters.size or not beyond.size:
        return None
    return _narrow(ink_beside(letters, beyond), tall, far=room >= FAR * tall)


def ink_beside(letters: Picture, place: Picture) -> NDArray[np.bool_]:
    """Return where a place has ink as dark, or as light, as letters beside it have; both are grey levels."""
    levels = np.sort(letters, axis=None).astype(np.float32)
    low, ground, high = (levels[int(share * (len(levels) - 1))] for share in (0.02, 0.5, 0.98))
    sign = 1.0 if high - ground > ground - low else -1.0
    contrast = max(float(high - ground), float(ground - low))
    return np.asarray(sign * (place - ground) > max(_INK * contrast, _LEAST))


def _narrow(ink: NDArray[np.bool_], tall: float, *, far: bool) -> Mark | None:
    """Return where a lone narrow mark begins and ends, in columns; None if what comes first is no such mark.

    ink: "rows columns", from the end of a line outwards; far: whether nothing is known to stand behind.
    """
    columns = np.asarray(ink.any(axis=0))
    first = int(np.argmin(columns))  # behind what is left of the last letter
    marks = np.flatnonzero(columns[first:])
    if not len(marks):
        return None
    start = first + int(marks[0])
    width = int(np.argmin(columns[start:])) or len(columns) - start
    rows = np.flatnonzero(ink[:, start : start + width].any(axis=1))
    behind = columns[start + width : start + width + round(_ALONE * tall)]
    lone = not behind.any() and (far or len(behind) >= 0.2 * tall)
    whole = rows[0] >= 1 and rows[-1] < len(ink) - 1  # a rule of a table goes on
    fits = width <= _WIDEST * tall and np.ptp(rows) >= _LOWEST * tall
    return (start, start + width) if lone and whole and fits else None


def _lengthened(line: FoundLine, by: float) -> FoundLine:
    """Return a line that ends so many pixels later, with a little white behind."""
    step = _along(line) * (by + 0.1 * line.height)
    upper, lower = line.upper.copy(), line.lower.copy()
    upper[-1] += step
    lower[-1] += step
    return replace(line, upper=upper, lower=lower)


def _cut_off(line: FoundLine, start: float, end: float) -> FoundLine:
    """Return the line of a mark before a line, from so many pixels before it to so many."""
    white = 0.1 * line.height
    steps = np.stack([-(end + white) * _along(line), (white - start) * _along(line)])
    return replace(line, upper=line.upper[0] + steps, lower=line.lower[0] + steps)


def _along(line: FoundLine) -> Points:
    turn = np.radians(line.angle)
    return np.array([np.cos(turn), np.sin(turn)])
