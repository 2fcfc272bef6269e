from __future__ import annotations

import json

import numpy as np
import pytest

from foveal.measure.additive import Additive, Curve, fit
from foveal.measure.calibration import auroc, ece

NAMES = ("a", "b", "c")


def made(n: int = 20000) -> tuple[np.ndarray, np.ndarray]:
    """Answers whose odds bend in one piece of evidence and cross in two."""
    rng = np.random.default_rng(0)
    evidence = rng.uniform(-2, 2, (n, 3))
    odds = 2 * np.abs(evidence[:, 0]) - 2 + 1.5 * evidence[:, 1] * evidence[:, 2]
    return evidence, rng.random(n) < 1 / (1 + np.exp(-odds))


def test_chances_are_the_sum_of_curves() -> None:
    model = Additive((Curve((0,), (-1.0, 1.0), (-2.0, 2.0)), Curve((0, 1), (0.0, 4.0), (0.0, 1.0))), 0.5)
    odds = np.log(1 / (1 / model.chances([[0.5, 4.0, 9.0], [-7.0, 0.0, 9.0]]) - 1))
    assert odds == pytest.approx([0.5 + 1.0 + 0.5, 0.5 - 2.0 + 0.0])


def test_what_was_fitted_is_calibrated_on_other_answers() -> None:
    evidence, right = made()
    seen = np.arange(len(right)) < len(right) // 2
    columns = [(0,), (1,), (2,), (1, 2)]
    model = fit(evidence[seen], right[seen], share=np.ones(seen.sum()), columns=columns)
    chances = model.chances(evidence[~seen])
    assert ece(chances, right[~seen]) < 0.02
    plain = fit(evidence[seen], right[seen], share=np.ones(seen.sum()), columns=columns[:3])
    assert auroc(chances, right[~seen]) > auroc(plain.chances(evidence[~seen]), right[~seen]) + 0.05


def test_shares_count_answers_as_often() -> None:
    evidence, right = made(600)
    twice = np.r_[np.arange(600), np.arange(300)]
    share = np.where(np.arange(600) < 300, 2.0, 1.0)
    columns, knots = [(0,), (1, 2)], 2
    one = fit(evidence, right, share=share, columns=columns, knots=knots)
    other = fit(evidence[twice], right[twice], share=np.ones(900), columns=columns, knots=knots)
    assert one.chances(evidence) == pytest.approx(other.chances(evidence), abs=0.02)


def test_a_rare_mark_gets_a_curve_of_its_own() -> None:
    rng = np.random.default_rng(1)
    mark = np.where(rng.random(20000) < 0.03, rng.random(20000), 0.0)
    odds = np.where(mark > 0, 6 * np.sin(np.pi * mark) - 3, 0.0)  # much in the middle, little at both ends
    right = rng.random(20000) < 1 / (1 + np.exp(-odds))
    model = fit(mark[:, None], right, share=np.ones(20000), columns=[(0,)])
    low, middle, high, none = model.chances([[0.05], [0.5], [0.95], [0.0]])
    assert max(low, high) < 0.45 < 0.8 < middle
    assert none == pytest.approx(0.5, abs=0.03)


def test_evidence_that_never_varies_adds_nothing_and_does_no_harm() -> None:
    evidence, right = made(500)
    evidence[:, 2] = 3.0
    model = fit(evidence, right, share=np.ones(500), columns=[(0,), (2,)])
    assert np.isfinite(model.chances(evidence)).all()


def test_it_survives_json() -> None:
    evidence, right = made(500)
    model = fit(evidence, right, share=np.ones(500), columns=[(0,), (1, 2)])
    said = json.loads(json.dumps(model.to_json(NAMES)))
    assert said["curves"][1]["of"] == ["b", "c"]
    again = Additive.from_json(said, ("c", "b", "a"))
    assert again.chances(evidence[:, ::-1]) == pytest.approx(model.chances(evidence))
