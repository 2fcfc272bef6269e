"""Read or guessed, by experiment: what a character was read from is blanked, and the strip is read again.

A character that stays was not read there (deletion test; Petsiuk et al., 2018, ask the same of a class). The
cheap answer, by evidence that every reading leaves behind, is in trust.py and is what flags characters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from foveal.reading.readings import ReadChar, Reading

Image = NDArray[np.uint8]
Read = Callable[[Sequence[Image]], list[Reading]]
"""Reads strips "h w 3": `Transcriber.read`."""

HEAVY = 0.25
"""Columns with so much of a look's heaviest weight were looked at."""


def looked_at(char: ReadChar, cell: float) -> tuple[float, float]:
    """Return left and right, in strip pixels, of what a character was read from: its box and its look."""
    if char.look is None:
        return char.x0, char.x1
    columns = np.flatnonzero(char.look >= HEAVY * char.look.max())
    return min(char.x0, columns[0] * cell), max(char.x1, (columns[-1] + 1) * cell)


def blanked(image: Image, left: float, right: float) -> Image:
    """Return a strip "h w 3" with some columns in the colour most of it has: its paper."""
    made: Image = image.copy()
    made[:, max(int(left), 0) : int(np.ceil(right))] = np.median(image, axis=(0, 1)).astype(np.uint8)
    return made


def stays(image: Image, reading: Reading, chars: Sequence[ReadChar], read: Read) -> list[float]:
    """Return for each character how sure it is still read in its place after that was blanked; 0: it is gone.

    `chars`: any of the reading of `image`, best with looks. Costs one reading of the strip for each.
    """
    images = [blanked(image, *looked_at(char, reading.cell)) for char in chars]
    again = read(images) if images else []
    return [_confidence(char, other) for char, other in zip(chars, again, strict=True)]


def _confidence(char: ReadChar, again: Reading) -> float:
    """Return the confidence of the same text in the same place, 0 if it is not there."""
    found = (
        other.confidence
        for word in again.words
        for other in word.chars
        if other.text == char.text and char.x0 <= (other.x0 + other.x1) / 2 <= char.x1
    )
    return max(found, default=0.0)
