"""Sparse attention over keys drawn at random: fixed, re-drawn while training, or beside near and global ones.

A block of queries shares its draw, so that keys are gathered once a block and met in one product. Keys are
drawn by a hash of (seed, block, part): the same on every device, for every batch and for some of the rows
alone, without a generator's state. The keys, as a ring cut at a random place, fall into as many equal parts
as are drawn, and one is drawn from each: none is drawn twice, and all are as likely.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from foveal.attention.build import Spec, at_least
from foveal.attention.core import pick
from foveal.attention.normalisers import Softmax
from foveal.attention.routes import run
from foveal.attention.scores import ScaledDot
from foveal.attention.sparse import Sparse, among
from foveal.attention.tiles import at, parts, together

_WORD = 0xFFFFFFFF


def scramble(x: Tensor) -> Tensor:
    """Return a hash in [0, 2³²) of integers in [0, 2³²)  (lowbias32, Wellons, 2018)."""
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & _WORD
    x = ((x ^ (x >> 15)) * 0x846CA68B) & _WORD
    return x ^ (x >> 16)


def drawn(seed: Tensor, blocks: Tensor, count: int, keys: int) -> Tensor:
    """Return `count` different keys out of `keys` (or all, if fewer) for each of `blocks` "t": "t count"."""
    count = min(count, keys)
    if count == 0:
        return blocks.new_zeros(blocks.shape[0], 0)
    edges = torch.arange(count + 1, device=blocks.device) * keys // count
    part = torch.arange(count, device=blocks.device)
    row = scramble((seed + blocks * 0x9E3779B1) & _WORD)[:, None]
    chance = scramble((row + part * 0x85EBCA6B) & _WORD)
    ring = edges[-1]  # keys, as a tensor, which an exported graph can reckon with
    place = (row * ring >> 32) + edges[:-1] + (chance * edges.diff() >> 32)
    return torch.where(place < ring, place, place - ring)


def gather(x: Tensor, places: Tensor) -> Tensor:
    """Return the places "t c" of "… n d": "… t c d"."""
    return x.index_select(-2, places.flatten()).reshape(*x.shape[:-2], *places.shape, x.shape[-1])


def random(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    columns: Tensor,
    allowed: Tensor | None,
    *,
    block: int,
    attend: Callable[..., Tensor] = among,
    bias: Tensor | None = None,
) -> Tensor:
    """Return attention of blocks of `block` queries on the keys "t c" drawn for each, as the kernel does.

    allowed: "*#batch t block c", which pairs count; bias: the same shape, added to the score of `attend`.
    """
    rows = torch.arange(columns.shape[0] * block, device=q.device).clamp(max=q.shape[-2] - 1)
    queries = gather(q, rows.view(-1, block))
    out = together(attend, queries, gather(k, columns), gather(v, columns), allowed, bias)
    return out.flatten(-3, -2)[..., : q.shape[-2], :]


class Random(Sparse):
    """softmax of the score over `keys` keys drawn by `seed`  (the random part of Zaheer et al., 2020).

    The draw is made for each block of `block` queries and depends on the seed and the number of keys; heads
    and batch share it. `block=1` draws for each query, at the price of gathering its keys for it alone.
    Time O(q·keys·d); memory O(q·keys·(1 + d/block)).

    Choose it to bring far places together cheaply, beside a layer that sees near ones.
    """

    def __init__(
        self,
        q_dim: int | None = None,
        k_dim: int | None = None,
        *,
        keys: int = 16,
        block: int = 16,
        seed: int = 0,
        score: Spec = "scaled_dot",
        normaliser: Spec = "softmax",
    ) -> None:
        super().__init__(q_dim, k_dim, score=score, normaliser=normaliser)
        at_least(1, keys=keys, block=block)
        self.keys, self.block = keys, block
        self.seed: Tensor
        self.register_buffer("seed", torch.tensor(seed & _WORD))

    def pattern(self, rows: Tensor, keys: int) -> Tensor:
        """Return the drawn keys as a mask, "r k"."""
        allowed = torch.zeros(rows.shape[0], keys, dtype=torch.bool, device=rows.device)
        return allowed.scatter(1, drawn(self.seed, rows // self.block, self.keys, keys), True)

    def candidates(self, blocks: Tensor, rows: Tensor, keys: int) -> tuple[Tensor, Tensor | None]:  # noqa: ARG002
        """Return the keys "t c" of blocks "t" of queries "t a", and which pairs count, "t a c"; None: all."""
        return drawn(self.seed, blocks, self.keys, keys), None

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the values block by block, keys gathered; of scaled dot products by the fused kernel."""
        blocks = torch.arange(parts(q.shape[-2], self.block), device=q.device)
        rows = blocks[:, None] * self.block + torch.arange(self.block, device=q.device)
        rows = rows.clamp(max=q.shape[-2] - 1)
        columns, allowed = self.candidates(blocks, rows, k.shape[-2])
        if mask is not None:
            seen = at(mask, rows, columns)
            allowed = seen if allowed is None else allowed & seen
        if bias is not None:
            bias = at(bias, rows, columns)
        if bias is None and isinstance(self.scorer, ScaledDot) and isinstance(self.normaliser, Softmax):
            return run("random", random, q, k, v, columns, allowed, block=self.block)
        return random(q, k, v, columns, allowed, block=self.block, attend=self.scorer.attend, bias=bias)


class RandomDynamic(Random):
    """`Random` whose keys are drawn anew for each call while training; the last draw stays for evaluation.

    The new seed comes from torch's generator, so `torch.manual_seed` repeats a run and checkpointing sees the
    same keys twice. `weights` shows the keys of the last call  (after Zaheer et al., 2020). Time and memory
    are those of `Random`.

    Choose it over `random` to train a model that must not lean on which keys were drawn.
    """

    draws = True

    def draw(self) -> None:
        """Choose the seed of the coming call, while training."""
        if self.training:
            self.seed.copy_(torch.randint(2**32, (), device=self.seed.device))


class Structured(Random):
    """softmax of the score over near, global and random keys  (BigBird, Zaheer et al., 2020).

    Query i may look at key j where |i − j| ≤ window, or j < anchors, or i < anchors (the first places see
    all and are seen by all), or j is one of `keys` keys drawn by `seed` for i's block of `block` queries.
    With c = block + 2·window + anchors + keys: time O(q·c·d + anchors·k·d), memory O(q·c·(1 + d/block)).

    Choose it for sequences too long to be seen whole: a page's words, a book's lines.
    """

    def __init__(
        self,
        q_dim: int | None = None,
        k_dim: int | None = None,
        *,
        window: int = 8,
        anchors: int = 2,
        keys: int = 8,
        block: int = 16,
        seed: int = 0,
        score: Spec = "scaled_dot",
        normaliser: Spec = "softmax",
    ) -> None:
        sizes = (q_dim, k_dim)
        super().__init__(*sizes, keys=keys, block=block, seed=seed, score=score, normaliser=normaliser)
        at_least(0, window=window, anchors=anchors)
        self.window, self.anchors = window, anchors

    def pattern(self, rows: Tensor, keys: int) -> Tensor:
        """Return near ∨ global ∨ random, "r k"."""
        i, j = rows[:, None], torch.arange(keys, device=rows.device)
        near = (i - j).abs() <= self.window
        return super().pattern(rows, keys) | near | (i < self.anchors) | (j < self.anchors)

    def candidates(self, blocks: Tensor, rows: Tensor, keys: int) -> tuple[Tensor, Tensor]:
        """Return near, global and drawn keys in this order; a pair counts where it comes first."""
        reach = torch.arange(-self.window, self.block + self.window, device=rows.device)
        near = blocks[:, None] * self.block + reach
        anchors = torch.arange(min(self.anchors, keys), device=rows.device).expand(blocks.shape[0], -1)
        chance = drawn(self.seed, blocks, self.keys, keys)
        close, anchored, drawn_close = (
            (rows[..., None] - part[:, None, :]).abs() <= self.window for part in (near, anchors, chance)
        )
        exists = ((near >= 0) & (near < keys))[:, None]
        beyond = (chance >= self.anchors)[:, None]
        allowed = torch.cat([close & exists, ~anchored, ~drawn_close & beyond], dim=-1)
        return torch.cat([near.clamp(0, keys - 1), anchors, chance], dim=1), allowed

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the values block by block; the first places look at everything by the score's own route."""
        first = torch.arange(min(self.anchors, q.shape[-2]), device=q.device)
        top = self.scorer.attend(q.index_select(-2, first), k, v, pick(mask, first), pick(bias, first))
        return torch.cat([top, super().attend(q, k, v, mask, bias)[..., first.shape[0] :, :]], dim=-2)
