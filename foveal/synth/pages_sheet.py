"""A flat sheet under construction: what is put on it is recorded, line by line and region by region."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from foveal.geometry import Points, box, points

Colour = tuple[int, int, int]


@dataclass
class PageLine:
    """One line: its upper and lower edge as polylines "k 2" in reading direction, and its text.

    The edges hug the ink, but reach from the baseline at least to the x-height. A line that must not be
    learnt from (unreadable, or of doubtful truth) has `sure` False.
    """

    upper: Points
    lower: Points
    text: str = ""
    sure: bool = True

    @property
    def polygon(self) -> Points:
        """Return the outline, clockwise from the upper start."""
        return np.concatenate([self.upper, self.lower[::-1]])


@dataclass
class PageRegion:
    """One block of a page and its kind."""

    polygon: Points
    kind: str


@lru_cache(maxsize=3000)
def font_of(path: Path, size: int) -> ImageFont.FreeTypeFont:
    """Open a face at a size in pixels a em; the last 3000 stay open, since opening costs more than a page."""
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=2000)
def x_height(path: Path, size: int) -> float:
    """Return the height of x above the baseline in pixels."""
    return float(-font_of(path, size).getbbox("x", anchor="ls")[1])


@lru_cache(maxsize=20000)
def _length(path: Path, size: int, text: str) -> float:
    return float(font_of(path, size).getlength(text))


@dataclass
class Sheet:
    """A picture with what is on it; coordinates are pixels of the picture."""

    image: Image.Image
    lines: list[PageLine] = field(default_factory=list)
    regions: list[PageRegion] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = ImageDraw.Draw(self.image)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.image.width

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.image.height

    def write(self, text: str, pen: Pen, *, x: float, y: float, colour: Colour) -> Points | None:
        """Write one line with its baseline at y, starting at x; return its outline, None if it has no ink."""
        font, text = font_of(pen.path, pen.size), pen.spelt(text)
        ink = self.draw.textbbox((x, y), text, font=font, anchor="ls")
        if ink[2] - ink[0] < 1 or ink[3] - ink[1] < 1 or not text.strip():
            return None
        self.draw.text((x, y), text, fill=colour, font=font, anchor="ls")
        top = min(ink[1], y - x_height(pen.path, pen.size))
        return self.record(text, box(ink[0], top, ink[2], max(ink[3], y)))

    def write_spread(
        self, words: list[str], pen: Pen, *, x: float, y: float, width: float, colour: Colour
    ) -> None:
        """Write words justified to a width as one line."""
        lengths = [pen.length(word) for word in words]
        gap = (width - sum(lengths)) / max(len(words) - 1, 1)
        first = len(self.lines)
        for word, length in zip(words, lengths, strict=True):
            self.write(word, pen, x=x, y=y, colour=colour)
            x += length + gap
        parts = self.lines[first:]
        if parts:
            corners = np.concatenate([part.polygon for part in parts])
            (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
            del self.lines[first:]
            self.record(" ".join(words), box(left, top, right, bottom))

    def record(self, text: str, corners: Points, *, sure: bool = True) -> Points:
        """Remember a line by four corners: upper start, upper end, lower end, lower start."""
        upper, lower = corners[:2], corners[[3, 2]]
        self.lines.append(PageLine(upper, lower, text, sure))
        return corners

    def region(self, kind: str, left: float, top: float, right: float, bottom: float) -> None:
        """Remember a block."""
        if right - left > 1 and bottom - top > 1:
            self.regions.append(PageRegion(box(left, top, right, bottom), kind))

    def rule(
        self, start: tuple[float, float], end: tuple[float, float], *, colour: Colour, width: int
    ) -> None:
        """Draw a straight rule."""
        self.draw.line([start, end], fill=colour, width=max(width, 1))

    def paste(self, other: Sheet, mask: Image.Image, corner: tuple[int, int]) -> None:
        """Lay another sheet on this one through a mask of its size; what it holds is recorded here."""
        self.image.paste(other.image, corner, mask)
        move = np.array(corner, dtype=np.float64)
        for line in other.lines:
            self.lines.append(PageLine(line.upper + move, line.lower + move, line.text, line.sure))
        for region in other.regions:
            self.regions.append(PageRegion(region.polygon + move, region.kind))


@dataclass(frozen=True)
class Pen:
    """A font file at a size in pixels a em; `characters` it has, all if empty."""

    path: Path
    size: int
    characters: frozenset[str] = frozenset()

    def sized(self, size: float) -> Pen:
        """Return the same file at about another size, in steps of 8 % from 4 px: few sizes, few openings."""
        step = round(np.log(max(size, 4) / 4) / np.log(1.08))
        return replace(self, size=round(4 * 1.08**step))

    def length(self, text: str) -> float:
        """Return the advance of a text in pixels."""
        return _length(self.path, self.size, self.spelt(text))

    def spelt(self, text: str) -> str:
        """Return a text without the marks and signs that the face lacks: no boxes instead of letters."""
        if not self.characters or self.characters.issuperset(text.replace(" ", "")):
            return text
        plain = (char if char in self.characters else unicodedata.normalize("NFD", char)[0] for char in text)
        return "".join(char for char in plain if char == " " or char in self.characters)


def dense_edges(line: PageLine, step: float) -> PageLine:
    """Return the line with a point at least every step pixels along its edges, so that it can be bent."""
    count = int(np.clip(np.linalg.norm(line.upper[-1] - line.upper[0]) / step, 1, 24)) + 1
    share = np.linspace(0, 1, count)
    edges = [_resample(edge, share) for edge in (line.upper, line.lower)]
    return PageLine(edges[0], edges[1], line.text, line.sure)


def _resample(edge: Points, share: NDArray[np.float64]) -> Points:
    along = np.concatenate([[0.0], np.linalg.norm(np.diff(edge, axis=0), axis=1).cumsum()])
    along /= max(along[-1], 1e-9)
    return points(
        np.stack([np.interp(share, along, edge[:, 0]), np.interp(share, along, edge[:, 1])], axis=1)
    )
