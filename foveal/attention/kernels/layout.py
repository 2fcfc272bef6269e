"""How kernels are given their work: tensors as groups (batch × heads) of row-major matrices, and options."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import torch
from torch import Tensor

P = ParamSpec("P")


def groups(x: Tensor, batch: torch.Size) -> Tensor:
    """Return x "*#batch n d" as contiguous "g n d", g being the product of `batch`."""
    return x.expand(*batch, *x.shape[-2:]).reshape(-1, *x.shape[-2:]).contiguous()


def shared(x: Tensor, batch: torch.Size, queries: int, keys: int) -> Tensor:
    """Return x "*#batch #q #k" as "#lead #heads q k": what repeats over all heads, or all else, stands once.

    The last batch axis is the heads; the axes before it are flattened to `lead`.
    """
    x = x.reshape((1,) * (max(len(batch), 1) + 2 - x.dim()) + x.shape)
    if math.prod(x.shape[:-3]) > 1:
        x = x.expand(*batch[:-1], *x.shape[-3:])
    return x.reshape(-1, *x.shape[-3:]).expand(-1, -1, queries, keys)


def sight(mask: Tensor | None, batch: torch.Size, queries: int, keys: int) -> Tensor | None:
    """Return the mask "*#batch #q #k" as bytes "lead heads q k", with strides of 0 where it repeats."""
    if mask is None:
        return None
    lead, heads = math.prod(batch[:-1]), batch[-1] if batch else 1
    return shared(mask.view(torch.uint8), batch, queries, keys).expand(lead, heads, queries, keys)


def padded(length: int, multiple: int) -> int:
    """Return the least multiple of `multiple` that is not below `length`."""
    return -(-length // multiple) * multiple


def power_of_2(size: int) -> int:
    """Return the least power of 2 that is not below `size`, nor below the 16 of a matrix unit."""
    return max(16, 1 << (size - 1).bit_length())


def launch(warps: int, registers: int | None = None, stages: int = 3) -> dict[str, int | None]:
    """Return a launch's options: warps, registers a thread at most (None: any), stages of pipelined loads.

    Multiplications and additions are fused, which Triton from 3.10 on does only where it is told to.
    """
    return {"num_warps": warps, "maxnreg": registers, "num_stages": stages, "enable_fp_fusion": True}


def eager(function: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Return the function on the GPU of its first tensor, left by torch.compile as it is."""

    @wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> Tensor:
        first = next(x for x in (*args, *options.values()) if isinstance(x, Tensor))
        with torch.cuda.device_of(first):
            return function(*args, **options)

    whole: Callable[P, Tensor] = torch.compiler.disable(call)
    return whole
