"""A reading parted into what may be accepted and what a person should look at."""

from __future__ import annotations

from dataclasses import dataclass

from foveal.document import Document, Word
from foveal.errors import ConfigError
from foveal.geometry import bounds
from foveal.measure.calibration import accepted

COLUMNS = ("page", "line", "word", "left", "top", "right", "bottom", "confidence", "flag", "text")
"""The columns of a review list."""


@dataclass(frozen=True)
class Doubt:
    """A word to be looked at: the number of its page in the file, of its line there, its own; all from 1."""

    page: int
    line: int
    number: int
    word: Word


def doubts(document: Document, *, max_error: float) -> list[Doubt]:
    """Return the words that cannot be accepted if at most a share `max_error` of the others may be wrong.

    Accepted are the surest words, as many as keep the mean of their chances of error, each counted a third
    higher, within the bound; a word flagged as guessed never is. What is promised holds as far as the
    confidences do: see `foveal evaluate`.
    """
    every = [
        Doubt(page.number, i, j, word)
        for page in document.pages
        for i, line in enumerate(page.lines, 1)
        for j, word in enumerate(line.words, 1)
    ]
    open_to = [one for one in every if not one.word.flag]
    taken = accepted([one.word.confidence for one in open_to], max_error=max_error)
    kept = {id(one) for one, is_taken in zip(open_to, taken, strict=True) if is_taken}
    return [one for one in every if id(one) not in kept]


def review_list(document: Document, *, max_error: float) -> str:
    """Return the doubts as tab-separated values with a header; boxes in whole pixels of the page."""
    rows = ["\t".join(COLUMNS)]
    for doubt in doubts(document, max_error=max_error):
        place = [str(round(side)) for side in bounds(doubt.word.polygon)]
        numbers = [str(number) for number in (doubt.page, doubt.line, doubt.number)]
        said = [f"{doubt.word.confidence:.4f}", doubt.word.flag, doubt.word.text]
        rows.append("\t".join([*numbers, *place, *said]))
    return "\n".join(rows) + "\n"


def as_share(text: str) -> float:
    """Return what "1%" or "0.01" says, 0 to 1. Raises ConfigError for anything else.

    >>> as_share("1%"), as_share("0.01")
    (0.01, 0.01)
    """
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ConfigError(f"'{text}' is no share of errors", remedy="give it as 1% or 0.01")
    return share
