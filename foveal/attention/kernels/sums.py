"""Attention whose score is Σ_d w_d f(q_d + k_d) + bias, as one differentiable function of `pairwise`."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from foveal.attention.kernels import pairwise, waves
from foveal.attention.kernels.delta import delta
from foveal.attention.kernels.layout import groups, launch, padded, power_of_2, shared, sight
from foveal.attention.kernels.pairs import (
    PAD,
    Beside,
    Form,
    Side,
    Sums,
    Tiles,
    coefficients,
    fitting,
    shape_of,
    side,
    width_of,
)
from foveal.attention.kernels.step import Step

SCRATCH = 256 * 2**20
"""How many bytes of ds are held at once while differentiating (of PAD queries at least)."""

GRAIN = 64
"""Lengths are padded to this where ds is written and read: the tiles of PAIRS and SIDES divide it."""

WIDE = 128
"""Above which size of v scores go through memory, if those of all groups fit SCRATCH: values beside a tile of
scores would leave a multiprocessor too few programs (benchmarks/attention_tune.py: 0.73 of the time at 256).
"""

FORWARD = {64: Tiles(64, 64, 4, 128), 128: Tiles(64, 64, 4), 256: Tiles(64, 64, 8, 128)}
SCORES, SOFTEN = Tiles(64, 32, 4), Tiles(16, 256, 4)
PAIRS = {64: Tiles(64, 64, 4, 168), 128: Tiles(64, 64, 8), 256: Tiles(64, 64, 8, 128)}
SIDES = {16: Tiles(64, 16, 4), 32: Tiles(64, 32, 4), 64: Tiles(32, 64, 4, 128)}
"""Up to which size which tiles: FORWARD and PAIRS by the size of v (rows are queries, columns keys), SIDES by
the features a program holds (rows are of its own side, columns features). The last holds beyond.

Compiled for sm_90, only FORWARD of 256 spills: sums that are idle while a tile's scores are made, so that
two programs fit a multiprocessor. Rows of FORWARD and PAIRS are multiples of 4·warps, and 64 keys are the
most for which 4 warps keep the values of the keys in registers: wider tiles pass them through shared memory
for each feature.
"""


def _forward(q: Tensor, k: Tensor, v: Tensor, w: Tensor, beside: Beside) -> tuple[Tensor, Tensor]:
    """Return what is seen "g n dv" and the base-2 log-sum-exp "g n_pad"."""
    (g, n, _), m = q.shape, k.shape[1]
    fits = g * n * m * (4 + v.element_size()) <= SCRATCH
    return (_by_scores if v.shape[-1] > WIDE and fits else _fused)(q, k, v, w, beside)


def _by_scores(q: Tensor, k: Tensor, v: Tensor, w: Tensor, beside: Beside) -> tuple[Tensor, Tensor]:
    """Return what `_forward` does by scores "g n m" in memory."""
    (g, n, _), m, form = q.shape, k.shape[1], beside.form
    own, other = side(q, form, rows_first=False), side(k, form, rows_first=False)
    score, lse = q.new_empty(g, n, m, dtype=torch.float32), torch.zeros_like(own.reach)
    (seen, bias), strides, n_pad = beside.tensors(q), beside.strides(), own.reach.shape[1]
    grid = (g * triton.cdiv(n, SCORES.rows) * triton.cdiv(m, SCORES.columns),)
    pairwise.scores[grid](
        q, k, own.features_first, other.features_first, coefficients(w, form), own.reach, other.reach, bias,
        score, n, m, n_pad, other.reach.shape[1], beside.heads, *strides[4:],
        D=q.shape[-1], EVEN=padded(q.shape[-1], 2), BM=SCORES.rows, BN=SCORES.columns, WARPS=SCORES.warps,
        PAD=PAD, BIASED=beside.bias is not None, SCORES=form.scores,
        **launch(SCORES.warps, SCORES.registers),
    )  # fmt: skip
    weights = v.new_empty(score.shape)
    waves.soften[(g * triton.cdiv(n, SOFTEN.rows),)](
        score, seen, weights, lse, n, m, n_pad, 1.0, beside.heads, 0, *strides[:4], BM=SOFTEN.rows,
        BN=min(SOFTEN.columns, power_of_2(m)), MASKED=beside.seen is not None, **launch(SOFTEN.warps),
    )  # fmt: skip
    return weights @ v, lse


def _fused(q: Tensor, k: Tensor, v: Tensor, w: Tensor, beside: Beside) -> tuple[Tensor, Tensor]:
    """Return what `_forward` does in one pass, with nothing of size n × m."""
    form = beside.form
    own, other = side(q, form, rows_first=False), side(k, form, rows_first=False)
    out, lse = v.new_empty(*q.shape[:2], v.shape[-1]), torch.empty_like(own.reach)
    shape, tiles = shape_of(q, v, beside), fitting(FORWARD, v.shape[-1])
    pairwise.forward[(q.shape[0] * triton.cdiv(q.shape[1], tiles.rows),)](
        q, k, v, own.features_first, other.features_first, coefficients(w, form), own.reach, other.reach,
        *beside.tensors(out), out, lse, *shape.numbers,
        **shape.constants, BM=tiles.rows, BN=tiles.columns, WARPS=tiles.warps,
        **launch(tiles.warps, tiles.registers),
    )  # fmt: skip
    return out, lse


class Span(NamedTuple):
    """Which rows of a side the ds at hand belong to, and how far apart ds of neighbouring rows lie."""

    first: int
    length: int
    stride: int


def _add_slopes(
    own: Side, other: Side, ds: Tensor, slope: Tensor, r: Tensor | None, spans: tuple[Span, Span], form: Form
) -> None:
    """Add Σ ds·f' to `slope` "g n_pad width" of one side, and put Σ ds·r into `r` "g n_pad/rows width"."""
    (here, there), (g, n, d), width = spans, own.x.shape, slope.shape[-1]
    tiles = fitting(SIDES, min(64, width))
    grid = (g * triton.cdiv(here.length, tiles.rows) * (width // tiles.columns),)
    pairwise.sides[grid](
        own.x, own.rows_first, own.reach, other.x, other.rows_first, other.reach, ds, slope,
        slope if r is None else r, here.first, here.length, there.first, there.length,
        n, other.x.shape[1], own.reach.shape[1], other.reach.shape[1], ds[0].numel(),
        here.stride, there.stride,
        D=d, WIDTH=width, BM=tiles.rows, BD=tiles.columns, BJ=64, BOTH=r is not None, SLOPES=form.slopes,
        **launch(tiles.warps, tiles.registers),
    )  # fmt: skip


def _scratch(q: Tensor, n_pad: int, m_pad: int) -> Tensor:
    """Return room for the ds of as many queries as SCRATCH allows, "g rows m_pad"."""
    precision = torch.bfloat16 if q.dtype == torch.bfloat16 else torch.float32  # float16 would underflow
    row_bytes = q.shape[0] * m_pad * precision.itemsize
    rows = min(n_pad, max(PAD, SCRATCH // row_bytes // PAD * PAD))
    return q.new_empty(q.shape[0], rows, m_pad, dtype=precision)


class _Attention(torch.autograd.Function):
    """softmax_k(Σ_d w_d f(q_d + k_d) + bias) v of q "g n d", k "g m d", v "g m dv", w "g d"."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, w: Tensor, bias: Tensor | None, beside: Beside
    ) -> Tensor:
        """Return what is seen, "g n dv"."""
        out, lse = _forward(q, k, v, w, beside._replace(bias=bias))
        ctx.save_for_backward(q, k, v, w, beside.seen, bias, out, lse)
        ctx.form, ctx.heads = beside.form, beside.heads
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, do: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of q, k, v, w and the bias."""
        q, k, v, w, seen, bias, out, lse = ctx.saved_tensors
        form, do = ctx.form, do.contiguous()
        beside = Beside(form, ctx.heads, seen, bias)
        dv, db, sums = _gradient_sums(q, k, v, w, beside, _Given(do, delta(do, out), lse))
        scale = w[:, None].float() * form.slope_factor
        dq, dk = (sums.q_slope * scale).to(q.dtype), (sums.k_slope * scale).to(k.dtype)
        return dq, dk, dv.to(v.dtype), form.weight_slope(sums).to(w.dtype), db, None


class _Given(NamedTuple):
    """What the backward is given: the slope of the result, its δ "g n", and the log-sum-exp "g n_pad"."""

    do: Tensor
    delta: Tensor
    lse: Tensor


def _gradient_sums(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, beside: Beside, given: _Given
) -> tuple[Tensor, Tensor | None, Sums]:
    """Return dv in float32, the gradient of the bias, and the sums that the other gradients are made of."""
    (g, n, d), m, width, form = q.shape, k.shape[1], width_of(q.shape[-1]), beside.form
    own, other = side(q, form, rows_first=True), side(k, form, rows_first=True)
    n_pad, m_pad = own.reach.shape[1], other.reach.shape[1]
    mean = torch.nn.functional.pad(given.delta, (0, n_pad - n))
    dv = torch.zeros_like(v, dtype=torch.float32)
    db = None if beside.bias is None else torch.empty_like(beside.bias)
    slopes = [torch.zeros(g, length, width, device=q.device) for length in (n_pad, m_pad)]
    r = q.new_zeros(g, n_pad // fitting(SIDES, min(64, width)).rows, width, dtype=torch.float32)
    ds, shape, tiles = _scratch(q, n_pad, m_pad), shape_of(q, v, beside), fitting(PAIRS, v.shape[-1])
    for first in range(0, n, ds.shape[1]):
        rows, keys = Span(first, min(ds.shape[1], n - first), m_pad), Span(0, m, 1)
        pairwise.pairs[(g * (padded(m, GRAIN) // tiles.columns),)](
            q, k, v, own.features_first, other.features_first, coefficients(w, form), own.reach, other.reach,
            *beside.tensors(q), given.do, mean, given.lse, dv, ds,
            first, first + padded(rows.length, GRAIN), ds.shape[1],
            *shape.numbers, **shape.constants, BM=tiles.rows, BN=tiles.columns, GRAIN=GRAIN,
            WARPS=tiles.warps, **launch(tiles.warps, tiles.registers),
        )  # fmt: skip
        _add_slopes(own, other, ds, slopes[0], r if form.exponentials else None, (rows, keys), form)
        _add_slopes(other, own, ds, slopes[1], None, (keys, rows), form)
        if db is not None:
            db[:, :, first : first + rows.length] = _shared_out(ds[:, : rows.length, :m], db, beside.heads)
    return dv, db, Sums(q, k, slopes[0][:, :n, :d], slopes[1][:, :m, :d], r.sum(1)[:, :d])


def _shared_out(ds: Tensor, bias: Tensor, heads: int) -> Tensor:
    """Return ds "g n m" summed over the groups that share a bias "lead heads n m", 1 for what repeats."""
    slopes: Tensor = ds.unflatten(0, (-1, heads))
    repeated = [axis for axis in (0, 1) if bias.shape[axis] == 1]
    return slopes.sum(repeated, keepdim=True, dtype=torch.float32) if repeated else slopes


def attend(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, mask: Tensor | None, bias: Tensor | None, *, form: Form
) -> Tensor:
    """Return softmax_k(Σ_d w_d f(q_d + k_d) + bias) v, "*batch q dv".

    q "*batch q d", k "*batch k d", v "*batch k dv", w "*#batch d", mask and bias "*#batch #q #k".
    """
    batch = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2], w.shape[:-1])
    n, m, heads = q.shape[-2], k.shape[-2], batch[-1] if batch else 1
    seen, added = sight(mask, batch, n, m), None if bias is None else shared(bias, batch, n, m)
    weight = w.expand(*batch, w.shape[-1]).reshape(-1, w.shape[-1])
    grouped = groups(q, batch), groups(k, batch), groups(v, batch), weight
    if n == 1 and added is None:
        out = Step.apply(*grouped, seen, not form.exponentials)
    else:
        out = _Attention.apply(*grouped, added, Beside(form, heads, seen, None))
    attended: Tensor = out.unflatten(0, batch) if batch else out[0]
    return attended
