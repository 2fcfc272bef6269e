"""A second look at short strips that are hard to read: in other frames and in negative, judged together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from foveal.reading.decode import ctc_scores, support
from foveal.reading.observation import Observation
from foveal.reading.readings import Reading
from foveal.reading.words import Tongue

Image = NDArray[np.uint8]
Words = tuple[tuple[int, ...], ...]
"""The ids of each word of a reading."""

SURE = 0.97
"""A reading surer than this stands."""
LONGEST = 8
"""Strips longer than so many heights are read once: what doubts their length leaves are local."""

_CUT = 0.1
_WORST = -25.0  # log-likelihood in one view: a frame that cuts letters off does not outvote the others


def _without_top(image: Image) -> Image:
    return image[round(_CUT * len(image)) :]


def _without_bottom(image: Image) -> Image:
    return image[: len(image) - round(_CUT * len(image))]


def _negative(image: Image) -> Image:
    return 255 - image


VIEWS: tuple[Callable[[Image], Image], ...] = (_without_top, _without_bottom, _negative)
"""Views "h w 3" that leave every column in its place; chosen by benchmarks/second_look.py."""


def doubtful(images: Sequence[Image], readings: Sequence[Reading]) -> list[int]:
    """Return the places of the short strips that are in doubt.

    One short strip in seven of clean words, one in three of street signs; each costs a reading a view.
    """
    return [
        place
        for place, (image, reading) in enumerate(zip(images, readings, strict=True))
        if reading.words and reading.confidence < SURE and image.shape[1] <= LONGEST * image.shape[0]
    ]


def views_of(image: Image) -> list[Image]:
    """Return a strip in every view."""
    return [np.ascontiguousarray(view(image)) for view in VIEWS]


def judged(
    readings: Sequence[Reading],
    ids: Sequence[Words],
    seen: Sequence[Observation],
    *,
    trust: float,
    tongue: Tongue | None,
) -> Reading:
    """Return, of the readings of several views of a strip, the one that the views together hold likeliest.

    ids: of each reading's words; seen: each view; trust: weight of the fixations against the glance; tongue:
    the words of the text, which count as in `choose_word`. A view that finds another number of words does not
    judge. Of views that read it, the surest's is returned.
    """

    def likelihood(words: Words) -> float:
        alike = [view for view in seen if len(view.spans) == len(words)]
        found = [max(_likelihood(view, words, trust), _WORST) for view in alike] or [_WORST]
        listed = tongue.words.share * sum(map(tongue.log_chance, words)) if tongue else 0.0
        return float(np.mean(found)) + listed

    best = max({words for words in ids if words}, key=likelihood)
    return max(
        (reading for reading, words in zip(readings, ids, strict=True) if words == best),
        key=lambda reading: reading.confidence,
    )


def _likelihood(seen: Observation, words: Words, trust: float) -> float:
    """Return how likely one view holds a text, word by word."""
    total = 0.0
    for ids, span, trials in zip(words, seen.spans, seen.trials, strict=True):
        glanced = float(ctc_scores(seen.word(span).log_probs, [ids])[0])
        total += trust * support(ids, trials)[0] + (1 - trust) * glanced
    return total
