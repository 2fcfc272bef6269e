"""Which way lines are read, and by that, how a page is turned."""

from __future__ import annotations

import numpy as np

from foveal.geometry import box
from foveal.reading.found import FoundLine


def settle_directions(lines: list[FoundLine]) -> list[FoundLine]:
    """Turn the short lines that disagree with a page whose long lines agree."""
    if len(lines) < 3:
        return lines
    angles = np.radians([line.angle for line in lines])
    weights = np.array([line.length for line in lines])
    mean = (weights * np.exp(1j * angles)).sum() / weights.sum()
    if abs(mean) < 0.8:
        return lines
    main = np.degrees(np.angle(mean))
    return [_agreeing(line, float(main)) for line in lines]


def _agreeing(line: FoundLine, main: float) -> FoundLine:
    off = (line.angle - main + 180) % 360 - 180
    long = line.length / line.height
    if abs(off) > 150 and long < 8:
        return line.turned_over()
    if abs(off) < 12 or long > 1.7:
        return line
    return _upright(line, main)


def _upright(line: FoundLine, angle: float) -> FoundLine:
    """Box a short line anew along an angle."""
    along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    frame = np.stack([along, [-along[1], along[0]]], axis=1)
    low, high = (line.polygon @ frame).min(axis=0), (line.polygon @ frame).max(axis=0)
    corners = box(low[0], low[1], high[0], high[1]) @ frame.T
    return FoundLine(corners[:2], corners[[3, 2]], float(high[1] - low[1]), line.sure, line.kind)


def turned(lines: list[FoundLine]) -> tuple[int, float]:
    """Return rotation (0, 90, 180, 270) and skew of a page: the direction most of its text is read in."""
    if not lines:
        return 0, 0.0
    angles = np.array([line.angle for line in lines])
    weights = np.array([line.length for line in lines])
    quarters = np.round(angles / 90).astype(int) % 4
    rotation = int(np.bincount(quarters, weights, minlength=4).argmax())
    rest = (angles - 90 * rotation + 180) % 360 - 180
    near = np.abs(rest) <= 45
    order = np.argsort(rest[near])
    share = weights[near][order].cumsum() / weights[near].sum()
    return rotation * 90, float(rest[near][order][np.searchsorted(share, 0.5)])
