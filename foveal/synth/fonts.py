"""Font faces by kind and coverage, with their glyphs as small cached masks."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFont

from foveal.errors import InputMissing

KINDS = ("serif", "sans", "mono", "display", "hand", "black")


@dataclass(frozen=True)
class Glyph:
    """One character's ink: `mask` "h w" coverage 0..255, its first column `left` px right of the pen and its
    first row `top` px below the baseline (so negative for most), and the pen's `advance` in px.
    """

    mask: NDArray[np.uint8]
    left: int
    top: int
    advance: float


_METRIC_EM = 44  # also the size of lines, so that these glyphs are drawn once


_KERNING_EM = 128
_UNLIKE_CAPITALS = "abdeghnqrt"
_LETTERS_ABOVE = {"\u0363": "a", "\u0364": "e", "\u0366": "o"}


class Face:
    """One face of a family: `kind` is one of KINDS, `characters` is what it can draw."""

    def __init__(self, path: Path, *, kind: str, characters: str) -> None:
        self.path = path
        self.kind = kind
        self._own = frozenset(characters)
        derived = [sign for sign, base in _LETTERS_ABOVE.items() if base in self._own]
        self.characters = self._own.union(derived, "⸗" if "=" in self._own else "")
        self._glyphs: dict[tuple[str, int], Glyph] = {}
        self._kerning: dict[str, float] = {}
        self._lengths: dict[str, float] = {}

    def __repr__(self) -> str:
        """Return the file's name and kind."""
        return f"Face({self.path.name!r}, kind={self.kind!r})"

    def covers(self, text: str) -> bool:
        """Say whether every character of `text` can be drawn."""
        return self.characters.issuperset(text.replace(" ", ""))

    def glyph(self, char: str, em: int) -> Glyph:
        """Return the glyph of `char` with `em` px to the em square; drawn once, then kept."""
        key = (char, em)
        found = self._glyphs.get(key)
        if found is None:
            found = self._glyphs[key] = self._draw(char, em)
        return found

    def _draw(self, char: str, em: int) -> Glyph:
        if char in self._own or char == " ":
            return _draw_glyph(self._font(em), char)
        if char == "⸗":
            return _slope(self.glyph("=", em))
        letter = self.glyph(_LETTERS_ABOVE[char], em // 2)
        return Glyph(letter.mask, letter.left, -round(self.x_height * em) - letter.mask.shape[0], 0.0)

    def kerning(self, pair: str) -> float:
        """Return how much the pen moves between two characters, in em."""
        found = self._kerning.get(pair)
        if found is None:
            found = self._kerning[pair] = self._measure_kerning(pair) if self._kerned else 0.0
        return found

    @cached_property
    def _kerned(self) -> bool:
        return any(self._measure_kerning(pair) for pair in ("AV", "To", "Te", "AT", "LT", "Yo", "r.", "y,"))

    def _measure_kerning(self, pair: str) -> float:
        pixels = self._length(pair) - self._length(pair[0]) - self._length(pair[1])
        if (
            abs(pixels) < 0.9
        ):  # Pillow takes whole pixels of kerning for 64ths, so a real one looks this small
            pixels *= 64
        return pixels / _KERNING_EM

    def _length(self, text: str) -> float:
        found = self._lengths.get(text)
        if found is None:
            found = float(self._font(_KERNING_EM).getlength(text))
            if len(text) == 1:
                self._lengths[text] = found
        return found

    @cached_property
    def unicase(self) -> bool:
        """Whether small letters look like capitals, if smaller: a text in this face reads as capitals."""
        letters = [self.glyph(small, _METRIC_EM) for small in _UNLIKE_CAPITALS]
        capitals = [self.glyph(small.upper(), _METRIC_EM) for small in _UNLIKE_CAPITALS]
        alike = sorted(_likeness(a.mask, b.mask) for a, b in zip(letters, capitals, strict=True))
        # of 1500 faces, those with small letters of their own reach 0.17, all others 0.2
        return alike[2] - _unevenness(letters) > 0.18

    @cached_property
    def line_span(self) -> tuple[float, float]:
        """Top and bottom of letters with ascenders and descenders, no swashes, in em below the baseline."""
        glyphs = [self.glyph(char, _METRIC_EM) for char in "dhlAgpqy"]
        top = min(glyph.top for glyph in glyphs) / _METRIC_EM
        bottom = max(glyph.top + glyph.mask.shape[0] for glyph in glyphs) / _METRIC_EM
        return max(top, -2.4 * self.x_height), min(bottom, 1.2 * self.x_height)

    @cached_property
    def pace(self) -> float:
        """Mean width of a character, as a part of the height of the line."""
        sample = "the letters of a line, Num 25"
        width = sum(self._length(char) for char in sample if char in self._own) / _KERNING_EM
        return max(0.15, width / len(sample) / (self.line_span[1] - self.line_span[0]))

    @cached_property
    def x_height(self) -> float:
        """Height of the letter x, in em."""
        return int(self.glyph("x", _METRIC_EM).mask.shape[0]) / _METRIC_EM

    def _font(self, em: int) -> ImageFont.FreeTypeFont:
        return _open(str(self.path), em)


@lru_cache(maxsize=8192)  # 1500 faces in five sizes: to open one costs more than to draw a letter
def _open(path: str, em: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, em, layout_engine=ImageFont.Layout.BASIC)


def _draw_glyph(font: ImageFont.FreeTypeFont, char: str) -> Glyph:
    ink, (left, top) = font.getmask2(char, mode="L", anchor="ls")
    advance = font.getlength(char)
    if 0 in ink.size:
        return Glyph(np.zeros((0, 0), np.uint8), 0, 0, advance)
    image = Image.new("L", ink.size)
    image.im = ink
    mask = np.asarray(image)
    x, y, columns, rows = cv2.boundingRect(cv2.threshold(mask, 24, 255, cv2.THRESH_TOZERO)[1])
    return Glyph(mask[y : y + rows, x : x + columns].copy(), int(left) + x, int(top) + y, advance)


def _likeness(mask: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return the correlation of two masks, both made small enough that weight and wobble matter little."""
    first, second = (cv2.resize(one, (8, 10), interpolation=cv2.INTER_AREA) for one in (mask, other))
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def _unevenness(glyphs: Sequence[Glyph]) -> float:
    """Return how far tops and feet lie apart, as a part of the height, leaving out the furthest."""
    tops = np.sort([glyph.top for glyph in glyphs])
    feet = np.sort([glyph.top + glyph.mask.shape[0] for glyph in glyphs])
    return float(
        (tops[-2] - tops[1] + feet[-2] - feet[1]) / np.median([glyph.mask.shape[0] for glyph in glyphs])
    )


def _slope(glyph: Glyph) -> Glyph:
    """Turn = into the double hyphen of old print: narrower and rising."""
    rows, columns = glyph.mask.shape
    narrow, rise = 0.7, 0.45
    size = (math.ceil(columns * narrow), math.ceil(rows + columns * rise))
    place = np.array([[narrow, 0.0, 0.0], [-rise, 1.0, columns * rise]])
    mask = np.asarray(cv2.warpAffine(glyph.mask, place, size), np.uint8)
    return Glyph(mask, glyph.left, glyph.top - round(columns * rise / 2), glyph.advance * narrow)


class Faces:
    """The faces of a pack: a folder with `fonts.tsv` (file, kind, …, characters) and one font file a face.

    `by_kind` names a face as often as it is to be drawn. Files are opened when first drawn with; glyphs are
    kept for the life of the process.
    """

    def __init__(self, folder: Path) -> None:
        listing = folder / "fonts.tsv"
        if not listing.exists():
            raise InputMissing(f"{listing}: no such file", remedy="make a pack with tools/fetch_fonts.py")
        with listing.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
        self.all = tuple(
            Face(folder / row["file"], kind=row["kind"], characters=row["characters"]) for row in rows
        )
        self.by_kind = {
            kind: tuple(face for face in self.all for _ in range(_share(face)) if face.kind == kind)
            for kind in KINDS
        }

    def any(self, rng: np.random.Generator, *, kind: str) -> Face:
        """Return a random face of a kind."""
        faces = self.by_kind[kind] or self.all
        return faces[int(rng.random() * len(faces))]

    def choose(self, rng: np.random.Generator, text: str, *, kinds: Sequence[str] = KINDS) -> Face | None:
        """Return a random face that covers `text`: of the first kind of `kinds` that has one.

        None if no face of these kinds covers it.
        """
        needed = frozenset(text) - {" "}
        for kind in kinds:
            faces = self.by_kind[kind]
            for _ in range(6 if faces else 0):
                face = faces[int(rng.random() * len(faces))]
                if needed <= face.characters:
                    return face
            covering = [face for face in faces if needed <= face.characters]
            if covering:
                return covering[int(rng.random() * len(covering))]
        return None


def _share(face: Face) -> int:
    """Return how often a face counts: the few Fraktur faces, known by their round r, more than fancy ones."""
    return 4 if face.kind == "black" and {"ꝛ", "ſ"} <= face.characters else 1
