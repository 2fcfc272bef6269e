"""Hierarchical attention: near keys one by one, far ones by the window they stand in."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from foveal.attention.build import Spec, at_least
from foveal.attention.core import Attention, pick
from foveal.attention.normalisers import Softmax
from foveal.attention.tiles import parts


class TwoLevel(Attention):
    """Keys of one's own window one by one, those of every other window by their mean key and mean value.

    softmax over j of l_ij, where l_ij = s_ij if i // window = j // window, and else the mean of s_ij' over
    the keys j' of j's window that may be seen; s = qᵀk / √d  (Combiner, Ren et al., 2021; local and global
    levels in turn: Twins, Chu et al., 2021). Exact where the keys of each far window are alike.
    Time and memory O(q·(window + k/window)·d), least at window = √k; by the plain route, which a bias or a
    mask that differs between queries takes, O(q·k).

    Choose it for long lines and pages: sharp nearby, and a summary of everything else.
    """

    any_order: ClassVar[bool] = False
    rows_alone: ClassVar[bool] = False

    def __init__(self, *, window: int = 16, normaliser: Spec = "softmax") -> None:
        super().__init__(normaliser=normaliser)
        at_least(1, window=window)
        self.window = window

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """Return qᵀk / √d."""
        scale: float = q.shape[-1] ** -0.5
        return (q * scale) @ k.transpose(-1, -2)

    def weights(self, q: Tensor, k: Tensor, mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Return where each query looks, "*batch q k"; all keys of a far window alike."""
        return self._of(q, k, torch.arange(q.shape[-2], device=q.device), mask, bias)

    def rows(
        self, q: Tensor, k: Tensor, rows: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the weights of the queries with indices `rows` "r", "*batch r k", without the others."""
        return self._of(q.index_select(-2, rows), k, rows, pick(mask, rows), pick(bias, rows))

    def _of(self, q: Tensor, k: Tensor, rows: Tensor, mask: Tensor | None, bias: Tensor | None) -> Tensor:
        score = self.score(q, k)
        if bias is not None:
            score = score + bias
        places = torch.arange(k.shape[-2], device=k.device)
        window = places // self.window
        seen = torch.ones_like(score) if mask is None else mask.to(score.dtype).expand_as(score)
        shape = (*score.shape[:-1], parts(k.shape[-2], self.window))
        total = score.new_zeros(shape).index_add(-1, window, score * seen)
        count = score.new_zeros(shape).index_add(-1, window, seen).clamp(min=1)
        far = (total / count).index_select(-1, window)
        weights: Tensor = self.normaliser(
            torch.where(rows[:, None] // self.window == window, score, far), mask
        )
        return weights

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the values of one softmax over the keys of the own window and the means of the others."""
        by_query = mask is not None and mask.shape[-2] != 1
        if by_query or bias is not None or not isinstance(self.normaliser, Softmax):
            return super().attend(q, k, v, mask, bias)
        seen = torch.ones_like(k[..., :1]) if mask is None else mask.transpose(-1, -2).to(k.dtype)
        seen = seen.expand(*k.shape[:-1], 1)
        queries = self._cut(q, parts(q.shape[-2], self.window))
        near_k, near_v, near_seen = (self._cut(x, queries.shape[-3]) for x in (k, v, seen))
        far_k, far_v, count = self._means(k, v, seen)
        score = torch.cat(
            [self.score(queries, near_k), self.score(queries, far_k) + count.clamp(min=1).log()], dim=-1
        )
        own = torch.arange(queries.shape[-3], device=q.device)[:, None, None]
        elsewhere = (count > 0) & (own != torch.arange(count.shape[-1], device=q.device))
        allowed = torch.cat([near_seen.transpose(-1, -2) > 0, elsewhere], dim=-1)
        weights = self.normaliser(score, allowed).to(v.dtype)
        out: Tensor = weights[..., : self.window] @ near_v + weights[..., self.window :] @ far_v
        return out.flatten(-3, -2)[..., : q.shape[-2], :]

    def _means(self, k: Tensor, v: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the mean key and value of each window, "… 1 t d", and how many keys count, "… 1 1 t"."""
        counted = torch.cat([k * seen, v * seen, seen], dim=-1)
        sums = self._cut(counted, parts(k.shape[-2], self.window)).sum(-2).unsqueeze(-3)
        count = sums[..., -1:]
        means = sums / count.clamp(min=1)
        return means[..., : k.shape[-1]], means[..., k.shape[-1] : -1], count.transpose(-1, -2)

    def _cut(self, x: Tensor, count: int) -> Tensor:
        """Cut "… n d" into the first `count` windows, "… t window d"; what does not exist is 0."""
        x = pad(x, (0, 0, 0, count * self.window - x.shape[-2]))
        return x.reshape(*x.shape[:-2], count, self.window, x.shape[-1])
