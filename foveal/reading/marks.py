"""Marks that are not there: on signs, the edges of a plate and bolts beside a word look like them."""

from __future__ import annotations

from dataclasses import replace

from foveal.reading.readings import Reading, ReadWord

SURE = 0.97
"""A mark at the end of a word must be read with this confidence: those that are there nearly always are."""


def without_doubtful_marks(reading: Reading) -> Reading:
    """Return a reading without the marks at the ends of its words that are in doubt.

    >>> without_doubtful_marks(Reading((), 4.0)).words
    ()
    """
    words = (_bare(word) for word in reading.words)
    return replace(reading, words=tuple(word for word in words if word.chars))


def _bare(word: ReadWord) -> ReadWord:
    stays = [char.text.isalnum() or char.confidence >= SURE for char in word.chars]
    if all(stays):
        return word
    first = stays.index(True) if any(stays) else len(stays)
    last = len(stays) - stays[::-1].index(True) if any(stays) else first
    grounds = None if word.grounds is None else word.grounds[first:last]
    return replace(word, chars=word.chars[first:last], grounds=grounds)
