"""Triton kernels of `sines`: what stands between its matrix products, each in one reading.

A feature x of a group becomes R waves sin((2r − 1)θ), cos((2r − 1)θ), θ = πx / 2L: from sin θ and cos θ by
sin(a + 2θ) = 2 cos 2θ · sin a − sin(a − 2θ). Waves "g n 2RD": R·D of one kind, then R·D of the other.
"""

from __future__ import annotations

import triton
import triton.language as tl

from foveal.attention.kernels.blocks import allowed, dot, matrix, normaliser

LOG2E = tl.constexpr(1.4426950408889634)


@triton.jit
def _first(x, step, g, row, n, D: tl.constexpr, DP: tl.constexpr, BM: tl.constexpr):
    """Return sin θ, cos θ and 2 cos 2θ of BM rows, where they stand, and which exist. step: π/2L, "g D"."""
    rows, columns = row + tl.arange(0, BM), tl.arange(0, DP)
    angle = matrix(x + g * n * D, rows, columns, n, D).to(tl.float32)
    angle *= tl.load(step + g * D + columns, mask=columns < D, other=0.0)[None, :]
    sine = tl.sin(angle)
    exists = (rows[:, None] < n) & (columns[None, :] < D)
    return sine, tl.cos(angle), 2.0 - 4.0 * sine * sine, g * n + rows[:, None], exists


@triton.jit
def spread(
    x, step, amplitude, waves, n,
    R: tl.constexpr, D: tl.constexpr, DP: tl.constexpr, BM: tl.constexpr, QUERIES: tl.constexpr,
):  # fmt: skip
    """Write amplitude "g R D" · [sin, cos] of queries, [cos, sin] of keys."""
    blocks = tl.cdiv(n, BM)
    g, row = (tl.program_id(0) // blocks).to(tl.int64), tl.program_id(0) % blocks * BM
    sine, cosine, turn, places, exists = _first(x, step, g, row, n, D, DP, BM)
    columns = tl.arange(0, DP)
    last_sine, last_cosine = -sine, cosine
    place = waves + places * (2 * R * D) + columns[None, :]
    for r in tl.static_range(R):
        a, b = sine, cosine
        if QUERIES:
            size = tl.load(amplitude + (g * R + r) * D + columns, mask=columns < D, other=0.0)[None, :]
            a, b = sine * size, cosine * size
        else:
            a, b = cosine, sine
        tl.store(place + r * D, a.to(waves.dtype.element_ty), mask=exists)
        tl.store(place + (R + r) * D, b.to(waves.dtype.element_ty), mask=exists)
        sine, last_sine = turn * sine - last_sine, sine
        cosine, last_cosine = turn * cosine - last_cosine, cosine


@triton.jit
def gather(
    x, step, amplitude, c, slopes, dx, dw, n,
    R: tl.constexpr, D: tl.constexpr, DP: tl.constexpr, BM: tl.constexpr, QUERIES: tl.constexpr,
):  # fmt: skip
    """Write dx from the slopes of the waves "g n 2RD"; of queries also their part of dw, "g blocks D".

    slopes: of queries those of [sin, cos] without the amplitude, of keys those of [cos, sin]; c: "g R D".
    """
    blocks = tl.cdiv(n, BM)
    g, row = (tl.program_id(0) // blocks).to(tl.int64), tl.program_id(0) % blocks * BM
    sine, cosine, turn, places, exists = _first(x, step, g, row, n, D, DP, BM)
    columns = tl.arange(0, DP)
    last_sine, last_cosine = -sine, cosine
    place = slopes + places * (2 * R * D) + columns[None, :]
    sums, weight_sums = tl.zeros([BM, DP], tl.float32), tl.zeros([BM, DP], tl.float32)
    for r in tl.static_range(R):
        first = tl.load(place + r * D, mask=exists, other=0.0).to(tl.float32)
        second = tl.load(place + (R + r) * D, mask=exists, other=0.0).to(tl.float32)
        if QUERIES:
            there = (g * R + r) * D + columns
            size = tl.load(amplitude + there, mask=columns < D, other=0.0)[None, :]
            sums += (2 * r + 1) * size * (first * cosine - second * sine)
            share = tl.load(c + there, mask=columns < D, other=0.0)[None, :]
            weight_sums += share * (first * sine + second * cosine)
        else:
            sums += (2 * r + 1) * (second * cosine - first * sine)
        sine, last_sine = turn * sine - last_sine, sine
        cosine, last_cosine = turn * cosine - last_cosine, cosine
    sums *= tl.load(step + g * D + columns, mask=columns < D, other=0.0)[None, :]
    tl.store(dx + places * D + columns[None, :], sums.to(dx.dtype.element_ty), mask=exists)
    if QUERIES:
        part = dw + (g * blocks + row // BM) * D + columns
        tl.store(part, tl.sum(weight_sums, 0), mask=columns < D)


@triton.jit
def soften(
    score, seen, weights, lse, n, m, lse_stride, factor, heads, first,
    lead_stride, head_stride, row_stride, column_stride,
    BM: tl.constexpr, BN: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """Write the softmax of BM rows of factor · scores "g n m" in base 2, and their log-sum-exp."""
    blocks = tl.cdiv(n, BM)
    g, row = (tl.program_id(0) // blocks).to(tl.int64), tl.program_id(0) % blocks * BM
    seen += ((g + first) // heads) * lead_stride + ((g + first) % heads) * head_stride
    rows = row + tl.arange(0, BM)
    score, weights = score + g * n * m, weights + g * n * m
    best = tl.full([BM], float("-inf"), tl.float32)
    total = tl.zeros([BM], tl.float32)
    for start in range(0, m, BN):
        columns = start + tl.arange(0, BN)
        may = allowed(seen, rows[:, None], columns[None, :], n, m, row_stride, column_stride, MASKED)
        s = tl.where(may, matrix(score, rows, columns, n, m) * factor, float("-inf"))
        highest = tl.maximum(best, tl.max(s, 1))
        base = tl.where(highest == float("-inf"), 0.0, highest)
        total = total * tl.exp2(best - base) + tl.sum(tl.exp2(s - base[:, None]), 1)
        best = highest
    _, log_sum = normaliser(best, total)
    tl.store(lse + g * lse_stride + rows, log_sum, mask=rows < n)
    for start in range(0, m, BN):
        columns = start + tl.arange(0, BN)
        may = allowed(seen, rows[:, None], columns[None, :], n, m, row_stride, column_stride, MASKED)
        p = tl.exp2(matrix(score, rows, columns, n, m) * factor - log_sum[:, None])
        place = weights + rows[:, None] * m + columns[None, :]
        p = tl.where(may, p, 0.0).to(weights.dtype.element_ty)
        tl.store(place, p, mask=(rows[:, None] < n) & (columns[None, :] < m))


@triton.jit
def slope(
    score, lse, do, v, delta, seen, weights, ds, n, m, heads, first,
    lead_stride, head_stride, row_stride, column_stride,
    DV: tl.constexpr, DVP: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """Write a tile of the weights p and of ds = p·(do·v − δ), "g n m" both."""
    row_blocks, column_blocks = tl.cdiv(n, BM), tl.cdiv(m, BN)
    g = (tl.program_id(0) // (row_blocks * column_blocks)).to(tl.int64)
    rows = tl.program_id(0) // column_blocks % row_blocks * BM + tl.arange(0, BM)
    columns = tl.program_id(0) % column_blocks * BN + tl.arange(0, BN)
    features = tl.arange(0, DVP)
    seen += ((g + first) // heads) * lead_stride + ((g + first) % heads) * head_stride
    may = allowed(seen, rows[:, None], columns[None, :], n, m, row_stride, column_stride, MASKED)
    log_sum = tl.load(lse + g * n + rows, mask=rows < n, other=float("inf"))
    p = tl.exp2(matrix(score + g * n * m, rows, columns, n, m) * LOG2E - log_sum[:, None])
    p = tl.where(may, p, 0.0)
    given = matrix(do + g * n * DV, rows, features, n, DV)
    values = matrix(v + g * m * DV, columns, features, m, DV)
    dp = dot(given, tl.trans(values), tl.zeros([BM, BN], tl.float32))
    mean = tl.load(delta + g * n + rows, mask=rows < n, other=0.0)
    place = g * n * m + rows[:, None] * m + columns[None, :]
    inside = (rows[:, None] < n) & (columns[None, :] < m)
    tl.store(weights + place, p.to(weights.dtype.element_ty), mask=inside)
    tl.store(ds + place, (p * (dp - mean[:, None])).to(ds.dtype.element_ty), mask=inside)
