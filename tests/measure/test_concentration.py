import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from foveal.measure.concentration import entropy, gini

LOOKS = arrays(np.float64, (3, 7), elements=st.floats(0, 1)).filter(lambda a: bool((a.sum(1) > 0.1).all()))


@pytest.mark.parametrize("n", [2, 5, 64])
def test_all_in_one_place_and_the_same_everywhere_are_the_ends_of_both_scales(n: int) -> None:
    assert entropy(np.eye(n)).tolist() == [0.0] * n
    assert entropy(np.full((1, n), 1 / n)) == pytest.approx(1)
    assert gini(np.eye(n)) == pytest.approx((n - 1) / n)
    assert gini(np.full((1, n), 1 / n)) == pytest.approx(0, abs=1e-12)


def test_one_column_is_concentrated() -> None:
    assert entropy([[1.0]]).tolist() == [0.0]


@given(LOOKS)
def test_both_lie_in_their_range_and_neither_minds_order_or_scale(looks: np.ndarray) -> None:
    for measure, most in ((entropy, 1.0), (gini, 6 / 7)):
        found = measure(looks)
        assert found.shape == (3,)
        assert (found >= -1e-9).all()
        assert (found <= most + 1e-9).all()
        assert measure(looks[:, ::-1] * 5) == pytest.approx(found)


def test_gini_is_the_mean_difference_of_pairs() -> None:
    look = np.random.default_rng(0).random(9)
    pairs = np.abs(look[:, None] - look[None]).sum() / (2 * 9 * look.sum())
    assert gini(look) == pytest.approx(pairs)


def test_negative_weights_are_no_look() -> None:
    with pytest.raises(ValueError, match="negative"):
        entropy([[0.5, -0.5]])
