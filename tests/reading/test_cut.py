"""Strips: straight, turned and bent lines come out level, and points find the way back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from foveal.geometry import Transform, box
from foveal.reading.cut import Ribbon, cut


def page_with_ramp() -> np.ndarray:
    """A page whose red is x / 2 and green is y / 2, so that a pixel tells where it came from."""
    y, x = np.mgrid[0:400, 0:500]
    return np.stack([x // 2, y // 2, 0 * x], axis=2).astype(np.uint8)


@pytest.mark.parametrize("angle", [0, 15, 90, 180, 233])
def test_a_strip_is_read_from_where_it_says(angle: float) -> None:
    line = Transform.turn(angle, (250, 200)).to(box(150, 190, 350, 214))
    strip = cut(page_with_ramp(), line, height=32)
    h, w, _ = strip.image.shape
    assert h == 32
    assert abs(w - 32 * (200 + 2 * 2.88) / (24 * 1.24)) < 2
    spots = np.array([[w * 0.3, 10.5], [w * 0.5, 16.5], [w * 0.8, 25.5]])
    for (x, y), place in zip(spots, strip.to_page(spots), strict=True):
        said = strip.image[int(y), int(x), :2].astype(float) * 2 + 1
        assert np.abs(said - place).max() < 3
    np.testing.assert_allclose(strip.to_strip(strip.to_page(spots)), spots, atol=1e-6)
    inside = strip.to_strip(line)
    assert inside.min() > 0
    assert (inside < [w, h]).all()


def test_a_bent_line_comes_out_level() -> None:
    page = np.full((200, 420, 3), 255, np.uint8)
    x = np.linspace(20, 400, 9)
    middle = 100 + 30 * np.sin(x / 60)
    fine = np.linspace(20, 400, 200)
    path = np.stack([fine, np.interp(fine, x, middle)], axis=1).astype(np.int32)
    cv2.polylines(page, [path], isClosed=False, color=(0, 0, 0), thickness=4)
    upper, lower = np.stack([x, middle - 12], axis=1), np.stack([x, middle + 12], axis=1)
    strip = cut(page, np.concatenate([upper, lower[::-1]]), height=32)
    ink = 255 - strip.image[:, 20:-20, 0].astype(float)
    rows = (ink * np.arange(32)[:, None]).sum(axis=0) / ink.sum(axis=0)
    assert np.abs(rows - 15.5).max() < 2
    spots = np.array([[30.0, 8.0], [100.0, 20.0], [200.0, 31.0]])
    np.testing.assert_allclose(strip.to_strip(strip.to_page(spots)), spots, atol=0.05)


def test_a_ribbon_goes_straight_on_beyond_its_ends() -> None:
    ribbon = Ribbon(np.array([[0.0, 0], [10, 0], [20, 0]]), np.array([[0.0, 5], [10, 5], [20, 5]]), 40, 10)
    np.testing.assert_allclose(ribbon.to([[50, 10]]), [[25, 5]])
    np.testing.assert_allclose(ribbon.back([[25, 5]]), [[50, 10]], atol=1e-6)


@pytest.mark.parametrize("line", [box(-50, -20, 30, 10), box(480, 390, 900, 460), box(600, 500, 700, 520)])
def test_a_line_over_the_edge_of_the_page_is_cut_all_the_same(line: np.ndarray) -> None:
    assert cut(page_with_ramp(), line).image.shape[0] == 32
