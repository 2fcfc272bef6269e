"""Figures that stand alone in the rows of a list."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import foveal
from foveal.geometry import bounds, points
from foveal.reading.between import between
from foveal.reading.found import FoundLine

GOODS = ("Cheese", "Apples", "Bread", "Coffee", "Butter", "Sugar", "Tea", "Milk")
COUNTS = (1, 2, 3, 4, 5, 6, 7, 8)


def line(left: float, right: float, *, top: float = 40, tall: float = 20) -> FoundLine:
    upper, lower = (points([(left, y), (right, y)]) for y in (top, top + tall))
    return FoundLine(upper, lower, tall, 0.9)


def row(*marks: tuple[int, int, int, int]) -> np.ndarray:
    """Return a page with letters at both ends of a row, and marks left, top, right, bottom in its gap."""
    page = np.full((100, 400, 3), 240, np.uint8)
    for left in (20, 40, 90, 330):
        page[42:58, left : left + 5] = 30
    for left, top, right, bottom in marks:
        page[top:bottom, left:right] = 30
    return page


LINES = [line(20, 100), line(326, 380)]


def test_a_lone_figure_is_found_where_it_stands():
    (found,) = between(LINES, row((200, 42, 206, 57)))
    left, top, right, bottom = bounds(found.polygon)
    assert 196 < left < 200
    assert 206 < right < 210
    assert top == pytest.approx(40, abs=1)
    assert bottom == pytest.approx(60, abs=1)


def test_light_figures_on_dark_ground_are_found():
    assert len(between(LINES, 255 - row((200, 42, 206, 57)))) == 1


@pytest.mark.parametrize(
    "mark",
    [
        (200, 55, 204, 58),  # a dot of leaders
        (200, 30, 204, 75),  # a rule from row to row
        (150, 42, 240, 57),  # a word that was not found
        (104, 42, 110, 57),  # the end of the line before
        (318, 42, 324, 57),  # the beginning of the line behind
    ],
)
def test_what_is_no_figure_by_itself_is_not(mark):
    assert between(LINES, row(mark)) == []


def test_only_between_lines_of_one_row_is_looked():
    page = row((200, 42, 206, 57))
    assert between([line(20, 100)], page) == []
    assert between([line(20, 100), line(326, 380, top=70)], page) == []
    assert between([line(20, 185), line(190, 380)], page) == []


def test_the_quantities_of_a_list_are_read():
    page = Image.new("RGB", (760, 900), "white")
    font = ImageFont.load_default(30)
    for number, (name, count) in enumerate(zip(GOODS, COUNTS, strict=True)):
        y = 60 + 90 * number
        for x, text in ((50, name), (400, str(count)), (560, f"{count}2.50")):
            ImageDraw.Draw(page).text((x, y), text, font=font, fill="black")
    (read,) = foveal.read(page).pages
    texts = [line.text for line in read.lines]
    assert len(read.unread) <= sum(str(count) not in texts for count in COUNTS)
    assert set(GOODS) <= set(texts)
    assert sum(str(count) in texts for count in COUNTS) >= 7
