"""Slope and level follow the answers that choose them, by the kind of text and whatever labels are wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest

from foveal.measure.additive import Additive, Curve
from foveal.measure.calibration import ece
from foveal.measure.scaled import Scaled, scaled

SAME = Additive((Curve((0,), (-9.0, 9.0), (-9.0, 9.0)),), 0.0)
"""Of which the first piece of evidence is the log-odds."""
NAMES = ("odds", "kind")


def answers(n: int = 20000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Evidence, true log-odds and outcomes: of one kind of text steep and high, of the other flat and low."""
    rng = np.random.default_rng(0)
    odds, kind = rng.normal(1, 2, n), rng.choice([-3.0, 5.0], n)
    true = np.where(kind > 0, 1.5 * odds + 1, 0.5 * odds - 1)
    return np.column_stack([odds, kind]), true, rng.random(n) < 1 / (1 + np.exp(-true))


def test_slope_and_level_follow_those_who_choose() -> None:
    rng = np.random.default_rng(0)
    odds = rng.normal(1, 2, 4000)
    right = rng.random(4000) < 1 / (1 + np.exp(-(0.5 * odds - 1)))
    chosen = scaled(SAME, odds[:, None], right, share=np.ones(4000))
    assert chosen.slope == pytest.approx((0.5,), rel=0.15)
    assert chosen.level == pytest.approx((-1,), rel=0.15)


def test_they_lean_on_the_kind_of_text() -> None:
    evidence, _, right = answers()
    seen = np.arange(len(right)) < len(right) // 2
    plain, leaning = (
        scaled(SAME, evidence[seen], right[seen], share=np.ones(seen.sum()), columns=columns)
        for columns in ((), (1,))
    )
    for kind in (-3.0, 5.0):
        own = ~seen & (evidence[:, 1] == kind)
        assert ece(leaning.chances(evidence[own]), right[own]) < 0.02
        assert ece(plain.chances(evidence[own]), right[own]) > 0.08


def test_beyond_its_ends_evidence_counts_no_more() -> None:
    evidence, _, right = answers(2000)
    leaning = scaled(SAME, evidence, right, share=np.ones(2000), columns=[1])
    ends, beyond = leaning.chances([[0.5, -3.0], [0.5, 5.0]]), leaning.chances([[0.5, -90.0], [0.5, 90.0]])
    assert beyond == pytest.approx(ends)
    assert leaning.ends == ((-3.0, 5.0),)


def test_wrong_labels_make_no_sure_answer_less_sure() -> None:
    _, true, right = answers()
    slips = np.random.default_rng(1).random(len(right)) < 0.02
    odds, seen = true[:, None], right & ~slips
    aware, blind = (scaled(SAME, odds, seen, share=np.ones(len(seen)), most=most) for most in (0.98, 1.0))
    assert aware.slope == pytest.approx((1.0,), abs=0.05)
    assert blind.slope < (0.95,)
    assert aware.chances([[9.0]]) == pytest.approx(0.98, abs=0.001)


def test_shares_count_answers_as_often() -> None:
    evidence, _, right = answers(600)
    twice = np.r_[np.arange(600), np.arange(300)]
    share = np.where(np.arange(600) < 300, 2.0, 1.0)
    one = scaled(SAME, evidence, right, share=share, columns=[1])
    other = scaled(SAME, evidence[twice], right[twice], share=np.ones(900), columns=[1])
    assert one.slope == pytest.approx(other.slope, abs=1e-3)
    assert one.level == pytest.approx(other.level, abs=1e-3)


def test_it_survives_json_and_misses_what_is_not_there() -> None:
    evidence, _, right = answers(500)
    model = scaled(SAME, evidence, right, share=np.ones(500), columns=[1], most=0.9)
    said = json.loads(json.dumps(model.to_json(NAMES)))
    again = Scaled.from_json(said, ("kind", "odds"))
    assert again.chances(evidence[:, ::-1]) == pytest.approx(model.chances(evidence))
    with pytest.raises(KeyError, match="kind"):
        Scaled.from_json(said, ("odds", "other"))
    with pytest.raises(KeyError, match="leans"):
        Scaled.from_json({name: said[name] for name in ("model", "slope", "level", "most")}, NAMES)


def test_evidence_that_never_varies_does_no_harm() -> None:
    evidence, _, right = answers(500)
    evidence[:, 1] = 3.0
    model = scaled(SAME, evidence, right, share=np.ones(500), columns=[1])
    assert np.isfinite(model.chances(evidence)).all()
