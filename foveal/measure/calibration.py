"""Whether a confidence means what it says: ECE, risk–coverage, AUROC."""

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


def _both(one: ArrayLike, other: ArrayLike) -> tuple[Floats, Floats]:
    a, b = np.asarray(one, dtype=np.float64).ravel(), np.asarray(other, dtype=np.float64).ravel()
    if a.size != b.size:
        raise ValueError(f"{a.size} confidences, but {b.size} outcomes")
    return a, b
