"""What other projects offer for the same, imported where it is used: one that is absent has no figures.

pip install local-attention performer-pytorch timm flash-attn    (the last on an NVIDIA GPU)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import elu

Way = Callable[..., Tensor]


@cache
def near_by(window: int, device: torch.device) -> Way:
    from local_attention import LocalAttention

    options = {"causal": False, "look_forward": 1, "exact_windowsize": True, "use_rotary_pos_emb": False}
    attend: Way = LocalAttention(window_size=window, autopad=True, **options).to(device)
    return attend


def local_attention(q: Tensor, k: Tensor, v: Tensor, *, window: int) -> Tensor:
    """Return attention over |i − j| ≤ window by local-attention."""
    return near_by(window, q.device)(q, k, v)


def window_flash(q: Tensor, k: Tensor, v: Tensor, *, window: int) -> Tensor:
    """Return attention over |i − j| ≤ window by flash-attn."""
    from flash_attn import flash_attn_func

    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    out: Tensor = flash_attn_func(q, k, v, window_size=(window, window)).transpose(1, 2)
    return out


def performer(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return linear attention with φ = elu + 1 by performer-pytorch."""
    from performer_pytorch.performer_pytorch import linear_attention

    out: Tensor = linear_attention(elu(q) + 1, elu(k) + 1, v)
    return out


@cache
def weighed(channels: int, device: torch.device, dtype: torch.dtype) -> Way:
    from timm.layers.cbam import CbamModule

    gate: Way = CbamModule(channels, rd_ratio=0.25, spatial_kernel_size=7).to(device, dtype)
    return gate


def cbam(x: Tensor) -> Tensor:
    """Return x gated by timm's CBAM, which sees its places once the channels are weighed."""
    return weighed(x.shape[1], x.device, x.dtype)(x)
