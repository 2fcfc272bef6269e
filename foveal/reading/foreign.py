"""Words of other scripts: the models tell their letters from those they can write, and these are listed."""

from __future__ import annotations

from dataclasses import replace

from foveal.alphabet import FOREIGN
from foveal.reading.readings import Reading, ReadWord


def is_foreign(text: str) -> bool:
    """Tell whether half of the letters of a word, or more, cannot be written.

    >>> is_foreign("\\ufffd\\ufffd\\ufffdo,"), is_foreign("na\\ufffdve"), is_foreign("1905")
    (True, False, False)
    """
    letters = [char for char in text if char == FOREIGN or char.isalpha()]
    return bool(letters) and 2 * letters.count(FOREIGN) >= len(letters)


def parted(reading: Reading) -> tuple[Reading, tuple[ReadWord, ...]]:
    """Return a reading without its foreign words, and these."""
    told = [is_foreign(word.text) for word in reading.words]
    if not any(told):
        return reading, ()
    written, foreign = (
        tuple(word for word, is_one in zip(reading.words, told, strict=True) if is_one is kind)
        for kind in (False, True)
    )
    return replace(reading, words=written), foreign
