"""Whether a confidence means what it says: ECE, risk–coverage, AUROC. How to make it so: additive.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

MARGIN = 4 / 3
"""So many times as high as it is said to be counts a chance of error where a bound on errors is promised.

Over all kinds of text confidences are right; of the words accepted of one kind up to a quarter more are wrong
than they say (docs/trust.md).
"""


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


def by_chance(confidence: ArrayLike, *, bins: int = 15, draws: int = 20) -> float:
    """Return the `ece` to expect of so few answers if each were right with exactly the chance that was said.

    The error of few answers is never 0: 150 words read by halves give .09. The mean of some draws.
    """
    sure = np.asarray(confidence, np.float64).ravel()
    rng = np.random.default_rng(0)
    return float(np.mean([ece(sure, rng.random(sure.size) < sure, bins=bins) for _ in range(draws)]))


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

    Each chance of error counts MARGIN times, 1 at most: kinds of text differ.

    >>> accepted([0.6, 1.0, 0.9], max_error=0.1).tolist()
    [False, True, True]
    """
    sure = np.asarray(confidence, np.float64).ravel()
    order = np.argsort(-sure, kind="stable")
    chance = np.minimum(MARGIN * (1 - sure[order]), 1)
    taken = np.zeros(sure.size, bool)
    taken[order[np.cumsum(chance) / np.arange(1, sure.size + 1) <= max_error]] = True
    return taken


def _both(one: ArrayLike, other: ArrayLike) -> tuple[Floats, Floats]:
    a, b = np.asarray(one, dtype=np.float64).ravel(), np.asarray(other, dtype=np.float64).ravel()
    if a.size != b.size:
        raise ValueError(f"{a.size} confidences, but {b.size} outcomes")
    return a, b
