"""Readings of strips to words, lines and blocks in page pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveal.document import Alternative, Block, Char, Line, Look, Polygon, Word
from foveal.geometry import bounds, box, points
from foveal.reading.transcribe import ReadChar, Reading, ReadWord

ToPage = Callable[[ArrayLike], NDArray[np.float64]]
"""Takes points "n 2" from the pixels of a strip to those of its page."""


def compose_line(
    reading: Reading, *, size: tuple[int, int], to_page: ToPage, polygon: Polygon | None = None
) -> Line:
    """Return a reading as a Line in page pixels.

    `size`: width and height of the strip in its own pixels. `polygon`: the line's outline on the page; the
    strip's corners if it is not known.
    """
    width, height = size
    words = tuple(_word(word, reading.cell, size, to_page) for word in reading.words)
    outline = polygon or _polygon(to_page, 0.0, float(width), height)
    return Line(outline, sureness([char.confidence for word in words for char in word.chars]), words)


def compose_block(lines: Sequence[Line], *, label: str = "text", polygon: Polygon | None = None) -> Block:
    """Return lines in reading order as one Block; without a polygon, their upright box."""
    if polygon is None:
        corners = np.concatenate([points(line.polygon) for line in lines])
        polygon = as_polygon(box(*bounds(corners)))
    return Block(polygon, sureness([line.confidence for line in lines]), tuple(lines), label)


def sureness(confidences: Sequence[float]) -> float:
    """Return the geometric mean: what the parts of a whole would have if all were alike; 0 of none.

    >>> round(sureness([0.5, 0.5]), 3), round(sureness([1.0, 0.25]), 3)
    (0.5, 0.5)
    """
    if not confidences:
        return 0.0
    return float(np.exp(np.mean(np.log(np.maximum(confidences, 1e-6)))))


def as_polygon(corners: ArrayLike) -> Polygon:
    """Return points "n 2" as a tuple of (x, y)."""
    return tuple((float(x), float(y)) for x, y in points(corners))


def _word(word: ReadWord, cell: float, size: tuple[int, int], to_page: ToPage) -> Word:
    chars = tuple(_char(char, cell, size, to_page) for char in word.chars)
    outline = _polygon(to_page, word.x0, word.x1, size[1])
    return Word(outline, sureness([char.confidence for char in chars]), chars)


def _char(char: ReadChar, cell: float, size: tuple[int, int], to_page: ToPage) -> Char:
    return Char(
        char.text,
        _polygon(to_page, char.x0, char.x1, size[1]),
        char.confidence,
        tuple(Alternative(text, confidence) for text, confidence in char.alternatives),
        None if char.look is None else _look(char.look, cell, size, to_page),
    )


def _look(weights: NDArray[np.float32], cell: float, size: tuple[int, int], to_page: ToPage) -> Look:
    width, height = float(size[0]), float(size[1])
    return Look(weights.reshape(1, -1), (cell, height), (width, height), homography(to_page, size))


def homography(to_page: ToPage, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return the 3 × 3 matrix that takes a strip's corners to the page as `to_page` does."""
    from foveal.geometry import Transform

    corners = box(0, 0, *size)
    return Transform.between(corners, to_page(corners)).matrix


def _polygon(to_page: ToPage, left: float, right: float, height: float) -> Polygon:
    return as_polygon(to_page(box(left, 0, right, height)))
