"""Perturbations: every one is a little at first, then more, and says where the pixels went."""

import numpy as np
import pytest
from damaged import page

from foveal.measure.perturb import FAMILIES

IMAGE = np.asarray(page().convert("RGB"))


def harmed(name: str, strength: float) -> np.ndarray:
    return FAMILIES[name].apply(IMAGE, strength, 36.0, np.random.default_rng(0))[0]


@pytest.mark.parametrize("name", FAMILIES)
def test_more_strength_is_more_harm(name: str) -> None:
    strengths = FAMILIES[name].strengths
    assert list(strengths) == sorted(set(strengths))
    weak, strong = (harmed(name, strengths[at]) for at in (0, -1))
    if name == "rotation":
        assert strong.shape[0] > weak.shape[0] > IMAGE.shape[0]
        return
    changes = [float(np.abs(made.astype(int) - IMAGE).mean()) for made in (weak, strong)]
    assert 0 < changes[0] < changes[1]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_image_that_is_given_stays(name: str) -> None:
    before = IMAGE.copy()
    harmed(name, FAMILIES[name].strengths[-1])
    assert np.array_equal(IMAGE, before)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_way_leads_to_where_a_pixel_went(name: str) -> None:
    marked = np.full((200, 300, 3), 255, np.uint8)
    marked[60:71, 220:231] = 0
    strength = FAMILIES[name].strengths[2]
    made, way = FAMILIES[name].apply(marked, strength, 30.0, np.random.default_rng(1))
    y, x = np.nonzero(made.mean(axis=2) < np.quantile(made.mean(axis=2), 0.001) + 20)
    assert way.to([(225.5, 65.5)])[0] == pytest.approx([np.median(x) + 0.5, np.median(y) + 0.5], abs=1.5)
