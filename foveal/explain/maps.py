"""Heat maps: the looks of characters over the pixels of the page they were read from.

A look weighs the columns of a line's strip, so the heat covers the height of the line; it says where along
the line was looked, not at which height. Colours are perceptually even (viridis unless told); both colour and
opacity grow with the weight, and the legend names the weight of the strongest colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveal.document import Char, Line, Look, Polygon, Word
from foveal.explain.colours import ALPHA, Note, beside, caption, legend, noted, tinted
from foveal.geometry import Points, Transform, bounds, points
from foveal.reading.cut import Strip, Way, cut

Image = NDArray[np.uint8]

OUTLINE = (200, 60, 60)
"""Colour of the box of what is shown."""

_FINE = 8  # quads to a column of a look, so that no edge shows that the model does not know of
_NOTHING = 0.002  # a column with less weight is not drawn
_SUB = 4  # bits of sub-pixel precision in cv2.fillConvexPoly
_TALL = 72  # a line is drawn so many pixels high
_NARROW = 240  # room for the legend of a heat map
_TILE = 128  # side of a tile of small multiples


@dataclass(frozen=True)
class View:
    """A rectangle of a page, drawn larger or smaller: `image` "h w 3", and the way from page to it."""

    image: Image
    way: Transform


def view(page: Image, polygons: Sequence[ArrayLike], *, margin: float, scale: float) -> View:
    """Return the page "h w 3" around polygons, `margin` pixels wider on each side, `scale` times as large."""
    left, top, right, bottom = bounds(np.concatenate([points(polygon) for polygon in polygons]))
    height, width = page.shape[:2]
    x0, y0 = min(max(int(left - margin), 0), width - 1), min(max(int(top - margin), 0), height - 1)
    part = page[y0 : max(int(bottom + margin) + 1, y0 + 1), x0 : max(int(right + margin) + 1, x0 + 1)]
    width, height = max(round(part.shape[1] * scale), 1), max(round(part.shape[0] * scale), 1)
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    image = np.asarray(cv2.resize(part, (width, height), interpolation=how), np.uint8)
    way = Transform.shift(-x0, -y0).then(Transform.scale(width / part.shape[1], height / part.shape[0]))
    return View(image, way)


def line_height(polygon: Polygon) -> float:
    """Return the height of a line, word or character in page pixels, whichever way it lies."""
    corners = points(polygon)
    k = len(corners) // 2
    return max(float(np.linalg.norm(corners[:k] - corners[k:][::-1], axis=1).mean()), 1.0)


def strip_of(page: Image, line: Line) -> Strip:
    """Return the strip of a line on a page "h w 3" as it was read: the grid of its looks lies over it."""
    strip = cut(page, line.polygon)
    looks = [char.look for word in line.words for char in word.chars if char.look is not None]
    if not looks:
        return strip
    width, height = (round(side) for side in looks[0].strip_size)
    if strip.image.shape[:2] == (height, width):
        return strip
    way = Transform(looks[0].to_page)  # a line that was given as an image of its own
    image = cv2.warpPerspective(
        page, way.matrix, (width, height), flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    )
    return Strip(np.asarray(image, np.uint8), way)


def heat(looks: Sequence[Look], way: Way, seen: View) -> NDArray[np.float32]:
    """Return for each pixel "h w" of a view the heaviest weight that one of the looks of a line gives it."""
    shade = np.zeros(seen.image.shape[:2], np.float32)
    if not looks:
        return shade
    weights = np.max([look.weights for look in looks], axis=0)
    rows, n = weights.shape
    places = (np.arange(n * _FINE) + 0.5) / _FINE - 0.5
    x = np.arange(n * _FINE + 1) * looks[0].cell[0] / _FINE
    for row in range(rows):
        fine = np.interp(places, np.arange(n), weights[row])
        edges = (
            np.stack([x, np.full_like(x, y)], axis=1) for y in looks[0].cell[1] * np.array([row, row + 1])
        )
        above, below = (_fixed(seen.way.to(way.to(edge))) for edge in edges)
        drawn = np.flatnonzero(fine > _NOTHING)
        for i in drawn[fine[drawn].argsort()]:  # where quads meet, the heavier stays
            quad = np.stack([above[i], above[i + 1], below[i + 1], below[i]])
            cv2.fillConvexPoly(shade, quad, float(fine[i]), shift=_SUB)
    return shade


def heat_map(
    page: Image,
    line: Line,
    words: Sequence[Word],
    *,
    polygon: Polygon,
    alpha: float = ALPHA,
    colours: str = "viridis",
    side_by_side: bool = False,
    note: Note | None = None,
) -> Image:
    """Return the page "h w 3" around a polygon of a line with the looks of some of its words over it.

    `alpha`: opacity of the strongest colour, 0 to 1. `side_by_side`: the page as it is goes first. The
    polygon is outlined; under the picture stand the characters, a legend and `note`: whether the looks are
    true, see `foveal.explain.deletion`. Raises ConfigError for colours that there are not.
    """
    looks = [char.look for word in words for char in word.chars if char.look is not None]
    tall = line_height(line.polygon)
    way = strip_of(page, line).way
    seen = view(page, [polygon, *_heaviest(looks, way)], margin=0.6 * tall, scale=max(_TALL / tall, 0.5))
    shade = heat(looks, way, seen)
    top = float(shade.max())
    drawn = tinted(seen.image, shade, top=top, alpha=alpha, colours=colours)
    cv2.polylines(drawn, [_fixed(seen.way.to(polygon))], True, OUTLINE, 1, cv2.LINE_AA, _SUB)
    picture = beside([seen.image, drawn]) if side_by_side else drawn
    picture = np.pad(picture, ((0, 0), (0, max(_NARROW - picture.shape[1], 0)), (0, 0)), constant_values=255)
    text = " ".join(word.text for word in words)
    width = picture.shape[1]
    return np.concatenate([picture, caption(text, width), legend(width, top, colours), noted(note, width)])


def multiples(
    page: Image, line: Line, *, columns: int = 10, colours: str = "viridis", note: Note | None = None
) -> Image:
    """Return a line as small multiples "h w 3": a tile for each character with its look over the page.

    A tile shows the character's box and its look, whatever lies between them; under it stand the character
    and its confidence in percent. All tiles share one scale of colours. `note`: see `heat_map`.
    """
    chars = [(char, char.look) for word in line.words for char in word.chars if char.look is not None]
    if not chars:
        return np.full((_TILE, _TILE, 3), 255, np.uint8)
    top = max(float(look.weights.max()) for _, look in chars)
    way = strip_of(page, line).way
    tiles = [_tile(page, line, char, look, way, top, colours) for char, look in chars]
    blank = np.full_like(tiles[0], 255)
    columns = min(columns, len(tiles))
    tiles += [blank] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[i : i + columns], axis=1) for i in range(0, len(tiles), columns)]
    picture = np.concatenate(rows)
    width = picture.shape[1]
    return np.concatenate([picture, legend(width, top, colours), noted(note, width)])


def _tile(page: Image, line: Line, char: Char, look: Look, way: Way, top: float, colours: str) -> Image:
    tall = line_height(line.polygon)
    left, up, right, down = bounds(np.concatenate([points(char.polygon), *_heaviest([look], way)]))
    side = max(right - left, down - up, 1.6 * tall) + 0.3 * tall
    x, y = (left + right) / 2, (up + down) / 2
    square = ((x - side / 2, y - side / 2), (x + side / 2, y + side / 2))
    seen = view(page, [square], margin=0.0, scale=_TILE / side)
    drawn = tinted(seen.image, heat([look], way, seen), top=top, colours=colours)
    cv2.polylines(drawn, [_fixed(seen.way.to(char.polygon))], True, OUTLINE, 1, cv2.LINE_AA, _SUB)
    tile = np.full((_TILE + 6, _TILE + 6, 3), 255, np.uint8)
    fit = drawn[:_TILE, :_TILE]
    tile[3 : 3 + fit.shape[0], 3 : 3 + fit.shape[1]] = fit
    return np.concatenate([tile, caption(f"{char.text}  {100 * char.confidence:.0f}", tile.shape[1])])


def _heaviest(looks: Sequence[Look], way: Way) -> list[Points]:
    """Return the page pixel at the centre of each look's heaviest cell, each as "1 2"."""
    cells = [np.unravel_index(int(look.weights.argmax()), look.weights.shape) for look in looks]
    return [
        way.to([((float(column) + 0.5) * look.cell[0], (float(row) + 0.5) * look.cell[1])])
        for (row, column), look in zip(cells, looks, strict=True)
    ]


def _fixed(places: Points) -> NDArray[np.int32]:
    """Return places in OpenCV's parts of a pixel, counted from the middle of the first."""
    return np.asarray(((places - 0.5) * 2**_SUB).round(), np.int32)
