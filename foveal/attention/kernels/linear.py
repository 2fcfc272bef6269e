"""Linear attention with φ = elu + 1 or relu + 10⁻⁶: the features exist in registers only.

    out_i = φ(q_i)ᵀ M / φ(q_i)ᵀ z,   M = mean_j φ(k_j) v_jᵀ,   z = mean_j φ(k_j)

Means, not sums, so that half precision can hold M for any number of keys. Four kernels: `means` of the keys;
`forward`; `queries_side`, which writes dq and the slopes of M and z; `keys_side`, which writes dk and dv.
Each reads its inputs once. Long sides are split among programs, whose parts are added in a fixed order.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from foveal.attention.kernels.blocks import dot, matrix
from foveal.attention.kernels.layout import eager, groups, launch, power_of_2, sight

ROWS, WARPS = 64, 8
"""How many queries or keys a program takes at once, and by how many warps. To be measured."""

PROGRAMS = 528
"""How many programs a sum is split among, if the groups are fewer: four a multiprocessor."""


@triton.jit
def phi_and_slope(x, height, rows, RELU: tl.constexpr, D: tl.constexpr, DP: tl.constexpr):
    """Return φ(x) and its slope, 0 beyond the rows and features there are."""
    exists = (rows[:, None] < height) & (tl.arange(0, DP)[None, :] < D)
    x = x.to(tl.float32)
    if RELU:
        value, slope = tl.maximum(x, 0.0) + 1e-6, tl.where(x > 0.0, 1.0, 0.0)
    else:
        slope = tl.exp(tl.minimum(x, 0.0))
        value = tl.maximum(x, 0.0) + slope
    return tl.where(exists, value, 0.0), tl.where(exists, slope, 0.0)


@triton.jit
def seen_keys(seen, rows, height, stride, MASKED: tl.constexpr):
    """Return 1 for the keys that count and 0 for the others."""
    exists = rows < height
    if MASKED:
        exists = exists & (tl.load(seen + rows * stride, mask=exists, other=0) != 0)
    return tl.where(exists, 1.0, 0.0)


@triton.jit
def means(
    k, v, seen, mean, z, m, span, splits, heads, lead_stride, head_stride, stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BN: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    """Write one split's part of M "g splits DP DVP" and z "g splits DP": `span` keys."""
    g, part = (tl.program_id(0) // splits).to(tl.int64), tl.program_id(0) % splits
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    k, v = k + g * m * D, v + g * m * DV
    seen += (g // heads) * lead_stride + (g % heads) * head_stride
    sums, z_sums = tl.zeros([DP, DVP], tl.float32), tl.zeros([DP], tl.float32)
    for start in range(part * span, tl.minimum(part * span + span, m), BN):
        rows = start + tl.arange(0, BN)
        phi, _ = phi_and_slope(matrix(k, rows, hidden, m, D), m, rows, RELU, D, DP)
        phi = (phi * seen_keys(seen, rows, m, stride, MASKED)[:, None]).to(k.dtype.element_ty)
        sums = dot(tl.trans(phi), matrix(v, rows, features, m, DV), sums)
        z_sums += tl.sum(phi.to(tl.float32), 0)
    place = (g * splits + part) * DP
    tl.store(mean + (place + hidden[:, None]) * DVP + features[None, :], sums / m)
    tl.store(z + place + hidden, z_sums / m)


@triton.jit
def _attended(
    q, mean, z, g, rows, n, RELU: tl.constexpr, D: tl.constexpr, DP: tl.constexpr, DVP: tl.constexpr
):
    """Return φ(q), its slope, 1 / φ(q)ᵀz (0 where that is 0), the attended values, M and z."""
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    phi, slope = phi_and_slope(matrix(q + g * n * D, rows, hidden, n, D), n, rows, RELU, D, DP)
    mean = tl.load(mean + (g * DP + hidden[:, None]) * DVP + features[None, :]).to(q.dtype.element_ty)
    z = tl.load(z + g * DP + hidden)
    total = tl.sum(phi.to(q.dtype.element_ty).to(tl.float32) * z[None, :], 1)
    scale = tl.where(total == 0.0, 0.0, 1.0 / tl.where(total == 0.0, 1.0, total))
    seen = dot(phi.to(q.dtype.element_ty), mean, tl.zeros([rows.shape[0], DVP], tl.float32)) * scale[:, None]
    return phi, slope, scale, seen, mean, z


@triton.jit
def forward(
    q, mean, z, out, n,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BM: tl.constexpr,
    RELU: tl.constexpr,
):  # fmt: skip
    """Attend from BM queries."""
    blocks = tl.cdiv(n, BM)
    g = (tl.program_id(0) // blocks).to(tl.int64)
    rows, features = tl.program_id(0) % blocks * BM + tl.arange(0, BM), tl.arange(0, DVP)
    _, _, _, seen, _, _ = _attended(q, mean, z, g, rows, n, RELU, D, DP, DVP)
    exists = (rows[:, None] < n) & (features[None, :] < DV)
    place = out + (g * n + rows[:, None]) * DV + features[None, :]
    tl.store(place, seen.to(out.dtype.element_ty), mask=exists)


@triton.jit
def queries_side(
    q, mean, z, do, dq, dmean, dz, n, span, splits,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BM: tl.constexpr,
    RELU: tl.constexpr,
):  # fmt: skip
    """Write dq of `span` queries, and their part of the slopes of M "g splits DP DVP" and z "g splits DP"."""
    g, part = (tl.program_id(0) // splits).to(tl.int64), tl.program_id(0) % splits
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    sums, z_sums = tl.zeros([DP, DVP], tl.float32), tl.zeros([DP], tl.float32)
    for start in range(part * span, tl.minimum(part * span + span, n), BM):
        rows = start + tl.arange(0, BM)
        phi, slope, scale, seen, held, z_held = _attended(q, mean, z, g, rows, n, RELU, D, DP, DVP)
        given = matrix(do + g * n * DV, rows, features, n, DV).to(tl.float32) * scale[:, None]
        total_slope = -tl.sum(given * seen, 1)
        given = given.to(q.dtype.element_ty)
        phi_slope = dot(given, tl.trans(held), total_slope[:, None] * z_held[None, :])
        exists = (rows[:, None] < n) & (hidden[None, :] < D)
        place = dq + (g * n + rows[:, None]) * D + hidden[None, :]
        tl.store(place, (phi_slope * slope).to(dq.dtype.element_ty), mask=exists)
        sums = dot(tl.trans(phi.to(q.dtype.element_ty)), given, sums)
        z_sums += tl.sum(phi * total_slope[:, None], 0)
    place = (g * splits + part) * DP
    tl.store(dmean + (place + hidden[:, None]) * DVP + features[None, :], sums)
    tl.store(dz + place + hidden, z_sums)


@triton.jit
def keys_side(
    k, v, seen, dmean, dz, dk, dv, m, heads, lead_stride, head_stride, stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BN: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    """Write dk and dv of BN keys."""
    blocks = tl.cdiv(m, BN)
    g = (tl.program_id(0) // blocks).to(tl.int64)
    rows = tl.program_id(0) % blocks * BN + tl.arange(0, BN)
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    seen += (g // heads) * lead_stride + (g % heads) * head_stride
    counts = seen_keys(seen, rows, m, stride, MASKED) / m
    phi, slope = phi_and_slope(matrix(k + g * m * D, rows, hidden, m, D), m, rows, RELU, D, DP)
    values = matrix(v + g * m * DV, rows, features, m, DV)
    held = tl.load(dmean + (g * DP + hidden[:, None]) * DVP + features[None, :]).to(k.dtype.element_ty)
    z_slope = tl.load(dz + g * DP + hidden)[None, :] + tl.zeros([BN, DP], tl.float32)
    key_slope = dot(values, tl.trans(held), z_slope) * slope * counts[:, None]
    value_slope = dot(phi.to(k.dtype.element_ty), held, tl.zeros([BN, DVP], tl.float32)) * counts[:, None]
    exists = (rows[:, None] < m) & (hidden[None, :] < D)
    place = dk + (g * m + rows[:, None]) * D + hidden[None, :]
    tl.store(place, key_slope.to(dk.dtype.element_ty), mask=exists)
    exists = (rows[:, None] < m) & (features[None, :] < DV)
    place = dv + (g * m + rows[:, None]) * DV + features[None, :]
    tl.store(place, value_slope.to(dv.dtype.element_ty), mask=exists)


def _splits(many: int, length: int) -> tuple[int, int]:
    """Return how many rows a program sums, in whole ROWS, and among how many programs a group is split."""
    blocks = triton.cdiv(length, ROWS)
    span = triton.cdiv(blocks, min(blocks, triton.cdiv(PROGRAMS, many))) * ROWS
    return span, triton.cdiv(length, span)


def _joined(parts: Tensor) -> Tensor:
    """Return the sum over the splits of "g splits …"; of a single one without touching it."""
    return parts[:, 0] if parts.shape[1] == 1 else parts.sum(1)


def _constants(k: Tensor, v: Tensor, relu: bool) -> dict[str, Any]:
    d, dv = k.shape[-1], v.shape[-1]
    return {
        "D": d, "DP": power_of_2(d), "DV": dv, "DVP": power_of_2(dv), "RELU": relu, **launch(WARPS),
    }  # fmt: skip


class _Attention(torch.autograd.Function):
    """φ(q)ᵀ M / φ(q)ᵀ z of q "g n d", k "g m d", v "g m dv"."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, seen: Tensor | None, relu: bool) -> Tensor:
        """Return "g n dv"."""
        (g, n, _), (m, dv), constants = q.shape, v.shape[1:], _constants(k, v, relu)
        span, splits = _splits(g, m)
        mean = torch.empty(g, splits, constants["DP"], constants["DVP"], device=q.device)
        z = torch.empty(g, splits, constants["DP"], device=q.device)
        means[(g * splits,)](
            k, v, k if seen is None else seen, mean, z, m, span, splits, *key_strides(seen),
            BN=ROWS, MASKED=seen is not None, **constants,
        )  # fmt: skip
        mean, z, out = _joined(mean), _joined(z), v.new_empty(g, n, dv)
        forward[(g * triton.cdiv(n, ROWS),)](q, mean, z, out, n, BM=ROWS, **constants)
        ctx.save_for_backward(q, k, v, seen, mean, z)
        ctx.relu = relu
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, do: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of q, k and v."""
        q, k, v, seen, mean, z = ctx.saved_tensors
        (g, n, _), m, constants = q.shape, k.shape[1], _constants(k, v, ctx.relu)
        span, splits = _splits(g, n)
        dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        dmean, dz = mean.new_empty(g, splits, *mean.shape[1:]), z.new_empty(g, splits, z.shape[1])
        queries_side[(g * splits,)](
            q, mean, z, do.contiguous(), dq, dmean, dz, n, span, splits, BM=ROWS, **constants
        )
        keys_side[(g * triton.cdiv(m, ROWS),)](
            k, v, k if seen is None else seen, _joined(dmean), _joined(dz), dk, dv, m, *key_strides(seen),
            BN=ROWS, MASKED=seen is not None, **constants,
        )  # fmt: skip
        return dq, dk, dv, None, None


def key_strides(seen: Tensor | None) -> tuple[int, ...]:
    """Return the heads of a batch, and the strides of lead, heads and keys."""
    return (1, 0, 0, 0) if seen is None else (seen.shape[1], seen.stride(0), seen.stride(1), seen.stride(3))


def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, relu: bool) -> Tensor:
    batch = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    seen = sight(mask, batch, 1, k.shape[-2])
    out: Tensor = _Attention.apply(groups(q, batch), groups(k, batch), groups(v, batch), seen, relu)
    return out.unflatten(0, batch) if batch else out[0]


@eager
def elu(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return linear attention with φ(x) = elu(x) + 1, "*batch q dv", with gradients for q, k and v.

    q: "*batch q d", k: "*batch k d", v: "*batch k dv"; mask: of keys only, "*#batch 1 #k" or "#k".
    Time O((q + k)·d·dv), memory O((q + k)·(d + dv) + d·dv); d, dv ≤ 64, as d × dv sums stay in registers.
    """
    return _attend(q, k, v, mask, relu=False)


@eager
def relu(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return linear attention with φ(x) = relu(x) + 10⁻⁶; otherwise as `elu`."""
    return _attend(q, k, v, mask, relu=True)
