import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveal.measure.calibration import (
    MARGIN,
    accepted,
    auroc,
    by_chance,
    ece,
    reliability,
    risk_at,
    risk_coverage,
)

SCORE = st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0])
SCORED = st.lists(st.tuples(SCORE, st.booleans()), min_size=1, max_size=30)


def test_confidence_that_is_the_accuracy_has_no_error() -> None:
    right = np.arange(100) < 80
    assert ece(np.full(100, 0.8), right) == pytest.approx(0)
    assert ece(np.full(100, 0.97), right) == pytest.approx(0.17)


def test_few_answers_are_never_calibrated() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.random(150), rng.random(15000)
    assert by_chance(few) == pytest.approx(0.11, abs=0.03)
    assert by_chance(many) == pytest.approx(by_chance(few) / 10, rel=0.3)  # as the root of their number
    assert by_chance([1.0, 1.0]) == 0


def test_bins_are_kept_apart() -> None:
    assert ece([0.1, 0.9], [1, 0]) == pytest.approx(0.9)


@given(SCORED)
def test_auroc_is_the_chance_that_a_positive_scores_higher(scored: list[tuple[float, bool]]) -> None:
    score, label = (np.array(column) for column in zip(*scored, strict=True))
    higher = score[label][:, None] - score[~label][None, :]
    expected = (np.sign(higher).mean() + 1) / 2 if higher.size else float("nan")
    assert auroc(score, label) == pytest.approx(expected, nan_ok=True)


def test_risk_falls_to_the_error_rate_at_full_coverage() -> None:
    coverage, risk = risk_coverage([0.9, 0.1, 0.5, 0.8], [1, 0, 0, 1])
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0, 0, 1 / 3, 0.5])


def test_as_many_outcomes_as_confidences() -> None:
    with pytest.raises(ValueError, match="2 confidences, but 1 outcomes"):
        ece([0.1, 0.2], [1])


def test_reliability_counts_every_answer_once() -> None:
    bins = reliability([0.05, 0.91, 0.93, 1.0], [0, 1, 0, 1])
    assert [count for _, _, count in bins] == [1, 3]
    assert bins[1][:2] == (pytest.approx(2.84 / 3), pytest.approx(2 / 3))


def test_risk_at_is_the_error_rate_of_the_surest() -> None:
    confidence, right = [0.9, 0.1, 0.5, 0.8], [1, 0, 0, 1]
    assert [risk_at(confidence, right, coverage=share) for share in (0, 0.5, 0.75, 1)] == pytest.approx(
        [0, 0, 1 / 3, 0.5]
    )


@given(SCORED, st.sampled_from([0.0, 0.01, 0.3, 1.0]))
def test_as_many_are_accepted_as_the_bound_allows(scored: list[tuple[float, bool]], most: float) -> None:
    sure = np.array([confidence for confidence, _ in scored])
    error = np.minimum(MARGIN * (1 - sure), 1)
    taken = accepted(sure, max_error=most)
    kept, left = np.sort(error[taken]), np.sort(error[~taken])
    assert not kept.size or kept.mean() <= most + 1e-12
    if left.size:
        assert np.append(kept, left[0]).mean() > most - 1e-12
        assert not kept.size or kept.max() <= left[0]
    assert taken.all() or most < 1


def test_a_bound_holds_where_a_third_more_are_wrong_than_is_said() -> None:
    rng = np.random.default_rng(0)
    said = rng.beta(8, 1, 500_000)
    right = rng.random(500_000) > MARGIN * (1 - said)
    for most in (0.01, 0.05):
        taken = accepted(said, max_error=most)
        assert 0.9 * most < 1 - right[taken].mean() < 1.1 * most
