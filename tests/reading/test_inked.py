"""Boxes of characters drawn to the ink: what they must hold on strips that are drawn here."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from foveal import Reader
from foveal.geometry import bounds
from foveal.reading.inked import ink_boxes

Image = NDArray[np.uint8]
PAPER, INK = 230, 30


def strip(*bars: tuple[int, int, int, int], width: int = 96, high: int = 32) -> Image:
    """Draw bars of ink (left, top, right, bottom) on paper."""
    image = np.full((high, width, 3), PAPER, np.uint8)
    for left, top, right, bottom in bars:
        image[top:bottom, left:right] = INK
    return image


def boxes(image: Image, *places: tuple[float, float], words: tuple[int, ...] = ()) -> list[list[float]]:
    """Return the boxes of characters at places, of one word unless told."""
    sizes = words or (len(places),)
    found: list[list[float]] = ink_boxes(image, np.array(places, float), sizes, margin=0.1).tolist()
    return found


LETTERS = ((10, 8, 18, 24), (20, 12, 30, 24), (33, 12, 40, 28))
PLACES = ((11.0, 17.0), (22.0, 28.0), (34.0, 39.0))


@pytest.mark.parametrize("inverted", [False, True])
def test_a_box_is_drawn_to_the_ink_whichever_is_the_brighter(inverted: bool) -> None:
    image = strip(*LETTERS)
    assert boxes(255 - image if inverted else image, *PLACES) == [list(map(float, bar)) for bar in LETTERS]


def test_a_dot_and_an_accent_are_of_the_letter_but_dirt_and_the_lines_around_are_not() -> None:
    dotted = strip((10, 14, 14, 26), (10, 8, 14, 10), (20, 12, 28, 26))
    ((_, top, _, bottom), _) = boxes(dotted, (10.5, 13.5), (21.0, 27.0))
    assert (top, bottom) == (8, 26)
    soiled = strip((10, 14, 14, 26), (11, 6, 12, 7), (10, 0, 14, 3), (9, 30, 15, 32))
    assert boxes(soiled, (10.5, 13.5)) == [[10, 14, 14, 26]]


def test_an_underline_is_no_part_of_letters() -> None:
    lined = strip(*LETTERS[:2], (2, 26, 90, 28))
    assert boxes(lined, *PLACES[:2]) == [list(map(float, bar)) for bar in LETTERS[:2]]


def test_letters_that_touch_are_parted_where_least_ink_is() -> None:
    joined = strip((10, 8, 20, 24), (20, 22, 22, 24), (22, 8, 32, 24))
    one, other = boxes(joined, (11.0, 19.0), (23.0, 31.0))
    assert one[0] == 10
    assert other[2] == 32
    assert one[2] <= other[0]
    assert 20 <= one[2] <= 22


def test_a_word_takes_no_ink_of_the_next() -> None:
    one, other = boxes(strip((10, 8, 18, 24), (24, 8, 32, 24)), (11.0, 17.0), (25.0, 31.0), words=(1, 1))
    assert (one[2], other[0]) == (18, 24)


def test_without_ink_a_character_keeps_its_place_as_high_as_the_line() -> None:
    blank = np.full((32, 64, 3), PAPER, np.uint8)
    assert boxes(blank, (10.0, 20.0)) == [[10, pytest.approx(3.2), 20, pytest.approx(28.8)]]
    assert boxes(strip(LETTERS[0]), PLACES[0], (60.0, 70.0))[1] == [60, pytest.approx(3.2), 70, 28.8]


def test_places_in_no_order_do_no_harm() -> None:
    moved = boxes(strip(*LETTERS), PLACES[2], PLACES[0], (12.0, 40.0))
    assert all(left < right and top < bottom for left, top, right, bottom in moved)


def test_no_characters_have_no_boxes() -> None:
    assert ink_boxes(strip(), np.empty((0, 2)), (), margin=0.1).shape == (0, 4)


def test_a_large_picture_gives_the_boxes_of_a_small_one() -> None:
    image = strip(*LETTERS)
    large = cv2.resize(image, None, fx=5, fy=5, interpolation=cv2.INTER_NEAREST)
    many = boxes(np.asarray(large, np.uint8), *((5 * left, 5 * right) for left, right in PLACES))
    assert np.allclose(many, 5 * np.array(LETTERS), atol=3)


def test_boxes_of_a_page_lie_in_their_word_and_do_not_overlap() -> None:
    page = Reader().read("examples/printed_page.jpg").pages[0]
    shares = []
    for line in page.lines:
        for word in line.words:
            spans = [bounds(char.polygon) for char in word.chars]
            gaps = [other[0] - one[2] for one, other in itertools.pairwise(spans)]
            assert min(gaps, default=0) > -1  # the line may lie askew by a fraction of a degree
            tall = bounds(word.polygon)[3] - bounds(word.polygon)[1]
            shares += [(bottom - top) / tall for _, top, _, bottom in spans]
    assert 0.3 < float(np.median(shares)) < 0.8, "letters are not as high as their line"
