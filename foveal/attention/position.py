"""Positions as parts: they turn q and k, or add to the score; never v. Positions may be any real numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class Rotary(nn.Module):
    """Turns pairs of features by an angle proportional to the position: qᵀk depends on the distance only.

    (Su et al., 2021). Here positions are real numbers: running character counts as well as column numbers.
    `shortest`, `longest`: the wavelengths, in positions, of the fastest and slowest pair. Cost O(n·d).
    """

    def __init__(self, dim: int, *, shortest: float = 2.0, longest: float = 128.0) -> None:
        super().__init__()
        wavelengths = torch.logspace(math.log10(shortest), math.log10(longest), dim // 2)
        self.frequencies: Tensor
        self.register_buffer("frequencies", 2 * math.pi / wavelengths, persistent=False)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """Return x turned by its positions. x: "b h n d"; positions: "b n"."""
        angles = positions.float()[:, None, :, None] * self.frequencies
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        first, second = x.chunk(2, dim=-1)
        return torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1)


class DistanceBias(nn.Module):
    """−s·(p_q − p_k)² with a learned sharpness s > 0 per head: a Gaussian prior on where to look.

    (the score's counterpart of the Gaussian attention of Luong et al., 2015). Cost O(h·q·k).
    """

    def __init__(self, heads: int, *, sharpness: float = 1.0) -> None:
        super().__init__()
        raw = math.log(math.expm1(sharpness))
        self.raw = nn.Parameter(torch.full((heads,), raw))

    def forward(self, q_positions: Tensor, k_positions: Tensor) -> Tensor:
        """Return the bias "b h q k" of positions "b q" and "b k"."""
        distance = (q_positions[:, :, None] - k_positions[:, None, :])[:, None].float()
        sharpness = functional.softplus(self.raw.float())[:, None, None]
        return -sharpness * distance.square()
