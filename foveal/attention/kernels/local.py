"""Local attention: each query meets the keys at most `window` places away, and nothing else is computed."""

from __future__ import annotations

from torch import Tensor

from foveal.attention.kernels import dotted
from foveal.attention.kernels.layout import eager


@eager
def local(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, window: int) -> Tensor:
    """Return softmax(qᵀk/√d) v among keys with |i − j| ≤ window, "*batch q dv", with gradients for q, k, v.

    q: "*batch q d", k: "*batch k d", v: "*batch k dv"; mask: "*#batch #q #k".
    Time O(q·window·(d + dv)), memory O((q + k)·(d + dv)).
    """
    return dotted.attend(q, k, v, mask, window=window)
