"""A strip as the glance saw it, and the ink that stands in its columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from foveal.reading.decode import Floats

_END = 8  # the part of a strip's height that counts as its top or bottom end
_THIN = 7  # of so many pixels one is looked at to tell the paper


@dataclass(frozen=True)
class Seen:
    """A strip as the glance saw it. log_probs: "n C"; density: "n"; of the others "n" each, see `ink`."""

    log_probs: Floats
    density: Floats
    ink: Floats
    grain: Floats
    covered: Floats
    across: Floats
    edge: Floats

    @cached_property
    def surprise(self) -> Floats:
        """How unlikely the likeliest is in each column: −log p, "n"."""
        return np.asarray(-self.log_probs.max(-1), np.float32)


def ink(strips: NDArray[np.uint8], *, stride: int) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return what stands in each column of the grid: "b h w 3" → "b n", five times.

    The standard deviation of a column's brightness, and the mean of its second differences, each over what a
    tenth of the columns of the strip exceed; the share of a column that is not as bright as the paper, and
    the same of its top or bottom end, whichever has less: a letter seldom reaches both, a blot does; and of
    the first and last column the share of the pixels at the very edge of the strip, 0 of the others: there
    what stands on it may be cut off.
    """
    red, green, blue = np.moveaxis(strips, -1, 0)
    light = np.asarray((red.astype(np.float32) + green + blue) / 3, np.float32)
    rough = np.zeros_like(light)
    rough[:, 1:-1] += np.abs(2 * light[:, 1:-1] - light[:, :-2] - light[:, 2:])
    rough[:, :, 1:-1] += np.abs(2 * light[:, :, 1:-1] - light[:, :, :-2] - light[:, :, 2:])
    off = light - _columns(light, stride).repeat(stride, axis=1)[:, None]
    varied = _over_most(np.sqrt(_columns(off * off, stride)))
    filled = _unlike_paper(light)
    end = max(1, light.shape[1] // _END)
    across = np.minimum(_columns(filled[:, :end], stride), _columns(filled[:, -end:], stride))
    edge = np.zeros_like(across)
    edge[:, 0] = filled[:, :, 0].mean(1)
    edge[:, -1] = np.maximum(edge[:, -1], filled[:, :, -1].mean(1))  # a strip may have but one column
    return varied, _over_most(_columns(rough, stride)), _columns(filled, stride), across, edge


def _columns(pixels: Floats, stride: int) -> Floats:
    """Return the mean of the pixels in each column of the grid: "b h w" → "b n"."""
    rows = pixels.mean(1)  # first over whole rows: sums along them are the slow ones
    return np.asarray(rows.reshape(len(rows), -1, stride).mean(-1), np.float32)


def _unlike_paper(light: Floats) -> Floats:
    """Return 1 where a pixel is far from what most of its strip is like, else 0: "b h w"."""
    some = np.sort(light.reshape(len(light), -1)[:, ::_THIN])
    low, paper, high = (_quantile(some, share)[:, None, None] for share in (0.05, 0.5, 0.95))
    return np.asarray(np.abs(light - paper) > 0.25 * np.maximum(high - low, 16), np.float32)


def _over_most(columns: Floats) -> Floats:
    most = _quantile(np.sort(columns), 0.9)[:, None]
    return np.asarray(np.minimum(columns / np.maximum(most, 4), 4), np.float32)


def _quantile(ordered: Floats, share: float) -> NDArray[np.float64]:
    """Return NumPy's quantile of each row of values in order, "b n", without its cost for small arrays."""
    place = (ordered.shape[1] - 1) * share
    low = int(place)
    pair = ordered[:, [low, min(low + 1, ordered.shape[1] - 1)]].astype(np.float64)
    return np.asarray(pair[:, 0] + (pair[:, 1] - pair[:, 0]) * (place - low))
