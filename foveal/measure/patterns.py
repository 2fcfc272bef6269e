"""What a head looks at: patterns that have a name, and how much two heads differ.

A map is "h q k": h heads, q queries, k columns of the strip (self-attention: the queries are columns too).
*selectivity* of a head for a pattern: (mass − share) / (1 − share), where mass is the weight it puts on the
pattern and share is what a level look would put there, both as means over queries. 1: it looks nowhere else;
0: no more than chance; below 0: it avoids it. A head is named after a pattern it is selective for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveal.measure.concentration import as_shares, entropy

Floats = NDArray[np.float64]
Marked = NDArray[np.bool_]

BROAD, MIXED = "broad", "mixed"
"""Names of heads without a pattern: spread over nearly everything, or over this and that."""

_NAMED = 0.25
"""Less selective heads have no pattern."""
_NEARLY = 0.75
"""A pattern with this share of the best selectivity is nearly as good."""
_BROAD = 0.85
"""Entropy from which a head without a pattern is broad."""
_SHIFTS = (-16, -8, -4, 4, 8, 16)
"""Distances in columns that a head might keep whatever stands there; the strip is eight columns high."""


@dataclass(frozen=True, eq=False)
class Places:
    """What stands in each column of a strip, "n": the number of its character, or −1 for none; ink; a space.

    `ink`: true where there are strokes; `space`: true between words. Characters count through all words.
    """

    char: NDArray[np.int64]
    ink: Marked
    space: Marked

    @staticmethod
    def of(boxes: ArrayLike, spaces: ArrayLike, ink: Marked) -> Places:
        """Return the places of characters and of spaces by their boxes "t 2", left and right in columns."""
        middle = np.arange(len(ink)) + 0.5
        char = np.full(len(ink), -1)
        for number, (left, right) in enumerate(np.asarray(boxes, np.float64).reshape(-1, 2)):
            char[(middle >= left) & (middle <= right)] = number
        gaps = np.asarray(spaces, np.float64).reshape(-1, 2)
        between = ((middle >= gaps[:, :1]) & (middle <= gaps[:, 1:])).any(axis=0)
        return Places(char, ink, between & (char < 0))


def patterns(places: Places, queries: ArrayLike) -> dict[str, Marked]:
    """Return the patterns by name, those that say most first, each "q n": true where such a head looks.

    `queries`: "q", the number of each query's character, or −1. For self-attention give `places.char`: then
    there are also `here` (its own column and the next) and `+N columns`, at fixed distances.
    """
    asked = np.asarray(queries)[:, None]
    own = places.char[None]
    known = (asked >= 0) & (own >= 0)
    found = {
        "own character": known & (own == asked),
        "previous character": known & (own == asked - 1),
        "next character": known & (own == asked + 1),
    }
    if len(asked) == own.shape[1] and np.array_equal(asked[:, 0], places.char):
        step = np.arange(len(asked))[None] - np.arange(len(asked))[:, None]
        found["here"] = np.abs(step) <= 1
        found |= {f"{shift:+d} columns": np.abs(step - shift) <= 1 for shift in _SHIFTS}
    everywhere = (len(asked), own.shape[1])
    found["spaces"] = np.broadcast_to(places.space, everywhere)
    found["ink"] = np.broadcast_to(places.ink, everywhere)
    return found


def selectivity(maps: ArrayLike, marked: Marked) -> Floats:
    """Return how selective each head "h q k" is for a pattern "q k": "h"; see above.

    Queries for which the pattern marks nothing or everything do not count; nan if none is left.
    """
    share = marked.mean(axis=1)
    kept = (share > 0) & (share < 1)
    looks = as_shares(maps)[:, kept]
    if not kept.any():
        return np.full(len(looks), np.nan)
    mass = (looks * marked[kept]).sum(-1).mean(-1)
    level = float(share[kept].mean())
    return np.asarray((mass - level) / (1 - level))


def named(scores: Mapping[str, float], spread: float) -> str:
    """Return the name of a head by its selectivities, patterns that say most first; `spread`: mean entropy.

    Of patterns nearly as good as the best, the first counts: all ink is less of an answer than one character.

    >>> named({"own character": 0.9, "ink": 1.0}, 0.2), named({"own character": 0.2, "ink": 0.9}, 0.5)
    ('own character', 'ink')
    >>> named({"ink": 0.1}, 0.95), named({"ink": 0.1}, 0.5)
    ('broad', 'mixed')
    """
    best = max(scores.values(), default=0.0)
    if best >= _NAMED:
        return next(name for name, score in scores.items() if score >= _NEARLY * best)
    return BROAD if spread >= _BROAD else MIXED


def divergence(maps: ArrayLike) -> Floats:
    """Return how much each two heads of a map "h q k" differ: "h h", mean over queries.

    The Jensen–Shannon divergence in bits: 0 for equal looks, 1 for looks that share nothing.
    """
    looks = as_shares(maps)
    h = len(looks)
    found = np.zeros((h, h))
    for i in range(h):
        for j in range(i):
            mean = (looks[i] + looks[j]) / 2
            bits = _bits(mean) - (_bits(looks[i]) + _bits(looks[j])) / 2
            found[i, j] = found[j, i] = max(float(bits.mean()), 0.0)
    return found


def _bits(looks: Floats) -> Floats:
    return np.asarray(entropy(looks) * np.log2(max(looks.shape[-1], 2)))
