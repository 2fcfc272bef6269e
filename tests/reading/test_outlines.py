"""Outlines of cores: those of NumPy's own fits, each core for itself."""

from __future__ import annotations

import numpy as np
import pytest

from foveal.reading.outlines import CORE_SHARE, HEIGHT_UNIT, Cores, outlines

SCALE = np.array([0.5, 0.25])


def core(*, long: float, bend: float, turn: float, tall: float, sure: float = 0.9) -> Cores:
    """Return one core, bent by some of its heights, whose line grows taller along it."""
    rng = np.random.default_rng(round(10 * long + tall))
    count = round(long * 2)
    t, u = rng.uniform(-long / 2, long / 2, count), rng.uniform(-tall / 4, tall / 4, count)
    u += bend * tall * (2 * t / long) ** 2
    along = np.array([np.cos(turn), np.sin(turn)])
    places = 100 + t[:, None] * along + u[:, None] * (-along[1], along[0])
    seen = np.zeros((10, count), np.float32)
    seen[0], seen[1], seen[2:4] = sure, np.log2(tall / HEIGHT_UNIT) + t / long / 4, along[:, None]
    seen[6] = 1.0
    return Cores(places, seen, np.array([count]))


def together(*cores: Cores) -> Cores:
    return Cores(
        np.concatenate([one.places for one in cores]),
        np.concatenate([one.seen for one in cores], axis=1),
        np.concatenate([one.sizes for one in cores]),
    )


@pytest.mark.parametrize(
    ("long", "bend", "points"), [(300, 0.0, 2), (300, 0.6, 9), (110, 0.5, 4), (30, 0.6, 2)]
)
def test_an_outline_is_that_of_numpys_fits(long: float, bend: float, points: int) -> None:
    one = core(long=long, bend=bend, turn=0.3, tall=13.0)
    (line,) = outlines(one, SCALE, least=0.0)
    assert (len(line.upper), len(line.lower), line.kind) == (points, points, "title")
    spread = one.places - one.places.mean(axis=0)
    along = np.linalg.eigh(spread.T @ spread)[1][:, 1]
    along = along if along[0] > 0 else -along
    t, u = spread @ along, spread @ (-along[1], along[0])
    tall = 2 ** float(np.median(one.seen[1])) * HEIGHT_UNIT
    assert line.height == pytest.approx(tall / SCALE.mean())
    reach = 1 + tall * (1 - CORE_SHARE) / 2
    stops = np.linspace(t.min() - reach, t.max() + reach, points)
    off = np.polyval(np.polyfit(t, u, 1 if points == 2 else 2), stops)
    slope = 1 if np.ptp(t) > 3 * tall else 0
    half = np.exp2(np.polyval(np.polyfit(t, one.seen[1], slope), stops)) * HEIGHT_UNIT / 2
    middle = one.places.mean(axis=0) + stops[:, None] * along + off[:, None] * (-along[1], along[0])
    normal = half[:, None] * (-along[1], along[0])
    assert line.upper == pytest.approx((middle - normal) / SCALE, abs=1e-4)
    assert line.lower == pytest.approx((middle + normal) / SCALE, abs=1e-4)


def test_outlines_of_a_page_are_those_of_each_core() -> None:
    cores = [core(long=200, bend=0.1 * i, turn=0.2 * i, tall=9.0 + i) for i in range(7)]
    doubtful, low = core(long=90, bend=0, turn=0, tall=12, sure=0.5), core(long=90, bend=0, turn=0, tall=5)
    found = outlines(together(doubtful, *cores, low), SCALE, least=8.0)
    alone = [outlines(one, SCALE, least=8.0)[0] for one in cores]
    assert len(found) == len(alone)
    for one, other in zip(found, alone, strict=True):
        assert one.upper == pytest.approx(other.upper)
        assert (one.height, one.sure) == pytest.approx((other.height, other.sure))


def test_the_least_core_has_an_outline_and_no_core_has_none() -> None:
    places = np.array([[9.0, 9.0], [9.0, 11.0], [9.0, 13.0]])
    seen = np.ones((10, 3), np.float32)
    (line,) = outlines(Cores(places, seen, np.array([3])), SCALE, least=0.0)
    assert np.isfinite(line.polygon).all()
    assert outlines(Cores(places[:0], seen[:, :0], np.zeros(0, np.int64)), SCALE, least=0.0) == []
