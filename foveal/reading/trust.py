"""How likely what was read makes it right: evidence to chances.

Fitted by tools/fit_trust.py to lines that the models never learnt from, and kept beside the weights.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from foveal.errors import ConfigError
from foveal.measure.additive import Additive
from foveal.measure.scaled import Scaled
from foveal.reading.engine import WEIGHTS
from foveal.reading.evidence import CHAR_EVIDENCE, LINE_EVIDENCE, WORD_EVIDENCE, Vector, with_words


@dataclass(frozen=True)
class Trust:
    """How likely words and lines read by one line model are right, and which characters were guessed.

    `limit`: a character as likely guessed as this is flagged.
    """

    words: Scaled
    lines: Scaled
    guesses: Additive
    limit: float

    def of_lines(self, evidence: Vector, words: Sequence[Sequence[float]]) -> list[float]:
        """Return the chance that all of a line is right, for each, given those of its words.

        evidence: "s LINE_EVIDENCE[3:]". The chance of its word if it has but one; 0 without words.
        """
        chances = [sum(own) for own in words]
        several = [place for place, own in enumerate(words) if len(own) > 1]
        if several:
            rows = np.array([with_words(evidence[place], words[place]) for place in several])
            for place, chance in zip(several, self.lines.chances(rows).tolist(), strict=True):
                chances[place] = chance
        return chances

    def guessed(self, grounds: Vector) -> list[bool]:
        """Tell of each character whether it was guessed; grounds: "characters CHAR_EVIDENCE"."""
        flags: list[bool] = (self.guesses.chances(grounds) >= self.limit).tolist()
        return flags


@lru_cache(maxsize=8)
def load_trust(model: str) -> Trust | None:
    """Return what was fitted for an embedded line model, "fast" or "accurate"; None where nothing was.

    Raises ConfigError for what was fitted to other evidence than is gathered now.
    """
    path = WEIGHTS / f"line-{model}-trust.json"
    if not path.is_file():
        return None
    fitted = json.loads(path.read_text(encoding="utf-8"))
    try:
        return Trust(
            Scaled.from_json(fitted["words"], WORD_EVIDENCE),
            Scaled.from_json(fitted["lines"], LINE_EVIDENCE),
            Additive.from_json(fitted["guesses"], CHAR_EVIDENCE),
            fitted["guesses"]["limit"],
        )
    except KeyError as key:
        raise ConfigError(
            f"{path}: fitted for another version of foveal ({key})",
            remedy="install foveal again, or fit it anew with tools/fit_trust.py",
        ) from key
