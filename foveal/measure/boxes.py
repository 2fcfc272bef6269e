"""How well text was located: overlap of polygons, detection precision, recall and F1, character boxes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveal.geometry import area, box_overlap, points
from foveal.measure.text import f1


def iou(one: ArrayLike, other: ArrayLike) -> float:
    """Return intersection over union of the convex hulls of two polygons "corners 2", 0 to 1.

    >>> iou([[0, 0], [2, 0], [2, 2], [0, 2]], [[1, 0], [3, 0], [3, 2], [1, 2]])
    0.3333333333333333
    """
    if box_overlap(one, other) == 0.0:
        return 0.0
    # relative to a corner of its own: float32 holds 7 digits
    origin = points(one)[0]
    a, b = _hull(points(one) - origin), _hull(points(other) - origin)
    shared = float(cv2.intersectConvexConvex(a, b)[0])
    union = area(a) + area(b) - shared
    return shared / union if union > 0 else 0.0


def _hull(corners: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(cv2.convexHull(corners.astype(np.float32)), dtype=np.float32).reshape(-1, 2)


def match(
    found: Sequence[ArrayLike], true: Sequence[ArrayLike], *, least: float = 0.5
) -> list[tuple[int, int]]:
    """Return pairs (index found, index true) that overlap by at least `least`, best first, one to one."""
    places = itertools.product(enumerate(found), enumerate(true))
    overlaps = sorted(((iou(a, b), i, j) for (i, a), (j, b) in places), reverse=True)
    pairs: dict[int, int] = {}
    for overlap, i, j in overlaps:
        if overlap < least:
            break
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return list(pairs.items())


@dataclass(frozen=True)
class Detection:
    """Counts of boxes: rightly found, found, true; they add up over pages."""

    hits: int = 0
    found: int = 0
    true: int = 0

    def __add__(self, other: Detection) -> Detection:
        """Return the counts of both."""
        return Detection(self.hits + other.hits, self.found + other.found, self.true + other.true)

    @property
    def precision(self) -> float:
        """Share of the boxes found that are right; 1 if none was found."""
        return self.hits / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of the true boxes that were found; 1 if there are none."""
        return self.hits / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return f1(self.hits, self.found, self.true)


def detect(
    found: Sequence[ArrayLike],
    true: Sequence[ArrayLike],
    *,
    ignored: Sequence[ArrayLike] = (),
    least: float = 0.5,
) -> Detection:
    """Return how many boxes were rightly found at an overlap of `least`.

    A box that matches none of `true` but one of `ignored` (text that the truth does not spell out) does not
    count.
    """
    pairs = match(found, true, least=least)
    matched = {i for i, _ in pairs}
    rest = [box for i, box in enumerate(found) if i not in matched]
    excused = len(match(rest, ignored, least=least))
    return Detection(hits=len(pairs), found=len(found) - excused, true=len(true))


def centre_inside(polygon: ArrayLike, box: Sequence[float]) -> bool:
    """Tell whether the centre of a polygon's corners lies within a box (left, top, right, bottom)."""
    x, y = points(polygon).mean(axis=0)
    left, top, right, bottom = box
    return bool(left <= x <= right and top <= y <= bottom)
