"""Several heads of one mechanism side by side, for self- and cross-attention, at once or step by step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn

from foveal.attention.build import Spec, build
from foveal.attention.core import Attention
from foveal.attention.economy import attend_within
from foveal.attention.position import POSITIONS, Position, along
from foveal.attention.registry import MECHANISMS
from foveal.errors import ConfigError

Places = tuple[Tensor, Tensor]
"""Positions of the queries and of the keys."""


@dataclass
class Cache:
    """What was seen so far: keys and values "b g k d" and the positions "b k" of the keys.

    `grows`: whether each step adds itself (self-attention), or the memory was given once; `steps`: queries
    answered so far.
    """

    k: Tensor | None = None
    v: Tensor | None = None
    positions: Tensor | None = None
    grows: bool = True
    steps: int = 0

    def add(self, k: Tensor, v: Tensor, positions: Tensor) -> None:
        """Append keys and values; copying them costs no more than the step that looks at them."""
        self.k = k if self.k is None else torch.cat((self.k, k), 2)
        self.v = v if self.v is None else torch.cat((self.v, v), 2)
        self.positions = positions if self.positions is None else torch.cat((self.positions, positions), 1)


class MultiHead(nn.Module):
    """W^O [head_1; …; head_h], head_i = attention(W_i^Q x, W_i^K m, W_i^V m)  (Vaswani et al., 2017).

    d_k = d_v = dim / heads. x: "b q dim"; m, what is looked at (x itself unless told): "b k memory_dim".
    `key_heads`: fewer heads of keys and values, each shared by heads / key_heads of the queries' (grouped
    queries, Ainslie et al., 2023). `mechanism`, `position`: by name, with options, or built. A mechanism that
    has parameters shares them over the heads. Time O(n·dim²) and the mechanism's.

    Choose it wherever a mechanism stands in a model: it brings projections, positions, caches and budgets.

    >>> MultiHead(12, 3, mechanism="additive", position="rotary")(torch.zeros(2, 5, 12)).shape
    torch.Size([2, 5, 12])
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        memory_dim: int | None = None,
        key_heads: int | None = None,
        mechanism: Attention | Spec = "scaled_dot",
        position: Position | Spec | None = None,
    ) -> None:
        super().__init__()
        key_heads = heads if key_heads is None else key_heads
        if min(dim, heads, key_heads) < 1 or dim % heads or heads % key_heads:
            raise ConfigError(
                f"{dim} channels, {heads} heads, {key_heads} key heads",
                remedy="each must divide the one before",
            )
        each = dim // heads
        self.heads, self.key_heads = heads, key_heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(memory_dim or dim, key_heads * each)
        self.value = nn.Linear(memory_dim or dim, key_heads * each)
        self.out = nn.Linear(dim, dim)
        if not isinstance(mechanism, Attention):
            mechanism = build(MECHANISMS, mechanism, q_dim=each, k_dim=each, heads=heads)
        if not isinstance(position, Position):
            sizes = {"dim": dim, "head_dim": each, "heads": heads}
            position = Position() if position is None else build(POSITIONS, position, **sizes)
        biased = type(position).bias is not Position.bias
        if biased and not mechanism.takes_bias:
            raise ConfigError(
                f"{type(mechanism).__name__} has no score for the bias of {type(position).__name__}",
                remedy="choose a position that turns or is added: rotary, sinusoid, learned",
            )
        self.mechanism, self.position = mechanism, position

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        bias: Tensor | None = None,
        positions: Places | None = None,
        budget: int | None = None,
    ) -> Tensor:
        """Return what each place of `x` finds in `memory` (or in itself), "b q dim".

        mask: "b #q k"; bias: "b h q k", added to the position's own; positions: of queries and of keys,
        0, 1, … unless told; budget: bytes that the mechanism may use at once, see `attend_within`.
        """
        q, k, v, bias = self._inputs(x, x if memory is None else memory, bias, positions)
        mask = None if mask is None else mask[:, None]
        if budget is None:
            return self._join(self.mechanism(q, k, v, mask, bias))
        return self._join(attend_within(budget, self.mechanism, q, k, v, mask=mask, bias=bias))

    def look(
        self,
        x: Tensor,
        memory: Tensor,
        *,
        mask: Tensor | None = None,
        bias: Tensor | None = None,
        positions: Places | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return `forward`'s result and the mean look of the heads, "b q k"."""
        q, k, v, bias = self._inputs(x, memory, bias, positions)
        values, weights = self.mechanism.look(q, k, v, None if mask is None else mask[:, None], bias)
        return self._join(values), weights.mean(1)

    def remember(self, memory: Tensor, positions: Tensor | None = None) -> Cache:
        """Return the keys and values of a memory that every `step` looks at (cross-attention)."""
        positions = self._places(memory) if positions is None else positions
        return Cache(*self._memory(memory, positions), positions, grows=False)

    def step(
        self, x: Tensor, cache: Cache, *, mask: Tensor | None = None, positions: Tensor | None = None
    ) -> Tensor:
        """Return what the next places "b q dim" find: what `forward` gives them within the whole sequence.

        With an empty `Cache()`, each place sees itself and all before it (self-attention), and is kept for
        those to come; with `remember(memory)`, it sees the memory. mask: "b #q k" over all keys so far;
        positions: those of x, counted on from the steps before unless told. Raises ConfigError if the
        mechanism needs all queries together. Cost O(k) a place, where doing it all again would be O(k²).
        """
        return self._join(self.mechanism(*self._next(x, cache, mask, positions)))

    def look_step(
        self, x: Tensor, cache: Cache, *, mask: Tensor | None = None, positions: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return `step`'s result and the mean look of the heads, "b q k"."""
        values, weights = self.mechanism.look(*self._next(x, cache, mask, positions))
        return self._join(values), weights.mean(1)

    def _next(
        self, x: Tensor, cache: Cache, mask: Tensor | None, positions: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor | None]:
        """Return q, k, v by head, mask and bias of the next places; the cache then knows of them."""
        if not self.mechanism.rows_alone:
            raise ConfigError(
                f"{type(self.mechanism).__name__} takes all queries together", remedy="use forward, not step"
            )
        places = self._places(x, start=cache.steps) if positions is None else positions
        cache.steps += x.shape[1]
        if cache.grows:
            cache.add(*self._memory(x, places), places)
            if x.shape[1] > 1:  # a single place sees all there is
                order = torch.arange(cache.steps, device=x.device)
                earlier = order <= order[-x.shape[1] :, None]
                mask = earlier[None] if mask is None else mask & earlier
        assert cache.k is not None
        assert cache.v is not None
        assert cache.positions is not None
        bias = self.position.bias(places, cache.positions)
        k, v = self._spread(cache.k), self._spread(cache.v)
        mask = None if mask is None else mask[:, None]
        return self._queries(x, places), k, v, mask, bias

    def _inputs(
        self, x: Tensor, memory: Tensor, bias: Tensor | None, positions: Places | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Return q, k, v by head, "b h n d" each, and the whole bias."""
        q_places, k_places = (self._places(x), self._places(memory)) if positions is None else positions
        k, v = self._memory(memory, k_places)
        if positions is None:
            own = self.position.bias_along(x.shape[1], memory.shape[1], device=x.device)
        else:
            own = self.position.bias(q_places, k_places)
        bias = own if bias is None else bias if own is None else bias + own
        return self._queries(x, q_places), self._spread(k), self._spread(v), bias

    def _places(self, x: Tensor, start: int = 0) -> Tensor:
        """Return the positions of x where none were given, "1 n": a bias is then made once for all lines."""
        if self.position.axes > 1:
            raise ConfigError("the places of a map cannot be guessed", remedy="give positions=grid(h, w)")
        return along(x.shape[1], start=start, device=x.device)

    def _queries(self, x: Tensor, places: Tensor) -> Tensor:
        q = rearrange(self.query(self.position.embed(x, places)), "b n (h d) -> b h n d", h=self.heads)
        return self.position.turn(q, places)

    def _memory(self, x: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        k, v = self.key(self.position.embed(x, places)), self.value(x)
        k, v = (rearrange(t, "b n (h d) -> b h n d", h=self.key_heads) for t in (k, v))
        return self.position.turn(k, places), v

    def _spread(self, x: Tensor) -> Tensor:
        """Give each key head to the query heads that share it."""
        return x if self.key_heads == self.heads else x.repeat_interleave(self.heads // self.key_heads, 1)

    def _join(self, values: Tensor) -> Tensor:
        out: Tensor = self.out(rearrange(values, "b h n d -> b n (h d)"))
        return out
