"""Words by frequency in European languages, and names and places, kept in one small file."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from foveal.alphabet import ALPHABET, normalise

LANGUAGES: Mapping[str, int] = {
    "en": 40_000, "fr": 40_000, "de": 40_000, "es": 15_000, "it": 15_000, "pt": 15_000, "nl": 15_000,
    "pl": 15_000, "cs": 15_000, "sk": 10_000, "sl": 10_000, "sh": 10_000, "hu": 15_000, "ro": 12_000,
    "sv": 12_000, "da": 12_000, "nb": 12_000, "fi": 15_000, "lv": 10_000, "lt": 10_000, "is": 8_000,
    "tr": 15_000, "ca": 10_000, "fil": 4_000, "id": 8_000, "ms": 8_000,
}  # fmt: skip
"""Languages as wordfreq names them, with how many words of each are kept."""

FOREIGN_LANGUAGES: Mapping[str, int] = {
    "ru": 3000, "uk": 1500, "bg": 1500, "mk": 800, "el": 3000, "he": 800, "ar": 800, "fa": 500, "zh": 700,
    "ja": 700, "ko": 700,
}  # fmt: skip
"""Languages of other scripts, to learn that they cannot be written."""

_LOCALES = (
    "en_US",
    "en_GB",
    "fr_FR",
    "de_DE",
    "es_ES",
    "it_IT",
    "pl_PL",
    "cs_CZ",
    "nl_NL",
    "sv_SE",
    "hu_HU",
    "pt_PT",
)
_FAKES = {
    "name": "name", "first": "first_name", "last": "last_name", "company": "company", "city": "city",
    "street": "street_address", "email": "email", "url": "uri", "phone": "phone_number", "job": "job",
    "iban": "iban",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:['’·.-][^\W\d_]+)*")


@dataclass(frozen=True)
class Lexicon:
    """`words` of every language, most frequent first; `entries` by sort: name, company, street, email, …;
    `foreign`: words of languages of other scripts.
    """

    words: Mapping[str, tuple[str, ...]]
    entries: Mapping[str, tuple[str, ...]]
    foreign: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def build(cls, *, scale: float = 1.0, entries: int = 400) -> Lexicon:
        """Collect words from wordfreq, and `entries` a sort and locale from Faker; `scale` 0.1 keeps a tenth.

        Takes about 20 s at full scale; needs the packages of the `train` extra.
        """
        from wordfreq import top_n_list

        kept = set(ALPHABET)
        words = {
            language: tuple(
                word
                for word in top_n_list(language, max(1, int(count * scale)))
                if _WORD.fullmatch(word) and kept.issuperset(word)
            )
            for language, count in LANGUAGES.items()
        }
        return cls(words=words, entries=_fake_entries(entries), foreign=foreign_words(scale=scale))

    def save(self, path: Path) -> None:
        """Write the lexicon as gzipped JSON."""
        parts = {"words": self.words, "entries": self.entries, "foreign": self.foreign}
        text = json.dumps(parts, ensure_ascii=False)
        path.write_bytes(gzip.compress(text.encode(), mtime=0))

    @classmethod
    def load(cls, path: Path) -> Lexicon:
        """Read what `save` wrote."""
        stored = json.loads(gzip.decompress(path.read_bytes()))
        return cls(**{part: {key: tuple(values) for key, values in stored[part].items()} for part in stored})


def foreign_words(*, scale: float = 1.0) -> dict[str, tuple[str, ...]]:
    """Return the commonest words of languages of other scripts, if a letter is not in the alphabet."""
    from wordfreq import top_n_list

    kept = frozenset(ALPHABET)
    return {
        language: tuple(
            word
            for word in top_n_list(language, max(1, int(count * scale)))
            if _WORD.fullmatch(word) and not kept.issuperset(word)
            and not any("a" <= char <= "z" for char in word)
        )
        for language, count in FOREIGN_LANGUAGES.items()
    }


def _fake_entries(count: int) -> dict[str, tuple[str, ...]]:
    from faker import Faker

    kept, found = set(ALPHABET), {sort: set[str]() for sort in _FAKES}
    for number, locale in enumerate(_LOCALES):
        fake = Faker(locale)
        fake.seed_instance(number)
        for sort, method in _FAKES.items():
            made = (normalise(str(getattr(fake, method)())) for _ in range(count))
            found[sort].update(text for text in made if kept.issuperset(text))
    return {sort: tuple(sorted(texts)) for sort, texts in found.items()}
