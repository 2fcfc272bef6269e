"""Pictures of a reading: its boxes over the page, coloured by confidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.document import Char, Line, Page, Polygon, Word
from foveal.geometry import bounds

Level = Literal["line", "word", "char"]
Colour = tuple[int, int, int]

_BLOCK: Colour = (120, 120, 220)
_UNREAD: Colour = (200, 0, 200)
_SUB = 4  # bits of sub-pixel precision in cv2.polylines


def overlay(page_rgb: NDArray[np.uint8], page: Page, *, level: Level = "word") -> NDArray[np.uint8]:
    """Return a copy of the page image "h w 3" with the boxes of one level drawn over it.

    A box is green where the reading is sure and red where it is not, with its confidence in percent above it
    (characters have no room for that). Blocks are blue, places that could not be read magenta.
    """
    picture: NDArray[np.uint8] = page_rgb.copy()
    for block in page.blocks:
        _outline(picture, block.polygon, _BLOCK)
    for polygon in page.unread:
        _outline(picture, polygon, _UNREAD)
    for part in _parts(page, level):
        colour = _colour(part.confidence)
        _outline(picture, part.polygon, colour)
        if level != "char":
            _percent(picture, part.polygon, part.confidence, colour)
    return picture


def _parts(page: Page, level: Level) -> Iterator[Line | Word | Char]:
    for line in page.lines:
        if level == "line":
            yield line
            continue
        for word in line.words:
            if level == "word":
                yield word
            else:
                yield from word.chars


def _colour(confidence: float) -> Colour:
    """Red up to 0.5, by yellow to green at 1: dark enough to be seen on white."""
    sure = min(max(2 * confidence - 1, 0.0), 1.0)
    return int(210 * min(1.0, 2 - 2 * sure)), int(160 * min(1.0, 2 * sure)), 0


def _outline(picture: NDArray[np.uint8], polygon: Polygon, colour: Colour) -> None:
    corners = ((np.array(polygon) - 0.5) * 2**_SUB).round().astype(np.int32)
    thickness = max(1, round(max(picture.shape) / 1600))
    cv2.polylines(picture, [corners], True, colour, thickness, cv2.LINE_AA, _SUB)


def _percent(picture: NDArray[np.uint8], polygon: Polygon, confidence: float, colour: Colour) -> None:
    left, top, _, bottom = bounds(polygon)
    size = min(max((bottom - top) / 90, 0.28), 1.0)  # in units of the face's height, about 22 pixels
    at = (round(left), max(round(top) - 2, 8))
    cv2.putText(
        picture, f"{100 * confidence:.0f}", at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA
    )
