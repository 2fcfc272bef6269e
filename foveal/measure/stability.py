"""How much looks move when the image is changed by less than matters to a reader.

Looks are "t n", a row for each character. Both forms compare looks over the same columns.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]


def row_stability(one: ArrayLike, other: ArrayLike) -> Floats:
    """Return 1 − ‖a − b‖₂ / 2 for each row, "t".

    1 for equal looks, 1 − √2/2 ≈ 0.29 for looks of one column each that share none: rows sum to one, so it
    never goes lower.

    >>> row_stability([[1, 0], [0.5, 0.5]], [[0, 1], [0.5, 0.5]]).round(2).tolist()
    [0.29, 1.0]
    """
    a, b = _pair(one, other)
    return np.asarray(1 - np.linalg.norm(a - b, axis=1) / 2)


def matrix_stability(one: ArrayLike, other: ArrayLike) -> float:
    """Return 1 − ‖A − B‖₂ / 2 with the norm over all entries of the matrix (Frobenius).

    It can go below zero: the norm grows with the square root of the rows, up to √(2t), so that a long line
    scores lower than a short one whose looks moved as much. Use `row_stability` to compare lines.

    >>> round(matrix_stability(np.eye(8), np.eye(8)[::-1]), 2)
    -1.0
    """
    a, b = _pair(one, other)
    return float(1 - np.linalg.norm(a - b) / 2)


def _pair(one: ArrayLike, other: ArrayLike) -> tuple[Floats, Floats]:
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if a.shape != b.shape:
        raise ValueError(f"looks of shape {a.shape} and {b.shape} cannot be compared")
    return a, b


def noisy(image: Image, rng: np.random.Generator) -> Image:
    """Add Gaussian noise of 4 of 255 to every pixel "h w 3"."""
    return _clipped(image + rng.normal(0, 4, image.shape))


def brighter(image: Image, rng: np.random.Generator) -> Image:
    """Make an image "h w 3" brighter or darker by up to 16 of 255."""
    return _clipped(image + rng.uniform(-16, 16))


def softer(image: Image, rng: np.random.Generator) -> Image:
    """Blur an image "h w 3" by a Gaussian of a fiftieth of its height, 0.64 pixels of a strip, or less."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(rng.uniform(0.5, 1) * len(image) / 50, 0.1)))


def recompressed(image: Image, rng: np.random.Generator) -> Image:
    """Save an image "h w 3" as a JPEG of quality 60 to 80 and open it again."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 81))]
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR), np.uint8)


PERTURBATIONS: dict[str, Callable[[Image, np.random.Generator], Image]] = {
    "noise": noisy,
    "brightness": brighter,
    "blur": softer,
    "jpeg": recompressed,
}
"""Small changes of an image that leave every column in its place."""


def _clipped(image: NDArray[np.floating]) -> Image:
    return np.asarray(image.clip(0, 255).round(), np.uint8)
