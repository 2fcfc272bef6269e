"""Triton kernels of attention whose score is Σ_d w_d f(q_d + k_d) and a bias; `sums` launches them.

Forward: a program holds a tile of queries and runs over the keys with an online softmax; the score of a tile
is summed feature by feature in registers. It keeps the log-sum-exp of each row, nothing of size q × k.

Backward, for as many queries at a time as the scratch allows:
1. `pairs`: a program holds a tile of keys and runs over the queries: it recomputes the scores, adds to dv,
   and writes ds = p·(do·v − δ) to scratch, δ = Σ do·out.
2. `sides`, once for q and once for k: a program holds rows × features of its own side in registers and runs
   over the other side, reading ds. No sum crosses threads before the last, so there are no barriers and no
   atomics, and the gradient is the same in every run.
Both sides in one pass would share the slopes, but sum each feature across threads twice.
"""

from __future__ import annotations

import triton
import triton.language as tl

from foveal.attention.kernels.blocks import allowed, dot, flat, matrix, normaliser, online, places

LOG2E = tl.constexpr(1.4426950408889634)
TWO_LOG2E = tl.constexpr(2.885390081777927)


@triton.jit
def _first(features, g, start, padded, EVEN: tl.constexpr, PAD: tl.constexpr):
    """Return where the tile at `start` begins in "g padded/PAD EVEN PAD", `start` a multiple of its size."""
    return features + (g * padded + start // PAD * PAD) * EVEN + start % PAD


@triton.jit
def spread(
    x, features, rows_first, reach, n, n_pad,
    D: tl.constexpr, EVEN: tl.constexpr, WIDTH: tl.constexpr, DP: tl.constexpr, BM: tl.constexpr,
    PAD: tl.constexpr, EXP: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Write e^{2x} or x of BM rows in float32, 0 in the padding.

    features "g n_pad/PAD EVEN PAD": features first, in blocks of PAD rows, so that a tile goes from feature
    to feature by a constant step; and if ROWS, rows_first "g n_pad WIDTH".
    """
    blocks = n_pad // BM
    g = (tl.program_id(0) // blocks).to(tl.int64)
    row = (tl.program_id(0) % blocks) * BM
    rows, columns = row + tl.arange(0, BM), tl.arange(0, DP)
    value = matrix(x + g * n * D, rows, columns, n, D).to(tl.float32)
    tl.store(reach + g * n_pad + rows, tl.max(tl.abs(value), 1))
    if EXP:
        exists = (rows[:, None] < n) & (columns[None, :] < D)
        value = tl.where(exists, tl.exp2(value * TWO_LOG2E), 0.0)
    place = _first(features, g, row, n_pad, EVEN, PAD) + columns[None, :] * PAD + tl.arange(0, BM)[:, None]
    tl.store(place, value, mask=columns[None, :] < EVEN)
    if ROWS:
        place = rows_first + g * n_pad * WIDTH + rows[:, None] * WIDTH + columns[None, :]
        tl.store(place, value, mask=columns[None, :] < WIDTH)


@triton.jit
def forward(
    q, k, v, eq, ek, c, reach_q, reach_k, seen, bias, out, lse, n, m, n_pad, m_pad, heads,
    lead_stride, head_stride, row_stride, column_stride,
    bias_lead_stride, bias_head_stride, bias_row_stride, bias_column_stride,
    D: tl.constexpr, EVEN: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, WARPS: tl.constexpr,
    PAD: tl.constexpr, MASKED: tl.constexpr, BIASED: tl.constexpr, SCORES: tl.constexpr,
):  # fmt: skip
    """Attend from BM queries to all keys."""
    blocks = tl.cdiv(n, BM)
    g = (tl.program_id(0) // blocks).to(tl.int64)
    row = (tl.program_id(0) % blocks) * BM
    rows = row + tl.arange(0, BM)
    features = tl.arange(0, DVP)
    q, k, v, c = q + g * n * D, k + g * m * D, v + g * m * DV, c + g * EVEN
    eq, reach_k = _first(eq, g, row, n_pad, EVEN, PAD), reach_k + g * m_pad
    seen += (g // heads) * lead_stride + (g % heads) * head_stride
    bias += (g // heads) * bias_lead_stride + (g % heads) * bias_head_stride
    own = tl.max(tl.load(reach_q + g * n_pad + rows))
    best = tl.full([BM // (4 * WARPS), 4 * WARPS], float("-inf"), tl.float32)
    total = tl.zeros([BM // (4 * WARPS), 4 * WARPS], tl.float32)
    sums = tl.zeros([BM, DVP], tl.float32)
    row_places, column_places = places(BM, BN, WARPS)
    for start in range(0, m, BN):
        reach = own + tl.max(tl.load(reach_k + start + tl.arange(0, BN)))
        keys = _first(ek, g, start, m_pad, EVEN, PAD)
        score = SCORES(q, k, eq, keys, c, row, start, n, m, reach, D, BM, BN, WARPS, PAD)
        here = row + row_places, start + column_places
        may = allowed(seen, here[0], here[1], n, m, row_stride, column_stride, MASKED)
        if BIASED:
            place = bias + here[0] * bias_row_stride + here[1] * bias_column_stride
            score += tl.load(place, mask=may, other=0.0).to(tl.float32) * LOG2E
        weight, best, total, shrink = online(tl.where(may, score, float("-inf")), best, total)
        values = matrix(v, start + tl.arange(0, BN), features, m, DV)
        weight = flat(weight.to(v.dtype.element_ty), BM, BN)
        sums = dot(weight, values, sums * tl.reshape(shrink, [BM])[:, None])
    scale, log_sum = normaliser(best, total)
    tl.store(lse + g * n_pad + rows, tl.reshape(log_sum, [BM]))
    place = out + g * n * DV + rows[:, None] * DV + features[None, :]
    exists = (rows[:, None] < n) & (features[None, :] < DV)
    seen_values = sums * tl.reshape(scale, [BM])[:, None]
    tl.store(place, seen_values.to(out.dtype.element_ty), mask=exists)


@triton.jit
def scores(
    q, k, eq, ek, c, reach_q, reach_k, bias, score, n, m, n_pad, m_pad, heads,
    bias_lead_stride, bias_head_stride, bias_row_stride, bias_column_stride,
    D: tl.constexpr, EVEN: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, WARPS: tl.constexpr,
    PAD: tl.constexpr, BIASED: tl.constexpr, SCORES: tl.constexpr,
):  # fmt: skip
    """Write a tile of the scores "g n m" in base 2."""
    row_blocks, column_blocks = tl.cdiv(n, BM), tl.cdiv(m, BN)
    g = (tl.program_id(0) // (row_blocks * column_blocks)).to(tl.int64)
    row = tl.program_id(0) // column_blocks % row_blocks * BM
    column = tl.program_id(0) % column_blocks * BN
    eq, ek = _first(eq, g, row, n_pad, EVEN, PAD), _first(ek, g, column, m_pad, EVEN, PAD)
    reach = tl.max(tl.load(reach_q + g * n_pad + row + tl.arange(0, BM)))
    reach += tl.max(tl.load(reach_k + g * m_pad + column + tl.arange(0, BN)))
    q, k, c = q + g * n * D, k + g * m * D, c + g * EVEN
    found = SCORES(q, k, eq, ek, c, row, column, n, m, reach, D, BM, BN, WARPS, PAD)
    bias += (g // heads) * bias_lead_stride + (g % heads) * bias_head_stride
    rows, columns = places(BM, BN, WARPS)
    rows, columns = row + rows, column + columns
    exists = (rows < n) & (columns < m)
    if BIASED:
        place = bias + rows * bias_row_stride + columns * bias_column_stride
        found += tl.load(place, mask=exists, other=0.0).to(tl.float32) * LOG2E
    tl.store(score + (g * n + rows) * m + columns, found, mask=exists)


@triton.jit
def pairs(
    q, k, v, eq, ek, c, reach_q, reach_k, seen, bias, do, delta, lse, dv, ds, first, stop, height,
    n, m, n_pad, m_pad, heads, lead_stride, head_stride, row_stride, column_stride,
    bias_lead_stride, bias_head_stride, bias_row_stride, bias_column_stride,
    D: tl.constexpr, EVEN: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, GRAIN: tl.constexpr, WARPS: tl.constexpr,
    PAD: tl.constexpr, MASKED: tl.constexpr, BIASED: tl.constexpr, SCORES: tl.constexpr,
):  # fmt: skip
    """Add to dv and write ds "g height m_pad" of BN keys and the queries from first to stop, whole GRAINs."""
    blocks = tl.cdiv(m, GRAIN) * GRAIN // BN
    g = (tl.program_id(0) // blocks).to(tl.int64)
    column = (tl.program_id(0) % blocks) * BN
    columns = column + tl.arange(0, BN)
    features = tl.arange(0, DVP)
    q, k, v, do, c = q + g * n * D, k + g * m * D, v + g * m * DV, do + g * n * DV, c + g * EVEN
    ek, reach_q = _first(ek, g, column, m_pad, EVEN, PAD), reach_q + g * n_pad
    lse, delta, ds = lse + g * n_pad, delta + g * n_pad, ds + g * height * m_pad
    seen += (g // heads) * lead_stride + (g % heads) * head_stride
    bias += (g // heads) * bias_lead_stride + (g % heads) * bias_head_stride
    own = tl.max(tl.load(reach_k + g * m_pad + columns))
    values = matrix(v, columns, features, m, DV)
    dv_place = dv + g * m * DV + columns[:, None] * DV + features[None, :]
    exists = (columns[:, None] < m) & (features[None, :] < DV)
    sums = tl.load(dv_place, mask=exists, other=0.0)
    row_places, column_places = places(BM, BN, WARPS)
    for start in range(first, stop, BM):
        rows = start + tl.arange(0, BM)
        reach = own + tl.max(tl.load(reach_q + rows))
        queries = _first(eq, g, start, n_pad, EVEN, PAD)
        score = SCORES(q, k, queries, ek, c, start, column, n, m, reach, D, BM, BN, WARPS, PAD)
        here = start + row_places, column + column_places
        may = allowed(seen, here[0], here[1], n, m, row_stride, column_stride, MASKED)
        if BIASED:
            place = bias + here[0] * bias_row_stride + here[1] * bias_column_stride
            score += tl.load(place, mask=may, other=0.0).to(tl.float32) * LOG2E
        weight = tl.where(may, tl.exp2(score - tl.load(lse + here[0])), 0.0)
        weight = flat(weight, BM, BN)
        given = matrix(do, rows, features, n, DV)
        slope = dot(given, tl.trans(values), tl.zeros([BM, BN], tl.float32))
        slope = weight * (slope - tl.load(delta + rows)[:, None])
        place = ds + (rows - first)[:, None] * m_pad + columns[None, :]
        tl.store(place, slope.to(ds.dtype.element_ty))
        sums = dot(tl.trans(weight.to(do.dtype.element_ty)), given, sums)
    tl.store(dv_place, sums, mask=exists)


@triton.jit
def sides(
    own, own_rows, own_reach, other, other_rows, other_reach, ds, slope, r_part,
    first, height, other_first, other_height, n, m, n_pad, m_pad, area, stride, other_stride,
    D: tl.constexpr, WIDTH: tl.constexpr, BM: tl.constexpr, BD: tl.constexpr, BJ: tl.constexpr,
    BOTH: tl.constexpr, SLOPES: tl.constexpr,
):  # fmt: skip
    """Add Σ ds·f' to `slope` "g n_pad WIDTH" for BM rows × BD features of one side, over all of the other.

    `height` rows from `first` on and `other_height` others from `other_first` on, which ds "g area" begins
    with. If BOTH, r_part "g n_pad/BM WIDTH" takes Σ ds·r.
    """
    blocks, parts = tl.cdiv(height, BM), WIDTH // BD
    g = (tl.program_id(0) // (blocks * parts)).to(tl.int64)
    block = tl.program_id(0) // parts % blocks
    rows = block * BM + tl.arange(0, BM)  # counted from `first`; and the others from `other_first`
    columns = tl.program_id(0) % parts * BD + tl.arange(0, BD)
    own, other = own + (g * n + first) * D, other + (g * m + other_first) * D
    own_row, other_row = g * n_pad + first, g * m_pad + other_first
    ds_rows = ds + g * area + rows * stride
    top = tl.max(tl.load(own_reach + own_row + rows))
    place = slope + (own_row + rows[:, None]) * WIDTH + columns[None, :]
    sums = tl.load(place)
    r_sum = tl.zeros([BM, BD], tl.float32)
    for start in range(0, other_height, BJ):
        stop = tl.minimum(start + BJ, other_height)
        reach = top + tl.max(tl.load(other_reach + other_row + start + tl.arange(0, BJ)))
        sums, r_sum = SLOPES(
            own, own_rows + own_row * WIDTH, other, other_rows + other_row * WIDTH, ds_rows, other_stride,
            start, stop, rows, columns, n - first, m - other_first, sums, r_sum, reach, D, WIDTH, BOTH,
        )  # fmt: skip
    tl.store(place, sums)
    if BOTH:
        part = r_part + (own_row // BM + block) * WIDTH + columns
        tl.store(part, tl.sum(r_sum, 0))
