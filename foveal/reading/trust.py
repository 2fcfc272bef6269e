"""How likely what was read makes it right: evidence to chances.

Fitted by tools/fit_trust.py to lines that the models never learnt from, and kept beside the weights.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

import numpy as np

from foveal.measure.additive import Additive
from foveal.reading.engine import WEIGHTS
from foveal.reading.evidence import CHAR_EVIDENCE, LINE_EVIDENCE, WORD_EVIDENCE, Vector, with_words
from foveal.reading.readings import ReadChar, Reading


@dataclass(frozen=True)
class Trust:
    """How likely words and lines read by one line model are right, and which characters were guessed.

    `limit`: a character as likely guessed as this is flagged.
    """

    words: Additive
    lines: Additive
    guesses: Additive
    limit: float

    def judged(self, reading: Reading) -> Reading:
        """Return a reading with the chance of its words and of all of it, its guesses marked."""
        if not reading.words:
            return replace(reading, chance=0.0)
        evidence = [word.evidence for word in reading.words if word.evidence is not None]
        grounds = [word.grounds for word in reading.words if word.grounds is not None]
        chances = self.words.chances(np.array(evidence)).tolist()
        flags = iter(self.guessed(np.concatenate(grounds)))
        words = tuple(
            replace(word, chance=chance, chars=_marked(word.chars, list(islice(flags, len(word.chars)))))
            for word, chance in zip(reading.words, chances, strict=True)
        )
        assert reading.evidence is not None
        return replace(reading, words=words, chance=self.of_line(reading.evidence, chances))

    def of_line(self, evidence: Vector, words: Sequence[float]) -> float:
        """Return the chance that all of a line is right, given that of each of its words.

        That of its word if it has but one; 0 without words.
        """
        if len(words) < 2:
            return sum(words)
        return float(self.lines.chances(with_words(evidence, words)))

    def guessed(self, grounds: Vector) -> list[bool]:
        """Tell of each character whether it was guessed; grounds: "characters CHAR_EVIDENCE"."""
        flags: list[bool] = (self.guesses.chances(grounds) >= self.limit).tolist()
        return flags


def _marked(chars: tuple[ReadChar, ...], flags: Sequence[bool]) -> tuple[ReadChar, ...]:
    if not any(flags):
        return chars
    return tuple(replace(char, guessed=flag) for char, flag in zip(chars, flags, strict=True))


@lru_cache(maxsize=8)
def load_trust(model: str) -> Trust | None:
    """Return what was fitted for an embedded line model, "fast" or "accurate"; None where nothing was."""
    path = WEIGHTS / f"line-{model}-trust.json"
    if not path.is_file():
        return None
    fitted = json.loads(path.read_text(encoding="utf-8"))
    words, lines, guesses = (
        Additive.from_json(fitted[level], names)
        for level, names in (("words", WORD_EVIDENCE), ("lines", LINE_EVIDENCE), ("guesses", CHAR_EVIDENCE))
    )
    return Trust(words, lines, guesses, fitted["guesses"]["limit"])
