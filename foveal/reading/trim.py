"""Blank margins of a strip that was cut by somebody else: text is read best when it fills its strip."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.geometry import Transform
from foveal.reading.cut import Strip

BESIDE = 0.4
"""What is left blank beside the ink, in heights of the ink; more than twice as much is cut."""

ABOVE = 0.25
"""What is left blank above and below it; more than twice as much is cut."""

_LEAST = 0.2
"""Lower ink, as a share of the strip's height, is a dash or dots, which do not tell their line's height."""

_DARK = 16
"""How far from the paper ink is at least, of 255, and a sixteenth as far as the farthest."""


def trimmed(image: NDArray[np.uint8]) -> Strip:
    """Return an image "h w 3" without wide blank margins, with the way back to it.

    Paper is what the image's rim mostly is. Where the rim is no even paper there is ink up to the edge, and
    nothing is cut.
    """
    high, wide = image.shape[:2]
    columns, rows = _inked(image)
    if not columns.size:
        return Strip(image, Transform.shift(0, 0))
    tall = int(rows[-1] - rows[0]) + 1
    known = tall >= _LEAST * high and columns[-1] - columns[0] >= tall
    unit = tall if known else high
    left, right = _kept(columns, wide, BESIDE * unit)
    top, bottom = _kept(rows, high, ABOVE * tall) if known else (0, high)
    cut = np.ascontiguousarray(image[top:bottom, left:right])
    return Strip(cut, Transform.shift(left, top))


def _inked(image: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which columns and which rows have ink."""
    rim = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    off = cv2.absdiff(image, np.full_like(image, np.median(rim, axis=0)))
    # of rows, each column's largest, and of columns each row's; both by channel
    down, along = (cv2.reduce(off, axis, cv2.REDUCE_MAX).reshape(-1, 3).max(axis=1) for axis in (0, 1))
    least = max(_DARK, int(down.max()) // 16)
    return np.flatnonzero(down > least), np.flatnonzero(along > least)


def _kept(inked: NDArray[np.intp], size: int, margin: float) -> tuple[int, int]:
    """Return the first and the end of what is kept along one side of `size` pixels, ink at `inked`."""
    first, last = int(inked[0]), int(inked[-1]) + 1
    low = first - round(margin) if first > 2 * margin else 0
    high = last + round(margin) if size - last > 2 * margin else size
    return max(low, 0), min(high, size)
