"""What was seen of strips to what is read there: the text of each word, its characters, how sure each is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from foveal.alphabet import Alphabet
from foveal.document import Remedy
from foveal.reading.characters import Characters, ReadIds
from foveal.reading.codes import CODE, as_code
from foveal.reading.decode import edges, support
from foveal.reading.evidence import (
    Vector,
    char_evidence,
    lines_evidence,
    on_lines,
    spelling,
    word_evidence,
)
from foveal.reading.observation import Observation
from foveal.reading.readings import ReadChar, Reading, ReadWord
from foveal.reading.remedy import better
from foveal.reading.trust import Trust
from foveal.reading.words import LISTED, Tongue, choose_word

_OTHERS, _LEAST = 4, 0.01
"""So many of the likeliest characters are named as alternatives, if they are likely enough."""


class _Chosen(NamedTuple):
    """What a word is read as, and whether its text lists it; None where no words are known."""

    read: ReadIds
    remedy: Remedy | None
    known: bool | None


class _Said(NamedTuple):
    """What is said of words: evidence "w WORD_EVIDENCE", chances; of characters: grounds, guesses."""

    evidence: Vector
    grounds: Vector
    chances: Sequence[float | None]
    guessed: Sequence[bool]


@dataclass(frozen=True)
class Deciding:
    """How strips are decided. weight: of the fixations against the glance; trust: gives chances, if any."""

    alphabet: Alphabet
    weight: float
    trust: Trust | None

    def read(
        self, observed: Sequence[Observation], tongues: Sequence[Tongue | None], *, looks: bool
    ) -> list[Reading]:
        """Return the reading of each strip, given the words of its text; looks: keep them."""
        chosen = [self._chosen(seen, tongue) for seen, tongue in zip(observed, tongues, strict=True)]
        sizes = [sum(len(one.read.ids) for one in words) for words in chosen]
        lines = lines_evidence(
            [(seen.glance, seen.spans, size) for seen, size in zip(observed, sizes, strict=True)]
        )
        words = self._words(observed, chosen, lines, looks=looks)
        parts = [tuple(islice(words, len(own))) for own in chosen]
        chances: Sequence[float | None] = [None] * len(parts)
        if self.trust:
            chances = self.trust.of_lines(lines, [[word.chance or 0.0 for word in own] for own in parts])
        return [
            Reading(*one) for one in zip(parts, [seen.cell for seen in observed], lines, chances, strict=True)
        ]

    def _chosen(self, seen: Observation, tongue: Tongue | None) -> list[_Chosen]:
        """Return what the words of a strip are read as, those without characters left out."""
        found = (self._choose(seen, place, tongue) for place in range(len(seen.spans)))
        return [one for one in found if one is not None]

    def _choose(self, seen: Observation, place: int, tongue: Tongue | None) -> _Chosen | None:
        """Return what the word of a span is read as, None if it holds no characters."""
        span, trials, remedies = seen.spans[place], seen.trials[place], seen.remedies[place]
        word = seen.word(span)
        if seen.said:
            ids = before = span.ids
            trial = trials[-support(ids, trials)[1]]
        else:
            ids, trial, before = choose_word(word.log_probs, trials, span, trust=self.weight, tongue=tongue)
        if not ids:
            return None
        kind = LISTED
        if found := better(word, trials, remedies, trust=self.weight) if remedies else None:
            before, (kind, ids, trial) = ids, found
            trials = [*trials, trial]
        code = as_code(ids, word, trials, self.alphabet, trust=self.weight)
        if code != ids:
            before, kind, ids, trial = ids, CODE, code, trials[-support(code, trials)[1]]
        remedy = Remedy(kind, self.alphabet.decode(before)) if ids != before else None
        places = edges(seen.glance.density, span, len(ids))
        known = tongue.knows(ids) if tongue else None
        return _Chosen(ReadIds(seen.glance, span, trials, ids, trial, places), remedy, known)

    def _words(
        self,
        observed: Sequence[Observation],
        chosen: Sequence[Sequence[_Chosen]],
        lines: Vector,
        *,
        looks: bool,
    ) -> Iterator[ReadWord]:
        """Yield the words chosen on strips with their characters and what speaks for them."""
        every = [one for words in chosen for one in words]
        if not every:
            return
        read = Characters([one.read for one in every])
        said = self._said(read, every, lines[[bool(words) for words in chosen]])
        cells = np.array([seen.cell for seen in observed]).repeat([len(words) for words in chosen])
        chars, first = self._chars(read, cells, said.guessed, looks=looks), 0
        for one, row, chance in zip(every, said.evidence, said.chances, strict=True):
            last = first + len(one.read.ids)
            own = tuple(islice(chars, last - first))
            yield ReadWord(own, row, said.grounds[first:last], chance, one.remedy)
            first = last

    def _said(self, read: Characters, chosen: Sequence[_Chosen], lines: Vector) -> _Said:
        grounds = char_evidence(read)
        letters = [spelling(self.alphabet.decode(one.read.ids), known=one.known) for one in chosen]
        evidence = np.concatenate([word_evidence(read), letters], axis=1)
        rows = on_lines(evidence, lines, read.of_strip)
        if self.trust is None:
            return _Said(rows, grounds, [None] * len(rows), [False] * len(grounds))
        return _Said(rows, grounds, self.trust.words.chances(rows).tolist(), self.trust.guessed(grounds))

    def _chars(
        self, read: Characters, cells: Vector, guessed: Sequence[bool], *, looks: bool
    ) -> Iterator[ReadChar]:
        """Yield the characters. cells: the width of a column in each word's strip, "w"."""
        characters, others = self.alphabet.characters, _likeliest(read)
        ends = (read.places * cells.repeat(read.of_word.sizes)[:, None].astype(read.places.dtype)).tolist()
        chances, ids = np.exp(read.fixations).tolist(), read.ids.tolist()
        seen = [look for strip in read.looks for look in strip] if looks else [None] * len(ids)
        for place, (symbol, chance, (left, right)) in enumerate(zip(ids, chances, ends, strict=True)):
            named = tuple((characters[i - 1], p) for p, i in others[place] if i not in (symbol, 0))
            text = characters[symbol - 1]
            yield ReadChar(text, left, right, chance, named, seen[place], guessed[place])


def _likeliest(read: Characters) -> list[list[tuple[float, int]]]:
    """Return the ids that the fixation of each character holds likeliest, "nothing" too; chances first."""
    rows, ids = np.nonzero(read.fixed > np.log(_LEAST))  # few of each row
    found: list[list[tuple[float, int]]] = [[] for _ in read.ids]
    for row, symbol, chance in zip(
        rows.tolist(), ids.tolist(), np.exp(read.fixed[rows, ids]).tolist(), strict=True
    ):
        found[row].append((chance, symbol))
    return [sorted(one, reverse=True)[:_OTHERS] if len(one) > 1 else one for one in found]
