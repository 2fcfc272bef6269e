"""Planted guesses: a character is destroyed, so that what is read in its place was not read there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.document import Line
from foveal.geometry import bounds

Image = NDArray[np.uint8]
Span = tuple[float, float]
"""Left and right, in pixels of the image."""

_LEFT_OVER = 0.2
"""Share of a character's width that a cut leaves standing."""


@dataclass(frozen=True)
class Planted:
    """A line image "h w 3" with a character destroyed, and where in its pixels."""

    image: Image
    span: Span


def erased(image: Image, span: Span, rng: np.random.Generator) -> Planted:
    """Fill the place with the paper on its left and right, and its grain."""
    left, right = _columns(image, span)
    share = np.linspace(0, 1, right - left)[None, :, None]
    grain = rng.normal(0, _grain(image), (image.shape[0], right - left, 1))
    filled = _paper(image, left) * (1 - share) + _paper(image, right - 1) * share + grain
    return Planted(_with(image, filled, left, right), span)


def inked_over(image: Image, span: Span, rng: np.random.Generator) -> Planted:
    """Cover the place with a bar of the line's ink."""
    left, right = _columns(image, span)
    dark = np.percentile(image.reshape(-1, 3), 3, axis=0)
    bar = dark + rng.normal(0, 3, (image.shape[0], right - left, 1))
    return Planted(_with(image, bar, left, right), span)


def textured(image: Image, span: Span, rng: np.random.Generator) -> Planted:
    """Put in its place what has the line's brightness and contrast, but no shape: blurred noise."""
    left, right = _columns(image, span)
    height = image.shape[0]
    grain = rng.normal(size=(height, right - left)).astype(np.float32)
    noise = np.asarray(cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.01, 0.06) * height + 0.3), np.float64)
    noise = (noise - noise.mean()) / max(float(noise.std()), 1e-3)
    own = image.reshape(-1, 3).astype(np.float32)
    return Planted(_with(image, noise[..., None] * own.std(0) + own.mean(0), left, right), span)


def cut_off(image: Image, span: Span, rng: np.random.Generator) -> Planted:
    """End the image within the character, or begin it there; a fifth or less of it is left standing."""
    left, right = span
    begins, stands = rng.random() < 0.5, rng.uniform(0, _LEFT_OVER) * (right - left)
    if begins:
        start = min(round(right - stands), image.shape[1] - 4)
        return Planted(np.ascontiguousarray(image[:, start:]), (left - start, right - start))
    return Planted(np.ascontiguousarray(image[:, : max(round(left + stands), 4)]), (left, right))


KINDS: dict[str, Callable[[Image, Span, np.random.Generator], Planted]] = {
    "erased": erased,
    "inked over": inked_over,
    "cut off": cut_off,
    "texture": textured,
}
"""Ways to destroy a character."""


def plant(image: Image, line: Line, kind: str, rng: np.random.Generator) -> Planted | None:
    """Destroy a letter or digit of a line as it was read from the image; None if there is none to choose.

    It stands within a word, where its place is surely known.
    """
    words = [word.chars for word in line.words]
    places = [(word, i) for word in words for i in range(1, len(word) - 1) if word[i].text.isalnum()]
    if not places:
        return None
    word, i = places[int(rng.integers(len(places)))]
    left, _, right, _ = bounds(word[i].polygon)
    before, after = bounds(word[i - 1].polygon)[2], bounds(word[i + 1].polygon)[0]
    return KINDS[kind](image, ((left + before) / 2, (right + after) / 2), rng)


def is_in(planted: Planted, span: Span) -> bool:
    """Tell whether a character read in the destroyed image stands where nothing is left to read.

    Its middle lies in the inner half of the place or, where the image begins or ends, outside all but an
    eighth of the place.
    """
    (left, right), width = planted.span, planted.image.shape[1]
    quarter = (right - left) / 4
    middle = sum(span) / 2
    if width <= right:
        return middle > left - quarter / 2
    if left < 0:
        return middle < right + quarter / 2
    return left + quarter < middle < right - quarter


def _columns(image: Image, span: Span) -> tuple[int, int]:
    left = min(max(round(span[0]), 0), image.shape[1] - 1)
    return left, min(max(round(span[1]), left + 1), image.shape[1])


def _paper(image: Image, column: int) -> NDArray[np.float32]:
    """Return the colour of the paper near a column, "1 1 3": what the lightest quarter around it has."""
    near = (
        image[:, max(column - image.shape[0], 0) : column + image.shape[0]].reshape(-1, 3).astype(np.float32)
    )
    light = near.mean(-1)
    return np.asarray(np.median(near[light >= np.quantile(light, 0.6)], axis=0), np.float32)[None, None]


def _grain(image: Image) -> float:
    """Return how rough the paper is: the spread of small differences, by their median."""
    flat = image.astype(np.float32).mean(-1)
    return float(np.median(np.abs(np.diff(flat, axis=1)))) / 0.95


def _with(image: Image, patch: NDArray[np.floating], left: int, right: int) -> Image:
    made: Image = image.copy()
    made[:, left:right] = np.clip(patch, 0, 255).astype(np.uint8)
    return made
