"""A reader that sees one column only must find the look at that column faithful, and no other."""

import numpy as np
import pytest

from foveal.measure.faithfulness import (
    Faithfulness,
    blanked,
    faithfulness,
    gaussian,
    imputed,
    points_at,
    random_attribution,
    steps,
)

N, CELL, INK = 24, 4, 15


def strip() -> np.ndarray:
    """White paper "8 96 3" with ink in one column of the grid."""
    image = np.full((8, N * CELL, 3), 250, np.uint8)
    image[:, INK * CELL : (INK + 1) * CELL] = 0
    return image


def ink_seen(strips: np.ndarray) -> np.ndarray:
    """How dark the column with ink is, 0 to 1: the reader."""
    return 1 - strips[:, :, INK * CELL : (INK + 1) * CELL].mean((1, 2, 3)) / 250


def measured(*attributions: np.ndarray) -> list[Faithfulness]:
    return faithfulness(strip(), attributions, ink_seen, rng=np.random.default_rng(0))


def test_the_true_column_beats_chance_and_its_opposite_loses() -> None:
    truth = np.eye(N)[INK]
    right, wrong, chance = measured(truth, 1 - truth, random_attribution(N, np.random.default_rng(1)))
    assert right.deletion == pytest.approx(1 / (2 * N))  # gone with the first column
    assert right.insertion == pytest.approx(1 - 1 / (2 * N))
    assert right.road > 0.9
    assert right.deletion < chance.deletion < wrong.deletion
    assert wrong.insertion < chance.insertion < right.insertion
    assert wrong.road < -0.9


def test_random_attributions_are_at_chance_on_average() -> None:
    rng = np.random.default_rng(2)
    found = measured(*(random_attribution(N, rng) for _ in range(200)))
    assert np.mean([one.deletion for one in found]) == pytest.approx(0.5, abs=0.07)
    assert np.mean([one.insertion for one in found]) == pytest.approx(0.5, abs=0.07)
    assert np.mean([one.road for one in found]) == pytest.approx(0, abs=0.08)


def test_a_gaussian_about_the_right_box_is_faithful_and_about_another_is_not() -> None:
    here, there = measured(gaussian(N, INK, INK + 1), gaussian(N, 2, 3))
    assert here.deletion < 0.1 < 0.4 < there.deletion
    assert gaussian(N, INK, INK + 1).argmax() == INK


def test_what_is_blanked_is_paper_and_what_is_kept_is_untouched() -> None:
    kept = np.ones((2, N), bool)
    kept[1, INK] = False
    whole, without = blanked(strip(), kept)
    assert (whole == strip()).all()
    assert (without == 250).all()


def test_what_is_imputed_goes_over_from_one_neighbour_to_the_other() -> None:
    image = np.zeros((8, N * CELL, 3), np.uint8)
    image[:, N * CELL // 2 :] = 200
    kept = np.ones((3, N), bool)
    kept[0, N // 4 : 3 * N // 4] = False
    kept[1] = False
    kept[2, :3] = False
    across, nothing, edge = imputed(image, kept, np.random.default_rng(0)).mean((1, 3))
    assert np.corrcoef(across[6 * CELL : 18 * CELL], np.arange(12 * CELL))[0, 1] > 0.99
    assert across[12 * CELL] == pytest.approx(100, abs=8)
    assert np.ptp(nothing) < 12
    assert edge[:8].max() < 8


@pytest.mark.parametrize("n", [1, 2, 3, 4, 40, 300])
def test_steps_go_from_none_to_all(n: int) -> None:
    found = steps(n)
    assert found == sorted(set(found))
    assert (found[0], found[1], found[-1]) == (0, 1, n)


def test_pointing_has_half_a_column_of_grace() -> None:
    look = np.eye(10)[4]  # the middle is at 4.5
    assert points_at(look, 5.0, 7.0)
    assert not points_at(look, 5.1, 7.0)
