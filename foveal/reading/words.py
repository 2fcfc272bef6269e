"""The words of languages, held against what was seen where a word is in doubt.

A listed word is read only where the ink bears it: its chance in the language of the text is weighed against
what the glance and the fixations say of every character.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import NamedTuple

import numpy as np

from foveal.alphabet import Alphabet
from foveal.reading.decode import (
    ROUNDED,
    Floats,
    Span,
    Trial,
    choose,
    ctc_scores,
    fixation_score,
    rest,
    support,
    supports,
)
from foveal.reading.listed import Ids, Listed
from foveal.reading.vocabulary import Vocabulary, embedded_words

SHARE = 0.4
"""Weight of a word's log-chance in the language beside that of what was seen (benchmarks/words.py)."""
UNLISTED, EACH = -14.0, 2.0
"""Log-chance of a word that is not listed, and what each of its letters takes off."""

LISTED = "listed"
"""The kind of `Remedy` that says of a word that its language decided what was left in doubt."""

_OWN = 0.1  # share of the chances that goes to a model's own words
_THEIRS = 0.9  # how surely a text is in the languages that a model's own words are of
_LIKELY = -4.0  # the log-chance of a common word: what might beat a reading that is not quite sure
_SURE = (
    -0.3
)  # both steps read a word alike, and the fixations with this log-probability: it tells the language
_ENOUGH = 200  # sure words tell the language well enough
_KEPT = 16  # listed words that are held against all that was seen, of those likeliest by the fixations
_OTHER = 2  # letters by which a listed word may be longer or shorter than what was read: fixations beyond the
# end of a shorter word do not speak against it
_BREAKS = ("-", "¬", "⸗")
_LIKE_LETTERS = re.compile(r"(?<!\d)[01](?=[^\W\d])|(?<=[^\W\d])\|(?=[^\W\d])")  # MP3, A1 and 10th stay
_PARTS = re.compile(r"(\W*(?:[^\W\d_]{1,6}['’])?)(.*?)(\W*)", re.DOTALL)


class Words:
    """The words that a model knows, in its alphabet. Safe to share between threads.

    own: those of the model's own material, if it was taught any, which tell the languages of its texts too;
    vocabulary: of languages, the one that comes with the package unless given; share: the weight of words
    beside what was seen.
    """

    def __init__(
        self,
        alphabet: Alphabet,
        *,
        own: Vocabulary | None = None,
        vocabulary: Vocabulary | None = None,
        share: float = SHARE,
    ) -> None:
        self.alphabet, self.own, self.share = alphabet, own, share
        self._given = vocabulary

    @cached_property
    def lists(self) -> list[Listed]:
        """The languages' and the model's own; loaded at their first use."""
        languages = embedded_words() if self._given is None else self._given
        return [Listed(one, self.alphabet) for one in (languages, self.own) if one is not None]

    @cached_property
    def prior(self) -> Floats | None:
        """How likely each language is before anything is read; None if the model has no words of its own."""
        if self.own is None:
            return None
        languages = self.lists[0].vocabulary
        told = languages.heard(self.own.words())
        return np.asarray(_THEIRS * told + (1 - _THEIRS) * languages.prior(), np.float32)

    def heard(self, words: Iterable[Ids]) -> Tongue:
        """Return the words of a text in which these were surely read."""
        return Tongue(self, heard=tuple(words))

    def only(self, languages: Sequence[str]) -> Tongue:
        """Return the words of a text in one of these languages. Raises ConfigError for one without words."""
        self.lists[0].vocabulary.only(languages)
        return Tongue(self, languages=tuple(languages))


@dataclass(frozen=True, eq=False)
class Tongue:
    """The words of one text, whose language is told by its sure words, or given."""

    words: Words
    heard: tuple[Ids, ...] = ()
    languages: tuple[str, ...] = ()

    @cached_property
    def weights(self) -> list[Floats]:
        """The weights of the languages of each list."""
        known, *own = self.words.lists
        cores = (parts(self.words.alphabet.decode(ids))[1].lower() for ids in self.heard)
        told = islice((core for core in cores if len(core) > 1), _ENOUGH)
        if self.languages:
            found = known.vocabulary.only(self.languages)
        else:
            found = known.vocabulary.heard(told, prior=self.words.prior)
        return [found * (1 - _OWN * len(own)), *(np.full(1, _OWN, np.float32) for _ in own)]

    def shares(self) -> dict[str, float]:
        """Return how likely the text is in each language."""
        names = self.words.lists[0].vocabulary.languages
        return dict(zip(names, (self.weights[0] / self.weights[0].sum()).tolist(), strict=True))

    def log_chance(self, ids: Ids) -> float:
        """Return how likely a word is, whatever signs stand around it."""
        return self._log_chances([ids])[0]

    def log_chances(self, words: Sequence[Ids]) -> Floats:
        """Return `log_chance` of several words, looked up at once."""
        return np.array(self._log_chances(words), np.float32)

    def _log_chances(self, words: Sequence[Ids]) -> list[float]:
        cores = [self._core(ids) for ids in words]
        found = self._listed(cores)
        return [
            UNLISTED - EACH * len(core) if chance is None else chance
            for core, chance in zip(cores, found, strict=True)
        ]

    def knows(self, ids: Ids) -> bool:
        """Tell whether a word is listed; one of a single letter never is."""
        return self.known([ids])[0]

    def known(self, words: Sequence[Ids]) -> list[bool]:
        """Tell of several words which are listed, looked up at once."""
        return [chance is not None for chance in self._listed([self._core(ids) for ids in words])]

    def spells(self, ids: Ids) -> bool:
        """Tell whether they are letters, and nothing else."""
        return self.words.alphabet.decode(ids).isalpha()

    def _core(self, ids: Ids) -> str:
        core = self._cores.get(ids)
        if core is None:
            core = parts(self.words.alphabet.decode(ids))[1].lower().replace("ſ", "s")
            self._cores[ids] = core
        return core

    @cached_property
    def _cores(self) -> dict[Ids, str]:
        return {}

    def _listed(self, cores: Sequence[str]) -> list[float | None]:
        """Return the log-chance of each word by the list that it is likeliest in, None if in none."""
        found: dict[str, float | None] = {core: None for core in cores if core not in self._known}
        for listed, weights in zip(self.words.lists, self.weights, strict=True) if found else ():
            numbers = {core: number for core in found if (number := listed.number(core)) >= 0}
            chances = listed.vocabulary.log_chances(np.array([*numbers.values()], np.int64), weights)
            for core, chance in zip(numbers, chances.tolist(), strict=True):
                found[core] = max(chance, found[core] or chance)
        self._known.update(found)
        return [self._known[core] for core in cores]

    @cached_property
    def _known(self) -> dict[str, float | None]:
        return {}

    def highest(self, words: Iterable[Ids]) -> float:
        """Return the log-chance that no word exceeds that is read in the place of one of some words."""
        letters = {len(core) + more for core in map(self._core, words) for more in (0, core.count("ß"))}
        low, high = min(letters) - _OTHER, max(letters) + _OTHER
        return max(UNLISTED, *(one.vocabulary.highest(low, high) for one in self.words.lists))

    def like(self, ids: Ids, trials: Sequence[Trial], *, trust: float, least: float) -> set[Ids]:
        """Return readings with a listed word in the place of the word read, those that look likeliest.

        least: words that all fixations hold less likely are left out.
        """
        alphabet = self.words.alphabet
        before, core, after = parts(alphabet.decode(ids))
        broken = after[:1] in _BREAKS  # at the end of a line
        if len(core) < 2 or not _may_be_word(core) or broken:
            return set()
        lead, tail = tuple(alphabet.encode(before)), tuple(alphabet.encode(after))
        capitals = len(core) * 2 if core.isupper() else int(core[0].isupper())
        found: list[tuple[float, Callable[[], Ids]]] = []
        for trial in trials:
            seen = trial.log_probs[len(lead) :]
            for listed, weights in zip(self.words.lists, self.weights, strict=True):
                scores, numbers, letters = listed.search(
                    seen, (*tail, 0)[0], shortest=len(core) - _OTHER, longest=len(core) + _OTHER, least=least
                )
                total = trust * scores + self.words.share * listed.vocabulary.log_chances(numbers, weights)
                for i in np.argsort(-total)[:_KEPT]:
                    write = partial(listed.written, letters[i], seen, capitals=capitals)
                    found.append((float(total[i]), write))
        likeliest = sorted(found, key=lambda one: -one[0])[:_KEPT]
        return {(*lead, *write(), *tail) for _, write in likeliest}


def _may_be_word(core: str) -> bool:
    """Tell whether letters were read, or three and more with signs among them that look like some: wh1ch."""
    letters = core.replace("-", "")
    others = _LIKE_LETTERS.sub("", letters)
    return others.isalpha() and (others == letters or len(others) > 2)


def parts(text: str) -> tuple[str, str, str]:
    """Return what stands before a word (signs, an elided article), the word, and the signs behind it.

    >>> parts("(l'opéra,")
    ("(l'", 'opéra', ',')
    """
    found = _PARTS.fullmatch(text)
    assert found is not None  # anything fits
    before, core, after = found.groups()
    return before, core, after


def is_sure(span: Span, trials: Sequence[Trial]) -> bool:
    """Tell whether a word was read so surely that it tells the language of its text."""
    return (
        len(span.ids) > 1
        and all(one.ids == span.ids for one in trials)
        and (support(span.ids, trials)[0] > _SURE)
    )


class Chosen(NamedTuple):
    """The ids of a word, the trial that supports them best, and what was read without listed words."""

    ids: Ids
    trial: Trial
    before: Ids


def choose_word(
    glanced: Floats, trials: Sequence[Trial], span: Span, *, trust: float, tongue: Tongue | None
) -> Chosen:
    """Choose as `choose` does; where the word is in doubt, listed words are among the readings."""
    ids, trial = choose(glanced, trials, span, trust=trust)
    if tongue is None or not ids:
        return Chosen(ids, trial, ids)
    path = float(glanced.max(-1).sum()) if ids == span.ids else float(ctc_scores(glanced, [ids])[0])
    seen = trust * support(ids, trials)[0] + (1 - trust) * path  # of the glance's own text at least so much
    if _stands(ids, seen, tongue):
        return Chosen(ids, trial, ids)
    readings = {span.ids, *(one.ids for one in trials)} - {()}
    share = tongue.words.share
    ahead = seen + share * tongue.log_chance(ids) - (1 - trust) * rest(path) - ROUNDED
    others = trust * max(rest(fixation_score(one.log_probs, ids)) for one in trials)
    common = share * tongue.highest(readings)
    if others + common < ahead:  # not even the commonest word could be likelier
        return Chosen(ids, trial, ids)
    least = (ahead - common) / trust if trust else -np.inf  # worse fixations cannot win
    for read in list(readings):
        readings |= tongue.like(read, trials, trust=trust, least=least)
    every = list(readings)
    known = trust * supports(every, trials) + share * tongue.log_chances(every)
    kept = [i for i, most in enumerate(known.tolist()) if most >= ahead or every[i] == ids]
    if len(kept) == 1:
        return Chosen(ids, trial, ids)
    together = known[kept] + (1 - trust) * ctc_scores(glanced, [every[i] for i in kept])
    best = every[kept[int(together.argmax())]]
    return Chosen(best, trials[-support(best, trials)[1]], ids)


def _stands(ids: Ids, seen: float, tongue: Tongue) -> bool:
    """Tell whether no listed word is likelier than what was read. seen: how likely both steps hold it."""
    against = float(np.log(-np.expm1(min(seen, -1e-9))))  # all that is not this word
    needed = (seen - against) / tongue.words.share if tongue.words.share else np.inf
    if needed > _LIKELY - UNLISTED + EACH * len(ids):  # even if it is not listed
        return True
    return needed > _LIKELY - tongue.log_chance(ids)
