"""Additive attention approximately, as matrix products: an option to be asked for by name, never chosen.

tanh is a sum of sines, and the sine of a sum separates, so that scores are products of 2·R·d features:

    tanh(x) ≈ Σ_{r ≤ R} c_r sin(ω_r x),   ω_r = (2r − 1)π / 2L,   c_r = (π/L) / sinh(πω_r/2)
    sin(ω(q + k)) = sin(ωq) cos(ωk) + cos(ωq) sin(ωk)

The full series is the sum of tanh shifted by multiples of 2L with alternating signs, which equals tanh to
2e^{−2(2L − |x|)}. L is taken from the data, for each group and feature: max|q| + max|k|, at least 4. No range
is wrong, but the terms left out, Σ_{r > R} c_r, grow with L: `residue` says how much.

The products are the matrix unit's; `waves` holds what stands between them. With 16-bit inputs the features
are float16, which resolves them eight times finer than bfloat16; slopes are scaled by that of the result, so
that small ones are not lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from foveal.attention.kernels import waves
from foveal.attention.kernels.delta import delta
from foveal.attention.kernels.layout import eager, groups, launch, power_of_2, sight

SCRATCH = 2**30
"""How many bytes of features and scores are held at once (of one group at least)."""

LOG2E = 1.4426950408889634

LEAST = 4.0
"""L at least: below it, the shifted tanh would come nearer than what the terms left out amount to."""


class Tiles(NamedTuple):
    """How many rows, and keys at once, a program holds, by how many warps."""

    rows: int
    columns: int
    warps: int


SPREAD, GATHER, SOFTEN, SLOPE = Tiles(16, 0, 4), Tiles(16, 0, 4), Tiles(4, 1024, 4), Tiles(128, 64, 8)
"""By the name of the kernel; of features a program holds whole rows.

Measured on an H200 (benchmarks/attention_tune.py).
"""


def residue(reach: float, terms: int) -> float:
    """Return a bound of |tanh(x) − Σ c_r sin(ω_r x)| for |x| ≤ reach."""
    length = max(reach, LEAST)
    left = (math.pi * math.pi / 4) / length
    rest = (math.pi / length / math.sinh(left * odd) for odd in range(2 * terms + 1, 2 * terms + 401, 2))
    return sum(rest) + 2 * math.exp(-2 * (2 * length - reach))


class Series(NamedTuple):
    """π/2L of each group and feature "g d", c "g r d", and the amplitudes w·c "g r d"."""

    step: Tensor
    c: Tensor
    amplitude: Tensor


def _series(q: Tensor, k: Tensor, w: Tensor, terms: int) -> Series:
    reach = (q.abs().amax(1) + k.abs().amax(1)).float().clamp(min=LEAST)
    odd = torch.arange(1, 2 * terms, 2, device=q.device)[:, None]
    step = (math.pi / 2) / reach
    c = 2 * step[:, None] / torch.sinh(odd * step[:, None] * (math.pi / 2))
    return Series(step, c, c * w[:, None].float())


def _spread(x: Tensor, series: Series, *, queries: bool) -> Tensor:
    """Return the features "g n 2rd" of queries, with their amplitudes, or of keys."""
    (g, n, d), terms = x.shape, series.c.shape[1]
    precision = torch.float32 if x.dtype == torch.float32 else torch.float16
    features = x.new_empty(g, n, 2 * terms * d, dtype=precision)
    waves.spread[(g * triton.cdiv(n, SPREAD.rows),)](
        x, series.step, series.amplitude, features, n, R=terms, D=d, DP=power_of_2(d), BM=SPREAD.rows,
        QUERIES=queries, **launch(SPREAD.warps),
    )  # fmt: skip
    return features


def _gather(x: Tensor, series: Series, slopes: Tensor, *, queries: bool) -> tuple[Tensor, Tensor]:
    """Return dq and dw "g d" from ds · [cos, sin] of the keys; or dk, and nothing, from dsᵀ · [sin, cos]."""
    (g, n, d), terms = x.shape, series.c.shape[1]
    blocks = triton.cdiv(n, GATHER.rows)
    dx, dw = torch.empty_like(x), torch.empty(g, blocks if queries else 0, d, device=x.device)
    waves.gather[(g * blocks,)](
        x, series.step, series.amplitude, series.c, slopes, dx, dw, n, R=terms, D=d, DP=power_of_2(d),
        BM=GATHER.rows, QUERIES=queries, **launch(GATHER.warps),
    )  # fmt: skip
    return dx, dw.sum(1)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Return a @ b "g n m" in float32; on a GPU it is not rounded on the way."""
    if a.is_cuda and a.dtype != torch.float32:
        return torch.bmm(a, b, out_dtype=torch.float32)
    return torch.bmm(a.float(), b.float())


class Masked(NamedTuple):
    """A mask as bytes "lead heads n m" (or None), and the first group of those at hand."""

    seen: Tensor | None
    first: int

    def numbers(self) -> tuple[int, ...]:
        """Return the heads, the first group and the strides, as kernels take them."""
        heads, strides = (1, (0, 0, 0, 0)) if self.seen is None else (self.seen.shape[1], self.seen.stride())
        return heads, self.first, *strides


def _soften(score: Tensor, mask: Masked, precision: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return the softmax of scores "g n m", and their log-sum-exp "g n"."""
    g, n, m = score.shape
    weights, lse = score.new_empty(score.shape, dtype=precision), score.new_empty(g, n)
    waves.soften[(g * triton.cdiv(n, SOFTEN.rows),)](
        score, score if mask.seen is None else mask.seen, weights, lse, n, m, n, LOG2E, *mask.numbers(),
        BM=SOFTEN.rows, BN=min(SOFTEN.columns, power_of_2(m)), MASKED=mask.seen is not None,
        **launch(SOFTEN.warps),
    )  # fmt: skip
    return weights, lse


def _parts(q: Tensor, k: Tensor, terms: int) -> Iterator[slice]:
    """Yield slices of the groups, as even as SCRATCH allows."""
    g, n, m, width = *q.shape[:2], k.shape[1], 2 * terms * q.shape[-1]
    each = (n + m) * width * 2 * q.element_size() + n * m * (4 + 2 * q.element_size())
    step = triton.cdiv(g, triton.cdiv(g * each, SCRATCH))
    yield from (slice(start, start + step) for start in range(0, g, max(1, step)))


class _Attention(torch.autograd.Function):
    """softmax_k(Σ_d w_d Σ_r c_r sin(ω_r(q_d + k_d))) v of q "g n d", k "g m d", v "g m dv", w "g d"."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, w: Tensor, seen: Tensor | None, terms: int
    ) -> Tensor:
        """Return "g n dv"."""
        out, lse = v.new_empty(*q.shape[:2], v.shape[-1]), torch.empty(q.shape[:2], device=q.device)
        series = _series(q, k, w, terms)
        for part in _parts(q, k, terms):
            own = Series(*(x[part] for x in series))
            score = _scores(q[part], k[part], own)[0]
            weights, lse[part] = _soften(score, Masked(seen, part.start), v.dtype)
            torch.bmm(weights, v[part], out=out[part])
        ctx.save_for_backward(q, k, v, w, seen, out, lse, *series)
        ctx.terms = terms
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, do: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of q, k, v and w; the series is differentiated, with L fixed."""
        q, k, v, w, seen, out, lse, *series = ctx.saved_tensors
        size = do.abs().amax().float().clamp(min=1e-30).log2().floor().exp2()
        do = (do / size).to(do.dtype).contiguous()
        mean = delta(do, out)
        slopes = [torch.empty_like(x) for x in (q, k, v, w)]
        for part in _parts(q, k, ctx.terms):
            given = _Given(do[part], mean[part], lse[part], Masked(seen, part.start))
            own = Series(*(x[part] for x in series))
            for whole, slope in zip(slopes, _slopes(q[part], k[part], v[part], own, given), strict=True):
                whole[part] = slope
        return *(slope * size for slope in slopes), None, None


def _scores(q: Tensor, k: Tensor, series: Series) -> tuple[Tensor, Tensor, Tensor]:
    """Return the scores "g n m" in float32, and the features of queries and keys."""
    own, other = _spread(q, series, queries=True), _spread(k, series, queries=False)
    return _product(own, other.mT), own, other


class _Given(NamedTuple):
    """What the backward is given: the slope of the result, its δ, the log-sum-exp, and the mask."""

    do: Tensor
    delta: Tensor
    lse: Tensor
    mask: Masked


def _slopes(q: Tensor, k: Tensor, v: Tensor, series: Series, given: _Given) -> tuple[Tensor, ...]:
    """Return the gradients of q, k, v and w of some groups."""
    (g, n, _), (m, dv), seen = q.shape, v.shape[1:], given.mask.seen
    score, own, other = _scores(q, k, series)
    weights, ds = score.new_empty(g, n, m, dtype=v.dtype), score.new_empty(g, n, m, dtype=own.dtype)
    waves.slope[(g * triton.cdiv(n, SLOPE.rows) * triton.cdiv(m, SLOPE.columns),)](
        score, given.lse, given.do, v, given.delta, score if seen is None else seen, weights, ds, n, m,
        *given.mask.numbers(), DV=dv, DVP=power_of_2(dv), BM=SLOPE.rows, BN=SLOPE.columns,
        MASKED=seen is not None, **launch(SLOPE.warps),
    )  # fmt: skip
    dq, dw = _gather(q, series, ds @ other, queries=True)
    dk, _ = _gather(k, series, ds.mT @ own, queries=False)
    return dq, dk, weights.mT @ given.do, dw


@eager
def additive_by_sines(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, mask: Tensor | None = None, *, terms: int = 8
) -> Tensor:
    """Return softmax_k(Σ_d w_d Σ_r c_r sin(ω_r(q_d + k_d))) v, "*batch q dv": `additive` but for `residue`.

    q: "*batch q d", k: "*batch k d", v: "*batch k dv", w: "*#batch d", or "d" for all; mask: "*#batch #q #k".
    A score is off by Σ_d |w_d| · residue(max|q_d| + max|k_d|, terms) at most. Time O(q·k·terms·d) of matrix
    products; memory O((q + k)·(d + dv)), and while computing at most SCRATCH bytes more (or one group).
    """
    batch = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2], w.shape[:-1])
    seen = sight(mask, batch, q.shape[-2], k.shape[-2])
    weight = groups(w[..., None, :], batch).squeeze(1)
    out: Tensor = _Attention.apply(groups(q, batch), groups(k, batch), groups(v, batch), weight, seen, terms)
    return out.unflatten(0, batch) if batch else out[0]
