"""Single characters asked again on altered strips, with everything else held: where, how wide, which.

A word's fixations are asked with the positions, the window and the running count of the intact strip. Then
only the pixels differ between two answers, and the chance of a character is a function of its strip alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.reading.decode import Span, Trial, choose, edges
from foveal.reading.eye import Eye, Gaze
from foveal.reading.line_graphs import load_line
from foveal.reading.observation import Observation
from foveal.reading.transcribe import STRIDE, WEIGHT, Transcriber, to_strip

Floats = NDArray[np.float32]
Image = NDArray[np.uint8]
Ids = NDArray[np.int64]

EXTRA = 2
"""Fixations asked beyond the length that was tried; see `foveal.reading.transcribe`."""

_MARGIN = 8  # columns of a strip that are kept on either side of a word: its height
_STEP = 4  # columns by which a part of a strip is widened, as the widths of whole strips are


@dataclass(frozen=True, eq=False)
class Asked:
    """One word of a strip as its fixations were asked. t: its characters; f ≥ t: fixations; n: columns.

    strip: "32 w 3", w = 4n; count: "n", running count of characters; positions: "f", the counts at which
    characters were looked for; window: first column and column after the last that could be looked at; ids:
    "t", the characters read; looks: "t n"; boxes: "t 2", left and right in columns; chances: "t", 0 to 1.
    """

    text: str
    strip: Image
    count: Floats
    positions: Floats
    window: tuple[int, int]
    ids: Ids
    looks: Floats
    boxes: Floats
    chances: Floats

    def alone(self) -> Asked:
        """Return the word on the part of its strip that it stands on, for which an answer costs less.

        What is farther away than the strip is high no longer counts, so its chances have to be asked anew.
        """
        n = len(self.count)
        low = max(self.window[0] - _MARGIN, 0)
        high = min(low + -(-(self.window[1] + _MARGIN - low) // _STEP) * _STEP, n)
        return replace(
            self,
            strip=np.ascontiguousarray(self.strip[:, low * STRIDE : high * STRIDE]),
            count=self.count[low:high],
            window=(self.window[0] - low, self.window[1] - low),
            looks=self.looks[:, low:high],
            boxes=self.boxes - low,
        )


class Examiner:
    """Asks a line model: "fast", "accurate" or a file. Errors: see `foveal.reading.line_graphs.load_line`."""

    def __init__(self, model: str = "fast", *, threads: int = 1) -> None:
        graphs = load_line(model, threads)
        self._alphabet = graphs.alphabet
        self._eye = Eye(graphs.glance, graphs.fixate)
        self._transcriber = Transcriber(graphs.glance, graphs.fixate, alphabet=graphs.alphabet)

    def words(self, images: Sequence[Image]) -> list[list[Asked]]:
        """Return the words read on each strip image "h w 3", read once and for all of its width."""
        seen = self._transcriber.observe(images)
        return [self._asked(image, one) for image, one in zip(images, seen, strict=True)]

    def _asked(self, image: Image, seen: Observation) -> list[Asked]:
        words = [
            _ask(to_strip(image), seen, span, trials, self._alphabet)
            for span, trials in zip(seen.spans, seen.trials, strict=True)
        ]
        return [word for word in words if word is not None]

    def chances(self, asked: Asked, strips: Image) -> Floats:
        """Return the chance of each character of a word on each of its altered strips "s 32 w 3": "s t"."""
        glimpse = self._eye.glance(strips)
        held = replace(glimpse, count=np.repeat(asked.count[None], len(strips), axis=0))
        log_probs, _ = self._eye.fixate(held, _gaze(asked, len(strips)))
        return np.asarray(np.exp(log_probs[:, np.arange(len(asked.ids)), asked.ids]), np.float32)

    def looks(self, asked: Asked, strips: Image) -> Floats:
        """Return the looks at the characters on altered strips, each with its own running count: "s t n"."""
        _, looks = self._eye.fixate(self._eye.glance(strips), _gaze(asked, len(strips)))
        return looks[:, : len(asked.ids)]


def _gaze(asked: Asked, s: int) -> Gaze:
    """Return what is asked of the fixations of s strips at once."""
    f = len(asked.positions)
    window = np.broadcast_to(np.array(asked.window, np.int64), (s, f, 2)).copy()
    return Gaze(np.repeat(asked.positions[None], s, axis=0), np.zeros((s, f), np.int64), window)


def _ask(
    strip: Image, seen: Observation, span: Span, trials: list[Trial], alphabet: Alphabet
) -> Asked | None:
    """Return a word as it was decided, or nothing where the fixations were too few to name it."""
    glanced = seen.glance.log_probs[span.low : span.high]
    ids, trial = choose(glanced, trials, span, trust=WEIGHT)
    t = len(ids)
    if not 0 < t <= len(trial.looks):
        return None
    density = seen.glance.density
    total = np.concatenate(([0.0], density.cumsum())).astype(np.float32)
    length = len(trial.looks) - EXTRA
    mass = float(total[span.high] - total[span.low])
    steps = (np.arange(len(trial.looks), dtype=np.float32) + 0.5) * (mass / length)
    return Asked(
        text=alphabet.decode(list(ids)),
        strip=strip,
        count=(density.cumsum() - density / 2).astype(np.float32),
        positions=(total[span.low] + steps).astype(np.float32),
        window=(span.low, span.high),
        ids=np.array(ids, np.int64),
        looks=trial.looks[:t],
        boxes=edges(density, span, t),
        chances=np.exp(trial.log_probs[np.arange(t), list(ids)]),
    )
