"""The Triton programs of linear attention (linear.py): features of queries and keys, in registers only."""

from __future__ import annotations

import triton
import triton.language as tl

from foveal.attention.kernels.blocks import dot, matrix


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
def _summed(
    k, v, seen, start, stop, m, stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BN: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    """Return Σ φ(k_j) v_jᵀ and Σ φ(k_j) of the keys of a group from start to stop."""
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    sums, z_sums = tl.zeros([DP, DVP], tl.float32), tl.zeros([DP], tl.float32)
    for first in range(start, stop, BN):
        rows = first + tl.arange(0, BN)
        phi, _ = phi_and_slope(matrix(k, rows, hidden, m, D), m, rows, RELU, D, DP)
        phi = (phi * seen_keys(seen, rows, m, stride, MASKED)[:, None]).to(k.dtype.element_ty)
        sums = dot(tl.trans(phi), matrix(v, rows, features, m, DV), sums)
        z_sums += tl.sum(phi.to(tl.float32), 0)
    return sums, z_sums


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
    stop = tl.minimum(part * span + span, m)
    sums, z_sums = _summed(k, v, seen, part * span, stop, m, stride, D, DP, DV, DVP, BN, MASKED, RELU)
    place = (g * splits + part) * DP
    tl.store(mean + (place + hidden[:, None]) * DVP + features[None, :], sums / m)
    tl.store(z + place + hidden, z_sums / m)


@triton.jit
def _held(sums, z, g, DP: tl.constexpr, DVP: tl.constexpr):
    """Return the sums of a group, "DP DVP" and "DP"."""
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    return tl.load(sums + (g * DP + hidden[:, None]) * DVP + features[None, :]), tl.load(z + g * DP + hidden)


@triton.jit
def _attended(q, mean, z, rows, n, RELU: tl.constexpr, D: tl.constexpr, DP: tl.constexpr, DVP: tl.constexpr):
    """Return φ(q), its slope, 1 / φ(q)ᵀz (0 where that is 0), and the attended values."""
    phi, slope = phi_and_slope(matrix(q, rows, tl.arange(0, DP), n, D), n, rows, RELU, D, DP)
    total = tl.sum(phi.to(q.dtype.element_ty).to(tl.float32) * z[None, :], 1)
    scale = tl.where(total == 0.0, 0.0, 1.0 / tl.where(total == 0.0, 1.0, total))
    seen = dot(phi.to(q.dtype.element_ty), mean, tl.zeros([rows.shape[0], DVP], tl.float32)) * scale[:, None]
    return phi, slope, scale, seen


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
    held, z_held = _held(mean, z, g, DP, DVP)
    _, _, _, seen = _attended(q + g * n * D, held.to(q.dtype.element_ty), z_held, rows, n, RELU, D, DP, DVP)
    exists = (rows[:, None] < n) & (features[None, :] < DV)
    place = out + (g * n + rows[:, None]) * DV + features[None, :]
    tl.store(place, seen.to(out.dtype.element_ty), mask=exists)


@triton.jit
def whole(
    q, k, v, seen, mean, z, out, n, m, heads, lead_stride, head_stride, stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BM: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    """Attend from all queries of one group; write M and z too."""
    g = tl.program_id(0).to(tl.int64)
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    q, k, v = q + g * n * D, k + g * m * D, v + g * m * DV
    seen += (g // heads) * lead_stride + (g % heads) * head_stride
    sums, z_sums = _summed(k, v, seen, 0, m, m, stride, D, DP, DV, DVP, BM, MASKED, RELU)
    sums, z_sums = sums / m, z_sums / m
    tl.store(mean + (g * DP + hidden[:, None]) * DVP + features[None, :], sums)
    tl.store(z + g * DP + hidden, z_sums)
    held = sums.to(q.dtype.element_ty)
    for start in range(0, n, BM):
        rows = start + tl.arange(0, BM)
        _, _, _, found = _attended(q, held, z_sums, rows, n, RELU, D, DP, DVP)
        exists = (rows[:, None] < n) & (features[None, :] < DV)
        place = out + (g * n + rows[:, None]) * DV + features[None, :]
        tl.store(place, found.to(out.dtype.element_ty), mask=exists)


@triton.jit
def _queries_back(
    q, do, dq, held, z_held, start, stop, n,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BM: tl.constexpr,
    RELU: tl.constexpr,
):  # fmt: skip
    """Write dq of the queries of a group from start to stop; return their part of the slopes of M and z."""
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    sums, z_sums = tl.zeros([DP, DVP], tl.float32), tl.zeros([DP], tl.float32)
    for first in range(start, stop, BM):
        rows = first + tl.arange(0, BM)
        phi, slope, scale, seen = _attended(q, held, z_held, rows, n, RELU, D, DP, DVP)
        given = matrix(do, rows, features, n, DV).to(tl.float32) * scale[:, None]
        total_slope = -tl.sum(given * seen, 1)
        given = given.to(q.dtype.element_ty)
        phi_slope = dot(given, tl.trans(held), total_slope[:, None] * z_held[None, :])
        exists = (rows[:, None] < n) & (hidden[None, :] < D)
        tl.store(
            dq + rows[:, None] * D + hidden[None, :], (phi_slope * slope).to(dq.dtype.element_ty), mask=exists
        )
        sums = dot(tl.trans(phi.to(q.dtype.element_ty)), given, sums)
        z_sums += tl.sum(phi * total_slope[:, None], 0)
    return sums, z_sums


@triton.jit
def queries_side(
    q, mean, z, do, dq, dmean, dz, n, span, splits,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BM: tl.constexpr,
    RELU: tl.constexpr,
):  # fmt: skip
    """Write dq of `span` queries, and their part of the slopes of M "g splits DP DVP" and z "g splits DP"."""
    g, part = (tl.program_id(0) // splits).to(tl.int64), tl.program_id(0) % splits
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    held, z_held = _held(mean, z, g, DP, DVP)
    sums, z_sums = _queries_back(
        q + g * n * D, do + g * n * DV, dq + g * n * D, held.to(q.dtype.element_ty), z_held,
        part * span, tl.minimum(part * span + span, n), n, D, DP, DV, DVP, BM, RELU,
    )  # fmt: skip
    place = (g * splits + part) * DP
    tl.store(dmean + (place + hidden[:, None]) * DVP + features[None, :], sums)
    tl.store(dz + place + hidden, z_sums)


@triton.jit
def _keys_back(
    k, v, seen, held, z_held, dk, dv, rows, m, stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BN: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    """Write dk and dv of some keys of a group. held, z_held: the slopes of M and z."""
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    counts = seen_keys(seen, rows, m, stride, MASKED) / m
    phi, slope = phi_and_slope(matrix(k, rows, hidden, m, D), m, rows, RELU, D, DP)
    values = matrix(v, rows, features, m, DV)
    z_slope = z_held[None, :] + tl.zeros([BN, DP], tl.float32)
    key_slope = dot(values, tl.trans(held), z_slope) * slope * counts[:, None]
    value_slope = dot(phi.to(k.dtype.element_ty), held, tl.zeros([BN, DVP], tl.float32)) * counts[:, None]
    exists = (rows[:, None] < m) & (hidden[None, :] < D)
    tl.store(dk + rows[:, None] * D + hidden[None, :], key_slope.to(dk.dtype.element_ty), mask=exists)
    exists = (rows[:, None] < m) & (features[None, :] < DV)
    tl.store(dv + rows[:, None] * DV + features[None, :], value_slope.to(dv.dtype.element_ty), mask=exists)


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
    seen += (g // heads) * lead_stride + (g % heads) * head_stride
    held, z_held = _held(dmean, dz, g, DP, DVP)
    _keys_back(
        k + g * m * D, v + g * m * DV, seen, held.to(k.dtype.element_ty), z_held,
        dk + g * m * D, dv + g * m * DV, rows, m, stride, D, DP, DV, DVP, BN, MASKED, RELU,
    )  # fmt: skip


@triton.jit
def whole_back(
    q, k, v, seen, mean, z, do, dq, dk, dv, n, m, heads, lead_stride, head_stride, stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BM: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    """Write all gradients of one group."""
    g = tl.program_id(0).to(tl.int64)
    seen += (g // heads) * lead_stride + (g % heads) * head_stride
    held, z_held = _held(mean, z, g, DP, DVP)
    sums, z_sums = _queries_back(
        q + g * n * D, do + g * n * DV, dq + g * n * D, held.to(q.dtype.element_ty), z_held, 0, n, n,
        D, DP, DV, DVP, BM, RELU,
    )  # fmt: skip
    slopes = sums.to(k.dtype.element_ty)
    for start in range(0, m, BM):
        _keys_back(
            k + g * m * D, v + g * m * DV, seen, slopes, z_sums, dk + g * m * D, dv + g * m * DV,
            start + tl.arange(0, BM), m, stride, D, DP, DV, DVP, BM, MASKED, RELU,
        )  # fmt: skip
