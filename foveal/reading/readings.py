"""What stands on a strip, before it is put on a page: words and characters in pixels of the strip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveal.document import Remedy

Floats = NDArray[np.float32]
Evidence = NDArray[np.float64]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def sureness(confidences: Sequence[float]) -> float:
    """Return the geometric mean: what the parts of a whole would have if all were alike; 0 of none.

    >>> round(sureness([0.5, 0.5]), 3), round(sureness([1.0, 0.25]), 3)
    (0.5, 0.5)
    """
    if not confidences:
        return 0.0
    return math.exp(sum(math.log(max(one, 1e-6)) for one in confidences) / len(confidences))


@dataclass(frozen=True)
class ReadChar:
    """One character. x0, x1: pixels of the strip given; alternatives: (text, confidence); look: "n".

    guessed: whether the evidence says that it was not read from what stands there; box: around its ink, in
    pixels of the strip, see inked.py; None where none was looked for.
    """

    text: str
    x0: float
    x1: float
    confidence: float
    alternatives: tuple[tuple[str, float], ...]
    look: Floats | None
    guessed: bool = False
    box: Box | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """Left and right of its box, of its place where it has none."""
        return (self.x0, self.x1) if self.box is None else (self.box[0], self.box[2])


@dataclass(frozen=True)
class ReadWord:
    """One word. x0, x1: its ends in pixels of the strip given.

    evidence: for the word, grounds: for each character, see trust.py; chance: of being right by the evidence,
    None where nothing is fitted to the model; remedy: why it is read otherwise than it looked at first.
    """

    chars: tuple[ReadChar, ...]
    evidence: Evidence | None = None
    grounds: Evidence | None = None
    chance: float | None = None
    remedy: Remedy | None = None

    @property
    def text(self) -> str:
        """The characters joined."""
        return "".join(char.text for char in self.chars)

    @property
    def x0(self) -> float:
        """Left end: of a character's place, or of its ink further out."""
        return min(min(char.x0, char.ends[0]) for char in self.chars)

    @property
    def x1(self) -> float:
        """Right end."""
        return max(max(char.x1, char.ends[1]) for char in self.chars)

    @property
    def confidence(self) -> float:
        """The geometric mean over the characters."""
        return sureness([char.confidence for char in self.chars])


@dataclass(frozen=True)
class Reading:
    """What stands on one strip. cell: width in strip pixels of one column of a look.

    evidence, chance: as for a word, of all of it; confidence: what the model says of its characters.
    """

    words: tuple[ReadWord, ...]
    cell: float
    evidence: Evidence | None = None
    chance: float | None = None

    @property
    def text(self) -> str:
        """The words joined by single spaces."""
        return " ".join(word.text for word in self.words)

    @property
    def confidence(self) -> float:
        """The geometric mean over the characters; 0 of none."""
        return sureness([char.confidence for word in self.words for char in word.chars])
