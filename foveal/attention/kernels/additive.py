"""Additive attention in one pass over the pairs: nothing of size q × k × d, and no tanh.

tanh(q + k) = 1 − 2r with r = 1 / (1 + e^{2q}·e^{2k}), and Σ_d w_d is the same for every key, so it drops out
of the softmax: the score is Σ_d −2·w_d·r_d, and its slope in q_d and k_d is 4·w_d·(r_d − r_d²).

Three forms of r, chosen per tile by `reach` = max|q| + max|k| over that tile, each exact in its range:
- reach ≤ 22: r of two features (or keys) by one reciprocal, 1/x = y·1/(x·y); x·y ≤ (1 + e⁴⁴)² < 2¹²⁸;
- reach ≤ 44: one reciprocal each; 1 + e⁸⁸ < 2¹²⁸;
- any reach: e^{2(q + k)} of the sum itself, whose overflow to infinity gives r = 0, its limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import triton
import triton.language as tl
from torch import Tensor

from foveal.attention.kernels.blocks import matrix, nothing, places, reciprocal
from foveal.attention.kernels.layout import eager
from foveal.attention.kernels.pairs import Form
from foveal.attention.kernels.sums import attend

if TYPE_CHECKING:
    from foveal.attention.kernels.pairs import Sums

PAIRED = tl.constexpr(22.0)
SINGLE = tl.constexpr(44.0)
TWO_LOG2E = tl.constexpr(2.885390081777927)


@triton.jit
def _exponentials(x):
    """Return e^{2x}."""
    return tl.exp2(x * TWO_LOG2E)


@triton.jit
def _scores(
    q, k, eq, ek, c, row, column, n, m, reach,
    D: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, WARPS: tl.constexpr, PAD: tl.constexpr,
):  # fmt: skip
    """Return Σ_d c_d·r_d of the tile at `row` and `column`, laid out as `places`.

    eq, ek: e^{2q}, e^{2k} of the tile, features first and PAD apart.
    Three loops, of which one runs, rather than three branches: the tile then stays where it is in registers.
    """
    rows, columns = places(BM, BN, WARPS)
    paired = tl.where(reach <= PAIRED, D, 0)
    single = tl.where(reach <= SINGLE, D, 0) - paired
    s = nothing(BM, BN, WARPS)
    for d in tl.range(0, paired, 2, loop_unroll_factor=2):  # an odd D is padded with e^{2q} = c = 0
        x = 1.0 + tl.load(eq + d * PAD + rows) * tl.load(ek + d * PAD + columns)
        y = 1.0 + tl.load(eq + (d + 1) * PAD + rows) * tl.load(ek + (d + 1) * PAD + columns)
        s += (tl.load(c + d) * y + tl.load(c + d + 1) * x) * reciprocal(x * y)
    for d in range(single):
        x = 1.0 + tl.load(eq + d * PAD + rows) * tl.load(ek + d * PAD + columns)
        s += tl.load(c + d) * reciprocal(x)
    for d in range(D - paired - single):
        a = tl.load(q + (row + rows) * D + d, mask=row + rows < n, other=0.0).to(tl.float32)
        b = tl.load(k + (column + columns) * D + d, mask=column + columns < m, other=0.0).to(tl.float32)
        s += tl.load(c + d) * reciprocal(1.0 + _exponentials(a + b))
    return s


@triton.jit
def _sweep(
    own, other, ds, stride, start, stop, rows, columns, n, m, slope, r_sum,
    WIDTH: tl.constexpr, BOTH: tl.constexpr, PATH: tl.constexpr,
):  # fmt: skip
    """Run over the others from start to stop, two at a time; see `_slopes`.

    own, other: e^{2x}, or on the path "sum" x itself, rows of WIDTH features. ds: where each row's begin.
    """
    if PATH == "sum":
        e = matrix(own, rows, columns, n, WIDTH).to(tl.float32)
    else:
        e = tl.load(own + rows[:, None] * WIDTH + columns[None, :])
    for j in range(start, stop, 2):  # the second may lie beyond the last: there ds = 0
        if PATH == "sum":
            f = matrix(other, j + tl.arange(0, 1), columns, m, WIDTH).to(tl.float32)
            g = matrix(other, j + 1 + tl.arange(0, 1), columns, m, WIDTH).to(tl.float32)
            ra, rb = reciprocal(1.0 + _exponentials(e + f)), reciprocal(1.0 + _exponentials(e + g))
        else:
            x = 1.0 + e * tl.load(other + j * WIDTH + columns)[None, :]
            y = 1.0 + e * tl.load(other + (j + 1) * WIDTH + columns)[None, :]
            if PATH == "paired":
                r = reciprocal(x * y)
                ra, rb = r * y, r * x
            else:
                ra, rb = reciprocal(x), reciprocal(y)
        da = tl.load(ds + j * stride).to(tl.float32)[:, None]
        db = tl.load(ds + (j + 1) * stride).to(tl.float32)[:, None]
        slope += da * (ra - ra * ra)
        slope += db * (rb - rb * rb)
        if BOTH:
            r_sum += da * ra
            r_sum += db * rb
    return slope, r_sum


@triton.jit
def _slopes(
    own, own_e, other, other_e, ds, stride, start, stop, rows, columns, n, m, slope, r_sum, reach,
    D: tl.constexpr, WIDTH: tl.constexpr, BOTH: tl.constexpr,
):  # fmt: skip
    """Add Σ_j ds_j·(r_j − r_j²) to `slope` and, if BOTH, Σ_j ds_j·r_j to `r_sum`, j from start to stop."""
    if reach <= PAIRED:
        slope, r_sum = _sweep(
            own_e, other_e, ds, stride, start, stop, rows, columns, n, m, slope, r_sum,
            WIDTH, BOTH, "paired",
        )  # fmt: skip
    elif reach <= SINGLE:
        slope, r_sum = _sweep(
            own_e, other_e, ds, stride, start, stop, rows, columns, n, m, slope, r_sum,
            WIDTH, BOTH, "single",
        )  # fmt: skip
    else:
        slope, r_sum = _sweep(
            own, other, ds, stride, start, stop, rows, columns, n, m, slope, r_sum,
            D, BOTH, "sum",
        )  # fmt: skip
    return slope, r_sum


def _weight_slope(sums: Sums) -> Tensor:
    """Return Σ ds·tanh over all pairs, "g d": −2 Σ ds·r, as Σ_k ds = 0 for every query."""
    return -2.0 * sums.r


FORM = Form(
    scores=_scores,
    slopes=_slopes,
    exponentials=True,
    score_factor=-2.0,
    slope_factor=4.0,
    weight_slope=_weight_slope,
)


@eager
def additive(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
) -> Tensor:
    """Return softmax_k(Σ_d w_d tanh(q_d + k_d) + bias) v, "*batch q dv", with gradients for all but the mask.

    q: "*batch q d", k: "*batch k d", v: "*batch k dv", w: "*#batch d", or "d" for all; mask, bias:
    "*#batch #q #k". Exact but for rounding: sums are in float32. Time O(q·k·d); memory O((q + k)·(d + dv)),
    and while differentiating at most sums.SCRATCH bytes more.
    """
    return attend(q, k, v, w, mask, bias, form=FORM)
