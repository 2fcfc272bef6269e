"""δ = Σ do·out of each row, which every backward of a softmax begins with, in one reading of both."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from foveal.attention.kernels.blocks import matrix
from foveal.attention.kernels.layout import launch, power_of_2

TILE, WARPS = 4096, 4
"""How many numbers of both a program holds, and by how many warps."""


@triton.jit
def products(do, out, delta, rows_in_all, WIDTH: tl.constexpr, WP: tl.constexpr, BM: tl.constexpr):
    """Write Σ do·out of BM rows."""
    rows, columns = tl.program_id(0).to(tl.int64) * BM + tl.arange(0, BM), tl.arange(0, WP)
    given = matrix(do, rows, columns, rows_in_all, WIDTH).to(tl.float32)
    found = matrix(out, rows, columns, rows_in_all, WIDTH).to(tl.float32)
    tl.store(delta + rows, tl.sum(given * found, 1), mask=rows < rows_in_all)


def delta(do: Tensor, out: Tensor) -> Tensor:
    """Return Σ do·out over the last axis, "g n" in float32, of contiguous "g n dv"."""
    g, n, width = out.shape
    sums = torch.empty(g, n, device=out.device)
    padded = power_of_2(width)
    rows = max(1, TILE // padded)
    grid = (triton.cdiv(g * n, rows),)
    products[grid](do, out, sums, g * n, WIDTH=width, WP=padded, BM=rows, **launch(WARPS))
    return sums
