"""The deletion test: what was read is gone when it is blanked; what was never there stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foveal import Reader
from foveal.geometry import bounds
from foveal.images import pages
from foveal.reading.grounded import blanked, looked_at, stays
from foveal.reading.readings import ReadChar, Reading

PAGE = Path(__file__).parents[2] / "examples" / "printed_page.jpg"
READER = Reader(threads=1)


@cache
def strip() -> NDArray[np.uint8]:
    """One clear line of print, cut from its page."""
    image = next(iter(pages(PAGE)))
    lines = [line for line in READER.read_page(image).lines if len(line.text) > 20]
    left, top, right, bottom = bounds(max(lines, key=lambda line: line.confidence).polygon)
    return np.ascontiguousarray(image.pixels[int(top) - 2 : int(bottom) + 2, int(left) - 4 : int(right) + 4])


def read(images: Sequence[NDArray[np.uint8]], looks: bool = False) -> list[Reading]:
    return READER._transcriber.read(images, looks=looks)


def test_print_is_grounded() -> None:
    (reading,) = read([strip()], looks=True)
    chars = [char for word in reading.words for char in word.chars][:10]
    assert sum(stay > 0 for stay in stays(strip(), reading, chars, read)) <= 1


def test_what_is_read_whatever_stands_there_stays() -> None:
    (reading,) = read([strip()], looks=True)

    def stubborn(images: Sequence[NDArray[np.uint8]]) -> list[Reading]:
        return [reading for _ in images]

    chars = reading.words[0].chars
    assert stays(strip(), reading, chars, stubborn) == [char.confidence for char in chars]
    assert stays(strip(), reading, [], stubborn) == []


def test_a_look_beside_the_box_is_blanked_too() -> None:
    look = np.zeros(10, np.float32)
    look[7] = 1
    char = ReadChar("a", 8.0, 16.0, 0.9, (), look)
    assert looked_at(char, 4.0) == (8.0, 32.0)
    assert looked_at(replace(char, look=None), 4.0) == (8.0, 16.0)


def test_only_what_was_looked_at_is_blanked() -> None:
    image = strip()
    made = blanked(image, 10, 20)
    assert (made[:, 10:20] == np.median(image, axis=(0, 1)).astype(np.uint8)).all()
    assert (made[:, :10] == image[:, :10]).all()
    assert (made[:, 20:] == image[:, 20:]).all()
