"""Triton kernels of scaled dot attention with a window, a bias and a mask; `dotted` launches them.

As FlashAttention (Dao, 2023): tiles of scores with an online softmax; the backward recomputes them from the
log-sum-exp, once for queries (dq), once for keys (dk, dv), and once for the bias, which sums over all groups
that share it. Nothing is added by atomics, so gradients are the same in every run. With a window, tiles
beyond it are never touched.
"""

from __future__ import annotations

import triton
import triton.language as tl

from foveal.attention.kernels.blocks import allowed, dot, matrix

LOG2E = tl.constexpr(1.4426950408889634)


@triton.jit
def _scores(
    q, k, bias, sight, rows, columns, n, m, scale, window,
    bias_row_stride, bias_column_stride, row_stride, column_stride,
    BM: tl.constexpr, BN: tl.constexpr, MASKED: tl.constexpr, BIASED: tl.constexpr, BANDED: tl.constexpr,
):  # fmt: skip
    """Return the scores of a tile in base 2, −∞ where a query may not look."""
    row, column = rows[:, None], columns[None, :]
    score = dot(q, tl.trans(k), tl.zeros([BM, BN], tl.float32)) * (scale * LOG2E)
    may = allowed(sight, row, column, n, m, row_stride, column_stride, MASKED)
    if BANDED:
        may = may & (row - column <= window) & (column - row <= window)
    if BIASED:
        place = bias + row * bias_row_stride + column * bias_column_stride
        score += tl.load(place, mask=may, other=0.0).to(tl.float32) * LOG2E
    return tl.where(may, score, float("-inf"))


@triton.jit
def _reach(start, size: tl.constexpr, length, window, STEP: tl.constexpr, BANDED: tl.constexpr):
    """Return from where to where, in whole STEPs, the other side is met by `size` places from `start` on."""
    if BANDED:
        return tl.maximum(0, start - window) // STEP * STEP, tl.minimum(length, start + size + window)
    else:
        return 0, length


@triton.jit
def forward(
    q, k, v, bias, sight, out, lse, n, m, heads, scale, window,
    bias_lead_stride, bias_head_stride, bias_row_stride, bias_column_stride,
    lead_stride, head_stride, row_stride, column_stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, MASKED: tl.constexpr, BIASED: tl.constexpr, BANDED: tl.constexpr,
):  # fmt: skip
    """Attend from BM queries."""
    blocks = tl.cdiv(n, BM)
    g = (tl.program_id(0) // blocks).to(tl.int64)
    row = tl.program_id(0) % blocks * BM
    rows, hidden, features = row + tl.arange(0, BM), tl.arange(0, DP), tl.arange(0, DVP)
    k, v = k + g * m * D, v + g * m * DV
    bias += (g // heads) * bias_lead_stride + (g % heads) * bias_head_stride
    sight += (g // heads) * lead_stride + (g % heads) * head_stride
    queries = matrix(q + g * n * D, rows, hidden, n, D)
    best = tl.full([BM], float("-inf"), tl.float32)
    total = tl.zeros([BM], tl.float32)
    sums = tl.zeros([BM, DVP], tl.float32)
    first, last = _reach(row, BM, m, window, BN, BANDED)
    for start in range(first, last, BN):
        columns = start + tl.arange(0, BN)
        score = _scores(
            queries, matrix(k, columns, hidden, m, D), bias, sight, rows, columns, n, m, scale, window,
            bias_row_stride, bias_column_stride, row_stride, column_stride, BM, BN, MASKED, BIASED, BANDED,
        )  # fmt: skip
        highest = tl.maximum(best, tl.max(score, 1))
        base = tl.where(highest == float("-inf"), 0.0, highest)
        weight, shrink = tl.exp2(score - base[:, None]), tl.exp2(best - base)
        total = total * shrink + tl.sum(weight, 1)
        values = matrix(v, columns, features, m, DV)
        sums = dot(weight.to(v.dtype.element_ty), values, sums * shrink[:, None])
        best = highest
    empty = total == 0.0
    total = tl.where(empty, 1.0, total)
    tl.store(lse + g * n + rows, tl.where(empty, float("inf"), best + tl.log2(total)), mask=rows < n)
    place = out + g * n * DV + rows[:, None] * DV + features[None, :]
    exists = (rows[:, None] < n) & (features[None, :] < DV)
    tl.store(place, (sums / total[:, None]).to(out.dtype.element_ty), mask=exists)


@triton.jit
def _slopes(score, given, values, lse, delta, rows, n, BM: tl.constexpr, BN: tl.constexpr):
    """Return the weights of a tile and ds = p·(do·v − δ)."""
    log_sum = tl.load(lse + rows, mask=rows < n, other=float("inf"))
    weight = tl.exp2(score - log_sum[:, None])
    slope = dot(given, tl.trans(values), tl.zeros([BM, BN], tl.float32))
    return weight, weight * (slope - tl.load(delta + rows, mask=rows < n, other=0.0)[:, None])


@triton.jit
def queries_side(
    q, k, v, bias, sight, do, lse, delta, dq, n, m, heads, scale, window,
    bias_lead_stride, bias_head_stride, bias_row_stride, bias_column_stride,
    lead_stride, head_stride, row_stride, column_stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, MASKED: tl.constexpr, BIASED: tl.constexpr, BANDED: tl.constexpr,
):  # fmt: skip
    """Write dq of BM queries."""
    blocks = tl.cdiv(n, BM)
    g = (tl.program_id(0) // blocks).to(tl.int64)
    row = tl.program_id(0) % blocks * BM
    rows, hidden, features = row + tl.arange(0, BM), tl.arange(0, DP), tl.arange(0, DVP)
    k, v, lse, delta = k + g * m * D, v + g * m * DV, lse + g * n, delta + g * n
    bias += (g // heads) * bias_lead_stride + (g % heads) * bias_head_stride
    sight += (g // heads) * lead_stride + (g % heads) * head_stride
    queries = matrix(q + g * n * D, rows, hidden, n, D)
    given = matrix(do + g * n * DV, rows, features, n, DV)
    sums = tl.zeros([BM, DP], tl.float32)
    first, last = _reach(row, BM, m, window, BN, BANDED)
    for start in range(first, last, BN):
        columns = start + tl.arange(0, BN)
        keys = matrix(k, columns, hidden, m, D)
        score = _scores(
            queries, keys, bias, sight, rows, columns, n, m, scale, window,
            bias_row_stride, bias_column_stride, row_stride, column_stride, BM, BN, MASKED, BIASED, BANDED,
        )  # fmt: skip
        values = matrix(v, columns, features, m, DV)
        _, slope = _slopes(score, given, values, lse, delta, rows, n, BM, BN)
        sums = dot(slope.to(k.dtype.element_ty), keys, sums)
    place = dq + g * n * D + rows[:, None] * D + hidden[None, :]
    exists = (rows[:, None] < n) & (hidden[None, :] < D)
    tl.store(place, (sums * scale).to(dq.dtype.element_ty), mask=exists)


@triton.jit
def keys_side(
    q, k, v, bias, sight, do, lse, delta, dk, dv, n, m, heads, scale, window,
    bias_lead_stride, bias_head_stride, bias_row_stride, bias_column_stride,
    lead_stride, head_stride, row_stride, column_stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, MASKED: tl.constexpr, BIASED: tl.constexpr, BANDED: tl.constexpr,
):  # fmt: skip
    """Write dk and dv of BN keys."""
    blocks = tl.cdiv(m, BN)
    g = (tl.program_id(0) // blocks).to(tl.int64)
    column = tl.program_id(0) % blocks * BN
    columns, hidden, features = column + tl.arange(0, BN), tl.arange(0, DP), tl.arange(0, DVP)
    q, do, lse, delta = q + g * n * D, do + g * n * DV, lse + g * n, delta + g * n
    bias += (g // heads) * bias_lead_stride + (g % heads) * bias_head_stride
    sight += (g // heads) * lead_stride + (g % heads) * head_stride
    keys = matrix(k + g * m * D, columns, hidden, m, D)
    values = matrix(v + g * m * DV, columns, features, m, DV)
    key_sums = tl.zeros([BN, DP], tl.float32)
    value_sums = tl.zeros([BN, DVP], tl.float32)
    first, last = _reach(column, BN, n, window, BM, BANDED)
    for start in range(first, last, BM):
        rows = start + tl.arange(0, BM)
        queries, given = matrix(q, rows, hidden, n, D), matrix(do, rows, features, n, DV)
        score = _scores(
            queries, keys, bias, sight, rows, columns, n, m, scale, window,
            bias_row_stride, bias_column_stride, row_stride, column_stride, BM, BN, MASKED, BIASED, BANDED,
        )  # fmt: skip
        weight, slope = _slopes(score, given, values, lse, delta, rows, n, BM, BN)
        value_sums = dot(tl.trans(weight.to(do.dtype.element_ty)), given, value_sums)
        key_sums = dot(tl.trans(slope.to(q.dtype.element_ty)), queries, key_sums)
    place = dk + g * m * D + columns[:, None] * D + hidden[None, :]
    exists = (columns[:, None] < m) & (hidden[None, :] < D)
    tl.store(place, (key_sums * scale).to(dk.dtype.element_ty), mask=exists)
    place = dv + g * m * DV + columns[:, None] * DV + features[None, :]
    exists = (columns[:, None] < m) & (features[None, :] < DV)
    tl.store(place, value_sums.to(dv.dtype.element_ty), mask=exists)


@triton.jit
def bias_side(
    q, k, v, bias, sight, do, lse, delta, db, leads, own_leads, own_heads, n, m, heads, scale, window,
    bias_lead_stride, bias_head_stride, bias_row_stride, bias_column_stride,
    lead_stride, head_stride, row_stride, column_stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, MASKED: tl.constexpr, BIASED: tl.constexpr, BANDED: tl.constexpr,
):  # fmt: skip
    """Write a tile of Σ ds over the groups that share a bias: db "own_leads own_heads n m"."""
    row_blocks, column_blocks = tl.cdiv(n, BM), tl.cdiv(m, BN)
    own = (tl.program_id(0) // (row_blocks * column_blocks)).to(tl.int64)
    rows = tl.program_id(0) // column_blocks % row_blocks * BM + tl.arange(0, BM)
    columns = tl.program_id(0) % column_blocks * BN + tl.arange(0, BN)
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    sums = tl.zeros([BM, BN], tl.float32)
    for part in range((leads // own_leads) * (heads // own_heads)):
        lead = own // own_heads + part // (heads // own_heads) * own_leads
        head = own % own_heads + part % (heads // own_heads) * own_heads
        g = lead * heads + head
        score = _scores(
            matrix(q + g * n * D, rows, hidden, n, D), matrix(k + g * m * D, columns, hidden, m, D),
            bias + lead * bias_lead_stride + head * bias_head_stride,
            sight + lead * lead_stride + head * head_stride, rows, columns, n, m, scale, window,
            bias_row_stride, bias_column_stride, row_stride, column_stride, BM, BN, MASKED, BIASED, BANDED,
        )  # fmt: skip
        given = matrix(do + g * n * DV, rows, features, n, DV)
        values = matrix(v + g * m * DV, columns, features, m, DV)
        _, slope = _slopes(score, given, values, lse + g * n, delta + g * n, rows, n, BM, BN)
        sums += slope
    place = db + own * n * m + rows[:, None] * m + columns[None, :]
    tl.store(place, sums, mask=(rows[:, None] < n) & (columns[None, :] < m))
