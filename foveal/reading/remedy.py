"""Remedies: where the looks of a word went wrong, it is fixated again under a constraint.

The other reading is kept where both steps hold it far likelier, and it is said what it replaced. Which faults
call for a remedy, and how much likelier it must be, was measured: benchmarks/remedies.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from foveal.reading.decode import Floats, Span, Trial, choose, ctc_score, edges, fixation_score, lengths
from foveal.reading.eye import Eye, Gaze, Glimpse

GAIN = 5.0
"""A remedy's reading is kept if it is likelier by so much: in nats, of glance and fixations as weighed."""

BACK, FAR, JUMP, WIDE = 0.4, 1.0, 2.2, 0.8
"""Faults, in widths of the word's characters: a step back, a look away from its box, a step on, a spread."""
SHARED = 0.8
"""Two neighbours' looks that share more of their weight were looks at one place."""

_EXTRA = 2  # fixations beyond the expected length, as in the first reading
_REACH = 0.75  # under the monotonic remedy a look reaches so many characters to either side of its place
_SHORT = 4  # words with fewer characters are not parted

Remedied = tuple[str, Trial]
"""A remedy by name, and the fixations under it."""


@dataclass(frozen=True, eq=False)
class Word:
    """A word as it was glanced at. log_probs: "m C", its columns; density: "n", of the strip."""

    span: Span
    log_probs: Floats
    density: Floats

    @property
    def mass(self) -> float:
        """Characters by the running count."""
        return float(self.density[self.span.low : self.span.high].sum())

    def part(self, first: int, last: int, low: int, high: int) -> Word:
        """Return the symbols first to last (exclusive) as a word of the columns low to high."""
        start = self.span.low
        span = Span(self.span.symbols[first:last], low, high)
        return Word(span, self.log_probs[low - start : high - start], self.density)


def faults(trial: Trial, ids: tuple[int, ...], word: Word) -> set[str]:
    """Name what is wrong with the looks of a word read as `ids`: back, repeat, astray, gap, spread."""
    looks = trial.looks[: len(ids)]
    boxes = edges(word.density, word.span, len(ids))[: len(looks)]
    grid = np.arange(looks.shape[1]) + 0.5
    places = looks @ grid
    wide = float(np.median(boxes[:, 1] - boxes[:, 0])) / 0.84  # a box leaves out the gap beside it
    spreads = np.sqrt((looks * (grid[None] - places[:, None]) ** 2).sum(axis=1))
    steps = np.diff(places)
    found = {
        "back": (steps < -BACK * wide).any(),
        "repeat": (np.minimum(looks[1:], looks[:-1]).sum(axis=1) > SHARED).any(),
        "astray": (np.abs(places - boxes.mean(axis=1)) > FAR * wide).any(),
        "gap": (steps > JUMP * wide).any(),
        "spread": (spreads > WIDE * wide).any(),
    }
    return {name for name, is_so in found.items() if is_so}


def remedied(
    eye: Eye, glimpse: Glimpse, word: Word, trials: Sequence[Trial], *, trust: float
) -> list[Remedied]:
    """Return the fixations of a word under every remedy if its looks went wrong, else nothing.

    glimpse: of its strip alone; trust: weight of the fixations against the glance.
    """
    if _cannot_gain(trials[0], word, trust) or not faults(trials[0], word.span.ids, word):
        return []
    ids, trial = choose(word.log_probs, trials, word.span, trust=trust)
    if not ids or not faults(trial, ids, word):
        return []
    found = [("monotonic", one) for one in _monotonic(eye, glimpse, word)]
    return found + [("split", one) for one in _split(eye, glimpse, word, trust=trust)]


def better(
    word: Word, trials: Sequence[Trial], found: Sequence[Remedied], *, trust: float
) -> tuple[str, tuple[int, ...], Trial] | None:
    """Return the remedy, ids and fixations that are likelier by GAIN than what was read, if any are."""
    every = [*trials, *(trial for _, trial in found)]
    before, _ = choose(word.log_probs, trials, word.span, trust=trust)
    ids, trial = choose(word.log_probs, every, word.span, trust=trust)
    kind = next((name for name, one in found if one is trial), None)
    if ids == before or kind is None:
        return None
    gain = likelihood(ids, every, word, trust) - likelihood(before, trials, word, trust)
    return (kind, ids, trial) if gain >= GAIN else None


def likelihood(ids: tuple[int, ...], trials: Sequence[Trial], word: Word, trust: float) -> float:
    """Return how likely glance and fixations, as weighed, hold a reading of a word."""
    fixed = max(fixation_score(trial.log_probs, ids) for trial in trials)
    return trust * fixed + (1 - trust) * ctc_score(word.log_probs, ids)


def _cannot_gain(trial: Trial, word: Word, trust: float) -> bool:
    """Tell whether the glance's text is so likely that none could be likelier by GAIN; most words' is."""
    path = float(word.log_probs.max(axis=-1).sum())  # the likeliest of the paths that `ctc_score` sums
    return trust * fixation_score(trial.log_probs, word.span.ids) + (1 - trust) * path > -GAIN


def _monotonic(eye: Eye, glimpse: Glimpse, word: Word) -> list[Trial]:
    """Fixate with windows that follow each other: a look cannot reach past its neighbour's place."""
    return [
        _fixated(eye, glimpse, word.span, _positions(word, length), reach=_REACH * word.mass / length)
        for length in lengths(word.span, word.mass)
    ]


def _split(eye: Eye, glimpse: Glimpse, word: Word, *, trust: float) -> list[Trial]:
    """Fixate both halves of a word as if they were words, parted at the widest gap near its middle."""
    symbols, span = word.span.symbols, word.span
    if len(symbols) < _SHORT:
        return []
    gaps = [two.first - one.last for one, two in pairwise(symbols)]
    at = 1 + int(np.argmax(np.array(gaps) - abs(np.arange(1, len(symbols)) - len(symbols) / 2) / 2))
    cut = min(max((symbols[at - 1].last + symbols[at].first + 1) // 2, span.low + 1), span.high - 1)
    halves = []
    for half in (word.part(0, at, span.low, cut), word.part(at, len(symbols), cut, span.high)):
        trials = [
            _fixated(eye, glimpse, half.span, _positions(half, length))
            for length in lengths(half.span, half.mass)
        ]
        halves.append(choose(half.log_probs, trials, half.span, trust=trust))
    (left, first), (_, second) = halves
    if not left or len(left) > len(first.log_probs):
        return []
    log_probs = np.concatenate([first.log_probs[: len(left)], second.log_probs])
    return [Trial(log_probs, np.concatenate([first.looks[: len(left)], second.looks]))]


def _positions(word: Word, length: int) -> Floats:
    """Return the running counts at which so many characters of a word are looked for, and some more."""
    start = float(word.density[: word.span.low].sum())
    steps = (np.arange(length + _EXTRA, dtype=np.float32) + 0.5) * (word.mass / length)
    return (start + steps).astype(np.float32)


def _fixated(eye: Eye, glimpse: Glimpse, span: Span, positions: Floats, *, reach: float = np.inf) -> Trial:
    """Fixate within a span, each look no farther from its place than `reach`, in characters counted."""
    count = glimpse.count[0, span.low : span.high]
    low = np.minimum(np.searchsorted(count, positions - reach) + span.low, span.high - 1)
    high = np.maximum(np.searchsorted(count, positions + reach) + span.low, low + 1)
    asked = Gaze(positions[None], np.zeros((1, len(positions)), np.int64), np.stack([low, high], -1)[None])
    log_probs, looks = eye.fixate(glimpse, asked)
    return Trial(log_probs[0], looks[0])
