"""How concentrated looks are: entropy and the Gini coefficient of their weights.

Both take looks "*batch n" whose rows sum to one (others are scaled so that they do) and return "*batch".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def entropy(looks: ArrayLike) -> Floats:
    """Return −Σ a log a / log n: 0 if all weight is in one place, 1 if it is the same in all n.

    Of one place, n = 1, it is 0.

    >>> entropy([[1.0, 0.0], [0.5, 0.5]]).tolist()
    [0.0, 1.0]
    """
    shares = as_shares(looks)
    surprise = -np.log(np.where(shares > 0, shares, 1.0))  # 0 log 0 = 0
    most = np.log(max(shares.shape[-1], 2))
    return np.asarray((shares * surprise).sum(-1) / most + 0.0)


def gini(looks: ArrayLike) -> Floats:
    """Return the Gini coefficient Σᵢ (2i − n − 1) aᵢ / n over weights in rising order, i from 1.

    0 if the weight is the same everywhere; (n − 1)/n, nearly 1, if all of it is in one of n places.

    >>> gini([[0.25, 0.25, 0.25, 0.25], [0, 0, 0, 1]]).tolist()
    [0.0, 0.75]
    """
    shares = np.sort(as_shares(looks), axis=-1)
    n = shares.shape[-1]
    return np.asarray(shares @ (2 * np.arange(1, n + 1) - n - 1) / n)


def as_shares(looks: ArrayLike) -> Floats:
    """Return looks "*batch n" scaled to sum to one by rows; a row of zeros is shared out alike."""
    weights = np.asarray(looks, np.float64)
    if (weights < 0).any():
        raise ValueError("looks have no negative weights")
    total = weights.sum(-1, keepdims=True)
    n = weights.shape[-1]
    return np.where(total > 0, weights / np.where(total > 0, total, 1.0), 1 / n)
