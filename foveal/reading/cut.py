"""Lines cut from a page as straight strips, with the way back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveal.geometry import Points, Transform, box, points

MARGIN = 0.12
"""Share of a line's height that is added to a strip on each side."""


class Way(Protocol):
    """An invertible way between strip and page."""

    def to(self, values: ArrayLike) -> Points:
        """Move points "n 2" from strip to page pixels."""

    def back(self, values: ArrayLike) -> Points:
        """Move points "n 2" from page to strip pixels."""


@dataclass(frozen=True)
class Ribbon:
    """The way between a strip and a bent band of a page: edges "k 2" at equal steps of the strip's width.

    A strip point (x, y) lies at share x / width along both edges and at share y / height between them.
    """

    upper: Points
    lower: Points
    width: float
    height: float

    def to(self, values: ArrayLike) -> Points:
        """Move points "n 2" from strip to page pixels."""
        x, y = points(values).T
        above, below, _ = self._at(x / self.width)
        return np.asarray(above + (below - above) * (y / self.height)[:, None])

    def back(self, values: ArrayLike) -> Points:
        """Move points "n 2" from page to strip pixels, by Newton's steps along and across the band."""
        goal = points(values)
        share, down = self._nearest(goal), np.full(len(goal), 0.5)
        for _ in range(30):
            above, below, along = self._at(share)
            across = below - above
            rest = goal - above - across * down[:, None]
            det = along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0]
            share = share + (rest[:, 0] * across[:, 1] - rest[:, 1] * across[:, 0]) / det
            down = down + (along[:, 0] * rest[:, 1] - along[:, 1] * rest[:, 0]) / det
        return np.stack([share * self.width, down * self.height], axis=1)

    def _nearest(self, goal: Points) -> NDArray[np.float64]:
        shares = np.linspace(0, 1, 4 * len(self.upper))
        above, below, _ = self._at(shares)
        middle = (above + below) / 2
        apart = np.linalg.norm(goal[:, None] - middle[None], axis=2)
        return np.asarray(shares[apart.argmin(axis=1)], dtype=np.float64)

    def _at(self, share: NDArray[np.float64]) -> tuple[Points, Points, Points]:
        """Edge points at a share of the length (straight on beyond the ends), and the band's direction."""
        steps = len(self.upper) - 1
        index = np.clip((share * steps).astype(int), 0, steps - 1)
        part = (share * steps - index)[:, None]
        above = self.upper[index] + (self.upper[index + 1] - self.upper[index]) * part
        below = self.lower[index] + (self.lower[index + 1] - self.lower[index]) * part
        along = (
            (self.upper[index + 1] - self.upper[index] + self.lower[index + 1] - self.lower[index])
            * steps
            / 2
        )
        return above, below, along


@dataclass(frozen=True)
class Strip:
    """A line as a straight picture "height width 3" and the way between its pixels and the page's."""

    image: NDArray[np.uint8]
    way: Way

    def to_page(self, values: ArrayLike) -> Points:
        """Move points "n 2" from strip pixels to page pixels."""
        return self.way.to(values)

    def to_strip(self, values: ArrayLike) -> Points:
        """Move points "n 2" from page pixels to strip pixels."""
        return self.way.back(values)


def cut(page: NDArray[np.uint8], polygon: ArrayLike, *, height: int = 32) -> Strip:
    """Cut a line from a page image "h w 3" as a strip of `height` rows.

    The polygon has 2k points: the upper edge in reading direction, then the lower edge back; k > 2 bends.
    The strip is as wide as keeps the letters' proportions, and has a margin of 12 % of the line's height on
    each side.
    """
    corners = points(polygon)
    k = len(corners) // 2
    upper, lower = corners[:k], corners[k:][::-1]
    tall = float(np.linalg.norm(lower - upper, axis=1).mean()) * (1 + 2 * MARGIN)
    upper, lower = _widened(upper, lower)
    long = float(np.linalg.norm(np.diff((upper + lower) / 2, axis=0), axis=1).sum())
    width = max(round(height * long / max(tall, 1e-6)), 4)
    if k == 2:
        goal = np.stack([upper[0], upper[1], lower[1], lower[0]])
        straight = Transform.between(box(0, 0, width, height), goal)
        return Strip(_warped(page, straight, size=(width, height), shrink=tall / height), straight)
    ribbon = Ribbon(upper, lower, float(width), float(height))
    return Strip(_bent(page, ribbon, size=(width, height), shrink=tall / height), ribbon)


def _widened(upper: Points, lower: Points) -> tuple[Points, Points]:
    across = lower - upper
    tall = np.linalg.norm(across, axis=1).mean()
    upper, lower = upper - MARGIN * across, lower + MARGIN * across
    for edge in (upper, lower):
        for end, before in ((0, 1), (-1, -2)):
            out = edge[end] - edge[before]
            edge[end] += out / max(math.sqrt(out @ out), 1e-6) * tall * MARGIN
    return upper, lower


def _window(page: NDArray[np.uint8], around: Points, shrink: float) -> tuple[NDArray[np.uint8], Transform]:
    """Return the part of the page that holds the points, area-averaged to the strip's scale, and the way from
    page to that part.
    """
    left, top = np.maximum(np.floor(around.min(axis=0)).astype(int) - 2, 0)
    right, bottom = np.ceil(around.max(axis=0)).astype(int) + 2
    part = page[top : max(bottom, top + 1), left : max(right, left + 1)]
    if part.size == 0:
        part, left, top = page[:1, :1], 0, 0
    way = Transform.shift(-float(left), -float(top))
    if shrink < 1.5:
        return part, way
    high, wide = part.shape[:2]
    h, w = max(round(high / shrink), 1), max(round(wide / shrink), 1)
    small = cv2.resize(part, (w, h), interpolation=cv2.INTER_AREA)
    return np.asarray(small), way.then(Transform.scale(w / wide, h / high))


def _warped(
    page: NDArray[np.uint8], straight: Transform, *, size: tuple[int, int], shrink: float
) -> NDArray[np.uint8]:
    part, way = _window(page, straight.to(box(0, 0, *size)), shrink)
    half = Transform.shift(0.5, 0.5)  # OpenCV counts from pixel centres, we from their corners
    matrix = half.then(straight).then(way).then(half.inverse).matrix
    flags = cv2.WARP_INVERSE_MAP | (cv2.INTER_LINEAR if shrink >= 1 else cv2.INTER_CUBIC)
    return np.asarray(cv2.warpPerspective(part, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _bent(
    page: NDArray[np.uint8], ribbon: Ribbon, *, size: tuple[int, int], shrink: float
) -> NDArray[np.uint8]:
    part, way = _window(page, np.concatenate([ribbon.upper, ribbon.lower]), shrink)
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    places = way.to(ribbon.to(np.stack([x.ravel(), y.ravel()], axis=1))) - 0.5
    grid = places.reshape(size[1], size[0], 2).astype(np.float32)
    flags = cv2.INTER_LINEAR if shrink >= 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.remap(part, grid[..., 0], grid[..., 1], flags, borderMode=cv2.BORDER_REPLICATE))
