"""One query a group against all keys, as a decoder asks step by step: Σ_d w_d f(q_d + k_d) without tiles.

Each key is met once, so nothing is gained by taking e^{2q} and e^{2k} apart: r = 1 / (1 + e^{2(q + k)}) of
the sum, right for any q and k. The time is that of reading k and v. A program holds BN running softmaxes, one
a row of its tile of keys, and joins them at the end: no sum crosses threads on the way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from foveal.attention.kernels.blocks import allowed, exp2, matrix, reciprocal
from foveal.attention.kernels.delta import delta
from foveal.attention.kernels.layout import launch


class Tiles(NamedTuple):
    """How many features of keys a program takes at once, by how many warps: the knobs of a launch."""

    features: int
    warps: int
    registers: int | None = None
    stages: int = 0
    """How many tiles are on their way through shared memory; 0: the next one, through registers."""


FORWARD, BACKWARD = Tiles(4096, 4, None, 3), Tiles(4096, 4)
"""Measured on an H200 (benchmarks/attention_tune.py)."""

LOG2E = 1.4426950408889634
TWO_LOG2E = tl.constexpr(2.885390081777927)


@triton.jit
def _values(t, RELU: tl.constexpr):
    """Return f and its slope at t, up to the constants of the form: relu and its step, or r and r − r²."""
    if RELU:
        return tl.maximum(t, 0.0), tl.where(t > 0.0, 1.0, 0.0)
    else:
        r = reciprocal(1.0 + exp2(t * TWO_LOG2E))
        return r, r - r * r


@triton.jit
def forward(
    q, k, v, c, sight, out, lse, m, c_stride, heads, lead_stride, head_stride, row_stride, column_stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BN: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Attend from the query of one group. c: w in base 2, with the form's factor."""
    g = tl.program_id(0).to(tl.int64)
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    k, v = k + g * m * D, v + g * m * DV
    sight += (g // heads) * lead_stride + (g % heads) * head_stride
    query = tl.load(q + g * D + hidden, mask=hidden < D, other=0.0).to(tl.float32)[None, :]
    weight = tl.load(c + g * c_stride + hidden, mask=hidden < D, other=0.0)[None, :]
    best = tl.full([BN], float("-inf"), tl.float32)
    total = tl.zeros([BN], tl.float32)
    sums = tl.zeros([BN, DVP], tl.float32)
    columns = tl.arange(0, BN)
    keys, values = matrix(k, columns, hidden, m, D), matrix(v, columns, features, m, DV)
    for start in tl.range(0, m, BN, num_stages=STAGES if STAGES > 0 else 1):
        columns = start + tl.arange(0, BN)
        if STAGES > 0:
            keys, values = matrix(k, columns, hidden, m, D), matrix(v, columns, features, m, DV)
        else:
            next_keys = matrix(k, columns + BN, hidden, m, D)  # on their way while these are met
            next_values = matrix(v, columns + BN, features, m, DV)
        f, _ = _values(query + keys.to(tl.float32), RELU)
        may = allowed(sight, columns * 0, columns, 1, m, row_stride, column_stride, MASKED)
        score = tl.where(may, tl.sum(weight * f, 1), float("-inf"))
        highest = tl.maximum(best, score)
        base = tl.where(highest == float("-inf"), 0.0, highest)
        p, shrink = tl.exp2(score - base), tl.exp2(best - base)
        total = total * shrink + p
        sums = sums * shrink[:, None] + p[:, None] * values.to(tl.float32)
        best = highest
        if STAGES == 0:
            keys, values = next_keys, next_values
    top = tl.max(best, 0)
    top = tl.where(top == float("-inf"), 0.0, top)
    share = tl.exp2(best - top)
    whole = tl.sum(total * share, 0)
    empty = whole == 0.0
    whole = tl.where(empty, 1.0, whole)
    tl.store(lse + g, tl.where(empty, float("inf"), top + tl.log2(whole)))
    seen = tl.sum(sums * share[:, None], 0) / whole
    tl.store(out + g * DV + features, seen.to(out.dtype.element_ty), mask=features < DV)


@triton.jit
def backward(
    q, k, v, c, sight, do, delta, lse, dq, dk, dv, dc,
    m, c_stride, heads, lead_stride, head_stride, row_stride, column_stride, slope_factor,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BN: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Write all gradients of one group; dc takes Σ_k ds·f. slope_factor: from c times f's slope to ds/dq."""
    g = tl.program_id(0).to(tl.int64)
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    k, v, dk, dv = k + g * m * D, v + g * m * DV, dk + g * m * D, dv + g * m * DV
    sight += (g // heads) * lead_stride + (g % heads) * head_stride
    query = tl.load(q + g * D + hidden, mask=hidden < D, other=0.0).to(tl.float32)[None, :]
    weight = tl.load(c + g * c_stride + hidden, mask=hidden < D, other=0.0)[None, :]
    given = tl.load(do + g * DV + features, mask=features < DV, other=0.0).to(tl.float32)[None, :]
    mean, log_sum = tl.load(delta + g), tl.load(lse + g)
    q_sums = tl.zeros([BN, DP], tl.float32)
    c_sums = tl.zeros([BN, DP], tl.float32)
    for start in tl.range(0, m, BN, num_stages=STAGES if STAGES > 0 else 1):
        columns = start + tl.arange(0, BN)
        f, slope = _values(query + matrix(k, columns, hidden, m, D).to(tl.float32), RELU)
        may = allowed(sight, columns * 0, columns, 1, m, row_stride, column_stride, MASKED)
        p = tl.where(may, tl.exp2(tl.sum(weight * f, 1) - log_sum), 0.0)
        values = matrix(v, columns, features, m, DV).to(tl.float32)
        ds = (p * (tl.sum(values * given, 1) - mean))[:, None]
        slope = ds * slope * (weight * slope_factor)
        q_sums += slope
        c_sums += ds * f
        here = columns[:, None] < m
        k_place = dk + columns[:, None] * D + hidden[None, :]
        tl.store(k_place, slope.to(dk.dtype.element_ty), mask=here & (hidden[None, :] < D))
        v_place = dv + columns[:, None] * DV + features[None, :]
        tl.store(v_place, (p[:, None] * given).to(dv.dtype.element_ty), mask=here & (features[None, :] < DV))
    tl.store(dq + g * D + hidden, tl.sum(q_sums, 0).to(dq.dtype.element_ty), mask=hidden < D)
    tl.store(dc + g * D + hidden, tl.sum(c_sums, 0), mask=hidden < D)


def _arguments(
    k: Tensor, v: Tensor, c: Tensor, sight: Tensor | None, relu: bool, tiles: Tiles
) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Return the sizes and strides by position, and the constants by name, of both kernels."""
    heads, strides = (1, (0, 0, 0, 0)) if sight is None else (sight.shape[1], sight.stride())
    d, dv = k.shape[-1], v.shape[-1]
    widths = triton.next_power_of_2(d), triton.next_power_of_2(dv)
    constants = {
        "D": d, "DP": widths[0], "DV": dv, "DVP": widths[1], "STAGES": tiles.stages,
        "BN": max(8, tiles.features // max(16, *widths)), "MASKED": sight is not None, "RELU": relu,
        **launch(tiles.warps, tiles.registers),
    }  # fmt: skip
    return (k.shape[1], d if len(c) > 1 else 0, heads, *strides), constants


class Step(torch.autograd.Function):
    """softmax_k(Σ_d w_d f(q_d + k_d)) v of q "g 1 d", k "g m d", v "g m dv"; f: relu, or tanh.

    w: "g d", with a stride of 0 where all groups share it.
    """

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, w: Tensor, sight: Tensor | None, relu: bool
    ) -> Tensor:
        """Return "g 1 dv"."""
        c = (w if w.stride(0) else w[:1]).float() * (LOG2E if relu else -2 * LOG2E)  # 0: all the same
        out, lse = v.new_empty(len(q), 1, v.shape[-1]), torch.empty(len(q), device=q.device)
        numbers, constants = _arguments(k, v, c, sight, relu, FORWARD)
        forward[(len(q),)](q, k, v, c, out if sight is None else sight, out, lse, *numbers, **constants)
        ctx.save_for_backward(q, k, v, w, c, sight, out, lse)
        ctx.relu = relu
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, do: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of q, k, v and w."""
        q, k, v, w, c, sight, out, lse = ctx.saved_tensors
        do = do.contiguous()
        dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        dc = torch.empty(len(q), q.shape[-1], device=q.device)
        numbers, constants = _arguments(k, v, c, sight, ctx.relu, BACKWARD)
        backward[(len(q),)](
            q, k, v, c, out if sight is None else sight, do, delta(do, out), lse, dq, dk, dv, dc,
            *numbers, (1 if ctx.relu else -2) / LOG2E, **constants,
        )  # fmt: skip
        return dq, dk, dv, (dc * (1 if ctx.relu else -2)).to(w.dtype), None, None
