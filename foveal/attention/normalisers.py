"""From scores to weights: over the last axis, among the places that may be looked at.

Every normaliser obeys one law: `forward(score, mask)` is not negative, and exactly 0 outside the mask and in
a row that may look nowhere. `shares`: whether the other rows sum to one. Half precision is computed in
float32 where sums are taken, and given back as it came.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

_OUTSIDE = -2.0
"""Below the support of sparsemax and entmax, which ends at 1 under the largest (scaled) score."""


def masked_softmax(score: Tensor, mask: Tensor | None) -> Tensor:
    """Return the softmax of `score` over its last axis among the places where `mask` is true.

    score: "… q k"; mask: broadcastable to it. A row that may look nowhere gives exact zeros, never NaN.
    """
    if mask is None:
        return score.softmax(-1)
    floor = torch.finfo(score.dtype).min  # below any score, and finite: an empty row stays a number
    weights = score.masked_fill(~mask, floor).softmax(-1)
    return weights * mask  # exact 0 outside the mask and in empty rows


class Normaliser(nn.Module):
    """Base of all normalisers: subclasses give `forward`."""

    shares: ClassVar[bool] = True

    def forward(self, score: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return weights of `score` "… q k"; mask: broadcastable to it."""
        raise NotImplementedError


class Softmax(Normaliser):
    """exp(s) / Σ exp(s): every place gets some weight  (Bridle, 1990).

    Cost O(k) a row.

    Choose it unless weights should be exactly 0: the fused kernels know no other.
    """

    def forward(self, score: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the softmax of `score` "… q k"."""
        return masked_softmax(score, mask)


def _under_the_top(score: Tensor, mask: Tensor | None) -> Tensor:
    """Return the scores less their row's largest allowed one, in float32 at least, all else far below."""
    score = score.float() if score.dtype in (torch.float16, torch.bfloat16) else score
    allowed = score if mask is None else score.masked_fill(~mask, torch.finfo(score.dtype).min)
    under = score - allowed.detach().amax(-1, keepdim=True)
    under = under if mask is None else under.masked_fill(~mask, _OUTSIDE)
    return under.clamp(min=_OUTSIDE)  # so that nothing far outside the support spoils a sum


def _kept(weights: Tensor, mask: Tensor | None, like: Tensor) -> Tensor:
    return (weights if mask is None else weights * mask).to(like.dtype)


class Sparsemax(Normaliser):
    """max(s − τ, 0), τ such that the row sums to one  (Martins and Astudillo, 2016).

    The nearest point of the simplex: places far below the best get exactly 0, and no gradient. On the
    support S, τ = (Σ_S s − 1) / |S|, and the gradient of p is g − mean_S(g). Cost O(k log k) a row.

    Choose it for looks that end where the character ends; a place once out of the support learns nothing.
    """

    def forward(self, score: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the sparsemax of `score` "… q k"."""
        if not score.shape[-1]:  # nothing has no threshold
            return score
        s = _under_the_top(score, mask)
        with torch.no_grad():
            falling = s.sort(dim=-1, descending=True).values
            rank = torch.arange(1, s.shape[-1] + 1, device=s.device, dtype=s.dtype)
            held = 1 + rank * falling > falling.cumsum(-1)
            count = held.sum(-1, keepdim=True)
            support = s >= falling.gather(-1, count - 1)
            count = support.sum(-1, keepdim=True)  # more than before where scores are equal
        threshold = ((s * support).sum(-1, keepdim=True) - 1) / count
        return _kept((s - threshold).clamp(min=0), mask, score)


class Entmax15(Normaliser):
    """max(s/2 − τ, 0)², τ such that the row sums to one  (Peters, Niculae and Martins, 2019).

    Between softmax and sparsemax: sparse, and smooth where it is not 0. On the support S of z = s/2,
    τ = mean_S(z) − √((1 − Σ_S (z − mean_S)²) / |S|). Cost O(k log k) a row.

    Choose it for sparse looks that still train smoothly.
    """

    def forward(self, score: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the 1.5-entmax of `score` "… q k"."""
        if not score.shape[-1]:  # nothing has no threshold
            return score
        z = _under_the_top(score / 2, mask)
        with torch.no_grad():
            falling = z.sort(dim=-1, descending=True).values
            rank = torch.arange(1, z.shape[-1] + 1, device=z.device, dtype=z.dtype)
            mean, square = falling.cumsum(-1) / rank, falling.square().cumsum(-1) / rank
            room = (1 / rank - square + mean.square()).clamp(min=0)
            count = (mean - room.sqrt() < falling).sum(-1, keepdim=True)
            support = z >= falling.gather(-1, count - 1)
            count = support.sum(-1, keepdim=True)
        mean = (z * support).sum(-1, keepdim=True) / count
        spread = ((z - mean).square() * support).sum(-1, keepdim=True)
        threshold = mean - ((1 - spread) / count).sqrt()
        return _kept((z - threshold).clamp(min=0).square(), mask, score)


class Sigmoid(Normaliser):
    """σ(s + shift): each place for itself  (Ramapuram et al., 2024).

    Rows do not sum to one, so that looking costs something and an L1 penalty on the weights means
    something. `shift`: −log k makes a row start near one in sum. Cost O(k) a row.

    Choose it where a query may look at several places fully, or at none.
    """

    shares = False

    def __init__(self, *, shift: float = 0.0) -> None:
        super().__init__()
        self.shift = shift

    def forward(self, score: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the sigmoid of `score` "… q k"."""
        return _kept(torch.sigmoid(score + self.shift), mask, score)


NORMALISERS: dict[str, type[Normaliser]] = {
    "softmax": Softmax,
    "sparsemax": Sparsemax,
    "entmax15": Entmax15,
    "sigmoid": Sigmoid,
}
