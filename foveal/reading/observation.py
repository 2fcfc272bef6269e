"""What the model saw of a strip before anything is decided, and which fixations it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from foveal.reading.decode import Floats, Span, Trial, lengths
from foveal.reading.remedy import Remedied, Word
from foveal.reading.seen import Seen

_EXTRA = 2
"""Fixations beyond the expected length of a word: one must find its end, one more in case it is longer."""


@dataclass(frozen=True)
class Observation:
    """What the model saw of one strip.

    glance: what it saw; spans: its words; trials: each word's fixations; remedies: those under remedies, of
    words whose looks went wrong; cell: pixels of the image given to one column; said: whether its words are
    what their spans say, whatever else they might be.
    """

    glance: Seen
    spans: list[Span]
    trials: list[list[Trial]]
    remedies: list[list[Remedied]]
    cell: float
    said: bool = False

    def word(self, span: Span) -> Word:
        """Return a word as it was glanced at."""
        return Word(span, self.glance.log_probs[span.low : span.high], self.glance.density)


@dataclass(frozen=True)
class Asked:
    """The fixations asked of a strip. trial: which trial each belongs to; word: the word of each trial."""

    positions: Floats
    trial: NDArray[np.int64]
    window: NDArray[np.int64]
    word: list[int]

    def by_word(self, log_probs: Floats, looks: Floats) -> list[list[Trial]]:
        """Return the trials of each word from what the fixations saw: "t C" and "t n"."""
        trials: list[list[Trial]] = [[] for _ in range(max(self.word, default=-1) + 1)]
        ends = np.searchsorted(self.trial, np.arange(len(self.word) + 1)).tolist()  # one after the other
        for word, (low, high) in zip(self.word, pairwise(ends), strict=True):
            trials[word].append(Trial(log_probs[low:high], looks[low:high]))
        return trials


def ask(density: Floats, words: list[Span]) -> Asked:
    """Ask for every word once for each length it may have. density: "n", characters a column.

    The fixations stand where the running count passes the middle of each character, the word's whole mass
    shared out among the characters expected, with some fixations more to find the end.
    """
    total = np.concatenate(([0.0], density.cumsum())).astype(np.float32)
    positions, trials, windows = [np.zeros(0, np.float32)], [], []
    numbers: list[int] = []
    for number, span in enumerate(words):
        mass = float(total[span.high] - total[span.low])
        for length in lengths(span, mass):
            steps = (np.arange(length + _EXTRA, dtype=np.float32) + 0.5) * (mass / length)
            positions.append(total[span.low] + steps)
            trials.append(np.full(len(steps), len(numbers), np.int64))
            windows.append(np.full((len(steps), 2), (span.low, span.high), np.int64))
            numbers.append(number)
    none = np.zeros(0, np.int64)
    return Asked(
        np.concatenate(positions).astype(np.float32),
        np.concatenate([none, *trials]),
        np.concatenate([none.reshape(0, 2), *windows]),
        numbers,
    )
