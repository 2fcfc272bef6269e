"""What pages lie on and are made of: paper, and procedural pictures with the statistics of photographs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Rng = np.random.Generator
SIDE = 1024


@lru_cache(maxsize=1)
def clouds() -> NDArray[np.uint8]:
    """Return 1/f fields of several slopes, "24 1024 1024": the spectrum of natural images (Field, 1987)."""
    rng = np.random.default_rng(7)
    y = np.fft.fftfreq(SIDE)[:, None]
    x = np.fft.rfftfreq(SIDE)[None]
    reach = np.hypot(y, x)
    reach[0, 0] = 1
    fields = []
    for slope in np.linspace(0.6, 2.2, 24):
        phase = rng.normal(size=(SIDE, SIDE // 2 + 1)) + 1j * rng.normal(size=(SIDE, SIDE // 2 + 1))
        field = np.fft.irfft2(phase / reach**slope, s=(SIDE, SIDE))
        low, high = np.percentile(field, [1, 99])
        fields.append(np.clip((field - low) / (high - low) * 255, 0, 255).astype(np.uint8))
    return np.stack(fields)


def cloud(rng: Rng, width: int, height: int) -> Image.Image:
    """Return one random field as a grey picture."""
    fields = clouds()
    field = fields[rng.integers(len(fields))]
    side = int(rng.integers(SIDE // 4, SIDE))
    x, y = rng.integers(0, SIDE - side + 1, 2)
    picture = Image.fromarray(field[y : y + side, x : x + side])
    return picture.resize((width, height), Image.Resampling.BILINEAR)


def colour(rng: Rng, low: int = 0, high: int = 255) -> tuple[int, int, int]:
    """Return a random colour; half of them nearly grey."""
    base = rng.integers(low, high + 1)
    spread = 12 if rng.random() < 0.5 else 120
    channels = np.clip(base + rng.integers(-spread, spread + 1, 3), low, high)
    return int(channels[0]), int(channels[1]), int(channels[2])


def paper(rng: Rng, width: int, height: int) -> Image.Image:
    """Return a sheet of paper: white to brown, plain or mottled."""
    shade = 255.0 - rng.integers(0, 14, 3)
    if rng.random() < 0.4:
        shade = np.array([252, 244, 226]) - rng.integers(0, 60) - np.array([0, 8, 24]) * rng.random()
    tint = tuple(int(c) for c in np.clip(shade, 120, 255))
    sheet = Image.new("RGB", (width, height), tint)
    if rng.random() < 0.35:
        dark = tuple(int(c * rng.uniform(0.82, 0.97)) for c in tint)
        sheet.paste(dark, (0, 0, width, height), cloud(rng, width, height))
    return sheet


def scenery(rng: Rng, width: int, height: int) -> Image.Image:
    """Return a made-up photograph: coloured fields, hard edges, rows of bricks or bars, soft focus."""
    picture = Image.new("RGB", (width, height), colour(rng))
    for _ in range(int(rng.integers(1, 4))):
        picture.paste(colour(rng), (0, 0, width, height), cloud(rng, width, height))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(0, 12))):
        _shape(draw, rng, (width, height))
    if rng.random() < 0.4:
        _rows(draw, rng, (width, height))
    if rng.random() < 0.5:
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 4))))
    if rng.random() < 0.5:
        picture = Image.blend(picture, picture.filter(ImageFilter.EDGE_ENHANCE_MORE), 0.5)
    return picture


def _shape(draw: ImageDraw.ImageDraw, rng: Rng, size: tuple[int, int]) -> None:
    centre = rng.uniform(0, 1, 2) * size
    reach = rng.uniform(0.03, 0.5) * min(size)
    corners = [tuple(centre + rng.normal(0, reach, 2)) for _ in range(int(rng.integers(3, 6)))]
    kind = rng.random()
    if kind < 0.5:
        draw.polygon(corners, fill=colour(rng))
    elif kind < 0.75:
        x, y = np.sort(np.array(corners[:2]), axis=0).T
        draw.ellipse((x[0], y[0], x[1], y[1]), fill=colour(rng))
    else:
        draw.line(corners, fill=colour(rng), width=int(rng.integers(1, 14)))


def _rows(draw: ImageDraw.ImageDraw, rng: Rng, size: tuple[int, int]) -> None:
    """Draw what is easily taken for text: bars, bricks, railings, windows."""
    step, bar = int(rng.integers(8, 60)), int(rng.integers(2, 8))
    left, top = rng.uniform(0, 0.6, 2) * size
    right, bottom = left + rng.uniform(0.2, 0.8) * size[0], top + rng.uniform(0.1, 0.6) * size[1]
    fill, brick = colour(rng), rng.random() < 0.5
    for row, y in enumerate(range(int(top), int(bottom), step)):
        draw.line([(left, y), (right, y)], fill=fill, width=bar)
        if brick:
            for x in range(int(left) + (row % 2) * step, int(right), 2 * step):
                draw.line([(x, y), (x, y + step)], fill=fill, width=bar)
