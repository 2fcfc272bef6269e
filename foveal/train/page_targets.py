"""What the page model should say of a page: lines and regions drawn as maps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from foveal.geometry import Points
from foveal.models.page import KINDS, LINE_HEIGHT_UNIT
from foveal.synth.pages_sheet import PageLine, PageRegion

CORE = 0.5
"""Share of a line's height that its core keeps."""

LEAST_HEIGHT = 4.5
"""Lines lower than this, in pixels, are neither taught nor punished."""

UNKNOWN = 255
"""In a kind map: nobody knows."""


@dataclass(frozen=True)
class Targets:
    """Maps of one page of side × side pixels; s2 = side / 2, s4 = side / 4.

    core, band "s2 s2" 0..255: share of a pixel inside a core, inside a line's wider band; sure "s2 s2" 0, 1;
    height "s4 s4" log2 over 16 px, direction "2 s4 s4" unit vector, both zero off the lines; on "s4 s4" 0, 1;
    kind "s4 s4" index into KINDS or UNKNOWN.
    """

    core: NDArray[np.uint8]
    band: NDArray[np.uint8]
    sure: NDArray[np.uint8]
    height: NDArray[np.float16]
    direction: NDArray[np.float16]
    on: NDArray[np.uint8]
    kind: NDArray[np.uint8]


def draw_targets(lines: list[PageLine], regions: list[PageRegion] | None, *, side: int) -> Targets:
    """Draw all maps; regions None = the kinds of this page are not known."""
    core, band, doubt = (Image.new("L", (side, side)) for _ in range(3))
    lines = [PageLine(ln.upper, ln.lower, ln.text, ln.sure and height_of(ln) >= LEAST_HEIGHT) for ln in lines]
    for line in lines:
        if line.sure:
            _fill(band, _between(line, -0.15, 1.15, 0.15), 255)
        else:
            _fill(doubt, _between(line, -0.1, 1.1, 0.1), 255)
    for line in lines:
        if line.sure:
            _fill(core, core_of(line), 255)
    sure = np.asarray(doubt.reduce(2)) == 0
    height, direction, on = _draw_heights(lines, side // 4)
    return Targets(
        np.asarray(core.reduce(2)), np.asarray(band.reduce(2)), sure.astype(np.uint8),
        height, direction, on, _draw_kinds(lines, regions, side // 4),
    )  # fmt: skip


def height_of(line: PageLine) -> float:
    """Return the mean distance between a line's edges in pixels."""
    return float(np.linalg.norm(line.lower - line.upper, axis=1).mean())


def core_of(line: PageLine) -> Points:
    """Return the outline of a line's inner half."""
    edge = (1 - CORE) / 2
    return _between(line, edge, 1 - edge, -edge)


def _between(line: PageLine, above: float, below: float, reach: float) -> Points:
    """Outline between two shares of the height (0 upper edge, 1 lower), ends moved out by reach × height."""
    across = line.lower - line.upper
    tall = height_of(line)
    along = line.upper[-1] - line.upper[0]
    long = max(float(np.linalg.norm(along)), 1e-6)
    move = along / long * max(reach * tall, -0.3 * long)
    upper, lower = line.upper + above * across, line.upper + below * across
    for edge in (upper, lower):
        edge[0] -= move
        edge[-1] += move
        if len(edge) > 2 and reach < 0:  # the end has passed its neighbours: keep the outline simple
            share = (edge - edge[0]) @ along
            edge[1:-1] = np.where(((share > 0) & (share < share[-1]))[1:-1, None], edge[1:-1], edge[[0]])
    return np.concatenate([upper, lower[::-1]])


def _fill(image: Image.Image, outline: Points, value: float) -> None:
    ImageDraw.Draw(image).polygon([(x - 0.5, y - 0.5) for x, y in outline], fill=value)


def _draw_heights(
    lines: list[PageLine], side: int
) -> tuple[NDArray[np.float16], NDArray[np.float16], NDArray[np.uint8]]:
    maps = [Image.new("F", (side, side)) for _ in range(3)]
    on = Image.new("L", (side, side))
    for line in lines:
        if not line.sure:
            continue
        for piece in _pieces(line):
            tall = height_of(piece)
            along = piece.upper[-1] + piece.lower[-1] - piece.upper[0] - piece.lower[0]
            along = along / max(float(np.linalg.norm(along)), 1e-6)
            outline = piece.polygon / 4
            for image, value in zip(maps, (np.log2(max(tall, 1) / LINE_HEIGHT_UNIT), *along), strict=True):
                _fill(image, outline, float(value))
            _fill(on, outline, 1)
    height, x, y = (np.asarray(image, dtype=np.float16) for image in maps)
    return height, np.stack([x, y]), np.asarray(on)


def _pieces(line: PageLine) -> list[PageLine]:
    """Cut a line into up to eight pieces where its height or direction changes along it."""
    tall = np.linalg.norm(line.lower - line.upper, axis=1)
    middle = (line.upper + line.lower) / 2
    along = middle[-1] - middle[0]
    off = np.abs((middle - middle[0]) @ np.array([-along[1], along[0]])).max() / max(
        np.linalg.norm(along), 1e-6
    )
    if len(tall) < 3 or (tall.max() < 1.08 * tall.min() and off < 0.15 * tall.mean()):
        return [line]
    cuts = np.unique(np.linspace(0, len(tall) - 1, 9).round().astype(int))
    return [PageLine(line.upper[a : b + 1], line.lower[a : b + 1]) for a, b in pairwise(cuts)]


def _draw_kinds(lines: list[PageLine], regions: list[PageRegion] | None, side: int) -> NDArray[np.uint8]:
    if regions is None:
        return np.full((side, side), UNKNOWN, dtype=np.uint8)
    image = Image.new("L", (side, side))
    for line in lines:
        _fill(image, line.polygon / 4, KINDS.index("text"))
    for region in sorted(regions, key=lambda region: region.kind == "title"):
        _fill(image, region.polygon / 4, KINDS.index(region.kind))
    return np.asarray(image)
