"""What went wrong on a line, as far as trajectory and confidences tell: named, placed, worst first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from foveal.document import Polygon
from foveal.explain.trajectory import Fixation, Run, Trajectory
from foveal.geometry import box
from foveal.reading.codes import CODE
from foveal.reading.context import CONTEXT
from foveal.reading.words import LISTED

ASTRAY = 1.0
"""Pitches between the place of a look and the box of its character, above which attention wandered."""

SPLIT = 0.7
"""A look with less than this in one piece is split."""

UNSURE = 0.8
"""A character read with less confidence is listed."""

KINDS = {
    "guessed": "a character without ground in the pixels",
    "read otherwise": "a word that is not what its looks read at first",
    "skipped ink": "strokes that no fixation was near to",
    "truncated tail": "strokes after the last fixation",
    "repeated look": "two characters read from one place",
    "wandering": "a step back, or a look away from the box of its character",
    "split attention": "a look in several pieces",
    "low confidence": "a character that could be another",
}
"""What each kind of anomaly means."""


@dataclass(frozen=True)
class Anomaly:
    """One suspicious place. `number`: of the fixation concerned, from 1, or of the one before the place.

    `severity`: 0 to 1, for sorting. `polygon`: page pixels. `says`: one sentence.
    """

    kind: str
    number: int
    severity: float
    polygon: Polygon
    says: str

    def to_json(self) -> dict[str, Any]:
        """Return the fields; the polygon's corners in page pixels."""
        corners = [[round(side, 1) for side in corner] for corner in self.polygon]
        return {
            "kind": self.kind,
            "number": self.number,
            "severity": round(self.severity, 3),
            "polygon": corners,
            "says": self.says,
        }


def anomalies(path: Trajectory) -> list[Anomaly]:
    """Return what is suspicious on a line, worst first; nothing for a line without looks."""
    if not path.fixations:
        return []
    found = [
        *_guessed(path),
        *_otherwise(path),
        *_skipped(path),
        *_repeated(path),
        *_wandering(path),
        *_split(path),
        *_unsure(path),
    ]
    return sorted(found, key=lambda one: -one.severity)


def _guessed(path: Trajectory) -> Iterator[Anomaly]:
    for one in path.fixations:
        if one.char.flag:
            says = f"“{one.char.text}” was {one.char.flag}: what stands there is no ground for it"
            yield Anomaly("guessed", one.number, 1.0, one.char.polygon, says)


_HOW = {
    LISTED: "the words of the language decided",
    CONTEXT: "what usually follows what decided",
    CODE: "a figure stands beside figures",
}


def _otherwise(path: Trajectory) -> Iterator[Anomaly]:
    for number, word in enumerate(path.line.words, 1):
        first = next((one.number for one in path.fixations if one.word == number), None)
        if word.remedy is None or first is None:
            continue
        how = _HOW.get(word.remedy.kind, "it was read again")
        says = f"“{word.text}” was read “{word.remedy.before}” at first; {how}"
        yield Anomaly("read otherwise", first, 0.5, word.polygon, says)


def _skipped(path: Trajectory) -> Iterator[Anomaly]:
    last = path.fixations[-1]
    for run in path.skips:
        before = [one for one in path.fixations if one.place < run[0]]
        number = before[-1].number if before else 0
        long = (run[1] - run[0]) / path.pitch
        kind = "truncated tail" if run[0] > last.place else "skipped ink"
        where = f"after “{before[-1].char.text}”" if before else "before the first character"
        says = f"{long:.1f} characters' width of ink {where} was not looked at"
        yield Anomaly(kind, number, min(long / 2, 1.0), _polygon(path, run), says)


def _repeated(path: Trajectory) -> Iterator[Anomaly]:
    for one, other in path.repeats:
        says = f"“{one.char.text}” and “{other.char.text}” were read from the same place"
        yield Anomaly("repeated look", other.number, 0.9, other.char.polygon, says)


def _wandering(path: Trajectory) -> Iterator[Anomaly]:
    for one in path.fixations:
        away = max(one.left - one.place, one.place - one.right, 0.0) / path.pitch
        if one.is_back_step:
            says = f"attention went back by {-one.step:.1f} characters to read “{one.char.text}”"
            yield Anomaly("wandering", one.number, min(0.5 - 0.2 * one.step, 1.0), one.char.polygon, says)
        elif away > ASTRAY:
            says = f"the look of “{one.char.text}” lies {away:.1f} characters away from its box"
            yield Anomaly("wandering", one.number, min(away / 3, 1.0), one.char.polygon, says)


def _split(path: Trajectory) -> Iterator[Anomaly]:
    for one in path.fixations:
        if one.main < SPLIT:
            says = f"only {one.main:.0%} of the look of “{one.char.text}” is in one piece"
            yield Anomaly("split attention", one.number, 0.9 - 0.5 * one.main, one.char.polygon, says)


def _unsure(path: Trajectory) -> Iterator[Anomaly]:
    for one in path.fixations:
        if one.char.confidence < UNSURE:
            yield Anomaly(
                "low confidence", one.number, 1 - one.char.confidence, one.char.polygon, _doubt(one)
            )


def _doubt(one: Fixation) -> str:
    others = [f"“{other.text}” {other.confidence:.0%}" for other in one.char.alternatives]
    rest = f"; the same look also reads {' or '.join(others)}" if others else ""
    return f"“{one.char.text}” was read with {one.char.confidence:.0%}{rest}"


def _polygon(path: Trajectory, run: Run) -> Polygon:
    """Return the part of the strip from here to there, in page pixels."""
    corners = path.strip.to_page(box(run[0], 0.0, run[1], len(path.strip.image)))
    return tuple((float(x), float(y)) for x, y in corners)
