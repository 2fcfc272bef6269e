"""Strips to words: glance over each strip, then fixate, and keep the reading of a word both hold likelier.

Strips of equal width share a batch and nothing is ever padded: a strip reads the same alone or among others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.reading.decode import Floats, Span, best_path, choose, edges, spans
from foveal.reading.engine import Session

HEIGHT = 32
STRIDE = 4
_STEP = 16
"""Strip widths are rounded to multiples of this, by stretching at most half of it."""
_BATCH = 6144
"""Columns of pixels in one batch at the most: bounds the memory of a page of any length."""
_EXTRA = 2
"""Fixations beyond the expected length of a word: one must find its end, one more in case it is longer."""


@dataclass(frozen=True)
class ReadChar:
    """One character. x0, x1: pixels of the strip given; alternatives: (text, confidence); look: "n"."""

    text: str
    x0: float
    x1: float
    confidence: float
    alternatives: tuple[tuple[str, float], ...]
    look: Floats | None


@dataclass(frozen=True)
class ReadWord:
    """One word. x0, x1: its ends in pixels of the strip given."""

    chars: tuple[ReadChar, ...]

    @property
    def text(self) -> str:
        """The characters joined."""
        return "".join(char.text for char in self.chars)

    @property
    def x0(self) -> float:
        """Left end."""
        return min(char.x0 for char in self.chars)

    @property
    def x1(self) -> float:
        """Right end."""
        return max(char.x1 for char in self.chars)


@dataclass(frozen=True)
class Reading:
    """What stands on one strip. cell: width in strip pixels of one column of a look."""

    words: tuple[ReadWord, ...]
    cell: float

    @property
    def text(self) -> str:
        """The words joined by single spaces."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True)
class Observation:
    """What the model saw of one strip, before anything is decided.

    log_probs: "n C" and density: "n" of the glance; spans: its words; found: "t C" and looks: "t n" of each
    word's fixations; cell: pixels of the image given to one column.
    """

    log_probs: Floats
    density: Floats
    spans: list[Span]
    found: list[Floats]
    looks: list[Floats]
    cell: float


@dataclass(frozen=True)
class _Glanced:
    features: Floats
    log_probs: Floats
    density: Floats
    spans: list[Span]


def to_strip(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image "h w 3" at the model's height, its width a multiple of 16: "32 w 3"."""
    natural = image.shape[1] * HEIGHT / image.shape[0]
    width = max(_STEP, _STEP * round(natural / _STEP))
    how = cv2.INTER_AREA if image.shape[0] > HEIGHT else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, HEIGHT), interpolation=how), np.uint8)


class Transcriber:
    """Reads strips with one line model. Safe to share between threads: it keeps no state between calls."""

    def __init__(self, glance: Session, fixate: Session, *, trust: float = 0.5) -> None:
        self._glance, self._fixate, self._trust = glance, fixate, trust
        self._alphabet = Alphabet()

    def read(self, images: Sequence[NDArray[np.uint8]], *, looks: bool = False) -> list[Reading]:
        """Return the reading of each strip image "h w 3" (RGB, any size), in their order.

        looks: keep for every character the attention over the columns of its strip.
        """
        return [self.decide(seen, looks=looks) for seen in self.observe(images)]

    def observe(self, images: Sequence[NDArray[np.uint8]]) -> list[Observation]:
        """Return what the model sees of each strip image, in their order."""
        strips = [to_strip(image) for image in images]
        by_width: dict[int, list[int]] = defaultdict(list)
        for index, strip in enumerate(strips):
            by_width[strip.shape[1]].append(index)
        seen: dict[int, Observation] = {}
        for width, members in by_width.items():
            size = max(1, _BATCH // width)
            for start in range(0, len(members), size):
                batch = members[start : start + size]
                cells = [images[i].shape[1] / (width / STRIDE) for i in batch]
                seen.update(zip(batch, self._batch(np.stack([strips[i] for i in batch]), cells), strict=True))
        return [seen[index] for index in range(len(images))]

    def _batch(self, strips: NDArray[np.uint8], cells: list[float]) -> Iterator[Observation]:
        features, log_probs, density = self._glance.run(None, {"strips": strips})
        glanced = [
            _Glanced(features[i], log_probs[i], density[i], _words(log_probs[i])) for i in range(len(strips))
        ]
        for one, (found, looks), cell in zip(glanced, self._fixations(glanced), cells, strict=True):
            yield Observation(one.log_probs, one.density, one.spans, found, looks, cell)

    def _fixations(self, glanced: list[_Glanced]) -> list[tuple[list[Floats], list[Floats]]]:
        """Return for each strip the log-probabilities and the looks of its words' fixations."""
        asked = [_ask(seen) for seen in glanced]
        longest = max(len(positions) for positions, _, _ in asked)
        if longest == 0:
            return [([], []) for _ in glanced]
        b = len(glanced)
        positions = np.zeros((b, longest), np.float32)
        words, window = np.full((b, longest), -1, np.int64), np.zeros((b, longest, 2), np.int64)
        for row, (place, word, span) in enumerate(asked):
            positions[row, : len(place)], words[row, : len(place)] = place, word
            window[row, : len(place)] = span
        density = np.stack([seen.density for seen in glanced])
        log_probs, look = self._fixate.run(
            None,
            {
                "features": np.stack([seen.features for seen in glanced]),
                "count": density.cumsum(-1) - density / 2,
                "positions": positions,
                "words": words,
                "window": window,
            },
        )
        return [_by_word(log_probs[row], look[row], words[row], len(glanced[row].spans)) for row in range(b)]

    def decide(self, seen: Observation, *, looks: bool = False) -> Reading:
        """Return the reading of what was seen: of every word, the text that both steps hold likelier."""
        words = []
        for span, fixated, maps in zip(seen.spans, seen.found, seen.looks, strict=True):
            ids = choose(seen.log_probs[span.low : span.high], fixated, span, trust=self._trust)
            places = edges(seen.density, span, len(ids)) * seen.cell
            chars = tuple(
                self._char(i, symbol, fixated, places[i], maps[i] if looks and i < len(maps) else None)
                for i, symbol in enumerate(ids)
            )
            if chars:
                words.append(ReadWord(chars))
        return Reading(tuple(words), seen.cell)

    def _char(self, place: int, symbol: int, fixated: Floats, at: Floats, look: Floats | None) -> ReadChar:
        chances = np.exp(fixated[min(place, len(fixated) - 1)])
        others = [int(i) for i in np.argsort(-chances)[:4] if i not in (symbol, 0) and chances[i] > 0.01]
        return ReadChar(
            self._alphabet.decode([symbol]),
            float(at[0]),
            float(at[1]),
            float(chances[symbol]),
            tuple((self._alphabet.decode([i]), float(chances[i])) for i in others),
            look,
        )


def _words(log_probs: Floats) -> list[Span]:
    return spans(best_path(log_probs), len(log_probs))


def _ask(seen: _Glanced) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Return position, word and window of every fixation of a strip."""
    total = np.concatenate(([0.0], seen.density.cumsum())).astype(np.float32)
    positions, words, window = [], [], []
    for word, span in enumerate(seen.spans):
        expected = max(len(span.symbols), round(float(total[span.high] - total[span.low])))
        steps = np.arange(expected + _EXTRA, dtype=np.float32)
        positions.append(total[span.low] + steps + 0.5)
        words.append(np.full(len(steps), word, np.int64))
        window.append(np.tile(np.array([span.low, span.high], np.int64), (len(steps), 1)))
    if not positions:
        return np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros((0, 2), np.int64)
    return np.concatenate(positions), np.concatenate(words), np.concatenate(window)


def _by_word(
    log_probs: Floats, look: Floats, words: NDArray[np.int64], count: int
) -> tuple[list[Floats], list[Floats]]:
    return [log_probs[words == word] for word in range(count)], [look[words == word] for word in range(count)]
