"""From scores to weights: over the last axis, among the places that may be looked at.

Every normaliser obeys one law: `forward(score, mask)` is not negative, exactly 0 outside the mask and in a
row that may look nowhere. `shares`: whether the other rows sum to one.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn


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
    """exp(s) / Σ exp(s): every place gets some weight. Cost O(k) a row."""

    def forward(self, score: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the softmax of `score` "… q k"."""
        return masked_softmax(score, mask)


NORMALISERS: dict[str, type[Normaliser]] = {"softmax": Softmax}
