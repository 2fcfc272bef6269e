"""A table of layouts and the order in which they are read, whatever stands between the columns."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from foveal.geometry import box
from foveal.reading.found import Found, FoundLine, Region
from foveal.reading.order import order

WIDTH, HEIGHT = 1200.0, 1000.0


@dataclass(frozen=True)
class Layout:
    """Lines in the order they are to be read, and regions."""

    name: str
    lines: list[FoundLine]
    regions: list[Region] = field(default_factory=list)


def line(left: float, top: float, right: float, *, tall: float = 20, kind: str = "text") -> FoundLine:
    corners = box(left, top, right, top + tall)
    return FoundLine(corners[:2], corners[[3, 2]], tall, 0.9, kind)


def column(
    left: float, right: float, *, top: float = 200, rows: int = 12, step: float = 30
) -> list[FoundLine]:
    """A ragged column, the last line of a paragraph short now and then."""
    ends = [right - (120 if row % 5 == 4 else 6 * (row % 3)) for row in range(rows)]
    return [line(left, top + step * row, end) for row, end in enumerate(ends)]


def around(side: str, *, hollow: range, rows: int = 12) -> list[FoundLine]:
    """One of two columns, which makes way for what stands between them in some rows."""
    lines = []
    for row in range(rows):
        left, right = (40, 380 if row in hollow else 580) if side == "left" else (620, 1160)
        lines.append(line(820 if side == "right" and row in hollow else left, 200 + 30 * row, right))
    return lines


def two_columns() -> Layout:
    return Layout("two columns", [*column(40, 580), *column(620, 1160)])


def three_columns() -> Layout:
    sides = ((40, 390), (420, 770), (800, 1150))
    return Layout("three columns", [one for side in sides for one in column(*side)])


def columns_of_unlike_pitch() -> Layout:
    return Layout("unlike pitch", [*column(40, 580), *column(620, 1160, step=27, top=207)])


def caption_between() -> Layout:
    caption = [line(420, 320 + 26 * row, 780, tall=18) for row in range(3)]
    columns = [one for side in ("left", "right") for one in around(side, hollow=range(4, 7))]
    return Layout("caption between", [*columns, *caption])


def narrow_caption_between() -> Layout:
    caption = [line(520, 330 + 26 * row, 690, tall=16) for row in range(4)]
    columns = [one for side in ("left", "right") for one in around(side, hollow=range(3, 9))]
    return Layout("narrow caption between", [*columns, *caption])


def title_between() -> Layout:
    title = [line(430, 350, 770, tall=44, kind="title")]
    columns = [one for side in ("left", "right") for one in around(side, hollow=range(4, 8))]
    return Layout("title between", [*title, *columns])


def caption_between_three() -> Layout:
    left = [line(40, 200 + 30 * row, 270 if row in (4, 5, 6) else 390) for row in range(12)]
    middle = [line(530 if row in (4, 5, 6) else 420, 200 + 30 * row, 770) for row in range(12)]
    caption = [line(290, 325 + 28 * row, 510, tall=18) for row in range(3)]
    return Layout("caption between two of three", [*left, *middle, *column(800, 1150), *caption])


def title_over_two() -> Layout:
    title = [line(220, 100, 980, tall=44, kind="title")]
    return Layout("title over two columns", [*title, *column(40, 580), *column(620, 1160)])


def title_and_caption() -> Layout:
    title, rest = title_over_two().lines[:1], caption_between().lines
    return Layout("title over, caption between", [*title, *rest])


def line_across() -> Layout:
    above = [*column(40, 580, top=60, rows=5), *column(620, 1160, top=60, rows=5)]
    below = [*column(40, 580, top=300), *column(620, 1160, top=300)]
    return Layout("a line over both columns", [*above, line(40, 230, 1160), *below])


def wide_caption_in_left() -> Layout:
    left = [*column(40, 580, rows=5), *column(40, 580, top=430, rows=6)]
    caption = [line(40, 360 + 26 * row, 760) for row in range(2)]
    right = [line(800 if row in (5, 6) else 620, 200 + 30 * row, 1160) for row in range(13)]
    return Layout("a caption wider than its column", [*left[:5], *caption, *left[5:], *right])


def three_over_two() -> Layout:
    sides = ((40, 390), (420, 770), (800, 1150))
    above = [one for side in sides for one in column(*side, top=60, rows=6)]
    below = [*column(40, 580, top=290), *column(620, 1160, top=290)]
    return Layout("three columns over two", [*above, *below])


def table_beside_text() -> Layout:
    rows = [[line(left, 206 + 34 * row, left + 60) for left in (700, 840, 980)] for row in range(10)]
    region = Region(box(680, 190, 1080, 560), "table")
    return Layout("a table beside text", [*column(40, 580), *(one for row in rows for one in row)], [region])


def table_over_columns() -> Layout:
    rows = [[line(left, 60 + 30 * row, left + 150) for left in (60, 400, 640, 980)] for row in range(6)]
    region = Region(box(40, 50, 1160, 240), "table")
    columns = [*column(40, 580, top=280), *column(620, 1160, top=280)]
    return Layout("a table over both columns", [*(one for row in rows for one in row), *columns], [region])


def footnotes() -> Layout:
    sides = ((40, 580), (620, 1160))
    notes = [[line(left, 620 + 20 * row, right, tall=14) for row in range(3)] for left, right in sides]
    columns = [column(*side) for side in sides]
    return Layout("footnotes in both columns", [*columns[0], *notes[0], *columns[1], *notes[1]])


def wide_footnote() -> Layout:
    note = [line(40, 620 + 22 * row, 1160, tall=14) for row in range(2)]
    return Layout("a footnote under both columns", [*column(40, 580), *column(620, 1160), *note])


def head_and_foot() -> Layout:
    head = [line(40, 80, 90), line(880, 80, 1160)]
    foot = [line(590, 700, 620)]
    return Layout("head and foot", [*head, *column(40, 580), *column(620, 1160), *foot])


def an_outline_over_the_gutter() -> Layout:
    left, right = column(40, 580), column(590, 1160)
    left[2], right[6] = line(40, 260, 594), line(582, 380, 1160)
    return Layout("outlines that reach over the gutter", [*left, *right])


def receipt() -> Layout:
    rows = [[line(40, 200 + 30 * row, 420), line(620, 202 + 30 * row, 700), line(900, 199 + 30 * row, 990)]
            for row in range(14)]  # fmt: skip
    head = [line(300, 100, 760), line(340, 130, 720)]
    return Layout("a receipt with two columns of prices", [*head, *(one for row in rows for one in row)])


def receipt_with_table() -> Layout:
    prices = Region(box(600, 190, 1010, 630), "table")
    return replace(receipt(), name="a receipt, its prices held for a table", regions=[prices])


def noise() -> Layout:
    """Lines that were found as if they were read from the right stay in their places."""
    lines = two_columns().lines
    for place in (3, 17):
        lines[place] = lines[place].turned_over()
    return Layout("lines from right to left", lines)


LAYOUTS = [
    two_columns(),
    three_columns(),
    columns_of_unlike_pitch(),
    caption_between(),
    narrow_caption_between(),
    title_between(),
    caption_between_three(),
    title_over_two(),
    title_and_caption(),
    line_across(),
    wide_caption_in_left(),
    three_over_two(),
    table_beside_text(),
    table_over_columns(),
    footnotes(),
    wide_footnote(),
    head_and_foot(),
    an_outline_over_the_gutter(),
    receipt(),
    receipt_with_table(),
    noise(),
]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("layout", LAYOUTS, ids=[layout.name for layout in LAYOUTS])
def test_lines_are_read_in_the_order_of_their_layout(layout: Layout, seed: int) -> None:
    shuffled = [layout.lines[i] for i in np.random.default_rng(seed).permutation(len(layout.lines))]
    blocks = order(Found(shuffled, layout.regions), WIDTH, HEIGHT)
    places = {id(one): place for place, one in enumerate(layout.lines)}
    assert [places[id(one)] for block in blocks for one in block.lines] == list(range(len(layout.lines)))
