"""Scaled dot attention with a learned bias: for every pair of places, or by their distance."""

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


@eager
def relative(q: Tensor, k: Tensor, v: Tensor, table: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return softmax(qᵀk/√d + table[h, j − i]) v, "*batch h q dv", with gradients for q, k, v and the table.

    q: "*batch h q d", k: "*batch h k d", v: "*batch h k dv"; table: "h q+k−1", the number for each distance
    j − i from 1 − q to k − 1 (repeat the outermost of a clipped table); mask: "*#batch #h #q #k".
    Time O(q·k·(d + dv)), memory O((q + k)·(d + dv)), and "h q k" numbers while differentiating the table.
    """
    return dotted.attend(q, k, v, mask, table=table)
