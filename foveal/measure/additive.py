"""Additive models: log-odds as a sum of curves, one for each piece of evidence and for some products of two.

Hastie & Tibshirani, 1986 (generalised additive models); Lou et al., 2013 (with pairs). Every curve is
piecewise linear and level beyond its ends: it can be drawn, kept in a few numbers, and never runs away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Term = tuple[str, ...]
"""Names of one or two pieces of evidence; of two, their product counts."""

_STEPS = 40
_FEW = 3  # knots that tell of one value and what lies beside it
_RARE = 0.9  # share of a term that has one value, or the others are no rare mark


@dataclass(frozen=True)
class Curve:
    """What one term adds to the log-odds: values at knots, straight between them.

    columns: of the evidence; their product is looked up.
    """

    columns: tuple[int, ...]
    knots: tuple[float, ...]
    values: tuple[float, ...]

    @cached_property
    def line(self) -> tuple[Floats, Floats]:
        """Knots and values as arrays, made once."""
        return np.array(self.knots), np.array(self.values)


@dataclass(frozen=True)
class Additive:
    """The chance of something by its evidence: 1 / (1 + exp(−constant − Σ curves))."""

    curves: tuple[Curve, ...]
    constant: float

    def chances(self, evidence: ArrayLike) -> Floats:
        """Return the chance for each row of evidence: "… k" → "…"."""
        return np.asarray(1 / (1 + np.exp(-self.odds(evidence))))

    def odds(self, evidence: ArrayLike) -> Floats:
        """Return the log-odds for each row of evidence: "… k" → "…"."""
        rows = np.asarray(evidence, np.float64)
        odds = np.full(rows.shape[:-1], self.constant)
        for curve in self.curves:
            odds += np.interp(_product(rows, curve.columns), *curve.line)
        return odds

    def to_json(self, names: Sequence[str]) -> dict[str, Any]:
        """Return it as plain values. names: of the columns of the evidence."""
        curves = [
            {"of": [names[i] for i in curve.columns], "at": curve.knots, "adds": curve.values}
            for curve in self.curves
        ]
        return {"constant": self.constant, "curves": curves}

    @classmethod
    def from_json(cls, said: Mapping[str, Any], names: Sequence[str]) -> Additive:
        """Return what `to_json` gave, for evidence with columns of these names, or KeyError."""
        column = {name: i for i, name in enumerate(names)}
        curves = (
            Curve(tuple(column[name] for name in one["of"]), tuple(one["at"]), tuple(one["adds"]))
            for one in said["curves"]
        )
        return cls(tuple(curves), said["constant"])


def fit(
    evidence: ArrayLike,
    right: ArrayLike,
    *,
    share: ArrayLike,
    columns: Sequence[tuple[int, ...]],
    knots: int = 6,
    ridge: float = 5e-4,
) -> Additive:
    """Return the additive model of answers, by penalised likelihood and Newton's method.

    evidence: "n k"; right: "n" of 0 or 1; share: "n", how much each counts; columns: those of each curve's
    term; knots: of a curve, at even quantiles of its term; ridge: the penalty on the squared steps from knot
    to knot, beside a mean loss. Cost: some ten solutions of `knots · terms` equations.
    """
    rows, label = np.asarray(evidence, np.float64), np.asarray(right, np.float64)
    count = np.asarray(share, np.float64) / np.sum(share)
    terms = [_product(rows, own) for own in columns]
    places = [_knots(term, knots) for term in terms]
    basis = np.concatenate([_hats(term, at) for term, at in zip(terms, places, strict=True)], axis=1)
    middle = count @ basis
    values, constant = _newton(basis - middle, label, count, ridge * _steepness(places))
    parts = np.split(values, np.cumsum([len(at) for at in places])[:-1])
    curves = (
        Curve(own, tuple(np.round(at, 4).tolist()), tuple(np.round(part, 4).tolist()))
        for own, at, part in zip(columns, places, parts, strict=True)
    )
    return Additive(tuple(curves), round(float(constant - middle @ values), 4))


def _product(rows: Floats, columns: Sequence[int]) -> Floats:
    term = rows[..., columns[0]]
    for column in columns[1:]:
        term = term * rows[..., column]
    return term


def _knots(term: Floats, most: int) -> Floats:
    """Return up to `most` places that part a term's values evenly; two at least, to interpolate between.

    Of a rare mark, a term that mostly has one value, they part the others.
    """
    found = _quantiles(term, most, ends=0.01)
    values, counts = np.unique(term, return_counts=True)
    usual = values[counts.argmax()]
    if len(found) <= _FEW and counts.max() > _RARE * len(term) and len(values) > 1:
        rest = _quantiles(term[term != usual], most - 1, ends=0.05)
        found = np.unique(np.append(rest, np.round(usual, 4)))
    if len(found) > 1:
        return found
    low, high = float(term.min()), float(term.max())
    return np.array([low, max(high, low + 1e-3)])


def _quantiles(term: Floats, most: int, *, ends: float) -> Floats:
    return np.unique(np.round(np.quantile(term, np.linspace(ends, 1 - ends, most)), 4))


def _hats(term: Floats, at: Floats) -> Floats:
    """Return how much of each knot's value a term takes: "n knots"."""
    return np.stack([np.interp(term, at, one) for one in np.eye(len(at))], axis=1)


def _steepness(places: Sequence[Floats]) -> Floats:
    """Return the penalty: the squared steps of every curve, and a little of its values."""
    sizes = [len(at) for at in places]
    penalty = np.zeros((sum(sizes), sum(sizes)))
    for start, size in zip(np.cumsum([0, *sizes[:-1]]), sizes, strict=True):
        steps = np.diff(np.eye(size), axis=0)
        penalty[start : start + size, start : start + size] = steps.T @ steps + 0.1 * np.eye(size)
    return penalty


def _newton(basis: Floats, label: Floats, count: Floats, penalty: Floats) -> tuple[Floats, float]:
    """Return the values of a penalised logistic regression and its constant, which is free."""
    x = np.column_stack([basis, np.ones(len(basis))])
    ridge = np.pad(penalty, (0, 1))
    mean = float(np.clip(count @ label, 1e-6, 1 - 1e-6))
    values = np.append(np.zeros(basis.shape[1]), np.log(mean / (1 - mean)))
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(x @ values, -30, 30)))
        slope = x.T @ (count * (label - chance)) - ridge @ values
        bend = (x * (count * np.maximum(chance * (1 - chance), 1e-6))[:, None]).T @ x + ridge
        step = np.linalg.solve(bend + 1e-9 * np.eye(len(bend)), slope)
        values += step * min(1.0, 3 / max(float(np.abs(step).max()), 1e-9))  # never past where it is trusted
        if np.abs(step).max() < 1e-5:
            break
    return values[:-1], float(values[-1])
