"""Causal linear attention, each query on the keys up to its own place, by one walk along a group.

    out_i = φ(q_i)ᵀ S_i / D_i,   S_i = Σ_{j ≤ i} φ(k_j) v_jᵀ,   D_i = φ(q_i)ᵀ Σ_{j ≤ i} φ(k_j)

A program holds S of the chunks behind it in registers, and meets its own chunk by pairs. With dN = do / D and
dD = −do·out / D the backward walks twice: forwards with S for dq, and backwards with R = Σ φ(q_i) dN_iᵀ of
the chunks to come for dk and dv. bfloat16 is multiplied as it is, other precisions in float32.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from foveal.attention.kernels.blocks import dot, matrix
from foveal.attention.kernels.delta import delta
from foveal.attention.kernels.features import phi_and_slope, seen_keys
from foveal.attention.kernels.layout import eager, groups, launch, power_of_2, sight
from foveal.attention.kernels.linear import key_strides

CHUNK, WARPS = 64, 8
"""Places of a chunk (half as many in float32, of which no more fit), and warps. To be measured."""


@triton.jit
def _likeness(phi_q, phi_k, BM: tl.constexpr):
    """Return φ(q)ᵀφ(k) of a chunk with itself, 0 for keys that come later."""
    place = tl.arange(0, BM)
    pairs = dot(phi_q, tl.trans(phi_k), tl.zeros([BM, BM], tl.float32))
    return tl.where(place[:, None] >= place[None, :], pairs, 0.0)


@triton.jit
def forward(
    q, k, v, seen, out, total, n, m, heads, lead_stride, head_stride, stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BM: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Attend from all queries of a group; total: D "g n", 0 where nothing is seen."""
    g = tl.program_id(0).to(tl.int64)
    hidden, columns = tl.arange(0, DP), tl.arange(0, DVP)
    q, k, v, seen = q + g * n * D, k + g * m * D, v + g * m * DV, seen + g // heads * lead_stride
    seen += (g % heads) * head_stride
    kind = tl.float32 if WIDE else q.dtype.element_ty
    state, z = tl.zeros([DP, DVP], tl.float32), tl.zeros([DP], tl.float32)
    for start in range(0, n, BM):
        rows = start + tl.arange(0, BM)
        phi_q, _ = phi_and_slope(matrix(q, rows, hidden, n, D), n, rows, RELU, D, DP)
        phi_k, _ = phi_and_slope(matrix(k, rows, hidden, m, D), m, rows, RELU, D, DP)
        phi_k = (phi_k * seen_keys(seen, rows, m, stride, MASKED)[:, None]).to(kind)
        phi_q, values = phi_q.to(kind), matrix(v, rows, columns, m, DV).to(kind)
        near = _likeness(phi_q, phi_k, BM)
        whole = tl.sum(near, 1) + tl.sum(phi_q.to(tl.float32) * z[None, :], 1)
        found = dot(phi_q, state.to(kind), tl.zeros([BM, DVP], tl.float32))
        found = dot(near.to(kind), values, found)
        scale = tl.where(whole == 0.0, 0.0, 1.0 / tl.where(whole == 0.0, 1.0, whole))
        inside = (rows[:, None] < n) & (columns[None, :] < DV)
        place = out + (g * n + rows[:, None]) * DV + columns[None, :]
        tl.store(place, (found * scale[:, None]).to(out.dtype.element_ty), mask=inside)
        tl.store(total + g * n + rows, whole, mask=rows < n)
        state = dot(tl.trans(phi_k), values, state)
        z += tl.sum(phi_k.to(tl.float32), 0)


@triton.jit
def _given(do, delta, total, rows, columns, n, DV: tl.constexpr):
    """Return dN and dD of a chunk."""
    whole = tl.load(total + rows, mask=rows < n, other=0.0)
    scale = tl.where(whole == 0.0, 0.0, 1.0 / tl.where(whole == 0.0, 1.0, whole))
    mean = tl.load(delta + rows, mask=rows < n, other=0.0)
    return matrix(do, rows, columns, n, DV).to(tl.float32) * scale[:, None], -mean * scale


@triton.jit
def queries_side(
    q, k, v, seen, do, delta, total, dq, n, m, heads, lead_stride, head_stride, stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BM: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Write dq of a group."""
    g = tl.program_id(0).to(tl.int64)
    hidden, columns = tl.arange(0, DP), tl.arange(0, DVP)
    q, k, v, seen = q + g * n * D, k + g * m * D, v + g * m * DV, seen + g // heads * lead_stride
    do, delta, total, seen = do + g * n * DV, delta + g * n, total + g * n, seen + (g % heads) * head_stride
    kind = tl.float32 if WIDE else q.dtype.element_ty
    state, z = tl.zeros([DP, DVP], tl.float32), tl.zeros([DP], tl.float32)
    place = tl.arange(0, BM)
    for start in range(0, n, BM):
        rows = start + tl.arange(0, BM)
        _, slope = phi_and_slope(matrix(q, rows, hidden, n, D), n, rows, RELU, D, DP)
        phi_k, _ = phi_and_slope(matrix(k, rows, hidden, m, D), m, rows, RELU, D, DP)
        phi_k = (phi_k * seen_keys(seen, rows, m, stride, MASKED)[:, None]).to(kind)
        values = matrix(v, rows, columns, m, DV).to(kind)
        given, by_total = _given(do, delta, total, rows, columns, n, DV)
        given = given.to(kind)
        pairs = dot(given, tl.trans(values), tl.zeros([BM, BM], tl.float32)) + by_total[:, None]
        pairs = tl.where(place[:, None] >= place[None, :], pairs, 0.0)
        found = dot(given, tl.trans(state).to(kind), by_total[:, None] * z[None, :])
        found = dot(pairs.to(kind), phi_k, found)
        inside = (rows[:, None] < n) & (hidden[None, :] < D)
        where = dq + (g * n + rows[:, None]) * D + hidden[None, :]
        tl.store(where, (found * slope).to(dq.dtype.element_ty), mask=inside)
        state = dot(tl.trans(phi_k), values, state)
        z += tl.sum(phi_k.to(tl.float32), 0)


@triton.jit
def keys_side(
    q, k, v, seen, do, delta, total, dk, dv, n, m, heads, lead_stride, head_stride, stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BM: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Write dk and dv of a group, from its last chunk to its first."""
    g = tl.program_id(0).to(tl.int64)
    hidden, columns = tl.arange(0, DP), tl.arange(0, DVP)
    q, k, v, seen = q + g * n * D, k + g * m * D, v + g * m * DV, seen + g // heads * lead_stride
    do, delta, total, seen = do + g * n * DV, delta + g * n, total + g * n, seen + (g % heads) * head_stride
    kind = tl.float32 if WIDE else q.dtype.element_ty
    state, r = tl.zeros([DP, DVP], tl.float32), tl.zeros([DP], tl.float32)
    place = tl.arange(0, BM)
    chunks = tl.cdiv(tl.maximum(n, m), BM)
    for turn in range(chunks):
        rows = (chunks - 1 - turn) * BM + tl.arange(0, BM)
        phi_q, _ = phi_and_slope(matrix(q, rows, hidden, n, D), n, rows, RELU, D, DP)
        phi_k, slope = phi_and_slope(matrix(k, rows, hidden, m, D), m, rows, RELU, D, DP)
        counts = seen_keys(seen, rows, m, stride, MASKED)[:, None]
        phi_q, phi_k = phi_q.to(kind), (phi_k * counts).to(kind)
        values = matrix(v, rows, columns, m, DV).to(kind)
        given, by_total = _given(do, delta, total, rows, columns, n, DV)
        given = given.to(kind)
        near = _likeness(phi_q, phi_k, BM).to(kind)
        value_slope = dot(phi_k, state.to(kind), tl.zeros([BM, DVP], tl.float32))
        value_slope = dot(tl.trans(near), given, value_slope)
        pairs = dot(given, tl.trans(values), tl.zeros([BM, BM], tl.float32)) + by_total[:, None]
        pairs = tl.where(place[:, None] >= place[None, :], pairs, 0.0).to(kind)
        key_slope = dot(values, tl.trans(state).to(kind), r[None, :] + tl.zeros([BM, DP], tl.float32))
        key_slope = dot(tl.trans(pairs), phi_q, key_slope) * slope * counts
        inside = (rows[:, None] < m) & (hidden[None, :] < D)
        where = dk + (g * m + rows[:, None]) * D + hidden[None, :]
        tl.store(where, key_slope.to(dk.dtype.element_ty), mask=inside)
        inside = (rows[:, None] < m) & (columns[None, :] < DV)
        where = dv + (g * m + rows[:, None]) * DV + columns[None, :]
        tl.store(where, value_slope.to(dv.dtype.element_ty), mask=inside)
        state = dot(tl.trans(phi_q), given, state)
        r += tl.sum(phi_q.to(tl.float32) * by_total[:, None], 0)


def _common(q: Tensor, v: Tensor, seen: Tensor | None, relu: bool) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Return sizes and strides by position, and constants by name."""
    (n, d), (m, dv), wide = q.shape[1:], v.shape[1:], q.dtype != torch.bfloat16
    constants = {
        "D": d, "DP": power_of_2(d), "DV": dv, "DVP": power_of_2(dv), "BM": CHUNK // 2 if wide else CHUNK,
        "MASKED": seen is not None, "RELU": relu, "WIDE": wide, **launch(WARPS),
    }  # fmt: skip
    return (n, m, *key_strides(seen)), constants


class _Attention(torch.autograd.Function):
    """Causal linear attention of q "g n d", k "g m d", v "g m dv"."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, seen: Tensor | None, relu: bool) -> Tensor:
        """Return "g n dv"."""
        out, total = v.new_empty(*q.shape[:2], v.shape[-1]), torch.empty(q.shape[:2], device=q.device)
        numbers, constants = _common(q, v, seen, relu)
        forward[(len(q),)](q, k, v, k if seen is None else seen, out, total, *numbers, **constants)
        ctx.save_for_backward(q, k, v, seen, out, total)
        ctx.relu = relu
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, do: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of q, k and v."""
        q, k, v, seen, out, total = ctx.saved_tensors
        do = do.contiguous()
        numbers, constants = _common(q, v, seen, ctx.relu)
        dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        given = q, k, v, k if seen is None else seen, do, delta(do, out), total
        queries_side[(len(q),)](*given, dq, *numbers, **constants)
        keys_side[(len(q),)](*given, dk, dv, *numbers, **constants)
        return dq, dk, dv, None, None


def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, relu: bool) -> Tensor:
    batch = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    seen = sight(mask, batch, 1, k.shape[-2])
    out: Tensor = _Attention.apply(groups(q, batch), groups(k, batch), groups(v, batch), seen, relu)
    return out.unflatten(0, batch) if batch else out[0]


@eager
def elu_causal(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return linear attention with φ(x) = elu(x) + 1 on keys j ≤ i, "*batch q dv", with gradients.

    q: "*batch q d", k: "*batch k d", v: "*batch k dv"; mask: of keys only, "*#batch 1 #k" or "#k".
    Time O((q + k)·(d·dv + CHUNK·(d + dv))), memory O((q + k)·(d + dv)); a group is one program's.
    """
    return _attend(q, k, v, mask, relu=False)


@eager
def relu_causal(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return causal linear attention with φ(x) = relu(x) + 10⁻⁶; otherwise as `elu_causal`."""
    return _attend(q, k, v, mask, relu=True)
