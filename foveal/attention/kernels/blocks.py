"""Small pieces of Triton that the kernels share."""

from __future__ import annotations

import triton
import triton.language as tl

INTERPRETED = tl.constexpr(triton.knobs.runtime.interpret)


@triton.jit
def reciprocal(x):
    """Return 1 / x of a float32 block by one instruction: 2⁻²³ relative, and 0 where 1 / x < 2⁻¹²⁶."""
    if INTERPRETED:
        return 1.0 / x
    else:
        return tl.inline_asm_elementwise(
            "rcp.approx.ftz.f32 $0, $1;", "=f,f", [x], dtype=tl.float32, is_pure=True, pack=1
        )


@triton.jit
def exp2(x):
    """Return 2ˣ of a float32 block by one instruction: 2⁻²² relative, and 0 below 2⁻¹²⁶."""
    if INTERPRETED:
        return tl.exp2(x)
    else:
        return tl.inline_asm_elementwise(
            "ex2.approx.ftz.f32 $0, $1;", "=f,f", [x], dtype=tl.float32, is_pure=True, pack=1
        )


@triton.jit
def dot(a, b, total):
    """Return total + a @ b, accumulated in float32. The interpreter multiplies no bfloat16, so it casts."""
    if INTERPRETED:
        a, b = a.to(tl.float32), b.to(tl.float32)
    return tl.dot(a, b, total, input_precision="tf32x3")


@triton.jit
def places(BM: tl.constexpr, BN: tl.constexpr, WARPS: tl.constexpr):
    """Return the row and the column of each entry of a tile, "BM/4w 1 4w 1" and "1 BN/8 1 8" for w warps.

    The last two axes are the threads (4w × 8), the first two what each holds, so that an outer sum or product
    of a row's and a column's values takes BM/4w + BN/8 loads a thread. A plain "BM BN" tile would be laid out
    along its rows, with up to BM loads.
    """
    lanes: tl.constexpr = 4 * WARPS
    row = tl.arange(0, BM // lanes)[:, None] * lanes + tl.arange(0, lanes)[None, :]
    column = tl.arange(0, BN // 8)[:, None] * 8 + tl.arange(0, 8)[None, :]
    return row[:, None, :, None], column[None, :, None, :]


@triton.jit
def nothing(BM: tl.constexpr, BN: tl.constexpr, WARPS: tl.constexpr):
    """Return zeros, laid out as `places`."""
    return tl.zeros([BM // (4 * WARPS), BN // 8, 4 * WARPS, 8], tl.float32)


@triton.jit
def flat(tile, BM: tl.constexpr, BN: tl.constexpr):
    """Return a tile laid out as `places` as "BM BN"."""
    return tl.reshape(tl.permute(tile, (0, 2, 1, 3)), [BM, BN])


@triton.jit
def matrix(pointer, rows, columns, height, width):
    """Return the block at `rows` × `columns` of a row-major matrix; 0 where it does not reach."""
    inside = (rows[:, None] < height) & (columns[None, :] < width)
    return tl.load(pointer + rows[:, None] * width + columns[None, :], mask=inside, other=0.0)


@triton.jit
def allowed(sight, rows, columns, height, width, row_stride, column_stride, MASKED: tl.constexpr):
    """Return which pairs exist and may meet: rows and columns in shapes that broadcast to one another.

    `sight` points to bytes, 0 where a query may not look.
    """
    inside = (rows < height) & (columns < width)
    if MASKED:
        place = sight + rows * row_stride + columns * column_stride
        inside = inside & (tl.load(place, mask=inside, other=0) != 0)
    return inside


@triton.jit
def online(score, best, total):
    """Take a tile of base-2 scores into a running softmax over its rows  (Milakov & Gimelshein, 2018).

    score: laid out as `places`; best, total: "BM/4w 4w", the maximum and the sum of each row so far.
    Returns the tile's weights before division, the new maxima and sums, and the factor by which all that was
    summed with the former maximum shrinks. A row without any score stays at zero.
    """
    highest = tl.maximum(best, tl.max(tl.max(score, 1), 2))
    base = tl.where(highest == float("-inf"), 0.0, highest)
    weight = tl.exp2(score - base[:, None, :, None])
    shrink = tl.exp2(best - base)
    return weight, highest, total * shrink + tl.sum(tl.sum(weight, 1), 2), shrink


@triton.jit
def normaliser(best, total):
    """Return 1 / Σ and the base-2 log-sum-exp of each row; 0 and +∞ for a row that may look nowhere."""
    empty = total == 0.0
    scale = tl.where(empty, 0.0, 1.0 / tl.where(empty, 1.0, total))
    return scale, tl.where(empty, float("inf"), best + tl.log2(tl.where(empty, 1.0, total)))
