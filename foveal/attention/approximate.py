"""Additive attention by sines: scores become products of features, near the exact ones as far as told."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from foveal.attention.build import Spec, at_least
from foveal.attention.core import Attention, pick
from foveal.attention.linear import as_given
from foveal.attention.normalisers import Softmax, masked_softmax
from foveal.attention.routes import run
from foveal.attention.scores import Additive

LEAST = 4.0
"""L at least: below it, the shifted tanh would come nearer than what the terms left out amount to."""


class Series(NamedTuple):
    """tanh x ≈ Σ_r c_r sin(ω_r x) for each feature: ω and c, "… r 1 d"."""

    omega: Tensor
    c: Tensor


def series(q: Tensor, k: Tensor, terms: int) -> Series:
    """Return the series that holds up to the largest |q_d| + |k_d| of a feature; L has no gradient."""
    own, other = (pad(x.detach().abs(), (0, 0, 1, 0)).amax(-2, keepdim=True) for x in (q, k))
    reach = own + other
    length = reach.to(torch.promote_types(reach.dtype, torch.float32)).clamp(min=LEAST).unsqueeze(-3)
    odd = torch.arange(1, 2 * terms, 2, device=q.device)[:, None, None]
    omega = odd * (math.pi / 2) / length
    return Series(omega, (math.pi / length) / torch.sinh(omega * (math.pi / 2)))


def score(q: Tensor, k: Tensor, w: Tensor, waves: Series) -> Tensor:
    """Return Σ_d w_d Σ_r c_r sin(ω_r(q_d + k_d)), "*batch q k", as one product of 2·terms·d features."""
    angle_q, angle_k = (waves.omega * x.to(waves.omega.dtype).unsqueeze(-3) for x in (q, k))  # … r n d
    amplitude = waves.c * w.to(waves.c.dtype)
    own = torch.cat([amplitude * angle_q.sin(), amplitude * angle_q.cos()], -3)
    other = torch.cat([angle_k.cos(), angle_k.sin()], -3)
    own, other = (x.transpose(-3, -2).flatten(-2) for x in (own, other))
    with as_given(q):
        return own @ other.transpose(-1, -2)


def additive_by_sines(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, mask: Tensor | None = None, *, terms: int = 8
) -> Tensor:
    """Return softmax of `score` times v, the plain route of the kernel of that name."""
    return masked_softmax(score(q, k, w, series(q, k, terms)), mask).to(v.dtype) @ v


def seen(k: Tensor, mask: Tensor | None) -> Tensor:
    """Return the keys, 0 in place of those that no query may see, so that they do not decide L."""
    return k if mask is None else k.masked_fill(~mask.any(-2).unsqueeze(-1), 0)


class AdditiveBySines(Additive):
    """vᵀ Σ_r c_r sin(ω_r (W_q q + W_k k)), r ≤ `terms`: `additive` with tanh as a series, by products alone.

    (The score: Bahdanau et al., 2015.) ω_r = (2r − 1)π / 2L, c_r = (π/L) / sinh(πω_r/2); L, for each feature,
    is the largest |W_q q| plus the largest |W_k k| at hand, at least 4, so that no range is wrong. An
    approximation, never taken unless named. tanh is off by 0.0007 at most for 8 terms at L = 4, by 0.009 at
    L = 8, where 4 terms are off by 0.1. As L is common, a query depends, within that error, on the others.
    Time O(q·k·terms·hidden) of matrix products; memory O((q + k)·terms·hidden + q·k) by the plain route.

    Choose it in place of `additive` for many queries over many keys, where its error is no matter.
    """

    rows_alone: ClassVar[bool] = False

    def __init__(
        self,
        q_dim: int,
        k_dim: int,
        *,
        terms: int = 8,
        hidden: int | None = None,
        normaliser: Spec = "softmax",
    ) -> None:
        super().__init__(q_dim, k_dim, hidden=hidden, normaliser=normaliser)
        at_least(1, terms=terms)
        self.terms = terms

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the score of the series, "*batch q k"."""
        q, k = self.project(q, k)
        return score(q, k, self.v, series(q, k, self.terms))

    def weights(self, q: Tensor, k: Tensor, mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Return where each query looks, "*batch q k"."""
        return self.rows(q, k, torch.arange(q.shape[-2], device=q.device), mask, bias)

    def rows(
        self, q: Tensor, k: Tensor, rows: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the weights of the queries with indices `rows` "r", "*batch r k", with the L of all."""
        q, k = self.project(q, k)
        k = seen(k, mask)
        found = score(q.index_select(-2, rows), k, self.v, series(q, k, self.terms))
        bias = pick(bias, rows)
        weights: Tensor = self.normaliser(found if bias is None else found + bias, pick(mask, rows))
        return weights.to(q.dtype)

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the attended values, by the fused kernel where there is one: without a bias."""
        if bias is not None or not isinstance(self.normaliser, Softmax):
            return Attention.attend(self, q, k, v, mask, bias)
        q, k = self.project(q, k)
        given = (q, seen(k, mask), v, self.v, mask)
        return run("additive_by_sines", additive_by_sines, *given, terms=self.terms)

    def row_bytes(self, q: Tensor, k: Tensor) -> int:
        """Return the bytes of a row: its features, twice, on top of the weights; those of the keys stay."""
        weights = Attention.row_bytes(self, q, k)
        return weights + weights // (k.shape[-2] or 1) * self.terms * self.v.shape[0]
