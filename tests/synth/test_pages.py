"""Rendered pages: what is recorded lies where the ink is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from foveal.geometry import bounds
from foveal.synth.fonts import Faces
from foveal.synth.pages import SORTS, render_page
from foveal.synth.pages_layout import Kit, Stock
from foveal.synth.pages_sheet import Pen, Sheet
from foveal.synth.pages_view import draw_view, seen

FONTS = Path(__file__).parents[1] / "data" / "fonts"
SIDE = 320


@pytest.fixture(scope="module")
def stock() -> Stock:
    return Stock(Faces(FONTS))


@pytest.mark.parametrize("sort", sorted(SORTS))
def test_every_sort_of_page_is_drawn_and_repeats(stock: Stock, sort: str) -> None:
    first, again = (render_page(np.random.default_rng(4), stock, side=SIDE, sort=sort) for _ in range(2))
    assert first.image.shape == (SIDE, SIDE, 3)
    assert first.image.dtype == np.uint8
    assert np.array_equal(first.image, again.image)
    for line in first.lines:
        assert len(line.upper) == len(line.lower) >= 2
        low, high = line.polygon.min(axis=0), line.polygon.max(axis=0)
        assert (high > 0).all()
        assert (low < SIDE).all()


def test_bare_pages_have_no_lines(stock: Stock) -> None:
    page = render_page(np.random.default_rng(5), stock, side=SIDE, sort="bare")
    assert page.lines == []
    assert page.regions == []


def test_a_line_keeps_its_ink_when_the_sheet_is_photographed(stock: Stock) -> None:
    rng = np.random.default_rng(8)
    kit = Kit(rng, stock, 400, 400)
    sheet = kit.sheet()
    pen = kit.pen(("sans",), 30)
    white, black = (255, 255, 255), (0, 0, 0)
    sheet.draw.rectangle((0, 0, 400, 400), fill=white)
    sheet.write("Hamburg", pen, x=90, y=200, colour=black)
    view = draw_view(rng, 400, 400, side=SIDE, strength=0.6)
    ink = np.argwhere(np.asarray(view.picture(sheet.image, outside=white)).min(axis=2) < 100)[:, ::-1]
    left, top, right, bottom = bounds(seen(view, sheet)[0][0].polygon)
    assert np.allclose(ink.min(axis=0), (left, top), atol=4)
    assert np.allclose(ink.max(axis=0) + 1, (right, bottom), atol=4)


def test_signs_a_face_lacks_are_spelt_without_marks(stock: Stock) -> None:
    pen = Pen(stock.faces.all[0].path, 20, frozenset("aeiouxyzn"))
    assert pen.spelt("né zéñ") == "ne zen"
    assert pen.spelt("a€x") == "ax"
    assert Pen(pen.path, 20).spelt("né") == "né"


def test_a_text_of_which_nothing_can_be_written_leaves_no_line(stock: Stock) -> None:
    sheet: Sheet = Kit(np.random.default_rng(1), stock, 100, 100).sheet()
    pen = Pen(stock.faces.all[0].path, 20, frozenset("abc"))
    assert sheet.write("§§", pen, x=10, y=50, colour=(0, 0, 0)) is None
    assert sheet.lines == []
