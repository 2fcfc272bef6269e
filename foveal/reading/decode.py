"""From the line model's numbers to words: CTC's best path, the score of a text, the choice of a reading.

Shapes: n columns of the grid, C classes with 0 for "nothing" (CTC's blank, the end of a word).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, zip_longest

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
SPACE = 1
"""The id of the space."""

_RESCALED = (
    64  # columns after which chances of CTC paths, at most tripled in each, are brought back into range
)
_NEVER = 1e-300
_LACKS = 1e-5  # what sums of probabilities may lack of one
ROUNDED = 0.01
"""What sums of log-probabilities may lack."""


@dataclass(frozen=True)
class Symbol:
    """One character of CTC's best path: its id, the columns it was emitted in, and its probability."""

    id: int
    first: int
    last: int
    probability: float


@dataclass(frozen=True)
class Span:
    """A word of the glance: its symbols, and the columns [low, high) between the spaces around it."""

    symbols: tuple[Symbol, ...]
    low: int
    high: int

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """The ids of the word."""
        return tuple(symbol.id for symbol in self.symbols)


def best_path(log_probs: Floats) -> list[Symbol]:
    """Return the symbols of the best CTC path (Graves et al., 2006). log_probs: "n C"."""
    ids = log_probs.argmax(-1)
    starts = np.flatnonzero(np.concatenate(([True], ids[1:] != ids[:-1])))
    best = np.exp(np.maximum.reduceat(log_probs[np.arange(len(ids)), ids], starts)).tolist()
    ends = pairwise([*starts.tolist(), len(ids)])
    runs = zip(ids[starts].tolist(), ends, best, strict=True)
    return [Symbol(symbol, low, high - 1, chance) for symbol, (low, high), chance in runs if symbol]


def spans(symbols: list[Symbol], columns: int) -> list[Span]:
    """Cut the best path at its spaces; several spaces in a row count as one."""
    found: list[Span] = []
    word: list[Symbol] = []
    low = 0
    for symbol in [*symbols, Symbol(SPACE, columns, columns, 1.0)]:
        if symbol.id != SPACE:
            word.append(symbol)
            continue
        if word:
            found.append(Span(tuple(word), low, max(low + 1, symbol.first)))
            word = []
        low = min(columns - 1, symbol.last + 1)
    return found


def ctc_score(log_probs: Floats, ids: tuple[int, ...]) -> float:
    """Return log p(ids) over all CTC paths. log_probs: "n C"."""
    return float(ctc_scores(log_probs, [ids])[0])


def ctc_scores(log_probs: Floats, texts: Sequence[tuple[int, ...]]) -> Floats:
    """Return `ctc_score` of k texts at once: the forward algorithm, in n steps for all of them.

    What is less likely than e⁻⁶⁹⁰ beside the likeliest path counts as so likely.
    """
    ids, lengths = _side_by_side(texts)
    states = np.zeros((2 * len(ids) + 1, len(texts)), np.int64)
    states[1::2] = ids
    skip = np.zeros(states.shape)
    skip[3::2] = ids[1:] != ids[:-1]
    most = log_probs.max(-1).astype(np.float64)
    emit = np.exp(log_probs[:, states] - most[:, None, None])  # beside the likeliest: in range for long words
    score, scale = np.zeros((len(states) + 2, len(texts))), most.sum()  # two states never reached
    score[2:4] = emit[0, :2]
    for step in range(1, len(emit)):
        score[2:] = (score[2:] + score[1:-1] + skip * score[:-2]) * emit[step]
        if step % _RESCALED == 0:
            highest = np.maximum(score.max(0), _NEVER)
            score, scale = score / highest, scale + np.log(highest)
    rows = np.arange(len(texts))
    ends = score[2 * lengths + 2, rows] + score[2 * lengths + 1, rows]
    return np.asarray(np.log(np.maximum(ends, _NEVER)) + scale, np.float32)


def _side_by_side(texts: Sequence[tuple[int, ...]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return texts as columns, "longest k", filled up with 0, and their lengths, "k"."""
    lengths = np.array([len(ids) for ids in texts], np.int64)
    columns = np.array(list(zip_longest(*texts, fillvalue=0)), np.int64)
    return columns.reshape(-1, len(texts)), lengths


def fixation_ids(log_probs: Floats) -> tuple[int, ...]:
    """Return the ids before the first fixation that found nothing. log_probs: "t C"."""
    ids = log_probs.argmax(-1).tolist()
    return tuple(ids[: ids.index(0)] if 0 in ids else ids)


def fixation_score(log_probs: Floats, ids: tuple[int, ...]) -> float:
    """Return Σ log p of the ids and of the end behind them; −inf if there are not fixations enough."""
    if len(ids) > len(log_probs):
        return -np.inf
    asked = (*ids, 0)[: len(log_probs)]
    return float(sum(map(log_probs.item, range(len(asked)), asked)))  # of one text, faster than as arrays


def fixation_scores(log_probs: Floats, texts: Sequence[tuple[int, ...]]) -> Floats:
    """Return `fixation_score` of several texts at once."""
    ids, lengths = _side_by_side(texts)
    asked = np.concatenate([ids, np.zeros((1, len(texts)), np.int64)])[: len(log_probs)]
    steps = np.arange(len(asked))[:, None]
    scores = np.where(steps <= lengths, log_probs[steps, asked], 0).sum(0)
    return np.asarray(np.where(lengths > len(log_probs), -np.inf, scores), np.float32)


@dataclass(frozen=True)
class Trial:
    """One word fixated as if it had a certain length. log_probs: "t C"; looks: "t n"."""

    log_probs: Floats
    looks: Floats

    @cached_property
    def highest(self) -> Floats:
        """The log-probability of what each fixation holds likeliest: "t"."""
        return np.asarray(self.log_probs.max(-1))

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """The ids that its fixations read."""
        return fixation_ids(self.log_probs)


def lengths(span: Span, mass: float) -> tuple[int, ...]:
    """Return the lengths a word may have: what the glance read, and what the count says if that differs."""
    read, counted = len(span.symbols), round(mass)
    return (read,) if counted in (read, 0) else (read, counted)


def support(ids: tuple[int, ...], trials: Sequence[Trial]) -> tuple[float, int]:
    """Return how likely the best of a word's trials holds a reading, and that trial's index, negative."""
    return max((fixation_score(trial.log_probs, ids), -i) for i, trial in enumerate(trials))


def supports(texts: Sequence[tuple[int, ...]], trials: Sequence[Trial]) -> Floats:
    """Return how likely the best of a word's trials holds each of several readings."""
    return np.asarray(
        np.max([fixation_scores(trial.log_probs, texts) for trial in trials], axis=0), np.float32
    )


def choose(
    glanced: Floats, trials: Sequence[Trial], span: Span, *, trust: float
) -> tuple[tuple[int, ...], Trial]:
    """Return the ids of a word: of all its readings the one that both steps together hold likeliest.

    glanced: "m C", the word's columns, whose best path is the span; trials: its fixations; trust: weight of
    the fixations, 0 to 1. With the ids comes the trial that supports them best.
    """
    readings = list({span.ids, *(trial.ids for trial in trials)} - {()})
    best = readings[0]
    if len(readings) > 1:
        fixed = trust * supports(readings, trials)
        best = span.ids
        if not _is_far_ahead(readings.index(best), fixed, 1 - trust, float(glanced.max(-1).sum())):
            best = readings[int((fixed + (1 - trust) * ctc_scores(glanced, readings)).argmax())]
    return best, trials[-support(best, trials)[1]]


def _is_far_ahead(place: int, fixed: Floats, weight: float, path: float) -> bool:
    """Tell whether the text of the glance's best path is likelier than all others, whatever paths they have.

    place: of that text; fixed: what the fixations say for each; weight: of the glance; path: what it says.
    """
    most = fixed + weight * rest(path)
    most[place] = -np.inf
    return bool(fixed[place] + weight * path - ROUNDED > most.max())


def rest(log_chance: float) -> float:
    """Return the log-chance that a step leaves to all but one reading together, a little more at most."""
    return math.log(_LACKS - math.expm1(min(log_chance, 0.0)))


def edges(density: Floats, span: Span, characters: int) -> Floats:
    """Return left and right edge, in columns, of each character of a word: "characters 2".

    The running count inside the word is stretched to the characters read; a character lies where the
    count passes through its place, and the gaps between characters, which hold no mass, belong to none.
    """
    mass = np.concatenate(([0.0], density[span.low : span.high].cumsum()))
    if mass[-1] <= 0:
        grid = np.linspace(span.low, span.high, characters + 1, dtype=np.float32)
        return np.stack((grid[:-1], grid[1:]), -1)
    places = np.arange(span.low, span.high + 1, dtype=np.float32)
    mass = mass * characters / mass[-1] + np.arange(len(mass)) * 1e-6  # strictly rising, for the inverse
    counts = np.arange(characters)[:, None] + (0.08, 0.92)
    return np.asarray(np.interp(counts, mass, places), np.float32)
