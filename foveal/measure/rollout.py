"""Attention rollout: where the looks of a layer come from, followed back through the layers below it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def rollout(layers: Sequence[ArrayLike], *, residual: float = 0.5) -> Floats:
    """Return Ã_L … Ã_1 with Ã = (1 − residual) · mean over heads + residual · I: "n n", rows sum to one.

    Abnar & Zuidema, 2020. `layers`: maps "h n n" of self-attention, the first layer first. `residual`: how
    much of a place is taken to stay where it is. What else mixes places (convolutions, positions, norms) is
    left out, so it is a picture of the attention and not of the whole model.

    >>> rollout([[[[0, 1], [0, 1]]]][0]).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    if not layers:
        raise ValueError("there is no layer to roll out")
    if not 0 <= residual <= 1:
        raise ValueError(f"a residual of {residual} is no share")
    total: Floats | None = None
    for maps in layers:
        mean = np.asarray(maps, np.float64).mean(axis=0)
        mixed = (1 - residual) * mean + residual * np.eye(len(mean))
        mixed /= mixed.sum(-1, keepdims=True)
        total = mixed if total is None else mixed @ total
    assert total is not None
    return total
