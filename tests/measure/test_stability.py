import numpy as np
import pytest

from foveal.measure.stability import PERTURBATIONS, matrix_stability, row_stability


def test_equal_looks_are_stable_and_rows_have_a_floor() -> None:
    looks = np.random.default_rng(0).dirichlet(np.ones(7), 5)
    assert row_stability(looks, looks).tolist() == [1.0] * 5
    assert matrix_stability(looks, looks) == 1.0
    other = np.random.default_rng(1).dirichlet(np.full(7, 0.01), 5)
    assert (row_stability(looks, other) >= 1 - np.sqrt(2) / 2 - 1e-12).all()


def test_the_matrix_form_goes_below_zero_where_rows_cannot() -> None:
    assert matrix_stability(np.eye(9), np.roll(np.eye(9), 1, axis=0)) == pytest.approx(1 - np.sqrt(18) / 2)
    assert row_stability(np.eye(9), np.roll(np.eye(9), 1, axis=0)) == pytest.approx(1 - np.sqrt(2) / 2)


def test_one_row_is_the_same_in_both_forms() -> None:
    one, other = np.random.default_rng(2).dirichlet(np.ones(6), (2, 1))
    assert matrix_stability(one, other) == pytest.approx(row_stability(one, other)[0])


def test_looks_over_other_columns_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        row_stability(np.eye(3), np.eye(4))


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_a_perturbation_changes_little_and_not_the_shape(name: str) -> None:
    image = np.full((32, 80, 3), 220, np.uint8)
    image[8:24, 20:30] = 30
    altered = PERTURBATIONS[name](image, np.random.default_rng(3))
    assert (altered.shape, altered.dtype) == (image.shape, image.dtype)
    change = np.abs(altered.astype(int) - image)
    assert 0 < change.mean() < 20
    darkest = altered.mean((0, 2)).argmin()
    assert 20 <= darkest < 30
