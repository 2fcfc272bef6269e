"""A line in doubt, read again by what usually follows what: other texts and other spaces are thought of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from foveal.alphabet import ALPHABET, FOREIGN
from foveal.document import Remedy
from foveal.reading.beam import BEAM, Beam, aligned, likeliest
from foveal.reading.decode import Floats, Span, Trial, ctc_scores, spans, support
from foveal.reading.engine import WEIGHTS
from foveal.reading.language import Language, Mixture, load_languages
from foveal.reading.listed import Ids
from foveal.reading.readings import Reading, ReadWord
from foveal.reading.words import Tongue

CONTEXT = "context"
"""The kind of `Remedy` that says of a word that what stands around it decided what was left in doubt."""

SURE = 0.95
"""A line read surer than this stands."""
FEWEST = 12
"""Shorter lines have too little around any of their characters."""
PROSE = 0.5
"""Of the signs of a line, so many are small letters in prose."""
OWN = 3
"""So many times a model's own texts count beside those of the language."""

ALIKE = {ALPHABET.index("ſ") + 1: ALPHABET.index("s") + 1}
"""What is counted as one sign: old print has both, lists of words have one."""

_KNOWN = 0.5  # of the languages that are counted together, before a line is held against them
_LEAST = 0.02  # of a language, to be asked at all
_TELLS = 0.5  # so much what follows what in a first reading, which may be wrong, tells of its language
_TEXTS = 16  # of the likeliest that the beam ends with
_STAYS = 2.0  # what the first reading is ahead by: it had listed words and second looks to help it
_FIGURES = frozenset(ALPHABET.index(figure) + 1 for figure in "0123456789")


@dataclass(frozen=True)
class Proposal:
    """A text that a line may be read as, its words, and all but what the fixations say of it."""

    spans: tuple[Span, ...]
    score: float


@dataclass(frozen=True, eq=False)
class Context:
    """What usually follows what, held against lines in doubt. Safe to share between threads.

    languages: counts of characters of each, those that come with the package unless given; own: texts of the
    material that is read, which count OWN times; beam: how texts are looked for, and what a language weighs.
    """

    languages: Mapping[str, Language] | None = None
    own: Sequence[Ids] = ()
    beam: Beam = BEAM

    def doubts(self, reading: Reading) -> bool:
        """Tell whether a line is prose of this script, long enough to have a context, and not read surely.

        Languages are counted in prose: of capitals, as on receipts, and of figures they know little.
        """
        signs = [char.text for word in reading.words for char in word.chars]
        long = len(reading.words) > 1 and len(signs) + len(reading.words) >= FEWEST
        prose = sum(sign.islower() for sign in signs) >= PROSE * len(signs)
        return long and prose and FOREIGN not in signs and reading.confidence < SURE

    def of(self, tongue: Tongue | None, first: Ids) -> Mixture | None:
        """Return what is usual in a line; None if its text is likely in none of the languages counted.

        tongue: the words of its text; first: what it was read as at first, which tells its language too.
        """
        shares = {} if tongue is None else tongue.shares()
        shares = {name: share for name, share in shares.items() if name in self._known}
        if sum(shares.values()) < _KNOWN:
            return None
        told = {
            name: math.log(share) + _TELLS * self._taught(name).log_chances(folded(first))
            for name, share in shares.items()
            if share > _LEAST
        }
        weights = {name: math.exp(chance - max(told.values())) for name, chance in told.items()}
        kept = {name: weight for name, weight in weights.items() if weight > _LEAST}
        every = sum(kept.values())
        return Mixture([(self._taught(name), weight / every) for name, weight in kept.items()], ALIKE)

    @cached_property
    def _known(self) -> Mapping[str, Language]:
        return embedded_languages() if self.languages is None else self.languages

    def _taught(self, name: str) -> Language:
        """Return a language that knows the own texts."""
        found = self._kept.get(name)
        if found is None:
            found = self._known[name]
            if self.own:
                mine = Language.learn(map(folded, self.own), classes=found.classes, order=found.order)
                found = found.with_more(mine, times=OWN)
            self._kept[name] = found
        return found

    @cached_property
    def _kept(self) -> dict[str, Language]:
        return {}

    def proposals(self, log_probs: Floats, first: Ids, usual: Mixture, *, trust: float) -> list[Proposal]:
        """Return what a line may be read as, its first reading among it. log_probs: "n C", the glance.

        trust: the weight of the fixations, which what is said here is without.
        """
        found = (text.ids for text in likeliest(log_probs, usual, self.beam)[:_TEXTS])
        texts = [ids for ids in dict.fromkeys((first, *found)) if ids and figures(ids) == figures(first)]
        paths = [(ids, path) for ids in texts if (path := aligned(log_probs, ids)) is not None]
        if not paths:
            return []
        seen = (1 - trust) * ctc_scores(log_probs, [ids for ids, _ in paths])
        return [
            Proposal(tuple(spans(path, len(log_probs))), float(chance) + self._usual(ids, first, usual))
            for (ids, path), chance in zip(paths, seen, strict=True)
        ]

    def _usual(self, ids: Ids, first: Ids, usual: Mixture) -> float:
        stays = _STAYS if ids == first else 0.0
        return self.beam.share * usual.log_chances(ids) + self.beam.longer * len(ids) + stays


def folded(ids: Ids) -> Ids:
    """Return a text with the signs that ALIKE takes for others replaced by those."""
    return tuple(ALIKE.get(symbol, symbol) for symbol in ids)


def figures(ids: Ids) -> Ids:
    """Return the figures of a text: what is usual says nothing of numbers, and must not change them."""
    return tuple(symbol for symbol in ids if symbol in _FIGURES)


def best(
    proposals: Sequence[Proposal], trials: Mapping[Span, list[Trial]], *, trust: float
) -> tuple[Span, ...]:
    """Return the words of the likeliest text. trials: the fixations of each word that any of them has."""
    known = {span: trust * support(span.ids, own)[0] for span, own in trials.items()}
    return max(proposals, key=lambda one: one.score + sum(known[span] for span in one.spans)).spans


def told(reading: Reading, first: Reading) -> Reading:
    """Return a reading whose words say what stood in their place at first, where that was another text."""
    return replace(reading, words=tuple(_told(word, first.words) for word in reading.words))


def _told(word: ReadWord, first: Sequence[ReadWord]) -> ReadWord:
    here = [one for one in first if one.x0 < word.x1 and word.x0 < one.x1]
    meant = [one for one in here if word.x0 < (one.x0 + one.x1) / 2 < word.x1] or here
    before = " ".join(one.text for one in meant)
    if before == word.text:
        return replace(word, remedy=meant[0].remedy)
    return replace(word, remedy=Remedy(CONTEXT, before))


@lru_cache(maxsize=1)
def embedded_languages() -> Mapping[str, Language]:
    """Return the languages that come with the package by name, loaded at their first use."""
    return load_languages(WEIGHTS / "usage.npz")
