"""The characters read on one strip, those of all its words side by side, to say what is said of each at once.

Shapes: w words, c characters, n columns of the grid, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from foveal.reading.decode import Floats, Span, Trial
from foveal.reading.seen import Seen

Ints = NDArray[np.int64]
Real = TypeVar("Real", np.float32, np.float64)


@dataclass(frozen=True, eq=False)
class ReadIds:
    """A word as it was read: `ids`, not empty, with the support of `trial`, one of its `trials`.

    places: left and right of each character in columns, "characters 2".
    """

    span: Span
    trials: Sequence[Trial]
    ids: tuple[int, ...]
    trial: Trial
    places: Floats


class Ranges:
    """Ranges of places, none empty, and what holds of the values in each. low, high: [low, high), "k"."""

    def __init__(self, low: Ints, high: Ints) -> None:
        self.sizes: Ints = high - low
        self._starts = self.sizes.cumsum() - self.sizes
        self.every: Ints = np.repeat(low - self._starts, self.sizes) + np.arange(self.sizes.sum())
        """The places of all ranges, one range after the other."""

    def sum(self, values: Floats) -> NDArray[np.float64]:
        """Return the sum over each range of values of `every` place; `mean`, `min` and `max` alike."""
        return np.asarray(np.add.reduceat(values, self._starts, dtype=np.float64))

    def mean(self, values: Floats) -> NDArray[np.float64]:
        """See `sum`."""
        return np.asarray(self.sum(values) / self.sizes)

    def min(self, values: NDArray[Real]) -> NDArray[Real]:
        """See `sum`."""
        return np.asarray(np.minimum.reduceat(values, self._starts))

    def max(self, values: NDArray[Real]) -> NDArray[Real]:
        """See `sum`."""
        return np.asarray(np.maximum.reduceat(values, self._starts))


@dataclass(frozen=True, eq=False)
class Characters:
    """The characters of the words read on a strip, one word at least."""

    seen: Seen
    words: Sequence[ReadIds]

    @cached_property
    def of_word(self) -> Ranges:
        """Which of the characters are each word's."""
        ends = np.cumsum([len(word.ids) for word in self.words])
        return Ranges(np.concatenate(([0], ends[:-1])), ends)

    @cached_property
    def ids(self) -> Ints:
        """What was read: "c"."""
        return np.array([symbol for word in self.words for symbol in word.ids], np.int64)

    @cached_property
    def places(self) -> Floats:
        """Left and right of each, in columns: "c 2"."""
        return np.concatenate([word.places for word in self.words])

    @cached_property
    def columns(self) -> Ranges:
        """The columns that each reaches into."""
        low = self.places[:, 0].astype(np.int64)
        return Ranges(low, np.maximum(np.ceil(self.places[:, 1]).astype(np.int64), low + 1))

    @cached_property
    def spans(self) -> Ranges:
        """The columns of each word."""
        low, high = np.array([(word.span.low, word.span.high) for word in self.words], np.int64).T
        return Ranges(low, high)

    @cached_property
    def fixed(self) -> Floats:
        """The log-probabilities of the fixation that read each: "c C"."""
        return np.concatenate([_first(word.trial.log_probs, len(word.ids)) for word in self.words])

    @cached_property
    def looks(self) -> Floats:
        """Where that fixation looked: "c n"."""
        return np.concatenate([_first(word.trial.looks, len(word.ids)) for word in self.words])

    @cached_property
    def fixations(self) -> Floats:
        """The log-probability of each by its fixation: "c"."""
        return self.fixed[np.arange(len(self.ids)), self.ids]

    @cached_property
    def glanced(self) -> Floats:
        """The log-probability of each in the column of its own where the glance saw it best: "c"."""
        return self.columns.max(self.seen.log_probs[self.columns.every, self.ids.repeat(self.columns.sizes)])

    @cached_property
    def spreads(self) -> Floats:
        """The entropy of each look over that of one that is level over the word: "c"."""
        entropy = -(self.looks * np.log(np.maximum(self.looks, 1e-9))).sum(-1)
        level = np.log(np.maximum(self.spans.sizes, 2)).repeat(self.of_word.sizes)
        return np.asarray(entropy / level, np.float32)

    @cached_property
    def drifts(self) -> Floats:
        """How far the middle of each look is from its character's, in characters, 3 at most: "c"."""
        middles = self.looks @ (np.arange(self.looks.shape[1]) + 0.5)
        wide = np.array([_wide(word.places) for word in self.words]).repeat(self.of_word.sizes)
        off = np.abs(middles - self.places.mean(-1))
        return np.asarray(np.minimum(off / wide, 3.0), np.float32)


def _first(rows: Floats, count: int) -> Floats:
    """Return the first rows, the last of them again where there are too few."""
    return rows[:count] if len(rows) >= count else rows[np.minimum(np.arange(count), len(rows) - 1)]


def _wide(places: Floats) -> float:
    """Return how wide the characters of a word are, in columns, one at least."""
    return max(float(places[-1, 1] - places[0, 0]) / len(places), 1.0)
