"""Laws of the plane's transforms: there and back, and turns that keep the page at the origin."""

from __future__ import annotations

import numpy as np
import pytest

from foveal.geometry import Transform, area, bounds, box, box_overlap

QUAD = np.array([[3.0, 2.0], [40.0, 5.0], [37.0, 22.0], [1.0, 19.0]])
WAYS = {
    "scale": Transform.scale(0.5, 3),
    "shift": Transform.shift(-7, 11),
    "turn": Transform.turn(33, (5, 9)),
    "between": Transform.between(box(0, 0, 100, 32), QUAD),
    "chain": Transform.turn(12).then(Transform.scale(2, 0.7)).then(Transform.shift(1, 2)),
}


@pytest.mark.parametrize("name", WAYS)
def test_there_and_back(name: str) -> None:
    way = WAYS[name]
    np.testing.assert_allclose(way.back(way.to(QUAD)), QUAD, atol=1e-9)
    np.testing.assert_allclose(way.to(way.inverse.to(QUAD)), QUAD, atol=1e-9)


def test_corners_go_to_corners() -> None:
    np.testing.assert_allclose(WAYS["between"].to(box(0, 0, 100, 32)), QUAD, atol=1e-9)


@pytest.mark.parametrize("turns", range(-1, 5))
def test_a_turned_page_stays_at_the_origin(turns: int) -> None:
    width, height = 60.0, 40.0
    image = np.arange(2400).reshape(40, 60)
    turned = np.rot90(image, -turns)
    way = Transform.quarter_turns(turns, width, height)
    assert bounds(way.to(box(0, 0, width, height))) == (0, 0, turned.shape[1], turned.shape[0])
    x, y = way.to([[12.5, 7.5]])[0] - 0.5
    assert turned[round(y), round(x)] == image[7, 12]


def test_turning_clockwise_takes_right_to_down() -> None:
    np.testing.assert_allclose(Transform.turn(90).to([[1, 0]]), [[0, 1]], atol=1e-12)


def test_areas_and_overlaps() -> None:
    assert area(box(0, 0, 4, 3)) == 12
    assert area(QUAD) == pytest.approx(area(QUAD[::-1]))
    assert box_overlap(box(0, 0, 2, 2), box(1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert box_overlap(box(0, 0, 1, 1), box(2, 2, 3, 3)) == 0
