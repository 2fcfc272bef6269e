"""The line model's two graphs asked directly: by whoever moves a look, takes one away, or asks why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveal.reading.engine import Session
from foveal.reading.line_graphs import load_line

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Image = NDArray[np.uint8]

STRIDE = 4
"""Strip pixels to one column of the grid."""

_BATCH = 6144  # columns of pixels read at a time: bounds the memory of any number of strips


@dataclass(frozen=True, eq=False)
class Glimpse:
    """What the glance saw of strips. features: "b n d"; log_probs: "b n C"; count: "b n", running count."""

    features: Floats
    log_probs: Floats
    count: Floats


@dataclass(frozen=True, eq=False)
class Gaze:
    """What is asked of the fixations. positions: "b t", running counts to look at; words: "b t", fixations
    of one word know of each other; window: "b t 2", first column and column after the last (equal: nowhere).
    """

    positions: Floats
    words: Ids
    window: Ids


class Eye:
    """Both graphs of a line model."""

    def __init__(self, glance: Session, fixate: Session) -> None:
        self._glance, self._fixate = glance, fixate

    def glance(self, strips: Image) -> Glimpse:
        """Return what one look over strips "b 32 w 3" sees."""
        size = max(_BATCH // strips.shape[2], 1)
        parts = [
            self._glance.run(None, {"strips": strips[start : start + size]})
            for start in range(0, len(strips), size)
        ]
        features, log_probs, density = (np.concatenate(part) for part in zip(*parts, strict=True))
        count = (density.cumsum(-1) - density / 2).astype(np.float32)
        return Glimpse(features, log_probs, count)

    def fixate(self, glimpse: Glimpse, gaze: Gaze) -> tuple[Floats, Floats]:
        """Return log-probabilities "b t C" and looks "b t n" of the fixations asked for."""
        log_probs, looks = self._fixate.run(
            None,
            {
                "features": glimpse.features,
                "count": glimpse.count,
                "positions": gaze.positions,
                "words": gaze.words,
                "window": gaze.window,
            },
        )
        return log_probs, looks


def load_eye(model: str, threads: int = 1) -> Eye:
    """Return the graphs of a line model: "fast", "accurate" or a file; see `load_line` for what it raises."""
    graphs = load_line(model, threads)
    return Eye(graphs.glance, graphs.fixate)
