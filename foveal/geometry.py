"""Boxes, polygons and invertible transforms of the plane: page ⇄ upright page ⇄ strip.

Points are "n 2" arrays of (x, y) in pixels; the centre of the first pixel is (0.5, 0.5), so scaling an image
scales its points alike. Angles are in degrees, clockwise as seen on the page (y points down).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]


def points(values: ArrayLike) -> Points:
    """Return a copy as an "n 2" array of float64."""
    return np.array(values, dtype=np.float64).reshape(-1, 2)


def bounds(polygon: ArrayLike) -> tuple[float, float, float, float]:
    """Return the upright box around a polygon: left, top, right, bottom."""
    corners = points(polygon)
    left, top = corners.min(axis=0)
    right, bottom = corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """Return the four corners of an upright box, clockwise from the left top.

    >>> box(0, 0, 2, 1).tolist()
    [[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]
    """
    return points([[left, top], [right, top], [right, bottom], [left, bottom]])


def area(polygon: ArrayLike) -> float:
    """Return the area inside a simple polygon, in square pixels (the shoelace formula)."""
    x, y = points(polygon).T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def box_overlap(one: ArrayLike, other: ArrayLike) -> float:
    """Return intersection over union of the upright boxes of two polygons, 0 to 1."""
    a, b = bounds(one), bounds(other)
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    inside = max(width, 0.0) * max(height, 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inside
    return inside / union if union > 0 else 0.0


@dataclass(frozen=True)
class Transform:
    """An invertible map of the plane that keeps straight lines straight (a homography, "3 3").

    >>> twice = Transform.scale(2, 2)
    >>> twice.back(twice.to([[3, 4]])).tolist()
    [[3.0, 4.0]]
    """

    matrix: NDArray[np.float64]

    @staticmethod
    def scale(x: float, y: float) -> Transform:
        """Scale about the origin."""
        return Transform(np.diag([float(x), float(y), 1.0]))

    @staticmethod
    def shift(x: float, y: float) -> Transform:
        """Move by (x, y) pixels."""
        return Transform(np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]]))

    @staticmethod
    def turn(degrees: float, centre: Sequence[float] = (0.0, 0.0)) -> Transform:
        """Turn clockwise (as seen on the page) about a centre."""
        angle = np.deg2rad(degrees)
        c, s = np.cos(angle), np.sin(angle)
        about = Transform(np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]))
        x, y = centre
        return Transform.shift(-x, -y).then(about).then(Transform.shift(x, y))

    @staticmethod
    def between(source: ArrayLike, target: ArrayLike) -> Transform:
        """Take four corners to four corners; both are "4 2", no three of one side on a line."""
        (x, y), (u, v) = points(source).T, points(target).T
        one, nil = np.ones(4), np.zeros(4)
        above = np.stack([x, y, one, nil, nil, nil, -u * x, -u * y], axis=1)
        below = np.stack([nil, nil, nil, x, y, one, -v * x, -v * y], axis=1)
        solved = np.linalg.solve(np.concatenate([above, below]), np.concatenate([u, v]))
        return Transform(np.append(solved, 1.0).reshape(3, 3))

    @staticmethod
    def quarter_turns(turns: int, width: float, height: float) -> Transform:
        """Turn a page of width × height by turns × 90° clockwise, its left top staying at the origin."""
        turned = {
            0: np.eye(3),
            1: np.array([[0.0, -1.0, height], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
            2: np.array([[-1.0, 0.0, width], [0.0, -1.0, height], [0.0, 0.0, 1.0]]),
            3: np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, width], [0.0, 0.0, 1.0]]),
        }
        return Transform(turned[turns % 4])

    @property
    def inverse(self) -> Transform:
        """The way back."""
        return Transform(np.asarray(np.linalg.inv(self.matrix), dtype=np.float64))

    def then(self, other: Transform) -> Transform:
        """Return this transform followed by another."""
        return Transform(other.matrix @ self.matrix)

    def to(self, values: ArrayLike) -> Points:
        """Move points "n 2" from source to target."""
        corners = points(values)
        moved = np.concatenate([corners, np.ones((len(corners), 1))], axis=1) @ self.matrix.T
        return np.asarray(moved[:, :2] / moved[:, 2:], dtype=np.float64)

    def back(self, values: ArrayLike) -> Points:
        """Move points "n 2" from target to source."""
        return self.inverse.to(values)
