"""What tools/fit_trust.py reads: the lines of sets, and lines with characters destroyed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import normalise
from foveal.document import Polygon
from foveal.geometry import points
from foveal.images import pages
from foveal.measure.halves import halves
from foveal.measure.planted import KINDS, Planted, is_in, plant
from foveal.measure.rules import rule_named, rule_of
from foveal.measure.sets import is_pages, read_crops, read_pages
from foveal.measure.text import words_right
from foveal.reading.compose import compose_line
from foveal.reading.cut import cut
from foveal.reading.readings import Reading
from foveal.reading.transcribe import Transcriber
from foveal.train.crops import held_out

T = TypeVar("T")
Pixels = NDArray[np.uint8]
Guesses = list[tuple[NDArray[np.float64], int, str]]
"""Of every guessed character: its grounds, its line's half, and how the place was destroyed."""
WORDS = 4
"""So many words are read for a line where a set is of words or short pieces: soon read, and little each."""
EACH = 6
"""A line is read with one character in so many destroyed."""
CUTS = 5
"""So many times it is cut off, each time elsewhere: few of the stumps are taken for a character."""


@dataclass(frozen=True)
class Strip:
    """A line to read, its text, and the half that it is in: 0 or 1; −1: it is only fitted to."""

    image: Pixels
    text: str
    half: int


@dataclass(frozen=True)
class Outcome:
    """A strip read, and whether all of it and each of its words is right (None: nothing to compare)."""

    image: Pixels
    reading: Reading
    right: bool
    words: list[bool | None]
    half: int


def all_strips(folder: Path, limit: int) -> list[Strip]:
    """Return up to `limit` lines of a set, evenly over it, with their halves."""
    if not is_pages(folder):
        crops = read_crops(folder)
        parts = halves([crop.image.stem for crop in crops])
        some = _evenly(list(zip(crops, parts, strict=True)), limit, [crop.text for crop in crops])
        return [Strip(_pixels(crop.image), crop.text, half) for crop, half in some]
    places = [(page, place) for page in read_pages(folder) for place in page.places if place.text]
    parts = halves([f"{page.image.stem}_0" for page, _ in places])
    some = _evenly(list(zip(places, parts, strict=True)), limit, [place.text or "" for _, place in places])
    return [
        Strip(cut(_pixels(page.image), place.polygon).image, place.text or "", half)
        for (page, place), half in some
    ]


def held_strips(folder: Path, limit: int) -> list[Strip]:
    """Return up to `limit` of the lines of a set that training holds out."""
    named = _named_lines(folder)
    held = held_out(name for name, text, _ in named if normalise(text))  # what tools/pack_crops.py keeps
    kept = [(text, image) for name, text, image in named if name in held]
    some = _evenly(kept, limit, [text for text, _ in kept])
    return [Strip(image(), text, -1) for text, image in some]


def learnt_strips(folder: Path, limit: int) -> list[Strip]:
    """Return up to `limit` lines of a set that was made for the purpose."""
    return [replace(strip, half=-1) for strip in all_strips(folder, limit)]


def _named_lines(folder: Path) -> list[tuple[str, str, Callable[[], Pixels]]]:
    """Return name, text and what opens the image of every line, named as tools/pack_crops.py names them."""
    if not is_pages(folder):
        return [(crop.image.stem, crop.text, partial(_pixels, crop.image)) for crop in read_crops(folder)]
    return [
        (f"{page.image.stem}_{number}", place.text or "", partial(_cut_out, page.image, place.polygon))
        for page in read_pages(folder)
        for number, place in enumerate(page.places)
    ]


def _cut_out(image: Path, polygon: Polygon) -> Pixels:
    return cut(_pixels(image), polygon).image


def _evenly(items: list[T], limit: int, texts: Sequence[str]) -> list[T]:
    """Return up to `limit` lines, or WORDS times as many short pieces, evenly over them."""
    most = limit * (WORDS if sum(len(text.split()) for text in texts) < 3 * len(texts) else 1)
    return items[:: max(1, len(items) // most)][:most]


@lru_cache(maxsize=1)  # the places of one page follow one another
def _pixels(path: Path) -> Pixels:
    return next(iter(pages(path))).pixels


def outcomes(strips: Sequence[Strip], transcriber: Transcriber, folder: Path) -> list[Outcome]:
    """Return what was read of lines of a set."""
    rule = rule_named(rule_of(folder))
    read = transcriber.read([strip.image for strip in strips])
    return [
        Outcome(
            strip.image,
            one,
            rule(one.text) == rule(strip.text),
            words_right([word.text for word in one.words], strip.text, fold=rule),
            strip.half,
        )
        for strip, one in zip(strips, read, strict=True)
    ]


def guesses_on(read: Sequence[Outcome], transcriber: Transcriber) -> Guesses:
    """Return what is read where characters of lines were destroyed, in every way."""
    rng = np.random.default_rng(1)
    found: Guesses = []
    for kind in [*KINDS, *["cut off"] * (CUTS - 1)]:
        spoilt = [(one.half, places) for one in read if (places := _destroyed(one, kind, rng))]
        again = transcriber.read([places[-1].image for _, places in spoilt])
        found += [
            (grounds, half, kind)
            for (half, places), reading in zip(spoilt, again, strict=True)
            for word in reading.words
            for char, grounds in zip(word.chars, word.grounds, strict=True)
            if any(is_in(place, (char.x0, char.x1)) for place in places)
        ]
    return found


def _destroyed(one: Outcome, kind: str, rng: np.random.Generator) -> list[Planted]:
    """Return the places of a line where characters were destroyed; the last one's image has them all."""
    image = one.image
    line = compose_line(one.reading, size=(image.shape[1], image.shape[0]), to_page=points)
    number = 1 if kind == "cut off" else 1 + sum(len(word.chars) for word in line.words) // EACH
    places: list[Planted] = []
    for _ in range(number):
        if (planted := plant(image, line, kind, rng)) is None:
            break
        image = planted.image
        places.append(planted)
    return places
