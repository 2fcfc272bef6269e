"""A picture of where a line was looked at: the strip, each look on it, and the character each look gave."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from foveal.document import Char, Line, Look
from foveal.explain.colours import face, written

Colour = tuple[int, int, int]
_COLOURS: tuple[Colour, ...] = ((214, 69, 65), (31, 119, 180), (230, 126, 34), (39, 144, 88), (128, 90, 190))
"""Taken in turn, so that neighbours differ."""

_FINE = 3  # drawn so many times larger, then averaged


@dataclass(frozen=True)
class _Profile:
    """A look over the columns of the picture: `weights` "w", and the x it is centred on."""

    char: Char
    colour: Colour
    weights: NDArray[np.float64]
    centre: float


def looks(strip: NDArray[np.uint8], line: Line, *, width: int = 1600) -> NDArray[np.uint8]:
    """Return a picture "h width 3" of a strip "h w 3" (RGB) and the looks of its line.

    The strip is tinted where each character was looked for; under it stand the same looks as curves, as high
    as they are heavy, and the characters that were read, each under the middle of its look. `line` was
    read with looks, on this strip or on one that shows the same; characters without a look are left out.
    """
    tall = round(strip.shape[0] * width / strip.shape[1])
    profiles = _profiles(line, width)
    size = max(round(0.56 * tall), 14)
    return np.concatenate(
        [
            _tinted(_resized(strip, width, tall), profiles),
            _curves(profiles, width=width, height=round(0.85 * tall)),
            _characters(profiles, width=width, size=size),
        ]
    )


def _resized(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    how = cv2.INTER_CUBIC if width > image.shape[1] else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)


def _profiles(line: Line, width: int) -> list[_Profile]:
    chars = [(char, char.look) for word in line.words for char in word.chars if char.look is not None]
    colours = cycle(_COLOURS)
    found = []
    for (char, look), colour in zip(chars, colours, strict=False):
        weights = _over_columns(look, width)
        centre = float((weights * (np.arange(width) + 0.5)).sum() / max(weights.sum(), 1e-9))
        found.append(_Profile(char, colour, weights, centre))
    return found


def _over_columns(look: Look, width: int) -> NDArray[np.float64]:
    """Return the weight of each column of the picture, its peak as high as the look's heaviest column."""
    columns = look.weights.sum(axis=0).astype(np.float64)
    places = (np.arange(-1, len(columns) + 1) + 0.5) * look.cell[0] * width / look.strip_size[0]
    ends = np.pad(columns, 1)  # beyond the ends nothing is looked at
    place = np.interp(np.arange(width) + 0.5, places, np.arange(len(ends)))
    low = np.minimum(place.astype(int), len(ends) - 2)
    share = place - low
    share = share * share * (3 - 2 * share)  # no corners between the columns
    return np.asarray(ends[low] * (1 - share) + ends[low + 1] * share)


def _tinted(picture: NDArray[np.uint8], profiles: list[_Profile]) -> NDArray[np.uint8]:
    tinted = picture.astype(np.float64)
    for profile in profiles:
        share = 0.5 * (profile.weights / max(profile.weights.max(), 1e-9))[:, None]
        tinted = tinted * (1 - share) + np.array(profile.colour) * share
    return np.asarray(tinted.round().clip(0, 255), np.uint8)


def _curves(profiles: list[_Profile], *, width: int, height: int) -> NDArray[np.uint8]:
    """Draw the looks upside down from the strip's lower edge, so that each points at its character."""
    panel = np.full((height * _FINE, width * _FINE, 3), 255, np.uint8)
    for profile in profiles:
        seen = np.flatnonzero(profile.weights > 0.003)
        if not len(seen):
            continue
        x = np.arange(seen[0], seen[-1] + 1)
        edge = np.stack([x, 0.94 * height * profile.weights[x]], axis=1) * _FINE
        shape = np.concatenate([edge, [[edge[-1, 0], 0], [edge[0, 0], 0]]]).round().astype(np.int32)
        filled = cv2.fillPoly(panel.copy(), [shape], profile.colour)
        panel[:] = cv2.addWeighted(filled, 0.4, panel, 0.6, 0)
        cv2.polylines(panel, [edge.round().astype(np.int32)], False, profile.colour, _FINE, cv2.LINE_AA)
    return _resized(panel, width, height)


def _characters(profiles: list[_Profile], *, width: int, size: int) -> NDArray[np.uint8]:
    panel = Image.new("RGB", (width, round(1.5 * size)), (255, 255, 255))
    draw, font = ImageDraw.Draw(panel), face(size)
    for profile in profiles:
        at = (profile.centre, round(1.05 * size))
        draw.text(at, written(profile.char.text), fill=profile.colour, font=font, anchor="ms")
    return np.asarray(panel)
