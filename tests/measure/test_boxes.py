import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import MultiPoint, Polygon

from foveal.measure.boxes import Detection, centre_inside, detect, iou, match

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10]]
COORDINATE = st.integers(-40, 40)
CORNERS = st.lists(st.tuples(COORDINATE, COORDINATE), min_size=3, max_size=6, unique=True).filter(
    lambda corners: MultiPoint(corners).convex_hull.area > 0
)


def moved(x: float, y: float = 0.0) -> list[list[float]]:
    return [[a + x, b + y] for a, b in SQUARE]


@given(CORNERS, CORNERS)
def test_overlap_is_that_of_shapely(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    a, b = MultiPoint(one).convex_hull, MultiPoint(other).convex_hull
    assert iou(one, other) == pytest.approx(a.intersection(b).area / a.union(b).area, abs=1e-4)


def test_overlap_far_from_the_origin_is_as_exact() -> None:
    turned = np.array([[0, 5], [5, 0], [10, 5], [5, 10]])
    near, far = iou(SQUARE, turned), iou(np.array(SQUARE) + 1e6, turned + 1e6)
    assert near == pytest.approx(Polygon(turned).area / 100)
    assert far == pytest.approx(near)


def test_each_box_is_matched_once_and_to_the_best() -> None:
    assert match([moved(1), moved(0)], [SQUARE]) == [(1, 0)]
    assert sorted(match([moved(0), moved(30)], [moved(31), moved(1)])) == [(0, 1), (1, 0)]


def test_detection_counts_misses_inventions_and_excuses() -> None:
    counts = detect([moved(0), moved(100), moved(200)], [SQUARE, moved(50)], ignored=[moved(201)])
    assert counts == Detection(hits=1, found=2, true=2)
    assert (counts.precision, counts.recall, counts.f1) == (0.5, 0.5, 0.5)


def test_detection_adds_up_and_an_empty_page_read_empty_is_right() -> None:
    assert Detection(1, 2, 3) + Detection(1, 1, 1) == Detection(2, 3, 4)
    assert Detection().f1 == 1
    assert detect([SQUARE], []).f1 == 0


def test_centre_inside() -> None:
    assert centre_inside(SQUARE, (4, 4, 6, 6))
    assert not centre_inside(SQUARE, (6, 4, 8, 6))
