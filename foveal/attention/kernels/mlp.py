# ruff: noqa: ARG001  (its functions take what those of `additive` take)
"""The MLP score with one hidden layer of ReLU in one pass over the pairs: nothing of size q × k × d.

Its slope in q_d and k_d is w_d where q_d + k_d > 0. Because relu(t) = t·[t > 0], the slope in w needs no pass
of its own: Σ ds·relu(q + k) = Σ_q q·(Σ_k ds·[q + k > 0]) + Σ_k k·(Σ_q ds·[q + k > 0]).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import triton
import triton.language as tl
from torch import Tensor

from foveal.attention.kernels.blocks import nothing, places
from foveal.attention.kernels.layout import eager
from foveal.attention.kernels.pairs import Form
from foveal.attention.kernels.sums import attend

if TYPE_CHECKING:
    from foveal.attention.kernels.pairs import Sums


@triton.jit
def _scores(
    q, k, eq, ek, c, row, column, n, m, reach,
    D: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, WARPS: tl.constexpr, PAD: tl.constexpr,
):  # fmt: skip
    """Return Σ_d c_d·relu(q_d + k_d) of the tile at `row` and `column`, laid out as `places`.

    eq, ek: q, k of the tile, features first and PAD apart. relu(q + k) = max(q, −k) + k, of which the last
    is summed once a key: two operations a pair, not three.
    """
    rows, columns = places(BM, BN, WARPS)
    s, of_keys = nothing(BM, BN, WARPS), tl.zeros([1, BN // 8, 1, 8], tl.float32)
    for d in tl.range(0, D, loop_unroll_factor=4):
        key, factor = tl.load(ek + d * PAD + columns), tl.load(c + d)
        s += factor * tl.maximum(tl.load(eq + d * PAD + rows), -key)
        of_keys += factor * key
    return s + of_keys


@triton.jit
def _slopes(
    own, own_e, other, other_e, ds, stride, start, stop, rows, columns, n, m, slope, r_sum, reach,
    D: tl.constexpr, WIDTH: tl.constexpr, BOTH: tl.constexpr,
):  # fmt: skip
    """Add Σ_j ds_j·[x + x_j > 0] to `slope`, j from start to stop."""
    e = tl.load(own_e + rows[:, None] * WIDTH + columns[None, :])
    for j in range(start, stop):
        f = tl.load(other_e + j * WIDTH + columns)[None, :]
        d = tl.load(ds + j * stride).to(tl.float32)[:, None]
        slope += tl.where(e > -f, d, 0.0)
    return slope, r_sum


def _weight_slope(sums: Sums) -> Tensor:
    """Return Σ ds·relu(q + k) over all pairs, "g d"."""
    return (sums.q.float() * sums.q_slope).sum(1) + (sums.k.float() * sums.k_slope).sum(1)


FORM = Form(
    scores=_scores,
    slopes=_slopes,
    exponentials=False,
    score_factor=1.0,
    slope_factor=1.0,
    weight_slope=_weight_slope,
)


@eager
def mlp(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
) -> Tensor:
    """Return softmax_k(Σ_d w_d relu(q_d + k_d) + bias) v, "*batch q dv", with gradients for q, k, v and w.

    q and k are the two halves of the hidden layer before its ReLU, the bias in one of them: "*batch q d",
    "*batch k d". v: "*batch k dv", w: "*#batch d", or "d" for all; mask and bias: "*#batch #q #k".
    Sums are in float32. Time O(q·k·d); memory as `additive`.
    """
    return attend(q, k, v, w, mask, bias, form=FORM)
