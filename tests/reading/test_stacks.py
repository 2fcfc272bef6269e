"""Letters under each other are the letters of one line."""

import pytest

from foveal.geometry import bounds, box
from foveal.reading.found import FoundLine
from foveal.reading.stacks import falling, stacks


def mark(x: float, y: float, *, long: float = 30.0) -> FoundLine:
    corners = box(x, y, x + long, y + 24)
    return FoundLine(corners[:2], corners[[3, 2]], 24.0, 0.6)


def test_marks_under_each_other_are_columns_from_the_top_down() -> None:
    right = [mark(200, 10 + 50 * n) for n in range(5)]
    left = [mark(20 + 3 * (n % 2), 30 + 80 * n) for n in range(4)]
    assert stacks([*reversed(right), *left]) == [right, left]


@pytest.mark.parametrize(
    "places",
    [
        [mark(20, 40 * n) for n in range(3)],  # too few
        [mark(20, 200 * n) for n in range(6)],  # too far apart
        [mark(20 + 40 * n, 40 * n) for n in range(6)],  # not under each other
        [mark(20, 40 * n, long=90) for n in range(6)],  # lines, not letters
    ],
)
def test_other_marks_are_no_column(places: list[FoundLine]) -> None:
    assert stacks(places) == []


def test_a_column_is_a_line_that_falls() -> None:
    column = [mark(20, 40 * n) for n in range(5)]
    line = falling(column)
    assert line.angle == pytest.approx(90)
    assert line.height == pytest.approx(30)
    left, top, right, bottom = bounds(line.polygon)
    assert (left, right) == (20, 50)
    assert top < 0
    assert bottom > 184
    (x0, y0), (x1, y1), (x2, y2) = line.upper[0], line.upper[1], line.lower[0]
    assert (x1 - x0) * (y2 - y0) > (y1 - y0) * (x2 - x0)  # not mirrored
