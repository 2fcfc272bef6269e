"""Additive attention that knows where it looked before: queries one after another."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from foveal.attention.build import Spec
from foveal.attention.core import Attention
from foveal.attention.scores import width
from foveal.errors import ConfigError


class Location(Attention):
    """vᵀ tanh(W_q q_i + W_k k_j + U f_ij), f_i = F ∗ α_{i−1}: the look before, convolved, leads the next.

    (Chorowski et al., 2015.) α_{−1} = 0; F: `filters` of `kernel` taps (odd) along the keys. Queries are
    taken one after another, so their order, and that of the keys, matters. `hidden` is d_q unless told.
    Time O(q·k·(hidden·filters + filters·kernel)) in q steps; memory O(k·hidden) a step.

    Choose it for a decoder that must go on along a line without skips and repeats.
    """

    unequal = True
    any_order = False
    rows_alone = False
    exports = False

    def __init__(
        self,
        q_dim: int,
        k_dim: int,
        *,
        hidden: int | None = None,
        filters: int = 10,
        kernel: int = 31,
        normaliser: Spec = "softmax",
    ) -> None:
        super().__init__(normaliser=normaliser)
        if filters < 1 or kernel < 1 or kernel % 2 == 0:
            raise ConfigError(
                f"location cannot have {filters} filters of {kernel} taps", remedy="1 or more, odd"
            )
        hidden = width(hidden, q_dim)
        self.query = nn.Linear(q_dim, hidden, bias=False)
        self.key = nn.Linear(k_dim, hidden, bias=False)
        self.filters = nn.Conv1d(1, filters, kernel, padding=kernel // 2, bias=False)
        self.place = nn.Linear(filters, hidden, bias=False)
        self.v = nn.Parameter(torch.randn(hidden) / math.sqrt(hidden))

    def step(self, q: Tensor, k: Tensor, previous: Tensor) -> Tensor:
        """Return the score "*batch k" of W_q q "*batch hidden" and W_k k "*batch k hidden" after `previous`.

        previous: the weights of the query before, "*batch k".
        """
        lines = previous.reshape(math.prod(previous.shape[:-1]), 1, previous.shape[-1])
        seen = self.filters(lines).transpose(1, 2)
        place = self.place(seen).view(*previous.shape, self.v.shape[0])
        return torch.tanh(q.unsqueeze(-2) + k + place) @ self.v

    def weights(self, q: Tensor, k: Tensor, mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Return where each query looks, one after another: "*batch q k"."""
        shape = (*q.shape[:-1], k.shape[-2])
        if 0 in shape:
            return q[..., :0] @ k[..., :0].transpose(-1, -2)
        masks = [None] * shape[-2] if mask is None else mask.expand(shape).unbind(-2)
        biases = [None] * shape[-2] if bias is None else bias.expand(shape).unbind(-2)
        q, k = self.query(q), self.key(k)
        look, looks = k.new_zeros(*shape[:-2], shape[-1]), []
        for query, allowed, extra in zip(q.unbind(-2), masks, biases, strict=True):
            score = self.step(query, k, look)
            look = self.normaliser(score if extra is None else score + extra, allowed).to(k.dtype)
            looks.append(look)
        return torch.stack(looks, -2)
