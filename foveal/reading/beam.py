"""Texts that a glance may be read as, given what usually follows what: a beam along CTC's columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from heapq import nlargest
from typing import NamedTuple

import numpy as np

from foveal.reading.decode import SPACE, Floats, Symbol
from foveal.reading.language import Key, Language, Mixture

_NEVER = -1e30
_PAPER = -1e-3
"""A column so surely blank is passed over at once: half of all columns."""


@dataclass(frozen=True)
class Beam:
    """How texts are looked for.

    share: weight of the language's log-chance; longer: what each character adds, since every chance takes
    off and short texts would win; width: texts kept after each column; least: log-probability in a column
    below which a character is not thought of there.
    """

    share: float = 0.4
    longer: float = 0.9
    width: int = 24
    least: float = -7.0


BEAM = Beam()


class Text(NamedTuple):
    """A text that was found. seen: its log-probability, of the paths kept; usual: the language's share."""

    ids: tuple[int, ...]
    seen: float
    usual: float


class _Prefix:
    """The beginning of a text: its last character, what came before it, and what the language says of it."""

    __slots__ = ("before", "context", "longer", "symbol", "usual")

    def __init__(self, before: _Prefix | None, symbol: int, context: Key, usual: float) -> None:
        self.before, self.symbol, self.context, self.usual = before, symbol, context, usual
        self.longer: dict[int, _Prefix] = {}

    def ids(self) -> tuple[int, ...]:
        found, prefix = [], self
        while prefix.before is not None:
            found.append(prefix.symbol)
            prefix = prefix.before
        return tuple(found[::-1])


def likeliest(log_probs: Floats, usual: Language | Mixture, beam: Beam = BEAM) -> list[Text]:
    """Return the likeliest texts of a line, likeliest first.

    (CTC's prefix beam with a language: Graves and Jaitly, 2014; Hannun et al., 2014.) log_probs: "n C".
    Cost: O(n · width · characters thought of in a column), some tens of ms a line of handwriting.
    """
    start = _Prefix(None, 0, usual.begin(), 0.0)
    kept = {start: (0.0, _NEVER)}  # log-probability of the paths that end in a blank, and in the character
    for row in log_probs:
        blank = float(row[0])
        if blank > _PAPER:
            kept = {prefix: (_sum(*ways) + blank, _NEVER) for prefix, ways in kept.items()}
            continue
        thought = [(int(i), float(row[i])) for i in np.flatnonzero(row > beam.least) if i]
        found = _stepped(kept, row, thought, usual, beam)
        best = nlargest(beam.width, found.items(), key=lambda one: _sum(*one[1]) + one[0].usual)
        kept = dict(best)
    texts = [Text(prefix.ids(), _sum(*ways), prefix.usual) for prefix, ways in kept.items()]
    return sorted(texts, key=lambda text: -(text.seen + text.usual))


def _stepped(
    kept: dict[_Prefix, tuple[float, float]],
    row: Floats,
    thought: list[tuple[int, float]],
    usual: Language | Mixture,
    beam: Beam,
) -> dict[_Prefix, tuple[float, float]]:
    """Return what the texts kept may be after one more column, and how likely."""
    found: dict[_Prefix, tuple[float, float]] = {}
    blank = float(row[0])
    for prefix, (paused, written) in kept.items():
        either = _sum(paused, written)
        again = written + float(row[prefix.symbol]) if prefix.symbol else _NEVER
        before = found.get(prefix, (_NEVER, _NEVER))
        found[prefix] = (_sum(before[0], either + blank), _sum(before[1], again))
        for symbol, seen in thought:
            way = (paused if symbol == prefix.symbol else either) + seen
            if way < _NEVER / 2 or (symbol == SPACE and prefix.symbol in (0, SPACE)):
                continue
            longer = prefix.longer.get(symbol)
            if longer is None:
                gain = beam.share * usual.log_chance(prefix.context, symbol) + beam.longer
                context = usual.further(prefix.context, (symbol,))
                longer = prefix.longer[symbol] = _Prefix(prefix, symbol, context, prefix.usual + gain)
            before = found.get(longer, (_NEVER, _NEVER))
            found[longer] = (before[0], _sum(before[1], way))
    return found


def _sum(one: float, other: float) -> float:
    """Return log(eᵃ + eᵇ)."""
    if one < other:
        one, other = other, one
    return one if other - one < -30 else one + math.log1p(math.exp(other - one))


def aligned(log_probs: Floats, ids: tuple[int, ...]) -> list[Symbol] | None:
    """Return where each character of a text stands on its best path; None if it has no room there.

    (Viterbi's path through CTC's states.) log_probs: "n C".
    """
    states = np.zeros(2 * len(ids) + 1, np.int64)
    states[1::2] = ids
    skip = np.zeros(len(states), bool)
    skip[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), _NEVER)
    score[:2] = log_probs[0, states[:2]]
    steps = np.zeros((len(log_probs), len(states)), np.int64)
    for column, row in enumerate(log_probs[1:], start=1):
        ways = np.full((3, len(states)), _NEVER)
        ways[0], ways[1, 1:] = score, score[:-1]
        ways[2, 2:] = np.where(skip[2:], score[:-2], _NEVER)
        steps[column] = ways.argmax(0)
        score = ways.max(0) + row[states]
    state = len(states) - 1 - int(score[-2:].argmax() == 0 and len(states) > 1)
    if score[state] < _NEVER / 2:
        return None
    path = np.empty(len(log_probs), np.int64)
    for column in range(len(log_probs) - 1, -1, -1):
        path[column] = state
        state -= int(steps[column, state])
    firsts = np.searchsorted(path, 2 * np.arange(len(ids)) + 1)
    lasts = np.searchsorted(path, 2 * np.arange(len(ids)) + 1, side="right") - 1
    return [
        Symbol(symbol, int(first), int(last), float(np.exp(log_probs[first : last + 1, symbol].max())))
        for symbol, first, last in zip(ids, firsts, lasts, strict=True)
    ]
