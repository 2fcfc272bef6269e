"""The words of a language, held against what was seen where a word is in doubt.

A model's own list, kept in its file (see `foveal adapt`). A listed word is read only where the ink bears it:
its chance in the language is weighed against what the glance and the fixations say of every character.
"""

from __future__ import annotations

import heapq
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.reading.decode import Floats, Span, Trial, choose, ctc_score, fixation_ids, support

SHARE = 0.6
"""Weight of a word's log-chance in the language beside that of what was seen (benchmarks/words.py)."""
UNLISTED, EACH = -14.0, 2.0
"""Log-chance of a word that is not listed, and what each of its letters takes off."""

_SURE = -0.05  # a word that both steps read alike, with this log-chance, stands
_KEPT = 16  # listed words that are held against all that was seen, of those likeliest by the fixations
_LONGER = 2  # letters by which a listed word may be longer or shorter than what was read
_BREAKS = ("-", "¬", "⸗")
_PARTS = re.compile(r"(\W*(?:[^\W\d_]{1,6}['’])?)(.*?)(\W*)", re.DOTALL)


@dataclass(frozen=True, eq=False)
class _Alike:
    """Listed words of one length L. ids: "w L"; capitals: "w", the first letter's; chances: "w", log p."""

    words: list[str]
    ids: NDArray[np.int64]
    capitals: NDArray[np.int64]
    chances: Floats


class Words:
    """Words in lower case with their log-chances. Those that the alphabet cannot write are left out.

    share: their weight beside what was seen.
    """

    def __init__(self, chances: Mapping[str, float], alphabet: Alphabet, *, share: float = SHARE) -> None:
        self.chances, self.share, self._alphabet = dict(chances), share, alphabet
        by_length: dict[int, list[str]] = defaultdict(list)
        for word in chances:
            if not alphabet.unwritable(word + word[:1].upper()):
                by_length[len(word)].append(word)
        self._alike = {length: self._together(found) for length, found in by_length.items()}

    @classmethod
    def from_text(cls, text: str, alphabet: Alphabet) -> Words:
        """Return the words of `to_text`."""
        rows = (row.split(" ") for row in text.splitlines())
        return cls({word: float(chance) for word, chance in rows}, alphabet)

    def to_text(self) -> str:
        """Return one "word log-chance" a line."""
        return "\n".join(f"{word} {chance:.2f}" for word, chance in self.chances.items())

    def _together(self, words: list[str]) -> _Alike:
        ids = np.array([self._alphabet.encode(word) for word in words])
        capitals = np.array([self._alphabet.encode(word[0].upper())[0] for word in words])
        return _Alike(words, ids, capitals, np.array([self.chances[word] for word in words], np.float32))

    def log_chance(self, ids: tuple[int, ...]) -> float:
        """Return how likely a word is, whatever signs stand around it."""
        core = parts(self._alphabet.decode(ids))[1]
        return self.chances.get(core.lower(), UNLISTED - EACH * len(core))

    def like(self, ids: tuple[int, ...], trials: Sequence[Trial], *, trust: float) -> set[tuple[int, ...]]:
        """Return readings with a listed word in the place of the word read, those that look likeliest."""
        before, core, after = parts(self._alphabet.decode(ids))
        broken = after[:1] in _BREAKS  # at the end of a line
        if len(core) < 2 or not core.replace("-", "").isalpha() or broken:
            return set()
        next_id = self._alphabet.encode(after)[0] if after else 0
        scored: list[tuple[float, str]] = []
        for trial in trials:
            for length in range(max(1, len(core) - _LONGER), len(core) + _LONGER + 1):
                scored += self._likely(
                    trial.log_probs[len(before) :], length, next_id, capital=core[0].isupper(), trust=trust
                )
        found = [word for _, word in heapq.nlargest(_KEPT, scored)]
        cased = (word.upper() if core.isupper() else word for word in found)
        if core[0].isupper() and not core.isupper():
            cased = (word[0].upper() + word[1:] for word in found)
        return {tuple(self._alphabet.encode(before + word + after)) for word in cased}

    def _likely(
        self, log_probs: Floats, length: int, next_id: int, *, capital: bool, trust: float
    ) -> list[tuple[float, str]]:
        """Return the likeliest words of a length, begun by the first of the fixations given, with scores."""
        alike = self._alike.get(length)
        if alike is None or length >= len(log_probs):
            return []
        scores = log_probs[np.arange(length), alike.ids]
        if capital:
            scores[:, 0] = log_probs[0, alike.capitals]
        total = trust * (scores.sum(1) + log_probs[length, next_id]) + self.share * alike.chances
        best = np.argpartition(-total, min(_KEPT, len(total) - 1))[:_KEPT]
        return [(float(total[i]), alike.words[i]) for i in best]


def parts(text: str) -> tuple[str, str, str]:
    """Return what stands before a word (signs, an elided article), the word, and the signs behind it.

    >>> parts("(l'opéra,")
    ("(l'", 'opéra', ',')
    """
    found = _PARTS.fullmatch(text)
    assert found is not None  # anything fits
    before, core, after = found.groups()
    return before, core, after


def choose_word(
    glanced: Floats, trials: Sequence[Trial], span: Span, *, trust: float, words: Words | None
) -> tuple[tuple[int, ...], Trial]:
    """Return what `choose` does; where the word is in doubt, listed words are among the readings."""
    ids, trial = choose(glanced, trials, span, trust=trust)
    if words is None or not ids:
        return ids, trial
    readings = {span.ids, *(fixation_ids(one.log_probs) for one in trials)} - {()}

    def seen(one: tuple[int, ...]) -> float:
        return trust * support(one, trials)[0] + (1 - trust) * ctc_score(glanced, one)

    if len(readings) == 1 and seen(ids) > _SURE:
        return ids, trial
    for read in list(readings):
        readings |= words.like(read, trials, trust=trust)
    best = max(readings, key=lambda one: seen(one) + words.share * words.log_chance(one))
    return best, trials[-support(best, trials)[1]]
