"""Texts of other scripts, and how they are told: each sign that the alphabet lacks as FOREIGN."""

from __future__ import annotations

import unicodedata
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from random import Random
from typing import NamedTuple

from foveal.alphabet import FOREIGN
from foveal.synth import tokens

_SHARES = {
    "ru": 28.0, "el": 24.0, "uk": 9.0, "bg": 9.0, "zh": 7.0, "ja": 6.0, "ko": 5.0, "he": 4.0, "ar": 4.0,
}  # fmt: skip
_OTHERS = 2.0
_CASED = ("ru", "uk", "bg", "mk", "el")
_LEFTWARDS = ("he", "ar", "fa")
_UNSPACED = ("zh", "ja")
_FORMS = {"first": "INITIAL", "inner": "MEDIAL", "last": "FINAL"}


class ForeignText(NamedTuple):
    """A text as it is drawn, and as it is to be read: a character for each."""

    drawn: str
    told: str


class ForeignTexts:
    """Texts of words that the alphabet cannot write, numbers and words that it can among them.

    words: by language, as `Lexicon.foreign` has them.
    """

    def __init__(self, words: Mapping[str, tuple[str, ...]]) -> None:
        self._words = {language: each for language, each in words.items() if each}
        self._languages = list(self._words)
        self._shares = list(accumulate(_SHARES.get(language, _OTHERS) for language in self._languages))

    def __bool__(self) -> bool:
        """Tell whether there are any words."""
        return bool(self._languages)

    def text(self, rng: Random, *, length: int, known: Callable[[], str]) -> ForeignText:
        """Return a text of one language, of about `length` characters.

        known: makes the words that can be written, one in twenty-five.
        """
        language = self._languages[bisect(self._shares, rng.random() * self._shares[-1])]
        upper = rng.random() < 0.3
        drawn: list[str] = []
        told: list[str] = []
        size = 0
        while size < length or not drawn:
            word, reads = self._word(rng, language, upper=upper, known=known)
            drawn.append(word)
            told.append(reads)
            size += len(word) + 1
        if all(FOREIGN not in reads for reads in told):
            return self.text(rng, length=length, known=known)
        if language in _LEFTWARDS:
            drawn, told = drawn[::-1], told[::-1]
        between = [" " if language not in _UNSPACED or rng.random() < 0.1 else "" for _ in drawn[1:]]
        return ForeignText(*(_set_out(parts, between) for parts in (drawn, told)))

    def _word(self, rng: Random, language: str, *, upper: bool, known: Callable[[], str]) -> tuple[str, str]:
        which = rng.random()
        if which < 0.1:
            word = tokens.number(rng) if which < 0.06 else known()
            return word, word
        words = self._words[language]
        word = words[int(len(words) * rng.random() ** 1.6)]
        if language in _CASED:
            word = word.upper() if upper else word.title() if rng.random() < 0.25 else word
        if language == "el" and word.endswith("σ"):
            word = word[:-1] + "ς"
        if language in ("ar", "fa"):
            word = joined(word)
        if language in _LEFTWARDS:
            word = word[::-1]
        reads = "".join(FOREIGN if unicodedata.category(char)[0] in "LM" else char for char in word)
        mark = rng.choice(",..:;!?") if rng.random() < 0.15 else ""
        return (mark + word, mark + reads) if language in _LEFTWARDS else (word + mark, reads + mark)


def _set_out(parts: Sequence[str], between: Sequence[str]) -> str:
    return parts[0] + "".join(space + part for space, part in zip(between, parts[1:], strict=True))


def joined(word: str) -> str:
    """Return an Arabic word in the forms its letters have in it, so far as Unicode has them.

    Letters that do not join the next are taken for such as do: enough to look like Arabic.
    """
    places = ["first", *["inner"] * (len(word) - 2), "last"] if len(word) > 1 else [""]
    return "".join(_form(char, place) for char, place in zip(word, places, strict=True))


def _form(char: str, place: str) -> str:
    name = unicodedata.name(char, "")
    for form in (_FORMS.get(place, ""), "FINAL" if place == "inner" else "ISOLATED"):
        try:
            return unicodedata.lookup(f"{name} {form} FORM")
        except KeyError:
            continue
    return char


def foreign_characters(words: Mapping[str, tuple[str, ...]]) -> str:
    """Return every character that texts of these words are drawn with, each once."""
    found: dict[str, None] = {"ς": None}
    for language, each in words.items():
        for word in each:
            found.update(dict.fromkeys(word))
            if language in _CASED:
                found.update(dict.fromkeys(word.upper() + word.title()))
            if language in ("ar", "fa"):
                found.update(dict.fromkeys(joined(word)))
    return "".join(char for char in found if unicodedata.category(char)[0] in "LM")
