"""Spaces that were not seen for sure: between two listed words in tight print, around signs set apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foveal.alphabet import Alphabet
from foveal.reading.decode import SPACE, Floats, Symbol
from foveal.reading.listed import Ids
from foveal.reading.words import Tongue

_SEEN = -7.0
"""A space that is less likely by so much than what is likeliest in its place is not thought of."""

_APART = -3.0
"""A space beside a sign that is less likely by so much than what is likeliest there is none."""
_SIGNS = "@=#&/+%"
"""Signs that stand between two spaces as often as between none: print alone says which."""


def set_apart(symbols: Sequence[Symbol], log_probs: Floats, alphabet: Alphabet) -> list[Symbol]:
    """Return the symbols of the best path with spaces around signs, and around the colon behind a label.

    log_probs: "n C", of the glance, which expects a sign beside its word and doubts the space that it sees.
    """
    chars = [alphabet.decode([symbol.id]) for symbol in symbols]
    if not any(char in _SIGNS or char == ":" for char in chars):
        return list(symbols)
    kept: list[Symbol] = []
    text = ""
    for symbol, char in zip(symbols, chars, strict=True):
        space = _gap(kept[-1], symbol, log_probs) if kept and _may_part(text, char) else None
        if space is not None and space[1] >= _APART:
            kept.append(space[0])
            text += " "
        kept.append(symbol)
        text += char
    return kept


def _may_part(text: str, char: str) -> bool:
    """Tell whether a space is likely between a text and the next character, a sign at their meeting.

    The colon of running text stays by its word: the thin space before it in old print is no space.
    """
    if char == ":":
        word = text.rpartition(" ")[2]
        return not next((one for one in word if one.isalpha()), "").islower()
    return char in _SIGNS or text[-1] in _SIGNS or text == ":" or text.endswith(" :")


def parted(symbols: Sequence[Symbol], log_probs: Floats, tongue: Tongue) -> list[Symbol]:
    """Return the symbols of the best path with the spaces that part letters into two words, both listed.

    log_probs: "n C", of the glance. What it says against a space is weighed against what the words gain. The
    other way, to take a space from within a word, did more harm than good on every set tried.
    """
    kept = list(symbols)
    likely = (log_probs[:, SPACE] - log_probs.max(-1) >= _SEEN).tolist()
    for place in range(len(kept) - 1, 0, -1):
        if not any(likely[kept[place - 1].last + 1 : kept[place].first]):
            continue
        space = _gap(kept[place - 1], kept[place], log_probs)
        if space is not None and _two_words(kept, place, space[1], tongue):
            kept.insert(place, space[0])
    return kept


def _gap(before: Symbol, behind: Symbol, log_probs: Floats) -> tuple[Symbol, float] | None:
    """Return the likeliest space between two symbols, and its log-probability against what is seen there."""
    gaps = log_probs[before.last + 1 : behind.first]
    if SPACE in (before.id, behind.id) or not len(gaps):
        return None
    column = int(gaps[:, SPACE].argmax())
    seen = float(gaps[column, SPACE] - gaps[column].max())
    at = before.last + 1 + column
    return (Symbol(SPACE, at, at, float(np.exp(gaps[column, SPACE]))), seen) if seen >= _SEEN else None


def _two_words(symbols: Sequence[Symbol], place: int, seen: float, tongue: Tongue) -> bool:
    """Tell whether two words that are listed meet at a place, and none that is listed reaches over it."""
    left, right = _to_space(symbols[:place][::-1])[::-1], _to_space(symbols[place:])
    whole = left + right
    if not (tongue.spells(whole) and tongue.knows(left) and tongue.knows(right)) or tongue.knows(whole):
        return False
    gain = tongue.log_chance(left) + tongue.log_chance(right) - tongue.log_chance(whole)
    return seen + tongue.words.share * gain > 0


def _to_space(symbols: Sequence[Symbol]) -> Ids:
    ids = [symbol.id for symbol in symbols]
    return tuple(ids[: ids.index(SPACE)] if SPACE in ids else ids)
