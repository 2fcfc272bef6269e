import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveal.measure.calibration import auroc, ece, risk_coverage

SCORE = st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0])
SCORED = st.lists(st.tuples(SCORE, st.booleans()), min_size=1, max_size=30)


def test_confidence_that_is_the_accuracy_has_no_error() -> None:
    right = np.arange(100) < 80
    assert ece(np.full(100, 0.8), right) == pytest.approx(0)
    assert ece(np.full(100, 0.97), right) == pytest.approx(0.17)


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
