"""Scaled dot attention with a learned bias for every pair of places."""

from __future__ import annotations

from torch import Tensor

from foveal.attention.kernels import dotted
from foveal.attention.kernels.layout import eager


@eager
def biased(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return softmax(qᵀk/√d + bias) v, "*batch q dv", with gradients for q, k, v and the bias.

    q: "*batch q d", k: "*batch k d", v: "*batch k dv"; bias, mask: "*#batch #q #k". The gradient of a bias
    that repeats over the batch is summed inside, so nothing of size batch × q × k is built.
    Time O(q·k·(d + dv)), memory O((q + k)·(d + dv)) and that of the bias.
    """
    return dotted.attend(q, k, v, mask, bias=bias)
