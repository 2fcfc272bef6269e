"""Readings of strips to words, lines and blocks in page pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveal.document import Alternative, Block, Char, Line, Look, Polygon, Word
from foveal.geometry import Transform, bounds, box, points
from foveal.reading.readings import Box, ReadChar, Reading, ReadWord, sureness

ToPage = Callable[[ArrayLike], NDArray[np.float64]]
"""Takes points "n 2" from the pixels of a strip to those of its page."""


def compose_line(
    reading: Reading,
    *,
    size: tuple[int, int],
    to_page: ToPage,
    margin: float = 0.0,
    polygon: Polygon | None = None,
) -> Line:
    """Return a reading as a Line in page pixels.

    `size`: width and height of the strip in its own pixels. `margin`: what the strip has above and below the
    line, as a share of the line's height. `polygon`: the line's outline; the strip's corners if not given.
    """
    place = _Place(size, margin / (1 + 2 * margin), to_page)
    words = tuple(_words(reading, place))
    outline = polygon or as_polygon(to_page(box(0, 0, *size)))
    return Line(outline, _chance(reading), words)


def compose_block(lines: Sequence[Line], *, label: str = "text", polygon: Polygon | None = None) -> Block:
    """Return lines in reading order as one Block; without a polygon, their upright box."""
    if polygon is None:
        corners = np.concatenate([points(line.polygon) for line in lines])
        polygon = as_polygon(box(*bounds(corners)))
    return Block(polygon, sureness([line.confidence for line in lines]), tuple(lines), label)


def as_polygon(corners: ArrayLike) -> Polygon:
    """Return points "n 2" as a tuple of (x, y)."""
    return tuple((float(x), float(y)) for x, y in points(corners))


@dataclass(frozen=True)
class _Place:
    """Where a strip lies on its page, and which share of it is margin, above and below."""

    size: tuple[int, int]
    margin: float
    to_page: ToPage

    def whole(self, part: ReadChar | ReadWord) -> Box:
        """Return left, top, right, bottom of a part of the strip, as high as the line."""
        top = self.size[1] * self.margin
        return part.x0, top, part.x1, self.size[1] - top

    def outlines(self, boxes: Sequence[Box]) -> Iterator[Polygon]:
        """Yield the outline on the page of each part of the strip; all are moved there at once."""
        corners = np.array(boxes, np.float64).reshape(-1, 4)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
        for outline in self.to_page(corners).reshape(-1, 4, 2).tolist():
            (ax, ay), (bx, by), (cx, cy), (dx, dy) = outline
            yield (ax, ay), (bx, by), (cx, cy), (dx, dy)


def _words(reading: Reading, place: _Place) -> Iterator[Word]:
    """Yield the words on their page."""
    boxes: list[Box] = []
    for word in reading.words:
        boxes += [place.whole(word), *(char.box or place.whole(char) for char in word.chars)]
    outlines = place.outlines(boxes)
    for word in reading.words:
        outline = next(outlines)
        chars = tuple(_char(char, next(outlines), reading.cell, place) for char in word.chars)
        yield Word(outline, _chance(word), chars, word.remedy)


def _chance(part: ReadWord | Reading) -> float:
    return part.confidence if part.chance is None else part.chance


def _char(char: ReadChar, outline: Polygon, cell: float, place: _Place) -> Char:
    others = tuple(Alternative(text, confidence) for text, confidence in char.alternatives)
    look = None if char.look is None else _look(char.look, cell, place)
    flag = "guessed" if char.guessed else ""
    return Char(char.text, outline, char.confidence, others, look, flag)


def _look(weights: NDArray[np.float32], cell: float, place: _Place) -> Look:
    """A bent strip has no homography: its corners' stands for it."""
    width, height = float(place.size[0]), float(place.size[1])
    corners = box(0, 0, width, height)
    to_page = Transform.between(corners, place.to_page(corners)).matrix
    return Look(weights.reshape(1, -1), (cell, height), (width, height), to_page)
