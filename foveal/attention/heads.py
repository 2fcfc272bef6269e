"""Several heads of one mechanism side by side, for self- and cross-attention."""

from __future__ import annotations

from einops import rearrange
from torch import Tensor, nn

from foveal.attention.core import Attention
from foveal.attention.position import Rotary
from foveal.attention.scores import ScaledDot


class MultiHead(nn.Module):
    """softmax-weighted values in `heads` subspaces, joined by W^O  (Vaswani et al., 2017).

    d_k = d_v = dim / heads. `memory_dim`: size of what is looked at, if it differs from `dim`.
    `rotary`: turns queries and keys by positions given to `forward`. Time O(n·dim² + q·k·dim).
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        memory_dim: int | None = None,
        mechanism: Attention | None = None,
        rotary: Rotary | None = None,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(memory_dim or dim, dim)
        self.value = nn.Linear(memory_dim or dim, dim)
        self.out = nn.Linear(dim, dim)
        self.mechanism = mechanism or ScaledDot()
        self.rotary = rotary

    def _split(self, x: Tensor) -> Tensor:
        return rearrange(x, "b n (h d) -> b h n d", h=self.heads)

    def project(
        self, x: Tensor, memory: Tensor, positions: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return q, k, v by head, "b h n d" each, turned by `positions` (of queries, of keys) where given."""
        q, k, v = self._split(self.query(x)), self._split(self.key(memory)), self._split(self.value(memory))
        if self.rotary is not None and positions is not None:
            q, k = self.rotary(q, positions[0]), self.rotary(k, positions[1])
        return q, k, v

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        bias: Tensor | None = None,
        positions: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Return what each place of `x` finds in `memory` (or in itself). mask: "b #q k"; bias: "b h q k"."""
        q, k, v = self.project(x, x if memory is None else memory, positions)
        mask = None if mask is None else mask[:, None]
        seen: Tensor = self.out(rearrange(self.mechanism(q, k, v, mask, bias), "b h n d -> b n (h d)"))
        return seen

    def look(
        self,
        x: Tensor,
        memory: Tensor,
        *,
        mask: Tensor | None = None,
        bias: Tensor | None = None,
        positions: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return `forward`'s result and the mean look of the heads, "b q k"."""
        q, k, v = self.project(x, memory, positions)
        mask = None if mask is None else mask[:, None]
        values, weights = self.mechanism.look(q, k, v, mask, bias)
        return self.out(rearrange(values, "b h n d -> b n (h d)")), weights.mean(1)
