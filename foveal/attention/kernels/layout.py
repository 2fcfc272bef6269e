"""How tensors with any batch axes are laid out for a kernel: groups (batch × heads) of row-major matrices."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def groups(x: Tensor, batch: torch.Size) -> Tensor:
    """Return x "*#batch n d" as contiguous "g n d", g being the product of `batch`."""
    return x.expand(*batch, *x.shape[-2:]).reshape(-1, *x.shape[-2:]).contiguous()


def sight(mask: Tensor | None, batch: torch.Size, queries: int, keys: int) -> Tensor | None:
    """Return the mask as bytes "lead heads q k", by strides of 0 where it repeats, or None.

    The last batch axis is the heads; the axes before it are flattened to `lead`.
    """
    if mask is None:
        return None
    mask = mask.reshape((1,) * (len(batch) + 2 - mask.dim()) + mask.shape).view(torch.uint8)
    if len(batch) == 0:
        mask = mask[None]
    *_, own_heads, own_queries, own_keys = mask.shape
    lead, heads = math.prod(batch[:-1]), batch[-1] if batch else 1
    mask = mask.expand(*batch[:-1], own_heads, own_queries, own_keys)
    return mask.reshape(lead, own_heads, own_queries, own_keys).expand(lead, heads, queries, keys)


def padded(length: int, multiple: int) -> int:
    """Return the least multiple of `multiple` that is not below `length`."""
    return -(-length // multiple) * multiple
