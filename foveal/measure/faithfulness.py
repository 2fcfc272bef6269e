"""Whether a character was read where its look says: columns of its strip are taken away, or all but they.

An *attribution* gives every column of a strip's grid a weight, "n"; a look is one, a gradient map another. A
*score* says how sure a reader is of one character on altered strips. All strips are "h w 3" with the same
number of pixels, w / n, to a column.

deletion: the heaviest columns are blanked first; the area under the score over the share of columns blanked.
Low is faithful. insertion: the same from a blank strip, the heaviest columns shown first; high is faithful
(Petsiuk et al., 2018). road: columns are not blanked but filled in from their neighbours, with noise, so that
their absence does not show; (score without the lightest − score without the heaviest), mean over shares; high
is faithful, 0 is chance (after Rong et al., 2022). None of these means anything alone: give them beside
`random_attribution` and `gaussian` about the box of the character, which knows where it is and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Kept = NDArray[np.bool_]
Image = NDArray[np.uint8]
Score = Callable[[NDArray[np.uint8]], ArrayLike]
"""Takes strips "s h w 3" and returns how sure the reader is of a character on each, "s" of 0 to 1."""

_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of the columns that are filled in for `road`."""


@dataclass(frozen=True)
class Faithfulness:
    """The figures of one attribution of one character; see above."""

    deletion: float
    insertion: float
    road: float


def faithfulness(
    strip: Image, attributions: Sequence[ArrayLike], score: Score, *, rng: np.random.Generator
) -> list[Faithfulness]:
    """Return how faithful each attribution "n" of a character on a strip is, by one call of `score`.

    Costs, for every attribution, two strips for each of `steps(n)` and ten more.
    """
    heaviest_first = [np.argsort(-np.asarray(one, np.float64), kind="stable") for one in attributions]
    n = len(heaviest_first[0])
    counts = steps(n)
    filled = [round(share * n) for share in _SHARES]
    parts = []
    for order in heaviest_first:
        without = np.stack([~_first(order, count) for count in counts])
        heavy = np.stack([~_first(order, count) for count in filled])
        light = np.stack([~_first(order[::-1], count) for count in filled])
        parts += [blanked(strip, without), blanked(strip, ~without)]
        parts.append(imputed(strip, np.concatenate([heavy, light]), rng))
    scores = np.asarray(score(np.concatenate(parts)), np.float64)
    return [_figures(own, counts) for own in scores.reshape(len(attributions), -1)]


def _figures(scores: Floats, counts: list[int]) -> Faithfulness:
    k, m = len(counts), len(_SHARES)
    share = np.array(counts) / counts[-1]
    deletion, insertion, heavy, light = np.split(scores, [k, 2 * k, 2 * k + m])
    return Faithfulness(_area(share, deletion), _area(share, insertion), float((light - heavy).mean()))


def _area(x: Floats, y: Floats) -> float:
    return float(((y[1:] + y[:-1]) / 2) @ np.diff(x))


def _first(order: NDArray[np.int64], count: int) -> Kept:
    marked = np.zeros(len(order), bool)
    marked[order[:count]] = True
    return marked


def steps(n: int) -> list[int]:
    """Return how many of n columns are taken away: few at first, then ever more at a time.

    >>> steps(40)
    [0, 1, 2, 4, 5, 8, 11, 16, 22, 32, 40]
    """
    halves = (int(2 ** (power / 2)) for power in range(2 * n.bit_length()))
    return sorted({0, n, *(count for count in halves if count < n)})


def blanked(strip: Image, kept: Kept) -> NDArray[np.uint8]:
    """Return the strip once for each row of `kept` "s n", the other columns in the paper's colour."""
    paper = np.median(strip, axis=(0, 1)).astype(np.uint8)
    return np.where(_over_pixels(kept, strip)[:, None, :, None], strip, paper)


def imputed(strip: Image, kept: Kept, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the strip once for each row of `kept` "s n", the other columns drawn from the nearest kept ones.

    Every row of pixels is interpolated between the kept ones on either side, plus noise of 3 of 255.
    """
    filled = np.repeat(strip[None].astype(np.float32), len(kept), axis=0)
    x = np.arange(strip.shape[1])
    for image, seen in zip(filled, _over_pixels(kept, strip), strict=True):
        if seen.any():
            image[:, ~seen] = _between(strip, x, seen)
        else:
            image[:] = np.median(strip, axis=(0, 1))
        image[:, ~seen] += rng.normal(0, 3, image[:, ~seen].shape)
    return np.asarray(filled.clip(0, 255).round(), np.uint8)


def _between(strip: Image, x: NDArray[np.int64], seen: Kept) -> NDArray[np.float32]:
    places = x[seen]
    right = np.searchsorted(places, x[~seen]).clip(0, len(places) - 1)
    left = (right - (places[right] > x[~seen])).clip(0)
    low, high = places[left], places[right]
    share = ((x[~seen] - low) / np.maximum(high - low, 1)).clip(0, 1)[:, None]
    return np.asarray(strip[:, low] * (1 - share) + strip[:, high] * share, np.float32)


def _over_pixels(kept: Kept, strip: Image) -> Kept:
    return np.repeat(kept, strip.shape[1] // kept.shape[1], axis=1)


def random_attribution(n: int, rng: np.random.Generator) -> Floats:
    """Return weights of n columns that know nothing."""
    return rng.random(n)


def gaussian(n: int, left: float, right: float) -> Floats:
    """Return a Gaussian over n columns about the middle of a box, as wide (2σ) as the box, in columns."""
    x = np.arange(n) + 0.5
    sigma = max((right - left) / 2, 0.5)
    return np.asarray(np.exp(-((x - (left + right) / 2) ** 2) / (2 * sigma**2)))


def points_at(attribution: ArrayLike, left: float, right: float) -> bool:
    """Tell whether the heaviest column's middle lies in the true box [left, right], in columns.

    The pointing game (Zhang et al., 2016), with half a column of grace on either side.
    """
    middle = int(np.argmax(np.asarray(attribution, np.float64))) + 0.5
    return bool(left - 0.5 <= middle <= right + 0.5)
