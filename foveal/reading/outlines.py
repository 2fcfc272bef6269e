"""Cores of lines to outlines, all those of a page at once: k cores, n places in them, one core after another.

A core's axis is its long one; along it the middle and the height of the line are fitted by least squares. As
places are taken from their centre, the fits have closed forms: a straight line, or the second of the
orthogonal polynomials on the places themselves (Forsythe, 1957).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from foveal.geometry import Points
from foveal.reading.found import FoundLine

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KINDS = ("background", "text", "title", "list", "table", "figure")
"""The page model's kind channels."""

CORE_SHARE = 0.5
HEIGHT_UNIT = 16.0
LEAST_SURE = 0.55

_MOST = 9  # points of an edge
_STRAIGHT = 0.12  # a core that bends by less, in line heights, is straight


@dataclass(frozen=True, eq=False)
class Cores:
    """Cores and what the maps say there. places: "n 2", input pixels; seen: "c n"; sizes: "k"."""

    places: Points
    seen: NDArray[np.float32]
    sizes: Ints

    @cached_property
    def _starts(self) -> Ints:
        return np.asarray(self.sizes.cumsum() - self.sizes)

    def sums(self, values: NDArray[np.floating]) -> Floats:
        """Return the sums over each core: "… n" → "… k"."""
        return np.asarray(np.add.reduceat(values, self._starts, axis=-1, dtype=np.float64))

    @cached_property
    def said(self) -> Floats:
        """The mean of each map over each core: "c k"."""
        return np.asarray(self.sums(self.seen) / self.sizes)

    @cached_property
    def heights(self) -> Floats:
        """The line height that the middle one of each core's places is given: "k", input pixels."""
        ends = self._starts + self.sizes
        each = [_median(self.seen[1, a:b]) for a, b in zip(self._starts.tolist(), ends.tolist(), strict=True)]
        return np.asarray(np.exp2(np.array(each, np.float32)) * HEIGHT_UNIT, np.float64)

    def pick(self, chosen: NDArray[np.bool_]) -> Cores:
        """Return some of the cores."""
        inside = chosen.repeat(self.sizes)
        return Cores(self.places[inside], self.seen[:, inside], self.sizes[chosen])

    @cached_property
    def centres(self) -> Points:
        """The middle of each core: "k 2"."""
        return np.asarray(self.sums(self.places.T).T / self.sizes[:, None])

    @cached_property
    def spread(self) -> Points:
        """The places from the centre of their core: "n 2"."""
        return self.places - self.centres.repeat(self.sizes, axis=0)

    @cached_property
    def axes(self) -> Points:
        """Unit vectors along the cores: the long axis signed as the model says, the model's own if short."""
        x, y = self.spread.T
        xx, xy, yy = self.sums(np.stack([x * x, x * y, y * y])) / self.sizes
        values, vectors = np.linalg.eigh(np.stack([xx, xy, xy, yy], axis=-1).reshape(-1, 2, 2))
        long = vectors[:, :, 1]
        way = self.said[2:4].T / np.maximum(np.linalg.norm(self.said[2:4], axis=0), 1e-6)[:, None]
        signed = np.where(((long * way).sum(-1) >= 0)[:, None], long, -long)
        short = (values[:, 1] < (1.2 * self.heights) ** 2 / 12) | (values[:, 1] < 6 * values[:, 0])
        return np.where(short[:, None], way, signed)

    def extremes(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the least and the most in each core: "n" → "k" twice."""
        return np.minimum.reduceat(values, self._starts), np.maximum.reduceat(values, self._starts)


def _median(values: NDArray[np.float32]) -> float:
    """Return NumPy's median without its cost for small arrays."""
    low, high = (len(values) - 1) // 2, len(values) // 2
    middle = np.partition(values, (low, high))
    return float((middle[low] + middle[high]) / 2)


def outlines(cores: Cores, scale: Floats, *, least: float) -> list[FoundLine]:
    """Return the lines of cores of three places or more, in page pixels.

    scale: "2", input pixels a page pixel. Cores that are not sure, or belong to lines lower than `least`
    input pixels, are left out.
    """
    cores = cores.pick(cores.said[0] >= LEAST_SURE) if len(cores.sizes) else cores
    cores = cores.pick(cores.heights >= least) if len(cores.sizes) else cores
    if not len(cores.sizes):
        return []
    across = np.stack([-cores.axes[:, 1], cores.axes[:, 0]], axis=-1)
    count, along, off, half = _edges(cores, across)
    path = cores.centres[:, None] + along[..., None] * cores.axes[:, None] + off[..., None] * across[:, None]
    normal = across[:, None] * half[..., None]
    upper, lower = (path - normal) / scale, (path + normal) / scale
    size, sure = (cores.heights / float(scale.mean())).tolist(), cores.said[0].tolist()
    kinds = (1 + cores.said[5:].argmax(axis=0)).tolist()
    return [
        FoundLine(upper[i, :points], lower[i, :points], size[i], sure[i], KINDS[kinds[i]])
        for i, points in enumerate(count.tolist())
    ]


def _edges(cores: Cores, across: Points) -> tuple[Ints, Floats, Floats, Floats]:
    """Return how many points each edge has, "k", and up to 9 stops each, "k 9" three times.

    How far along the axis a stop lies, how far off it the line's middle is there, and half the line's height.
    """
    tall = cores.heights
    t = (cores.spread * cores.axes.repeat(cores.sizes, axis=0)).sum(-1)
    u = (cores.spread * across.repeat(cores.sizes, axis=0)).sum(-1)
    first, last = cores.extremes(t)
    long = last - first
    squares, cubes = cores.sums(np.stack([t**2, t**3]))
    squares = np.maximum(squares, 1e-9)  # of a core of one column, whose fits are not used
    lean, lift = cubes / squares, squares / cores.sizes
    q = t * (t - lean.repeat(cores.sizes)) - lift.repeat(cores.sizes)
    level = cores.sums(np.stack([u, cores.seen[1]])) / cores.sizes
    slope = cores.sums(np.stack([t * u, t * cores.seen[1]])) / squares * (long >= 2)
    bend = cores.sums(q * u) / np.maximum(cores.sums(q * q), 1e-9)
    bent = (long >= 3 * tall) & (np.abs(bend) * long**2 / 4 >= _STRAIGHT * tall)
    count = np.where(bent, np.clip(long / (2 * tall), 4, _MOST).astype(np.int64), 2)
    reach = tall * (1 - CORE_SHARE) / 2
    step = (long + 2 + 2 * reach) / (count - 1)
    number = np.minimum(np.arange(_MOST), count[:, None] - 1)  # the last again where there are fewer
    along = (first - 1 - reach)[:, None] + number * step[:, None]
    curve = along * (along - lean[:, None]) - lift[:, None]
    off = level[0, :, None] + slope[0, :, None] * along + (bent * bend)[:, None] * curve
    thick = level[1, :, None] + (slope[1] * (long > 3 * tall))[:, None] * along
    half = np.exp2(thick) * HEIGHT_UNIT / 2
    return count, along, off, np.clip(half, tall[:, None] / 3, tall[:, None] * 3 / 4)
