"""Attention over time: the same q, k, v, whose places are the frames of a clip."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import softplus

from foveal.attention.build import Spec, beyond_zero
from foveal.attention.core import pick
from foveal.attention.scores import ScaledDot


class Temporal(ScaledDot):
    """softmax of qᵀk / √d − s_h·|age| over frames, with `causal` none later than one's own.

    age = (i + k − q) − j, in frames: the last query stands at the last key, so that the newest frames can ask
    all that are kept. s_h > 0, how fast the past fades, is learned for each head and starts at `fading`  (the
    linear fading of Press et al., 2022; over frames, place by place: Bertasius et al., 2021). "*batch" ends
    with the heads if there are several. Time O(q·k·d); memory O(q·k).

    Choose it for the frames of a clip of one text: newer frames count more.
    """

    any_order: ClassVar[bool] = False
    rows_alone: ClassVar[bool] = False

    def __init__(
        self, heads: int = 1, *, causal: bool = True, fading: float = 0.1, normaliser: Spec = "softmax"
    ) -> None:
        super().__init__(normaliser=normaliser)
        beyond_zero(fading=fading)
        self.causal = causal
        self.raw = nn.Parameter(torch.full((heads,), math.log(math.expm1(fading))))

    def weights(self, q: Tensor, k: Tensor, mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Return how much each frame looks at each, "*batch q k"."""
        return super().weights(q, k, *self._timed(self._ages(q, k), mask, bias))

    def rows(
        self, q: Tensor, k: Tensor, rows: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the weights of the frames with indices `rows` "r" only, "*batch r k"."""
        ages = self._ages(q, k).index_select(0, rows)
        timed = self._timed(ages, pick(mask, rows), pick(bias, rows))
        return super().weights(q.index_select(-2, rows), k, *timed)

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return what each frame finds, by the fused kernel with the ages as a bias."""
        return super().attend(q, k, v, *self._timed(self._ages(q, k), mask, bias))

    def _ages(self, q: Tensor, k: Tensor) -> Tensor:
        """Return by how many frames each key is older than each query, "q k"."""
        frames = torch.arange(k.shape[-2], device=k.device)
        now = torch.arange(q.shape[-2], device=q.device) + (k.shape[-2] - q.shape[-2])
        return now[:, None] - frames

    def _timed(self, ages: Tensor, mask: Tensor | None, bias: Tensor | None) -> tuple[Tensor | None, Tensor]:
        """Return the mask and the bias with what the ages say."""
        faded = -softplus(self.raw)[:, None, None] * ages.abs()
        if self.raw.shape[0] == 1:
            faded = faded.squeeze(0)
        if self.causal:
            mask = ages >= 0 if mask is None else mask & (ages >= 0)
        return mask, faded if bias is None else bias + faded


class AlongTime(nn.Module):
    """Self-attention of each place with itself in other frames  (divided space-time, Bertasius et al., 2021).

    heads: a module of x "b t d" and the keyword mask "b 1 t": `MultiHead(dim, heads, mechanism="temporal")`.
    Time n times that of the heads over t frames, instead of (t·n)² for places and frames at once.

    Choose it for films of a page or a sign whose places stay where they are.
    """

    def __init__(self, heads: nn.Module) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return what each place finds over time. x: "b t n d"; valid: "b t", frames that exist."""
        places = x.shape[2]
        mask = None if valid is None else valid.repeat_interleave(places, 0)[:, None]
        seen = self.heads(rearrange(x, "b t n d -> (b n) t d"), mask=mask)
        out: Tensor = rearrange(seen, "(b n) t d -> b t n d", n=places)
        return out
