"""Post-processing on true maps: what was drawn comes back, whichever way the page lies."""

from __future__ import annotations

import numpy as np
import pytest

from foveal.geometry import area, box
from foveal.reading.direction import settle_directions, turned
from foveal.reading.find import Maps, trace
from foveal.reading.outlines import KINDS
from foveal.synth.pages_sheet import PageLine
from foveal.synth.pages_view import quarter_turned
from foveal.train.page_targets import draw_targets

pytest.importorskip("torch")


def true_maps(lines: list[PageLine], side: int) -> Maps:
    truth = draw_targets(lines, [], side=side)
    kind = np.eye(len(KINDS), dtype=np.float32)[truth.kind].transpose(2, 0, 1)
    ones = np.ones(2)
    core = truth.core.astype(np.float32) / 255
    return Maps(core, truth.height.astype(np.float32), truth.direction.astype(np.float32), kind, ones)


def page_of_lines(side: int) -> list[PageLine]:
    rng = np.random.default_rng(3)
    lines, y = [], 10.0
    while y < side - 80:
        tall = float(rng.choice([7, 12, 20, 50]))
        corners = box(30, y, 30 + tall * float(rng.uniform(3, 10)), y + tall)
        lines.append(PageLine(corners[:2], corners[[3, 2]]))
        y += tall * 1.25 + 2
    return lines


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    shapely = pytest.importorskip("shapely")
    a, b = shapely.Polygon(one), shapely.Polygon(other)
    return float(a.intersection(b).area / a.union(b).area)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_lines_come_back_from_their_maps(turns: int) -> None:
    side = 640
    lines = page_of_lines(side)
    quarter_turned(lines, [], turns, side=side)
    found = settle_directions(trace(true_maps(lines, side)))
    assert len(found) == len(lines)
    for line in lines:
        best = max(found, key=lambda f: overlap(f.polygon, line.polygon))
        assert overlap(best.polygon, line.polygon) > 0.7
        assert np.linalg.norm(best.upper[0] - line.upper[0]) < 0.5 * np.linalg.norm(
            line.lower[0] - line.upper[0]
        )
    rotation, skew = turned(found)
    assert rotation == 90 * turns
    assert abs(skew) < 1


def test_a_blank_page_has_no_lines() -> None:
    assert trace(true_maps([], 320)) == []


def test_the_area_of_a_line_is_kept() -> None:
    lines = page_of_lines(320)
    found = trace(true_maps(lines, 320))
    assert sum(area(f.polygon) for f in found) == pytest.approx(sum(area(x.polygon) for x in lines), rel=0.1)
