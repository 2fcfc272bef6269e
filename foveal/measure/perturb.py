"""Families of perturbation: what scanners, cameras and time do to an image, from unseen to unreadable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.geometry import Transform, box

Image = NDArray[np.uint8]
Made = tuple[Image, Transform]
"""An image "h w 3" and the way from the pixels of the intact one to its own."""


@dataclass(frozen=True)
class Family:
    """One way to harm an image. strengths: rising; tall: of `apply`, the height of a line in pixels."""

    unit: str
    strengths: tuple[float, ...]
    apply: Callable[[Image, float, float, np.random.Generator], Made]


_SAME = Transform.shift(0, 0)


def blur(image: Image, strength: float, tall: float, _: np.random.Generator) -> Made:
    """Blur by a Gaussian whose standard deviation is so many % of the line's height."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(strength / 100 * tall, 1e-3)), np.uint8), _SAME


def noise(image: Image, strength: float, _: float, rng: np.random.Generator) -> Made:
    """Add Gaussian noise of so many levels of 255 to each pixel, alike in all colours."""
    grain = rng.normal(0, strength, (*image.shape[:2], 1))
    return (image + grain).round().clip(0, 255).astype(np.uint8), _SAME


def rotation(image: Image, strength: float, _: float, rng: np.random.Generator) -> Made:
    """Turn by so many degrees, either way, on a sheet that holds all of it."""
    height, width = image.shape[:2]
    turn = Transform.turn(strength * rng.choice((-1, 1)), (width / 2, height / 2))
    corners = turn.to(box(0, 0, width, height))
    left, top = np.floor(corners.min(axis=0))
    size = np.ceil(corners.max(axis=0) - (left, top)).astype(int)
    way = turn.then(Transform.shift(-left, -top))
    half = Transform.shift(0.5, 0.5)  # OpenCV counts from pixel centres
    matrix = half.then(way).then(half.inverse).matrix
    paper = [int(level) for level in np.median(image, axis=(0, 1))]
    turned = cv2.warpPerspective(image, matrix, size.tolist(), flags=cv2.INTER_LINEAR, borderValue=paper)
    return np.asarray(turned, np.uint8), way


def contrast(image: Image, strength: float, _: float, __: np.random.Generator) -> Made:
    """Take away so many % of the contrast, towards the image's median."""
    middle = np.median(image, axis=(0, 1))
    return (middle + (image - middle) * (1 - strength / 100)).round().astype(np.uint8), _SAME


def jpeg(image: Image, strength: float, _: float, __: np.random.Generator) -> Made:
    """Store as JPEG of quality 100 less so much."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(100 - strength)])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8), _SAME


def occlusion(image: Image, strength: float, tall: float, rng: np.random.Generator) -> Made:
    """Cover so many % of the area by blots of paper, an eighth of the line's height wide."""
    made = image.copy()
    side = max(round(tall / 8), 1)
    height, width = image.shape[:2]
    paper = np.median(image, axis=(0, 1)).astype(np.uint8)
    for _ in range(round(strength / 100 * height * width / side**2)):
        y, x = int(rng.integers(0, height)), int(rng.integers(0, width))
        made[y : y + side, x : x + side] = paper
    return made, _SAME


FAMILIES: dict[str, Family] = {
    "blur": Family("% of the line's height", (2, 4, 6, 8, 12, 16), blur),
    "noise": Family("levels of 255", (8, 16, 32, 48, 64, 96), noise),
    "rotation": Family("degrees", (0.5, 1, 2, 3, 5, 8), rotation),
    "contrast": Family("% taken away", (30, 50, 70, 80, 90, 95), contrast),
    "jpeg": Family("100 − quality", (50, 70, 80, 90, 95, 98), jpeg),
    "occlusion": Family("% of the area", (1, 2, 4, 8, 16, 32), occlusion),
}
"""By name."""
