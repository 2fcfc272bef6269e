"""The characters read on strips, those of all their words side by side, to say what is said of each at once.

Shapes: s strips, w words, c characters, n columns of the grid, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
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

    seen: its strip; places: left and right of each character in columns, "characters 2".
    """

    seen: Seen
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
        """Return the sum over each range of values of `every` place, "… n"; `mean`, `min` and `max` alike."""
        return np.asarray(np.add.reduceat(values, self._starts, axis=-1, dtype=np.float64))

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
    """The characters of the words read on strips: one word at least, those of one strip side by side."""

    words: Sequence[ReadIds]

    @cached_property
    def strips(self) -> list[list[ReadIds]]:
        """The words of each strip."""
        return [list(words) for _, words in groupby(self.words, key=lambda word: id(word.seen))]

    @cached_property
    def of_strip(self) -> Ranges:
        """Which of the words are each strip's."""
        return _one_by_one([len(words) for words in self.strips])

    @cached_property
    def of_word(self) -> Ranges:
        """Which of the characters are each word's."""
        return _one_by_one([len(word.ids) for word in self.words])

    @cached_property
    def ids(self) -> Ints:
        """What was read: "c"."""
        return np.array([symbol for word in self.words for symbol in word.ids], np.int64)

    @cached_property
    def places(self) -> Floats:
        """Left and right of each, in columns of its strip: "c 2"."""
        return np.concatenate([word.places for word in self.words])

    @cached_property
    def _before(self) -> Ints:
        """How many columns the strips before that of each word have, where all lie side by side: "w"."""
        wide = np.array([len(words[0].seen.density) for words in self.strips], np.int64)
        return np.asarray((wide.cumsum() - wide).repeat(self.of_strip.sizes))

    @cached_property
    def columns(self) -> Ranges:
        """The columns that each reaches into, of all strips side by side."""
        low = self.places[:, 0].astype(np.int64)
        high = np.maximum(np.ceil(self.places[:, 1]).astype(np.int64), low + 1)
        before = self._before.repeat(self.of_word.sizes)
        return Ranges(low + before, high + before)

    @cached_property
    def spans(self) -> Ranges:
        """The columns of each word, of all strips side by side."""
        low, high = np.array([(word.span.low, word.span.high) for word in self.words], np.int64).T
        return Ranges(low + self._before, high + self._before)

    def side_by_side(self, part: Callable[[Seen], Floats]) -> Floats:
        """Return what is seen in the columns of all strips: "n"."""
        return np.concatenate([part(words[0].seen) for words in self.strips])

    @cached_property
    def fixed(self) -> Floats:
        """The log-probabilities of the fixation that read each: "c C"."""
        return np.concatenate([_first(word.trial.log_probs, len(word.ids)) for word in self.words])

    @cached_property
    def looks(self) -> list[Floats]:
        """Where those fixations looked, of each strip: "c n"."""
        return [
            np.concatenate([_first(word.trial.looks, len(word.ids)) for word in words])
            for words in self.strips
        ]

    def looked_at(self, part: Callable[[Seen], Floats]) -> Floats:
        """Return the mean under its look of what is seen in the columns, for each: "c"."""
        return np.concatenate(
            [looks @ part(words[0].seen) for words, looks in zip(self.strips, self.looks, strict=True)]
        )

    @cached_property
    def fixations(self) -> Floats:
        """The log-probability of each by its fixation: "c"."""
        return self.fixed[np.arange(len(self.ids)), self.ids]

    @cached_property
    def glanced(self) -> Floats:
        """The log-probability of each in the column of its own where the glance saw it best: "c"."""
        ids, ends = self.ids.repeat(self.columns.sizes), self.columns.sizes.cumsum()
        last = self.of_strip.sizes.cumsum() - 1
        parts = ends[self.of_word.sizes.cumsum()[last] - 1].tolist()
        seen, low = [], 0
        for words, before, high in zip(self.strips, self._before[last].tolist(), parts, strict=True):
            seen.append(words[0].seen.log_probs[self.columns.every[low:high] - before, ids[low:high]])
            low = high
        return self.columns.max(np.concatenate(seen))

    @cached_property
    def spreads(self) -> Floats:
        """The entropy of each look over that of one that is level over the word: "c"."""
        entropy = [-(looks * np.log(np.maximum(looks, 1e-9))).sum(-1) for looks in self.looks]
        level = np.log(np.maximum(self.spans.sizes, 2)).repeat(self.of_word.sizes)
        return np.asarray(np.concatenate(entropy) / level, np.float32)

    @cached_property
    def drifts(self) -> Floats:
        """How far the middle of each look is from its character's, in characters, 3 at most: "c"."""
        middles = self.looked_at(lambda seen: np.arange(len(seen.density)) + 0.5)
        wide = np.array([_wide(word.places) for word in self.words]).repeat(self.of_word.sizes)
        off = np.abs(middles - self.places.mean(-1))
        return np.asarray(np.minimum(off / wide, 3.0), np.float32)


def _one_by_one(sizes: Sequence[int]) -> Ranges:
    """Return ranges of some sizes, one after the other."""
    ends = np.cumsum(sizes, dtype=np.int64)
    return Ranges(np.asarray(ends - sizes, np.int64), ends)


def _first(rows: Floats, count: int) -> Floats:
    """Return the first rows, the last of them again where there are too few."""
    return rows[:count] if len(rows) >= count else rows[np.minimum(np.arange(count), len(rows) - 1)]


def _wide(places: Floats) -> float:
    """Return how wide the characters of a word are, in columns, one at least."""
    return max(float(places[-1, 1] - places[0, 0]) / len(places), 1.0)
