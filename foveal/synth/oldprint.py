"""How words were set before about 1900: long s, letters over letters, hyphens at line ends, old spellings."""

from __future__ import annotations

import re
from random import Random

_LONG_S = re.compile(r"s(?=[^\W\d_])")
_UMLAUTS = str.maketrans({"ä": "a\u0364", "ö": "o\u0364", "ü": "u\u0364"})
_NASAL = re.compile(r"([aeou])[nm](?=[bcdfgpqtmn])")
_TILDES = {"a": "ã", "e": "ẽ", "o": "õ", "u": "ũ"}


def long_s(text: str) -> str:
    """Write ſ for every s that is followed by a letter.

    >>> long_s("Das ist des Hauses Wasser")
    'Das iſt des Hauſes Waſſer'
    """
    return _LONG_S.sub("ſ", text)


def spell(word: str, rng: Random, *, french: bool) -> str:
    """Return a word as an old book may set it; the older the habit, the rarer."""
    if rng.random() < 0.8:
        word = long_s(word)
    if french:
        if rng.random() < 0.25:
            word = _u_and_v(word)
        if rng.random() < 0.06:
            word = _NASAL.sub(lambda found: _TILDES[found[1]], word)
        return word
    if rng.random() < 0.3:
        word = word.translate(_UMLAUTS)
    return word


def line(text: str, rng: Random, *, french: bool) -> str:
    """Return a line of prose in old setting; one of five ends inside a word."""
    old_s, old_v, old_umlauts = rng.random() < 0.85, french and rng.random() < 0.4, rng.random() < 0.4
    nasal = french and rng.random() < 0.15
    if old_v:
        text = " ".join(_u_and_v(word) for word in text.split(" "))
    if nasal:
        text = _NASAL.sub(lambda found: _TILDES[found[1]], text)
    if old_umlauts and not french:
        text = text.translate(_UMLAUTS)
    if old_s:
        text = long_s(text)
    if rng.random() < 0.25:
        text = text.replace(" et ", " & ").replace(" und ", " vnd ").replace(" and ", " & ")
    if rng.random() < 0.04:
        text += " ꝛc."
    return _broken(text, rng, french=french)


def _u_and_v(word: str) -> str:
    """Set v at the start of a word and u inside, as before 1650."""
    if len(word) < 2:
        return word
    head = {"u": "v", "U": "V"}.get(word[0], word[0])
    return head + word[1:].replace("v", "u").replace("j", "i")


def _broken(text: str, rng: Random, *, french: bool) -> str:
    head, _, tail = text.rpartition(" ")
    if len(tail) < 5 or rng.random() > 0.25 or not tail.isalpha():
        return text
    sign = rng.choice("¬¬-" if french else "⸗⸗⸗-¬=")
    return f"{head} {tail[: rng.randint(2, len(tail) - 2)]}{sign}".lstrip()
