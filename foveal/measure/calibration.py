"""Whether a confidence means what it says, and how to make it so: ECE, risk–coverage, AUROC, regression."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def ece(confidence: ArrayLike, right: ArrayLike, *, bins: int = 15) -> float:
    """Return the expected calibration error: mean |confidence − accuracy| over equal-width bins, by bin size.

    Guo et al., 2017. `confidence`: "n", 0 to 1; `right`: "n" of 0 or 1. Nothing given is calibrated: 0.
    """
    sure, hit = _both(confidence, right)
    if not sure.size:
        return 0.0
    index = np.minimum((sure * bins).astype(int), bins - 1)
    gap = np.bincount(index, weights=hit - sure, minlength=bins)
    return float(np.abs(gap).sum() / sure.size)


def reliability(confidence: ArrayLike, right: ArrayLike, *, bins: int = 10) -> list[tuple[float, float, int]]:
    """Return (mean confidence, share right, how many) of each equal-width bin that holds any."""
    sure, hit = _both(confidence, right)
    index = np.minimum((sure * bins).astype(int), bins - 1)
    return [
        (float(sure[index == bin].mean()), float(hit[index == bin].mean()), int((index == bin).sum()))
        for bin in np.unique(index)
    ]


def risk_coverage(confidence: ArrayLike, right: ArrayLike) -> tuple[Floats, Floats]:
    """Return (coverage, risk), "n" each: the error rate among the k most confident, for every k.

    El-Yaniv & Wiener, 2010. Equal confidences keep their given order.
    """
    sure, hit = _both(confidence, right)
    order = np.argsort(-sure, kind="stable")
    count = np.arange(1, sure.size + 1)
    return count / max(sure.size, 1), np.cumsum(1.0 - hit[order]) / count


def auroc(score: ArrayLike, positive: ArrayLike) -> float:
    """Return the chance that a positive scores higher than a negative, ties counting half; nan without both.

    The Mann–Whitney statistic: (rank sum of positives − n₊(n₊+1)/2) / (n₊ n₋).
    """
    values, label = _both(score, positive)
    _, index, size = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(size) - (size - 1) / 2)[index]  # tied values share their mean rank
    positives = label.sum()
    negatives = label.size - positives
    if not positives or not negatives:
        return float("nan")
    return float((ranks @ label - positives * (positives + 1) / 2) / (positives * negatives))


def risk_at(confidence: ArrayLike, right: ArrayLike, *, coverage: float) -> float:
    """Return the error rate among the most confident share `coverage`, 0 to 1; 0 of nothing."""
    _, risk = risk_coverage(confidence, right)
    count = round(coverage * risk.size)
    return float(risk[count - 1]) if count else 0.0


def accepted(confidence: ArrayLike, *, max_error: float) -> NDArray[np.bool_]:
    """Return which answers "n" to accept: the surest, as many as keep their mean chance of error in bounds.

    >>> accepted([0.6, 1.0, 0.9], max_error=0.05).tolist()
    [False, True, True]
    """
    sure = np.asarray(confidence, np.float64).ravel()
    order = np.argsort(-sure, kind="stable")
    error = np.cumsum(1 - sure[order]) / np.arange(1, sure.size + 1)
    taken = np.zeros(sure.size, bool)
    taken[order[error <= max_error]] = True
    return taken


def logistic(evidence: ArrayLike, right: ArrayLike, *, share: ArrayLike, ridge: float = 1e-3) -> Floats:
    """Return the weights "k" of a logistic regression, its constant left out, by Newton's method.

    `evidence`: "n k"; `right`: "n" of 0 or 1; `share`: "n", how much each counts. `ridge`: the penalty on
    weights of evidence in standard deviations, beside a mean loss.
    """
    x, label = np.asarray(evidence, np.float64), np.asarray(right, np.float64)
    count = np.asarray(share, np.float64) / np.sum(share)
    mean = count @ x
    spread = np.sqrt(np.maximum(count @ (x - mean) ** 2, 1e-12))
    z = np.column_stack([(x - mean) / spread, np.ones(len(x))])
    penalty = np.diag([ridge] * x.shape[1] + [1e-9])
    weights = np.zeros(z.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(z @ weights, -30, 30)))
        slope = z.T @ (count * (label - chance)) - penalty @ weights
        curve = (z * (count * np.maximum(chance * (1 - chance), 1e-6))[:, None]).T @ z + penalty
        step = np.linalg.solve(curve, slope)
        weights += step
        if np.abs(step).max() < 1e-8:
            break
    return np.asarray(weights[:-1] / spread, np.float64)


def rising(score: ArrayLike, right: ArrayLike, *, share: ArrayLike, knots: int = 24) -> tuple[Floats, Floats]:
    """Return knots (scores, chances) of a curve that never falls: isotonic regression over equal shares.

    Each of the bins gets one right and one wrong answer more, so that nothing is ever certain.
    """
    values, label = _both(score, right)
    order = np.argsort(values, kind="stable")
    count = np.asarray(share, np.float64)[order] / np.sum(share)
    index = np.minimum((np.cumsum(count) * knots).astype(int), knots - 1)
    size = np.bincount(index, minlength=knots)
    mass = np.bincount(index, count, minlength=knots).astype(np.float64)
    kept = size > 0
    hits = np.bincount(index, count * label[order], minlength=knots)[kept] / mass[kept]
    middle = np.bincount(index, count * values[order], minlength=knots)[kept] / mass[kept]
    chance = np.asarray((hits * size[kept] + 1) / (size[kept] + 2), np.float64)
    return middle, _pooled(chance, mass[kept])


def _pooled(chance: Floats, mass: Floats) -> Floats:
    """Pool adjacent violators (Ayer et al., 1955)."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(chance, mass, strict=True):
        pools.append((float(value), float(weight), 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, m, i), (b, n, j) = pools[-2:]
            pools[-2:] = [((a * m + b * n) / (m + n), m + n, i + j)]
    return np.concatenate([np.full(count, value) for value, _, count in pools])


def _both(one: ArrayLike, other: ArrayLike) -> tuple[Floats, Floats]:
    a, b = np.asarray(one, dtype=np.float64).ravel(), np.asarray(other, dtype=np.float64).ravel()
    if a.size != b.size:
        raise ValueError(f"{a.size} confidences, but {b.size} outcomes")
    return a, b
