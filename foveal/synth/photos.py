"""Pieces of photographs on which nothing is written: real walls, trees and glass behind drawn signs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from foveal.synth.degrade import sample
from foveal.synth.looks import Dice

HEIGHT, WIDTH = 64, 256
"""Pixels of a piece: room for a strip of twice its height and its length of 4 heights."""

_TRIES = 40


def load_photos(folder: Path, *, most: int, seed: int) -> UInt8[Tensor, "n 3 64 256"]:
    """Cut up to `most` pieces from the photographs of a folder of pages (pages.jsonl with words or lines).

    Pages of a set whose name lacks "scene" are left out where the pages name their set. Places are drawn at
    random, at heights from 32 px to a third of the photo, and kept if no marked polygon touches them.
    """
    rng = np.random.default_rng(seed)
    rows = [json.loads(row) for row in (folder / "pages.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if "scene" in row.get("set", "scene")]
    pieces: list[NDArray[np.uint8]] = []
    for row in rows:
        photo = Image.open(folder / row["image"]).convert("RGB")
        marks = [np.asarray(mark["polygon"]) for mark in [*row.get("lines", ()), *row.get("words", ())]]
        pieces += _cut(photo, marks, rng, most=-(-most // len(rows)))
    stacked = np.stack(pieces)[rng.permutation(len(pieces))[:most]]
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous()


def _cut(
    photo: Image.Image, marks: list[NDArray[np.float64]], rng: np.random.Generator, *, most: int
) -> list[NDArray[np.uint8]]:
    wide, high = photo.size
    lows = np.array([mark.min(0) for mark in marks]).reshape(-1, 2)
    highs = np.array([mark.max(0) for mark in marks]).reshape(-1, 2)
    pieces: list[NDArray[np.uint8]] = []
    for _ in range(_TRIES * most):
        h = int(np.exp(rng.uniform(np.log(32), np.log(max(40, min(high, wide / 4) * 0.8)))))
        w = h * WIDTH // HEIGHT
        if len(pieces) == most or w >= wide or h >= high:
            break
        x, y = int(rng.integers(0, wide - w)), int(rng.integers(0, high - h))
        touched = (lows < (x + w, y + h)).all(1) & (highs > (x, y)).all(1)
        if not touched.any():
            piece = photo.resize((WIDTH, HEIGHT), Image.Resampling.BOX, (x, y, x + w, y + h))
            pieces.append(np.asarray(piece))
    return pieces


def behind(
    photos: UInt8[Tensor, "n 3 64 256"], places: Float[Tensor, "b 2 h w"], dice: Dice
) -> Float[Tensor, "b 3 h w"]:
    """Return how a random piece differs from its own mean at the places (in strip heights), in [−1, 1].

    Long strips see a piece mirrored again and again. Half of the pieces are turned left to right.
    """
    which = (dice.uniform() * len(photos)).long().clamp(max=len(photos) - 1)
    pieces = photos[which].float() / 255
    pieces = pieces - pieces.mean((2, 3), keepdim=True)
    zoom = HEIGHT * dice.uniform(1, 1, 1, low=0.35, high=1.0) * dice.uniform(1, 1, 1).sub(0.5).sign()
    start = dice.uniform(2, 1, 1, high=float(HEIGHT))
    x, y = (places * torch.cat([zoom, zoom.abs()], 1) + start).unbind(1)
    mirrored = torch.stack([_mirrored(x, WIDTH), _mirrored(y, HEIGHT)], 3)
    return sample(pieces, mirrored, border=True)


def _mirrored(x: Tensor, size: int) -> Tensor:
    """Return coordinates folded into [0, size]."""
    return size - (x.remainder(2 * size) - size).abs()
