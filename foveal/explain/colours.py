"""Colours of heat maps, their legend, and text in pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from foveal.config import nearest
from foveal.errors import ConfigError

Image = NDArray[np.uint8]

ALPHA = 0.7
"""Opacity of the strongest colour of a heat map."""

COLOURS = {
    "viridis": cv2.COLORMAP_VIRIDIS,
    "inferno": cv2.COLORMAP_INFERNO,
    "magma": cv2.COLORMAP_MAGMA,
    "plasma": cv2.COLORMAP_PLASMA,
    "cividis": cv2.COLORMAP_CIVIDIS,
}
"""Perceptually even scales, dark to light."""

_ROW = 26  # height of a row of text in pixels
_GAP = 6
_NOTE = 17  # height of a row of a note


_FACES = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf")


@lru_cache(maxsize=8)
def face(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font of pictures: one of the system's, or else Pillow's own, which has no accents."""
    for name in _FACES:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


@lru_cache(maxsize=8)
def table(colours: str) -> Image:
    """Return a scale of colours "256 3" (RGB), weakest first. Raises ConfigError for an unknown name."""
    if colours not in COLOURS:
        raise ConfigError(f"there are no colours '{colours}'", remedy=nearest(colours, COLOURS))
    scale = np.arange(256, dtype=np.uint8)[:, None]
    return np.ascontiguousarray(cv2.applyColorMap(scale, COLOURS[colours])[:, 0, ::-1], np.uint8)


def tinted(
    image: Image, heat: NDArray[np.float32], *, top: float, alpha: float = ALPHA, colours: str = "viridis"
) -> Image:
    """Return an image "h w 3" under a heat "h w": nothing at 0, the last colour at `top`.

    Opacity grows with the square root of the heat, so that faint looks are seen; `alpha` at `top`.
    """
    share = (heat / max(top, 1e-9)).clip(0, 1)
    colour = table(colours)[(share * 255).round().astype(np.uint8)]
    opacity = (alpha * np.sqrt(share))[..., None]
    return np.asarray((image * (1 - opacity) + colour * opacity).round().clip(0, 255), np.uint8)


def legend(width: int, top: float, colours: str = "viridis") -> Image:
    """Return the scale as a picture "h width 3": from 0 to the share of a look that `top` is."""
    bar = np.full((_ROW, width, 3), 255, np.uint8)
    said = f"{100 * top:.0f} % of a look"
    room = round(face(14).getlength(said)) + 24
    long = max(min(width - room - 20, 160), 8)
    bar[6:18, 16 : 16 + long] = table(colours)[np.linspace(0, 255, long).astype(np.uint8)][
        : max(width - 16, 0)
    ]
    sheet = Pictures.fromarray(bar)
    draw, font = ImageDraw.Draw(sheet), face(14)
    draw.text((4, 4), "0", fill=(60, 60, 60), font=font)
    draw.text((22 + long, 4), said, fill=(60, 60, 60), font=font)
    return np.asarray(sheet)


def caption(text: str, width: int) -> Image:
    """Return a row "h width 3" with a text in its middle, as much of it as there is room for."""
    sheet = Pictures.new("RGB", (width, _ROW), (255, 255, 255))
    draw, font = ImageDraw.Draw(sheet), face(17)
    draw.text((width / 2, 19), written(text), fill=(20, 20, 20), font=font, anchor="ms")
    return np.asarray(sheet)


@dataclass(frozen=True)
class Note:
    """What a picture says of its own looks, and whether all of them are true to what was read."""

    text: str
    holds: bool


def noted(note: Note | None, width: int) -> Image:
    """Return a note as rows "h width 3", green if it holds and red if not; none for None."""
    if note is None:
        return np.zeros((0, width, 3), np.uint8)
    font, rows = face(13), [""]
    for word in written(note.text).split():
        longer = f"{rows[-1]} {word}".strip()
        if font.getlength(longer) <= width - 12:
            rows[-1] = longer
        else:
            rows.append(word)
    sheet = Pictures.new("RGB", (width, _NOTE * len(rows) + 6), (255, 255, 255))
    colour = (30, 110, 60) if note.holds else (179, 38, 30)
    draw = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        draw.text((6, _NOTE * number + 14), row, fill=colour, font=font, anchor="ls")
    return np.asarray(sheet)


def written(text: str) -> str:
    """Return a text with the characters that the pictures' font has not as their code points: U+0364."""
    return "".join(char if _is_drawn(char) else f"U+{ord(char):04X}" for char in text)


@lru_cache(maxsize=1024)
def _is_drawn(char: str) -> bool:
    font = face(17)
    return char.isspace() or bytes(font.getmask(char)) != bytes(font.getmask("\uffff"))


def beside(pictures: Sequence[Image]) -> Image:
    """Return pictures of one size side by side: under each other if they are wider than tall."""
    height, width = pictures[0].shape[:2]
    axis = 0 if width > height else 1
    gap = np.full((_GAP, width, 3) if axis == 0 else (height, _GAP, 3), 160, np.uint8)
    parts = [part for picture in pictures for part in (picture, gap)][:-1]
    return np.concatenate(parts, axis=axis)
