"""Pyramid fusion: maps of one scene at several scales become one map at the finest scale.

`levels` is a list of maps "b c h/2ⁱ w/2ⁱ", finest first. Every fusion obeys one law: `weights(levels)` is
"b l h w", not negative, and sums to one over the levels, and `forward(levels) = Σ weights · up(level)`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def enlarge(levels: list[Tensor]) -> list[Tensor]:
    """Bring every level to the size of the first, by repetition: level i grows 2ⁱ times."""
    grown = [functional.interpolate(x, scale_factor=float(2**i)) for i, x in enumerate(levels) if i]
    return [levels[0], *grown]


class Fusion(nn.Module):
    """Base of all fusions: subclasses give `weights`."""

    def weights(self, levels: list[Tensor]) -> Tensor:
        """Return how much of each level each place takes, "b l h w", summing to one over l."""
        raise NotImplementedError

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Return Σ weights · up(level), "b c h w" at the finest size."""
        share = self.weights(levels).unsqueeze(2).unbind(1)
        return torch.stack([w * x for w, x in zip(share, enlarge(levels), strict=True)]).sum(0)


class PyramidMean(Fusion):
    """The same share for each level: the sum of an FPN, scaled. The twin without attention uses this part."""

    def __init__(self, channels: int, *, levels: int) -> None:
        super().__init__()
        self.channels, self.levels = channels, levels

    def weights(self, levels: list[Tensor]) -> Tensor:
        """Return 1/l everywhere, "b l h w"."""
        b, _, h, w = levels[0].shape
        return levels[0].new_full((b, self.levels, h, w), 1 / self.levels)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Return the mean of the enlarged levels."""
        first, *rest = enlarge(levels)
        for x in rest:
            first = first + x
        return first * (1 / self.levels)


class PyramidAttention(Fusion):
    """softmax over levels of s_l(x_l): each place chooses the scale it is read at  (DB++, Liao et al., 2022).

    s_l is a two-layer scorer on the level's own grid, so the cost is 16·c + 16 a place of that grid and the
    softmax alone is paid on the finest one.
    """

    def __init__(self, channels: int, *, levels: int) -> None:
        super().__init__()
        self.score = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, 16, 1), nn.ReLU(), nn.Conv2d(16, 1, 1)) for _ in range(levels)
        )

    def weights(self, levels: list[Tensor]) -> Tensor:
        """Return the softmax of the levels' scores, "b l h w"."""
        scores = [score(x) for score, x in zip(self.score, levels, strict=True)]
        return torch.cat(enlarge(scores), dim=1).softmax(dim=1)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Return Σ weights · up(level) without stacking the levels."""
        share = self.weights(levels).split(1, dim=1)  # type: ignore[no-untyped-call]
        parts = [w * x for w, x in zip(share, enlarge(levels), strict=True)]
        for part in parts[1:]:
            parts[0] = parts[0] + part
        fused: Tensor = parts[0]
        return fused


FUSIONS: dict[str, type[Fusion]] = {"sum": PyramidMean, "pyramid": PyramidAttention}
