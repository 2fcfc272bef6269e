"""Random texts to draw: words, lines of print, receipts, letters and old books, in European languages."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from itertools import accumulate
from random import Random
from unicodedata import combining

from foveal.alphabet import ALPHABET, FOREIGN, normalise
from foveal.synth import oldprint, tokens
from foveal.synth.foreign import ForeignText, ForeignTexts
from foveal.synth.lexicon import Lexicon

USES = ("scene", "print", "receipt", "hand", "old")
"""What a text is for: a sign, a printed page, a till's strip, a letter, an old book."""

_SHARES = {"en": 35.0, "fr": 20.0, "de": 12.0}
_SENTENCE_ENDS = (".", ".", ".", ".", ".", "!", "?", "…", ":", ";")
_BASES = "bdfhmpqtvwx"  # few of them compose with a mark into one character
_FRENCH_GAPS = frozenset("!?:;»")


class Texts:
    """Texts over one alphabet, all in normal form: single spaces, none at the ends, no other character."""

    def __init__(self, lexicon: Lexicon, *, alphabet: str = ALPHABET) -> None:
        self._lexicon = lexicon
        self._alphabet = frozenset(alphabet)
        self._signs = [char for char in alphabet if char not in (" ", FOREIGN)]
        self._foreign = ForeignTexts(lexicon.foreign if FOREIGN in alphabet else {})
        self._languages = list(lexicon.words)
        spread = 33.0 / max(1, len(self._languages) - len(_SHARES))
        self._shares = list(accumulate(_SHARES.get(language, spread) for language in self._languages))

    def word(self, rng: Random, *, use: str) -> str:
        """Return a word (one time in ten two or three) as `use` shows them; at most 25 characters."""
        make: Callable[[], str] = {
            "scene": lambda: self._sign_word(rng),
            "print": lambda: self._printed_word(rng),
            "receipt": lambda: self._till_word(rng),
            "hand": lambda: self._printed_word(rng),
            "old": lambda: oldprint.spell(self._printed_word(rng), rng, french=rng.random() < 0.5),
        }[use]
        count = 1 if rng.random() < 0.9 else rng.choice((2, 2, 3))
        return self._written(lambda: " ".join(make() for _ in range(count)), longest=25)

    def line(self, rng: Random, *, use: str, length: int) -> str:
        """Return a line of about `length` characters (1 to 150) as `use` (one of USES) shows them."""
        return self._written(lambda: self._line(rng, use, length), longest=min(150, length + 12))

    def signs(self, rng: Random, *, among: frozenset[str], longest: int, with_sign: str) -> str:
        """Return signs of the alphabet drawn evenly from those `among`, with `with_sign` somewhere."""
        signs = [char for char in self._signs if char in among]

        def make() -> str:
            drawn = rng.choices(signs, k=rng.randint(0, longest))
            drawn.insert(rng.randint(0, len(drawn)), with_sign)
            return "".join(rng.choice(_BASES) + sign if combining(sign) else sign for sign in drawn)

        return self._written(make, longest=longest + 1)

    def foreign(self, rng: Random, *, length: int) -> ForeignText | None:
        """Return a text of another script, of about `length` characters; None without words of any."""
        if not self._foreign:
            return None
        return self._foreign.text(rng, length=length, known=lambda: self.word(rng, use="print"))

    def rare(self, rng: Random) -> str:
        """Return one sign drawn evenly from the alphabet, to find a face for."""
        return rng.choice(self._signs)

    def _written(self, make: Callable[[], str], *, longest: int) -> str:
        while True:
            text = normalise(make())
            if len(text) > longest:
                text = text[:longest].rsplit(" ", 1)[0]
            if text and self._alphabet.issuperset(text):
                return text

    def _language(self, rng: Random) -> str:
        return self._languages[bisect(self._shares, rng.random() * self._shares[-1])]

    def _language_of(self, use: str, rng: Random) -> str:
        """Return a language; letters and old books lean to French and German."""
        wanted = {"hand": ("fr", "en", "", "", ""), "old": ("de", "de", "fr", "fr", "en", "it")}.get(
            use, ("",)
        )
        language = rng.choice(wanted)
        return language if language in self._lexicon.words else self._language(rng)

    def _from(self, language: str, rng: Random, *, rarity: float) -> str:
        """Return a word; the smaller `rarity`, the more often a frequent one (rank ~ u ** (1 / rarity))."""
        words = self._lexicon.words[language]
        return words[int(len(words) * rng.random() ** (1 / rarity))]

    def _entry(self, sort: str, rng: Random) -> str:
        entries = self._lexicon.entries[sort]
        return entries[int(rng.random() * len(entries))]

    def _sign_word(self, rng: Random) -> str:
        which = rng.random()
        if which < 0.76:
            language = "en" if rng.random() < 0.35 and "en" in self._lexicon.words else self._language(rng)
            word = self._from(language, rng, rarity=0.25 if rng.random() < 0.35 else 0.55)
            word = tokens.in_case(word, rng, upper=0.45, title=0.27)
            return tokens.marked(word, rng) if rng.random() < 0.07 else word
        if which < 0.86:
            return tokens.number(rng)
        if which < 0.91:
            return tokens.code(rng)
        sort = rng.choice(
            ("last", "first", "last", "company", "city", "city", "url", "email", "phone", "street")
        )
        word = rng.choice(self._entry(sort, rng).split(" "))
        return word.upper() if rng.random() < 0.4 and sort not in ("url", "email") else word

    def _printed_word(self, rng: Random) -> str:
        which = rng.random()
        if which < 0.85:
            word = tokens.in_case(self._from(self._language(rng), rng, rarity=0.5), rng, upper=0.1, title=0.3)
            return tokens.marked(word, rng) if rng.random() < 0.2 else word
        if which < 0.94:
            return tokens.number(rng)
        return rng.choice(self._entry(rng.choice(("last", "first", "city", "company")), rng).split(" "))

    def _till_word(self, rng: Random) -> str:
        which = rng.random()
        if which < 0.5:
            return tokens.in_case(
                self._from(self._language(rng), rng, rarity=0.5), rng, upper=0.65, title=0.2
            )
        if which < 0.85:
            return tokens.number(rng)
        return tokens.code(rng)

    def _line(self, rng: Random, use: str, length: int) -> str:
        if use == "receipt":
            return self._till_line(rng, length)
        if use == "scene":
            return self._join(lambda: self._sign_word(rng), length)
        if use == "print" and rng.random() < 0.12:
            return self._entry_line(rng, length)
        language = self._language_of(use, rng)
        text = self._prose(rng, language, length)
        if use == "old":
            return oldprint.line(text, rng, french=language == "fr")
        return text.upper() if use != "hand" and rng.random() < 0.04 else text

    def _join(self, make: Callable[[], str], length: int) -> str:
        parts, size = [], 0
        while size < length:
            parts.append(make())
            size += len(parts[-1]) + 1
        return " ".join(parts)

    def _entry_line(self, rng: Random, length: int) -> str:
        """Return names, addresses, contents with leaders, references: what stands on a page besides prose."""
        if rng.random() < 0.3:
            title = self._prose(rng, self._language(rng), max(3, length - 12))
            return f"{title.rstrip('.,;:')} {'.' * rng.randint(3, 12)} {rng.randint(1, 400)}"
        sorts = ("name", "company", "street", "city", "email", "url", "phone", "job", "iban")
        return self._join(
            lambda: self._entry(rng.choice(sorts), rng) + rng.choice(("", ",", " –", " ·", "")), length
        )

    def _till_line(self, rng: Random, length: int) -> str:
        which = rng.random()
        if which < 0.45:
            return self._join(lambda: self._till_word(rng), length)
        if which < 0.6:
            text = self._entry(rng.choice(("company", "street", "city", "phone", "name", "url")), rng)
            return (text.upper() if rng.random() < 0.7 else text)[:length]
        return self._join(
            lambda: tokens.till_line(rng, lambda: self._from("en", rng, rarity=0.5)), length // 2
        )

    def _prose(self, rng: Random, language: str, length: int) -> str:
        """Return running text that begins and ends anywhere in a sentence."""
        parts, size, start = [], 0, rng.random() < 0.4
        nouns = 0.35 if language == "de" else 0.05
        while size < length:
            token, start = self._prose_token(rng, language, start=start, nouns=nouns)
            parts.append(token)
            size += len(token) + 1
        return " ".join(parts)

    def _prose_token(self, rng: Random, language: str, *, start: bool, nouns: float) -> tuple[str, bool]:
        which = rng.random()
        if which < 0.05:
            word = tokens.number(rng)
        elif which < 0.08:
            word = self._entry(rng.choice(("first", "last", "city")), rng)
        else:
            word = self._from(language, rng, rarity=0.2 if which < 0.6 else 0.5)
            if start or (len(word) > 3 and rng.random() < nouns):
                word = word[0].upper() + word[1:]
        mark = rng.random()
        if mark < 0.035:
            return tokens.marked(word, rng), False
        if mark < 0.10:
            return word + ",", False
        if mark < 0.17:
            end = rng.choice(_SENTENCE_ENDS)
            gap = " " if language == "fr" and end in _FRENCH_GAPS and rng.random() < 0.6 else ""
            return word + gap + end, end not in ":;"
        return word.replace("'", "’") if rng.random() < 0.5 else word, False
