"""The path of attention along a line: its fixations in order, and what can be counted of them.

A *fixation* is the look of one character; fixations are numbered in the order of the text. Lengths are along
the strip and in *pitches*: one pitch is the median distance from one character's look to the next within the
words of the line, so that the same limits hold for small and large, wide and narrow print.

*place*: the mean of the columns of a look, weighted by the look. *spread*: the standard deviation about it.
*step*: from the place before to this one. *jump*: a step forward of more than JUMP pitches. *back-step*: a
step back of more than BACK pitches. *repeat*: two looks that share more than REPEAT of their weight (the sum
of the smaller of the two in every column). *dwell* of a column: the weights of all looks there summed; of a
character: the dwell inside its box, where 1 is as much as one whole fixation. *ink*: columns of the strip in
which strokes differ from the paper. *coverage*: the share of the ink columns within REACH pitches of a place
(WIDE times as far for letters like m and W, CAPITAL times for capitals). *skip*: a run of ink of more than
SKIP pitches that is not covered, before, between or after the places.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.document import Char, Line, Look, Point
from foveal.explain.maps import strip_of
from foveal.reading.cut import Strip

Floats = NDArray[np.float64]
Run = tuple[float, float]
"""From here to there, in pixels along the strip."""

JUMP = 3.0
BACK = 0.4
REPEAT = 0.8
REACH = 0.6
WIDE, CAPITAL = 1.6, 1.4
"""How much farther the places of wide letters and of capitals reach."""
SKIP = 0.4

_WIDE_LETTERS = frozenset("mwMWÆŒæœ@%&—…")
_DEFAULT_PITCH = 0.5  # of the strip's height, for lines of one character
_FRAME = (
    0.1  # of the strip's height at the top and at the bottom: its margin, where neighbours' strokes reach in
)
_FAINT = 24  # of 255: less is grain of the paper
_STROKE = 0.06  # of the strip's height: a column with less has no ink


@dataclass(frozen=True)
class Fixation:
    """One character's look. `place`, `spread`, `left`, `right` (of its box): pixels along the strip.

    `number`, `word`: counted from 1 in the line. `point`: the place in page pixels. `step`: pitches from the
    one before; 0 for the first. `dwell`: see above. `main`: the share of the look in one
    piece about its heaviest column.
    """

    number: int
    word: int
    char: Char
    look: Look
    place: float
    spread: float
    point: Point
    left: float
    right: float
    step: float
    dwell: float
    main: float

    @property
    def is_jump(self) -> bool:
        """Whether the step to it was a jump."""
        return self.step > JUMP

    @property
    def is_back_step(self) -> bool:
        """Whether the step to it went back."""
        return self.step < -BACK


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The fixations of a line over its strip.

    `ink`: "w", true where a pixel column of the strip has ink. `pitch`: pixels of the strip.
    """

    line: Line
    fixations: tuple[Fixation, ...]
    strip: Strip
    ink: NDArray[np.bool_]
    pitch: float

    @property
    def jumps(self) -> tuple[Fixation, ...]:
        """The fixations that were reached by a jump."""
        return tuple(one for one in self.fixations if one.is_jump)

    @property
    def back_steps(self) -> tuple[Fixation, ...]:
        """The fixations that were reached by a step back."""
        return tuple(one for one in self.fixations if one.is_back_step)

    @cached_property
    def repeats(self) -> tuple[tuple[Fixation, Fixation], ...]:
        """The pairs of fixations, earlier first, that looked at the same place."""
        if not self.fixations:
            return ()
        looks = np.stack([columns(one.look) for one in self.fixations])
        return tuple(
            (self.fixations[j], one)
            for i, one in enumerate(self.fixations)
            for j in np.flatnonzero(np.minimum(looks[:i], looks[i]).sum(axis=1) > REPEAT)
        )

    @cached_property
    def covered(self) -> NDArray[np.bool_]:
        """Which pixel columns of the strip are near enough to a fixation, "w"."""
        x = np.arange(len(self.ink)) + 0.5
        near = np.zeros(len(self.ink), bool)
        for one in self.fixations:
            near |= abs(x - one.place) <= _reach(one.char.text) * self.pitch
        return near

    @property
    def coverage(self) -> float:
        """The share of the ink that is covered, 0 to 1; 1 for a strip without ink."""
        return float(self.covered[self.ink].mean()) if self.ink.any() else 1.0

    @cached_property
    def skips(self) -> tuple[Run, ...]:
        """Runs of ink without a fixation, in pixels along the strip, before, between and after all places."""
        return tuple(
            run
            for run in runs(self.ink & ~self.covered, self.pitch / 2)
            if run[1] - run[0] > SKIP * self.pitch
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything but the weights of the looks; places in page pixels, lengths in pitches."""
        return {
            "text": self.line.text,
            "confidence": round(self.line.confidence, 4),
            "pitch": round(self.pitch, 2),
            "coverage": round(self.coverage, 4),
            "fixations": [_fixation_json(one, self.pitch) for one in self.fixations],
            "jumps": [one.number for one in self.jumps],
            "back_steps": [one.number for one in self.back_steps],
            "repeats": [[one.number, other.number] for one, other in self.repeats],
            "skips": [[round(end / self.pitch, 2) for end in run] for run in self.skips],
        }


def trace(page: NDArray[np.uint8], line: Line) -> Trajectory:
    """Return the trajectory of a line that was read on a page "h w 3" (RGB).

    Characters without a look have no fixation.
    """
    looked = [
        (number, char, char.look)
        for number, word in enumerate(line.words, 1)
        for char in word.chars
        if char.look is not None
    ]
    strip = strip_of(page, line)
    marks, otherwise = ink(strip.image), _DEFAULT_PITCH * len(strip.image)
    if not looked:
        return Trajectory(line, (), strip, marks, otherwise)
    n, cell = looked[0][2].weights.shape[1], looked[0][2].cell[0]
    grid = np.asarray((np.arange(n) + 0.5) * cell, dtype=np.float64)
    weights = np.stack([columns(look) for _, _, look in looked])
    pitch = _pitch(weights @ grid, np.array([word for word, _, _ in looked]), otherwise=otherwise)
    return Trajectory(line, _fixations(looked, weights, grid, strip, pitch), strip, marks, pitch)


def _fixations(
    looked: list[tuple[int, Char, Look]], weights: Floats, grid: Floats, strip: Strip, pitch: float
) -> tuple[Fixation, ...]:
    """Measure looks "t n" over columns whose middles are at `grid` "n"."""
    places = weights @ grid
    spreads = np.sqrt((weights * (grid[None] - places[:, None]) ** 2).sum(axis=1))
    steps = np.diff(places, prepend=places[0]) / pitch
    points = strip.to_page(np.stack([places, np.full_like(places, len(strip.image) / 2)], axis=1))
    fixations = []
    for i, (word, char, look) in enumerate(looked):
        box = strip.to_strip(char.polygon)[:, 0]
        inside = (grid >= box.min() - grid[0]) & (grid <= box.max() + grid[0])  # half a column more
        fixations.append(
            Fixation(
                number=i + 1,
                word=word,
                char=char,
                look=look,
                place=float(places[i]),
                spread=float(spreads[i]),
                point=(float(points[i, 0]), float(points[i, 1])),
                left=float(box.min()),
                right=float(box.max()),
                step=float(steps[i]),
                dwell=float(weights[:, inside].sum()),
                main=main_share(weights[i]),
            )
        )
    return tuple(fixations)


def columns(look: Look) -> Floats:
    """Return the weight of every column of a look, "n"; they sum to one."""
    weights = look.weights.sum(axis=0).astype(np.float64)
    return np.asarray(weights / max(weights.sum(), 1e-9))


def main_share(weights: Floats) -> float:
    """Return the share of a look "n" in the run of columns about its heaviest that a gap of two ends.

    A column belongs to a gap when it weighs less than a twentieth of the heaviest.
    """
    heavy = weights >= 0.05 * weights.max()
    heavy |= np.concatenate([heavy[1:], [False]]) & np.concatenate(
        [[False], heavy[:-1]]
    )  # a gap of one closes
    peak = int(weights.argmax())
    gaps = np.flatnonzero(~heavy)
    low = gaps[gaps < peak].max(initial=-1) + 1
    high = gaps[gaps > peak].min(initial=len(weights))
    return float(weights[low:high].sum() / weights.sum())


def ink(strip: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which columns of a strip "h w 3" have ink, "w": what differs from the most common brightness."""
    grey = cv2.cvtColor(strip, cv2.COLOR_RGB2GRAY)
    frame = round(_FRAME * len(grey))
    band = grey[frame : len(grey) - frame].astype(np.int16)
    contrast = np.abs(band - int(np.median(band))).clip(0, 255).astype(np.uint8)
    level, _ = cv2.threshold(contrast, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    strokes = contrast > max(level, _FAINT)
    return np.asarray(strokes.sum(axis=0) >= max(_STROKE * len(grey), 1))


def runs(marked: NDArray[np.bool_], gap: float) -> list[Run]:
    """Return the runs of marked pixels, those less than `gap` pixels apart joined."""
    edge = np.flatnonzero(np.diff(np.pad(marked, 1).astype(np.int8)))
    found: list[Run] = []
    for low, high in zip(edge[::2], edge[1::2], strict=True):
        if found and low - found[-1][1] < gap:
            found[-1] = (found[-1][0], float(high))
        else:
            found.append((float(low), float(high)))
    return found


def _reach(text: str) -> float:
    """Return how many pitches a character's place reaches to either side."""
    if text in _WIDE_LETTERS:
        return REACH * WIDE
    return REACH * CAPITAL if text.isupper() else REACH


def _pitch(places: Floats, words: NDArray[np.int64], *, otherwise: float) -> float:
    steps = np.diff(places)[np.diff(words) == 0]
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else otherwise


def _fixation_json(one: Fixation, pitch: float) -> dict[str, Any]:
    return {
        "number": one.number,
        "word": one.word,
        "text": one.char.text,
        "confidence": round(one.char.confidence, 4),
        "point": [round(side, 1) for side in one.point],
        "place": round(one.place / pitch, 2),
        "spread": round(one.spread / pitch, 2),
        "step": round(one.step, 2),
        "dwell": round(one.dwell, 3),
        "main": round(one.main, 3),
        "alternatives": [[other.text, round(other.confidence, 4)] for other in one.char.alternatives],
    }
