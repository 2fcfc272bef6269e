"""Sparse attention over neighbourhoods: each query meets the keys near it, in tiles, in linear time.

`weights` masks the whole score with `pattern`. `attend` cuts queries into tiles, each with the keys of its
tile and a halo around it, and never builds anything of size q×k.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from foveal.attention.build import Spec, at_least, build, read, wholes
from foveal.attention.core import Attention, pick
from foveal.attention.normalisers import Softmax
from foveal.attention.routes import run
from foveal.attention.scores import SCORES, ScaledDot
from foveal.attention.tiles import Tiling, parts, sides, tiled, together
from foveal.errors import ConfigError


class Sparse(Attention):
    """A score among the keys that `pattern` allows: give `pattern`, and an `attend` that skips the rest.

    score: any of SCORES, by name or with its options; q_dim, k_dim: its sizes, where it has parameters. Keys
    outside the pattern cost nothing in `attend`, and O(q·k) in `weights`.
    """

    any_order: ClassVar[bool] = False
    rows_alone: ClassVar[bool] = False

    def __init__(
        self,
        q_dim: int | None = None,
        k_dim: int | None = None,
        *,
        score: Spec = "scaled_dot",
        normaliser: Spec = "softmax",
    ) -> None:
        super().__init__(normaliser=normaliser)
        options = read(score)
        if "normaliser" in options:
            raise ConfigError("a score inside a pattern has no normaliser", remedy="give it to the pattern")
        given = {"q_dim": q_dim, "k_dim": k_dim}
        sizes = {name: size for name, size in given.items() if size is not None}
        self.scorer: Attention = build(SCORES, options | {"normaliser": normaliser}, **sizes)

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the score that was chosen, whatever the pattern: "*batch q k"."""
        return self.scorer.score(q, k)

    def row_bytes(self, q: Tensor, k: Tensor) -> int:
        """Return the bytes of a row of the chosen score."""
        return self.scorer.row_bytes(q, k)

    def pattern(self, rows: Tensor, keys: int) -> Tensor:
        """Return which of `keys` keys the queries with indices `rows` "r" may look at, "r k"."""
        raise NotImplementedError

    def weights(self, q: Tensor, k: Tensor, mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Return the weights with all keys outside the pattern masked, "*batch q k"."""
        return self._among(q, k, torch.arange(q.shape[-2], device=q.device), mask, bias)

    def rows(
        self, q: Tensor, k: Tensor, rows: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the weights of the queries with indices `rows` "r", "*batch r k", without the others."""
        return self._among(q.index_select(-2, rows), k, rows, pick(mask, rows), pick(bias, rows))

    def _among(self, q: Tensor, k: Tensor, rows: Tensor, mask: Tensor | None, bias: Tensor | None) -> Tensor:
        allowed = self.pattern(rows, k.shape[-2])
        return super().weights(q, k, allowed if mask is None else mask & allowed, bias)


class Tiled(Sparse):
    """Base of mechanisms whose pattern is `near(i, j)` and holds only within a tile and its halo."""

    def near(self, i: Tensor, j: Tensor) -> Tensor:
        """Return whether query i may look at key j."""
        raise NotImplementedError

    def tiling(self, places: int) -> Tiling:
        """Return how up to `places` queries and keys are cut."""
        raise NotImplementedError

    def pattern(self, rows: Tensor, keys: int) -> Tensor:
        """Return near(i, j), "r k"."""
        return self.near(rows[:, None], torch.arange(keys, device=rows.device))

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the values tile by tile, each tile by the score's own route."""
        tiling = self.tiling(max(q.shape[-2], k.shape[-2]))
        return tiled(q, k, v, mask, bias, near=self.near, tiling=tiling, attend=self.scorer.attend)


def within(i: Tensor, j: Tensor, *, window: int) -> Tensor:
    """Return |i − j| ≤ window."""
    return (i - j).abs() <= window


def bands(window: int, places: int) -> Tiling:
    """Return tiles as long as the window, and at least 16: three windows of keys for each of queries."""
    block, halo = sides(window, places, least=16)
    return Tiling((block, 1), (halo, 0), 1)


def among(q: Tensor, k: Tensor, v: Tensor, allowed: Tensor | None, bias: Tensor | None) -> Tensor:
    """Return softmax(qᵀk / √d) v among the allowed keys, by torch's fused kernel."""
    assert bias is None, "goes by the score's own route"
    seen: Tensor = scaled_dot_product_attention(q, k, v, attn_mask=allowed)
    return seen


def local(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, window: int) -> Tensor:
    """Return softmax(qᵀk / √d) v over |i − j| ≤ window, the plain route of the kernel of that name."""

    tiling = bands(window, max(q.shape[-2], k.shape[-2]))
    return tiled(q, k, v, mask, near=partial(within, window=window), tiling=tiling, attend=among)


class Local(Tiled):
    """softmax of the score over |i − j| ≤ window  (Parmar et al., 2018; Beltagy et al., 2020).

    i and j count places along q and k, which may differ in length. Time and memory O(q·window·d).

    Choose it for features of a strip among themselves, whose next of kin stand beside them.
    """

    def __init__(
        self,
        q_dim: int | None = None,
        k_dim: int | None = None,
        *,
        window: int = 16,
        score: Spec = "scaled_dot",
        normaliser: Spec = "softmax",
    ) -> None:
        super().__init__(q_dim, k_dim, score=score, normaliser=normaliser)
        at_least(0, window=window)
        self.window = window

    def near(self, i: Tensor, j: Tensor) -> Tensor:
        """Return |i − j| ≤ window."""
        return within(i, j, window=self.window)

    def tiling(self, places: int) -> Tiling:
        """Return tiles as long as the window."""
        return bands(self.window, places)

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the values tile by tile; of scaled dot products by the fused kernel where there is one."""
        fused = isinstance(self.scorer, ScaledDot) and isinstance(self.normaliser, Softmax)
        if bias is None and fused:
            return run("local", local, q, k, v, mask, window=self.window)
        return super().attend(q, k, v, mask, bias)


class Local2D(Tiled):
    """softmax of the score over neighbours on a map: |Δouter| ≤ window[0], |Δinner| ≤ window[1].

    (Parmar et al., 2018; Hassani et al., 2023, whose window stops at the border where this one is cut.)
    Place i stands at (i // inner, i % inner): `inner` is the width of a map "(h w)" flattened row by row, or
    the height of one flattened column by column, "(w h)", whose width is then free. The last row may be
    incomplete. Time and memory O(q · window[0] · window[1] · d).

    Choose it for a map of features before its rows are merged, or for a page.
    """

    def __init__(
        self,
        q_dim: int | None = None,
        k_dim: int | None = None,
        *,
        inner: int = 4,
        window: tuple[int, int] = (7, 3),
        score: Spec = "scaled_dot",
        normaliser: Spec = "softmax",
    ) -> None:
        super().__init__(q_dim, k_dim, score=score, normaliser=normaliser)
        if not wholes(window, least=0) or len(window) != 2:
            raise ConfigError(f"window is {window}", remedy="[outer axis, inner axis], each 0 or more")
        at_least(1, inner=inner)
        self.inner, self.window = inner, (window[0], window[1])

    def near(self, i: Tensor, j: Tensor) -> Tensor:
        """Return whether j lies in the window around i on the map."""
        outer = (i // self.inner - j // self.inner).abs() <= self.window[0]
        return outer & ((i % self.inner - j % self.inner).abs() <= self.window[1])

    def tiling(self, places: int) -> Tiling:
        """Return tiles as large as the window, and at least 4 along both axes."""
        outer, outer_halo = sides(self.window[0], parts(places, self.inner), least=4)
        inner, inner_halo = sides(self.window[1], self.inner, least=4)
        return Tiling((outer, inner), (outer_halo, inner_halo), self.inner)


class Chunked(Tiled):
    """softmax of the score over the keys of one's own chunk: i // size = j // size  (Qiu et al., 2020).

    Chunks do not see each other. Time and memory O(q·size·d), without any overlap.

    Choose it where the text comes in pieces of its own, or between layers that mix across.
    """

    def __init__(
        self,
        q_dim: int | None = None,
        k_dim: int | None = None,
        *,
        size: int = 32,
        score: Spec = "scaled_dot",
        normaliser: Spec = "softmax",
    ) -> None:
        super().__init__(q_dim, k_dim, score=score, normaliser=normaliser)
        at_least(1, size=size)
        self.size = size

    def near(self, i: Tensor, j: Tensor) -> Tensor:
        """Return whether i and j stand in one chunk."""
        return i // self.size == j // self.size

    def tiling(self, places: int) -> Tiling:
        """Return the chunks, without halo."""
        block, _ = sides(self.size, places, least=1)
        return Tiling((block, 1), (0, 0), 1)

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the values chunk by chunk; without a mask at all where the chunks are whole."""
        known = isinstance(q.shape[-2], int)  # an exported graph leaves lengths open
        whole = known and q.shape[-2] == k.shape[-2] and q.shape[-2] % self.size == 0
        if mask is not None or bias is not None or not whole:
            return super().attend(q, k, v, mask, bias)
        q, k, v = (x.reshape(*x.shape[:-2], -1, self.size, x.shape[-1]) for x in (q, k, v))
        return together(self.scorer.attend, q, k, v, None, None).flatten(-3, -2)
