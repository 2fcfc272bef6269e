"""Scaled dot attention with a window, a bias and a mask, as one differentiable function: launches `flash`."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from foveal.attention.kernels import flash
from foveal.attention.kernels.delta import delta
from foveal.attention.kernels.layout import groups, launch, power_of_2, shared, sight


class Tiles(NamedTuple):
    """How many queries and keys a program holds at once, by how many warps: the knobs of a launch."""

    rows: int
    columns: int
    warps: int
    stages: int = 3
    """How many tiles of the other side are on their way at once."""


FORWARD = {64: Tiles(64, 32, 4, 3), 128: Tiles(64, 64, 4), 256: Tiles(64, 64, 8)}
QUERIES = {64: Tiles(64, 32, 4, 3), 128: Tiles(64, 64, 8), 256: Tiles(32, 32, 8)}
KEYS = {64: Tiles(64, 64, 4), 128: Tiles(64, 64, 8), 256: Tiles(32, 32, 8)}
"""Up to which size of q and v which tiles; the last holds beyond. QUERIES and KEYS: of the backward, by the
side whose gradients a program holds. Up to 64 measured on an H200 (benchmarks/attention_tune.py).
"""


class Beside(NamedTuple):
    """What stands beside q, k and v: the heads in a batch, the mask as bytes "lead heads n m", the window."""

    heads: int
    seen: Tensor | None
    window: int | None


def _tiles(table: dict[int, Tiles], size: int) -> Tiles:
    return next((tiles for limit, tiles in table.items() if size <= limit), max(table.items())[1])


def _strides(bias: Tensor | None) -> tuple[int, ...]:
    """Return how far apart the places of a bias "lead heads n m" lie, 0 along what repeats."""
    if bias is None:
        return (0, 0, 0, 0)
    return tuple(0 if size == 1 else step for size, step in zip(bias.shape, bias.stride(), strict=True))


class _Common(NamedTuple):
    """What all kernels take alike: what is beside, sizes and strides by position, constants by name."""

    beside: tuple[Tensor, Tensor]
    numbers: tuple[int | float, ...]
    constants: dict[str, Any]


def _common(q: Tensor, v: Tensor, bias: Tensor | None, beside: Beside, tiles: Tiles) -> _Common:
    n, d, m, dv = *q.shape[1:], *v.shape[1:]
    seen_strides = (0, 0, 0, 0) if beside.seen is None else beside.seen.stride()
    constants = {
        "D": d, "DP": power_of_2(d), "DV": dv, "DVP": power_of_2(dv),
        "BM": tiles.rows, "BN": tiles.columns, "MASKED": beside.seen is not None,
        "BIASED": bias is not None, "BANDED": beside.window is not None,
        **launch(tiles.warps, stages=tiles.stages),
    }  # fmt: skip
    numbers = n, m, beside.heads, 1 / math.sqrt(d), beside.window or 0, *_strides(bias), *seen_strides
    added, seen = (q if x is None else x for x in (bias, beside.seen))  # q where the kernel reads nothing
    return _Common((added, seen), numbers, constants)


class _Attention(torch.autograd.Function):
    """softmax(qᵀk/√d + bias) v of q "g n d", k "g m d", v "g m dv" within the window and the mask."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, beside: Beside) -> Tensor:
        """Return "g n dv"."""
        g, n, d = q.shape
        out, lse = v.new_empty(g, n, v.shape[-1]), torch.empty(g, n, device=q.device)
        tiles = _tiles(FORWARD, max(d, v.shape[-1]))
        common = _common(q, v, bias, beside, tiles)
        flash.forward[(g * triton.cdiv(n, tiles.rows),)](
            q, k, v, *common.beside, out, lse, *common.numbers, **common.constants
        )
        ctx.save_for_backward(q, k, v, bias, out, lse)
        ctx.beside = beside
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, do: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of q, k, v and the bias."""
        q, k, v, bias, out, lse = ctx.saved_tensors
        (g, n, d), m, do = q.shape, k.shape[1], do.contiguous()
        by_rows, by_columns = (_tiles(table, max(d, v.shape[-1])) for table in (QUERIES, KEYS))
        common, of_keys = (_common(q, v, bias, ctx.beside, tiles) for tiles in (by_rows, by_columns))
        given = q, k, v, *common.beside, do, lse, delta(do, out)
        dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        grid = (g * triton.cdiv(n, by_rows.rows),)
        flash.queries_side[grid](*given, dq, *common.numbers, **common.constants)
        grid = (g * triton.cdiv(m, by_columns.columns),)
        flash.keys_side[grid](*given, dk, dv, *of_keys.numbers, **of_keys.constants)
        db = _bias_gradient(given, bias, common, ctx.beside) if ctx.needs_input_grad[3] else None
        return dq, dk, dv, db, None


def _bias_gradient(given: tuple[Tensor, ...], bias: Tensor, common: _Common, beside: Beside) -> Tensor:
    """Return Σ ds over all that share a place of the bias, in its shape."""
    n, m, constants = *common.numbers[:2], common.constants
    leads, heads = bias.shape[:2]
    db = torch.empty(leads, heads, int(n), int(m), device=bias.device)
    flash.bias_side[(leads * heads * triton.cdiv(n, constants["BM"]) * triton.cdiv(m, constants["BN"]),)](
        *given, db, given[0].shape[0] // beside.heads, leads, heads, *common.numbers, **constants
    )
    return db.to(bias.dtype)


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    *,
    bias: Tensor | None = None,
    window: int | None = None,
) -> Tensor:
    """Return softmax(qᵀk/√d + bias) v, "*batch q dv", among keys with |i − j| ≤ window that the mask allows.

    q "*batch q d", k "*batch k d", v "*batch k dv", mask and bias "*#batch #q #k".
    """
    batch = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    n, m, heads = q.shape[-2], k.shape[-2], batch[-1] if batch else 1
    added = None if bias is None else shared(bias, batch, n, m)
    beside = Beside(heads, sight(mask, batch, n, m), window)
    out: Tensor = _Attention.apply(groups(q, batch), groups(k, batch), groups(v, batch), added, beside)
    return out.unflatten(0, batch) if batch else out[0]
