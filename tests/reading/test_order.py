"""Reading order on pages laid out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from foveal.geometry import Transform, box
from foveal.reading.found import Found, FoundLine
from foveal.reading.order import order

WIDTH, HEIGHT = 800.0, 1000.0


def line(left: float, top: float, width: float, *, tall: float = 20) -> FoundLine:
    corners = box(left, top, left + width, top + tall)
    return FoundLine(corners[:2], corners[[3, 2]], tall, 0.9)


def column(left: float, *, rows: int = 8, top: float = 200, width: float = 330) -> list[FoundLine]:
    return [line(left, top + 30 * row, width - 7 * (row % 3)) for row in range(rows)]


def in_order(lines: list[FoundLine], *, rotation: int = 0, skew: float = 0.0) -> list[FoundLine]:
    """Lay the page out turned, shuffle its lines, and return them in the order found."""
    shuffled = [lines[i] for i in np.random.default_rng(2).permutation(len(lines))]
    blocks = order(Found(shuffled, [], rotation, skew), WIDTH, HEIGHT)
    return [one for block in blocks for one in block.lines]


def assert_same(found: list[FoundLine], wanted: list[FoundLine]) -> None:
    assert [id(one) for one in found] == [id(one) for one in wanted]


def test_columns_are_read_one_after_the_other_under_their_title() -> None:
    title, left, right = line(60, 60, 680, tall=44), column(40), column(420)
    assert_same(in_order([title, *left, *right]), [title, *left, *right])


def test_prices_are_read_beside_what_they_are_for() -> None:
    rows = [(line(40, 200 + 30 * row, 240), line(560, 201 + 30 * row, 70)) for row in range(9)]
    lines = [one for row in rows for one in row]
    assert_same(in_order(lines), lines)


def test_a_line_over_both_columns_parts_what_is_above_from_what_is_below() -> None:
    above = [*column(40, rows=4, top=100), *column(420, rows=4, top=100)]
    across = line(40, 300, 700)
    below = [*column(40, rows=4, top=400), *column(420, rows=4, top=400)]
    assert_same(in_order([*above, across, *below]), [*above, across, *below])


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("skew", [0.0, 12.0])
def test_a_turned_page_is_read_in_the_same_order(rotation: int, skew: float) -> None:
    lines = [*column(40), *column(420)]
    way = Transform.turn(skew, (WIDTH / 2, HEIGHT / 2)).then(
        Transform.quarter_turns(rotation // 90, WIDTH, HEIGHT)
    )
    moved = [FoundLine(way.to(one.upper), way.to(one.lower), one.height, one.sure) for one in lines]
    assert_same(in_order(moved, rotation=rotation, skew=skew), moved)


def test_a_wide_gap_begins_a_block() -> None:
    lines = [*column(40, rows=3, top=100), *column(40, rows=3, top=300)]
    assert [len(block.lines) for block in order(Found(lines), WIDTH, HEIGHT)] == [3, 3]


def test_nothing_is_in_no_order() -> None:
    assert order(Found(), WIDTH, HEIGHT) == []
