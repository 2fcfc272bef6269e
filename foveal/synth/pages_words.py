"""Words for rendered pages: where text stands matters there, not what it says: quick inventions."""

from __future__ import annotations

import numpy as np

Rng = np.random.Generator

_STARTS = [
    "b",
    "c",
    "d",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "qu",
    "r",
    "s",
    "t",
    "v",
    "w",
    "br",
    "ch",
    "cl",
    "dr",
    "fl",
    "gr",
    "pl",
    "pr",
    "sch",
    "sh",
    "sp",
    "st",
    "str",
    "th",
    "tr",
]
_VOWELS = ["a", "e", "i", "o", "u", "a", "e", "i", "o", "ä", "é", "è", "ö", "ü", "ou", "ei", "ai", "y"]
_ENDS = ["", "", "", "n", "r", "s", "t", "l", "m", "nd", "ng", "st", "ß", "ck", "x"]
_SHORT = [
    "a",
    "I",
    "of",
    "the",
    "to",
    "and",
    "in",
    "is",
    "it",
    "for",
    "on",
    "as",
    "with",
    "der",
    "die",
    "und",
    "in",
    "zu",
    "le",
    "la",
    "de",
    "et",
    "un",
    "à",
    "el",
    "en",
    "que",
    "il",
    "di",
]
_CURRENCY = ["", "", "", "$", "€", "£", "RM "]


def word(rng: Rng) -> str:
    """Return one invented word, lower case."""
    if rng.random() < 0.3:
        return str(rng.choice(_SHORT))
    parts = [
        _STARTS[rng.integers(len(_STARTS))] + _VOWELS[rng.integers(len(_VOWELS))]
        for _ in range(1 + int(rng.random() ** 2 * 4))
    ]
    return "".join(parts) + _ENDS[rng.integers(len(_ENDS))]


def number(rng: Rng) -> str:
    """Return an amount, a date, a time, a code or a plain number."""
    a, b, c = (int(n) for n in rng.integers(0, 100, 3))
    forms = (
        f"{rng.choice(_CURRENCY)}{a}.{b:02d}", f"{a}", f"{a % 28 + 1:02d}/{b % 12 + 1:02d}/20{c:02d}",
        f"{a % 24}:{b % 60:02d}", f"{a}{b:02d}{c:02d}-{a % 10}", f"{b}%",
        f"{a},{b:02d}{c % 10}.{c:02d}", f"({a})", f"{a % 10}",
    )  # fmt: skip
    return forms[rng.integers(len(forms))]


def words(rng: Rng, count: int, *, numbers: float = 0.05) -> list[str]:
    """Return a run of words with sentence case, stops and some numbers (share 0 to 1)."""
    run, start = [], True
    for _ in range(count):
        one = number(rng) if rng.random() < numbers else word(rng)
        if start or rng.random() < 0.08:
            one = one[:1].upper() + one[1:]
        start = rng.random() < 0.09
        run.append(one + ("." if start else "," if rng.random() < 0.07 else ""))
    return run


def phrase(rng: Rng, most: int = 4) -> str:
    """Return one to `most` words in lower, title or upper case."""
    text = " ".join(words(rng, int(rng.integers(1, most + 1)), numbers=0.1)).rstrip(".,")
    return (text, text.title(), text.upper(), text.upper())[rng.integers(4)]
