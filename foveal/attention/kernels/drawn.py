"""Scaled dot attention of blocks of queries on a few drawn keys each, which are gathered on the way.

A program holds one block and runs over its keys with an online softmax. The backward writes what each block
gives to each of its keys to scratch, and then sums over the blocks that drew a key, in the order of the
blocks: no atomics, so gradients are the same in every run.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from foveal.attention.kernels.blocks import dot, matrix
from foveal.attention.kernels.delta import delta
from foveal.attention.kernels.layout import eager, groups, launch, power_of_2, sight

SCRATCH = 512 * 2**20
"""How many bytes of slopes of gathered keys and values are held at once (of one group at least)."""


class Tiles(NamedTuple):
    """How many keys a program takes at once, by how many warps, with how many tiles on their way."""

    keys: int
    warps: int
    stages: int = 3


FORWARD, BLOCKS, OWN = Tiles(64, 1, 2), Tiles(32, 1, 2), Tiles(16, 4)
"""Of `forward`, of `blocks_side`, and of `keys_side`, which sums the slopes of so many.

Measured on an H200 (benchmarks/attention_tune.py).
"""

LOG2E = tl.constexpr(1.4426950408889634)


@triton.jit
def _gathered(x, places, exists, WIDTH: tl.constexpr, WP: tl.constexpr):
    """Return the rows at `places` of a row-major matrix; 0 where they do not exist."""
    columns = tl.arange(0, WP)
    inside = exists[:, None] & (columns[None, :] < WIDTH)
    return tl.load(x + places[:, None] * WIDTH + columns[None, :], mask=inside, other=0.0)


@triton.jit
def _scores(
    q, k, columns, seen, rows, start, end, count, scale, row_stride, column_stride,
    D: tl.constexpr, DP: tl.constexpr, BM: tl.constexpr, BC: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """Return base-2 scores of a tile, the keys "BC DP", where they stand and which exist; −∞ where unseen."""
    drawn = start + tl.arange(0, BC)
    exists = drawn < count
    places = tl.load(columns + drawn, mask=exists, other=0)
    keys = _gathered(k, places, exists, D, DP)
    score = dot(q, tl.trans(keys), tl.zeros([BM, BC], tl.float32)) * (scale * LOG2E)
    may = (rows[:, None] < end) & exists[None, :]
    if MASKED:
        place = seen + rows[:, None] * row_stride + drawn[None, :] * column_stride
        may = may & (tl.load(place, mask=may, other=0) != 0)
    return tl.where(may, score, float("-inf")), keys, places, exists


@triton.jit
def forward(
    q, k, v, columns, seen, out, lse, n, m, blocks, block, count, heads, scale,
    lead_stride, head_stride, row_stride, column_stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr,
    BM: tl.constexpr, BC: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """Attend from one block of queries."""
    g, part = (tl.program_id(0) // blocks).to(tl.int64), tl.program_id(0) % blocks
    rows, features = part * block + tl.arange(0, BM), tl.arange(0, DVP)
    end = tl.minimum(n, part * block + block)
    seen += (g // heads) * lead_stride + (g % heads) * head_stride
    queries = matrix(q + g * n * D, rows, tl.arange(0, DP), end, D)
    best = tl.full([BM], float("-inf"), tl.float32)
    total = tl.zeros([BM], tl.float32)
    sums = tl.zeros([BM, DVP], tl.float32)
    for start in range(0, count, BC):
        score, _, places, exists = _scores(
            queries, k + g * m * D, columns + part * count, seen, rows, start, end, count, scale,
            row_stride, column_stride, D, DP, BM, BC, MASKED,
        )  # fmt: skip
        highest = tl.maximum(best, tl.max(score, 1))
        base = tl.where(highest == float("-inf"), 0.0, highest)
        weight, shrink = tl.exp2(score - base[:, None]), tl.exp2(best - base)
        total = total * shrink + tl.sum(weight, 1)
        values = _gathered(v + g * m * DV, places, exists, DV, DVP)
        sums = dot(weight.to(v.dtype.element_ty), values, sums * shrink[:, None])
        best = highest
    empty = total == 0.0
    total = tl.where(empty, 1.0, total)
    tl.store(lse + g * n + rows, tl.where(empty, float("inf"), best + tl.log2(total)), mask=rows < end)
    place = out + g * n * DV + rows[:, None] * DV + features[None, :]
    exists = (rows[:, None] < end) & (features[None, :] < DV)
    tl.store(place, (sums / total[:, None]).to(out.dtype.element_ty), mask=exists)


@triton.jit
def blocks_side(
    q, k, v, columns, seen, do, lse, delta, dq, key_parts, value_parts, first,
    n, m, blocks, block, count, heads, scale, lead_stride, head_stride, row_stride, column_stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr,
    BM: tl.constexpr, BC: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """Write dq of a block, and what it gives to its keys and values: "g blocks count D" and "… DV"."""
    own, part = (tl.program_id(0) // blocks).to(tl.int64), tl.program_id(0) % blocks
    g = own + first
    rows, hidden, features = part * block + tl.arange(0, BM), tl.arange(0, DP), tl.arange(0, DVP)
    end = tl.minimum(n, part * block + block)
    seen += (g // heads) * lead_stride + (g % heads) * head_stride
    queries = matrix(q + g * n * D, rows, hidden, end, D)
    given = matrix(do + g * n * DV, rows, features, end, DV)
    log_sum = tl.load(lse + g * n + rows, mask=rows < end, other=float("inf"))
    mean = tl.load(delta + g * n + rows, mask=rows < end, other=0.0)
    sums = tl.zeros([BM, DP], tl.float32)
    for start in range(0, count, BC):
        score, keys, places, exists = _scores(
            queries, k + g * m * D, columns + part * count, seen, rows, start, end, count, scale,
            row_stride, column_stride, D, DP, BM, BC, MASKED,
        )  # fmt: skip
        weight = tl.exp2(score - log_sum[:, None])
        values = _gathered(v + g * m * DV, places, exists, DV, DVP)
        slope = dot(given, tl.trans(values), tl.zeros([BM, BC], tl.float32))
        slope = (weight * (slope - mean[:, None])).to(q.dtype.element_ty)
        sums = dot(slope, keys, sums)
        key_slope = dot(tl.trans(slope), queries, tl.zeros([BC, DP], tl.float32)) * scale
        weight = weight.to(do.dtype.element_ty)
        value_slope = dot(tl.trans(weight), given, tl.zeros([BC, DVP], tl.float32))
        drawn = ((own * blocks + part) * count + start + tl.arange(0, BC))[:, None]
        inside = exists[:, None] & (hidden[None, :] < D)
        place = key_parts + drawn * D + hidden[None, :]
        tl.store(place, key_slope.to(key_parts.dtype.element_ty), mask=inside)
        inside = exists[:, None] & (features[None, :] < DV)
        place = value_parts + drawn * DV + features[None, :]
        tl.store(place, value_slope.to(value_parts.dtype.element_ty), mask=inside)
    inside = (rows[:, None] < end) & (hidden[None, :] < D)
    place = dq + g * n * D + rows[:, None] * D + hidden[None, :]
    tl.store(place, (sums * scale).to(dq.dtype.element_ty), mask=inside)


@triton.jit
def keys_side(
    key_parts, value_parts, order, starts, dk, dv, first, m, drawn,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BN: tl.constexpr,
):  # fmt: skip
    """Write dk and dv of BN keys: the sums of their parts, order[starts[j]] … order[starts[j + 1] − 1]."""
    tiles = tl.cdiv(m, BN)
    own = (tl.program_id(0) // tiles).to(tl.int64)
    keys = tl.program_id(0) % tiles * BN + tl.arange(0, BN)
    begin = tl.load(starts + keys, mask=keys < m, other=0)
    end = tl.load(starts + keys + 1, mask=keys < m, other=0)
    key_sums, value_sums = tl.zeros([BN, DP], tl.float32), tl.zeros([BN, DVP], tl.float32)
    key_parts, value_parts = key_parts + own * drawn * D, value_parts + own * drawn * DV
    for turn in range(tl.max(end - begin)):
        exists = begin + turn < end
        part = tl.load(order + begin + turn, mask=exists, other=0).to(tl.int64)
        key_sums += _gathered(key_parts, part, exists, D, DP).to(tl.float32)
        value_sums += _gathered(value_parts, part, exists, DV, DVP).to(tl.float32)
    hidden, features = tl.arange(0, DP)[None, :], tl.arange(0, DVP)[None, :]
    row = ((own + first) * m + keys)[:, None]
    here = keys[:, None] < m
    tl.store(dk + row * D + hidden, key_sums.to(dk.dtype.element_ty), mask=here & (hidden < D))
    tl.store(dv + row * DV + features, value_sums.to(dv.dtype.element_ty), mask=here & (features < DV))


def _common(
    q: Tensor, v: Tensor, columns: Tensor, seen: Tensor | None, block: int, tiles: Tiles
) -> tuple[tuple[int | float, ...], dict[str, Any]]:
    """Return sizes and strides by position, and constants by name."""
    n, d, m, dv = *q.shape[1:], *v.shape[1:]
    heads, strides = (1, (0, 0, 0, 0)) if seen is None else (seen.shape[1], seen.stride())
    constants = {
        "D": d, "DP": power_of_2(d), "DV": dv, "DVP": power_of_2(dv), "BM": power_of_2(block),
        "BC": min(tiles.keys, power_of_2(columns.shape[1])), "MASKED": seen is not None,
        **launch(tiles.warps, stages=tiles.stages),
    }  # fmt: skip
    return (n, m, *columns.shape[:1], block, columns.shape[1], heads, 1 / math.sqrt(d), *strides), constants


class _Attention(torch.autograd.Function):
    """softmax(qᵀk/√d) v of q "g n d", k "g m d", v "g m dv" among the keys "t c" of each block."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, columns: Tensor, seen: Tensor | None, block: int
    ) -> Tensor:
        """Return "g n dv"."""
        g, n, _ = q.shape
        out, lse = v.new_empty(g, n, v.shape[-1]), torch.empty(g, n, device=q.device)
        numbers, constants = _common(q, v, columns, seen, block, FORWARD)
        forward[(g * columns.shape[0],)](
            q, k, v, columns, q if seen is None else seen, out, lse, *numbers, **constants
        )
        ctx.save_for_backward(q, k, v, columns, seen, out, lse)
        ctx.block = block
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, do: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of q, k and v."""
        q, k, v, columns, seen, out, lse = ctx.saved_tensors
        do, m = do.contiguous(), k.shape[1]
        numbers, constants = _common(q, v, columns, seen, ctx.block, BLOCKS)
        given = q, k, v, columns, q if seen is None else seen, do, lse, delta(do, out)
        dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        order, starts = _drawn_by(columns, m)
        tiles, widths = triton.cdiv(m, OWN.keys), {name: constants[name] for name in ("D", "DP", "DV", "DVP")}
        key_parts, value_parts = _scratch(k, v, columns.numel())
        for first in range(0, len(q), len(key_parts)):
            many = min(len(key_parts), len(q) - first)
            blocks_side[(many * columns.shape[0],)](
                *given, dq, key_parts, value_parts, first, *numbers, **constants
            )
            keys_side[(many * tiles,)](
                key_parts, value_parts, order, starts, dk, dv, first, m, columns.numel(),
                **widths, BN=OWN.keys, **launch(OWN.warps, stages=OWN.stages),
            )  # fmt: skip
        return dq, dk, dv, None, None, None


def _drawn_by(columns: Tensor, keys: int) -> tuple[Tensor, Tensor]:
    """Return the places in `columns`, flat, sorted by the key they hold, and each key's first: "k+1"."""
    held, order = columns.flatten().sort(stable=True)
    starts = torch.searchsorted(held, torch.arange(keys + 1, device=columns.device), out_int32=True)
    return order.int(), starts


def _scratch(k: Tensor, v: Tensor, drawn: int) -> tuple[Tensor, Tensor]:
    """Return room for the slopes of the drawn keys and values of as many groups as SCRATCH allows."""
    precision = torch.bfloat16 if k.dtype == torch.bfloat16 else torch.float32  # float16 would underflow
    each = drawn * (k.shape[-1] + v.shape[-1]) * precision.itemsize
    many = max(1, min(len(k), SCRATCH // each))
    return (
        k.new_empty(many, drawn, k.shape[-1], dtype=precision),
        v.new_empty(many, drawn, v.shape[-1], dtype=precision),
    )


@eager
def random(
    q: Tensor, k: Tensor, v: Tensor, columns: Tensor, allowed: Tensor | None = None, *, block: int
) -> Tensor:
    """Return softmax(qᵀk/√d) v, "*batch q dv", where block t of `block` queries meets the keys columns[t].

    q: "*batch q d", k: "*batch k d", v: "*batch k dv"; columns: "t c"; allowed: "*#batch t block c", false
    where a pair does not count, with gradients for q, k and v. Time O(q·c·(d + dv)), memory
    O((q + k)·(d + dv)), and while differentiating at most SCRATCH bytes more (or those of one group).
    """
    batch = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    seen = None
    if allowed is not None:
        seen = sight(allowed.flatten(-3, -2), batch, columns.shape[0] * block, columns.shape[1])
    columns = columns.contiguous()
    out: Tensor = _Attention.apply(groups(q, batch), groups(k, batch), groups(v, batch), columns, seen, block)
    return out.unflatten(0, batch) if batch else out[0]
