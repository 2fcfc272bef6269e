"""Pyramid fusion: maps of one scene at several scales become one map at the finest scale.

`levels` is a list of maps "b c h/2ⁱ w/2ⁱ", finest first. Every fusion obeys one law: `weights(levels)` is
"b l h w", not negative, and sums to one over the levels, and `forward(levels) = Σ weights · up(level)`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from foveal.attention.build import Spec, at_least, build
from foveal.attention.gates import GATES, Gate
from foveal.attention.normalisers import Sparsemax


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
    """The same share for each level: the sum of an FPN, scaled. The twin without attention uses this part.

    Choose it to see what a choice of scale is worth.
    """

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

    Choose it for pages, which hold small print and headlines at once.
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


class DynamicScale(PyramidAttention):
    """sparsemax over levels of s_l(x_l): a place takes few scales, and exactly nothing of others.

    (Sparsemax: Martins & Astudillo, 2016; paths chosen at run time: Li et al., 2020.) Scores and cost as
    `PyramidAttention`, and l·log l a place for the threshold.

    Choose it over `pyramid` to see clearly which scale a place was read at.
    """

    def __init__(self, channels: int, *, levels: int) -> None:
        super().__init__(channels, levels=levels)
        self.share = Sparsemax()

    def weights(self, levels: list[Tensor]) -> Tensor:
        """Return the sparsemax of the levels' scores, "b l h w"."""
        scores = [score(x) for score, x in zip(self.score, levels, strict=True)]
        share: Tensor = self.share(torch.cat(enlarge(scores), dim=1).movedim(1, -1))
        return share.movedim(-1, 1)


def spread(shares: Tensor, levels: list[Tensor]) -> Tensor:
    """Return shares of whole maps, "b l", at every place of the finest level, "b l h w"."""
    return shares[:, :, None, None].expand(-1, -1, *levels[0].shape[2:])


def weighed(shares: Tensor, levels: list[Tensor]) -> Tensor:
    """Return Σ up(share · level) for shares "b l" of whole maps: weighed before they grow."""
    factors = shares[:, :, None, None, None].unbind(1)
    first, *rest = enlarge([share * x for share, x in zip(factors, levels, strict=True)])
    for x in rest:
        first = first + x
    return first


class ContentScale(Fusion):
    """softmax over levels of W₂ relu(W₁ [mean x_1 … mean x_l]): the whole map says how large its text is.

    (Selective kernels, Li et al., 2019, with one share a level instead of one a channel.) Cost: the means,
    and l·c·hidden a map, hidden = max(c / reduction, 8).

    Choose it for images of one size of text each, such as cropped signs.
    """

    def __init__(self, channels: int, *, levels: int, reduction: int = 4) -> None:
        super().__init__()
        at_least(1, reduction=reduction)
        hidden = max(channels // reduction, 8)
        self.narrow = nn.Linear(levels * channels, hidden)
        self.judge = nn.Linear(hidden, levels)

    def shares(self, levels: list[Tensor]) -> Tensor:
        """Return how much of each level a map takes, "b l"."""
        means = torch.cat([x.mean(dim=(2, 3)) for x in levels], dim=1)
        shares: Tensor = self.judge(torch.relu(self.narrow(means))).softmax(-1)
        return shares

    def weights(self, levels: list[Tensor]) -> Tensor:
        """Return the shares at every place, "b l h w"."""
        return spread(self.shares(levels), levels)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Return Σ shares · up(level)."""
        return weighed(self.shares(levels), levels)


class TaskScale(Fusion):
    """softmax over levels of u_task: each task reads the pyramid at the scales that serve it.

    (Mixing learned for each task: Misra et al., 2016; Sun et al., 2020.) u: "tasks l", learned, all alike at
    first. `task` is a number below `tasks`, or a tensor "b" of them. Cost: that of the sum alone.

    Choose it where several tasks share a pyramid, such as text cores and kinds of block.
    """

    def __init__(self, channels: int, *, levels: int, tasks: int = 1) -> None:
        super().__init__()
        at_least(1, tasks=tasks)
        self.channels = channels
        self.tasks = nn.Parameter(torch.zeros(tasks, levels))

    def shares(self, levels: list[Tensor], task: Tensor | int = 0) -> Tensor:
        """Return how much of each level `task` takes, "b l"."""
        return self.tasks[task].softmax(-1).expand(levels[0].shape[0], -1)

    def weights(self, levels: list[Tensor], task: Tensor | int = 0) -> Tensor:
        """Return the shares at every place, "b l h w"."""
        return spread(self.shares(levels, task), levels)

    def forward(self, levels: list[Tensor], task: Tensor | int = 0) -> Tensor:
        """Return Σ shares · up(level)."""
        return weighed(self.shares(levels, task), levels)


class ScaleGates(nn.Module):
    """A gate on each level before they are fused: attention within a scale, beside that across scales.

    (CBAM on every level of a pyramid: Woo et al., 2018; Lin et al., 2017.) `gate`: any of GATES, by name or
    with options. Cost: the gate's, on 4/3 of the finest level's places.

    Choose it where each scale has a background of its own.

    >>> gates, fuse = ScaleGates(8, levels=3), PyramidAttention(8, levels=3)
    >>> fuse(gates([torch.zeros(1, 8, 16 // 2**i, 12 // 2**i) for i in range(3)])).shape
    torch.Size([1, 8, 16, 12])
    """

    def __init__(self, channels: int, *, levels: int, gate: Spec = "spatial") -> None:
        super().__init__()
        self.gates = nn.ModuleList(build(GATES, gate, channels=channels) for _ in range(levels))

    def weights(self, levels: list[Tensor]) -> list[Tensor]:
        """Return what is kept of each level, in [0, 1], each broadcastable to its level."""
        kept = []
        for gate, x in zip(self.gates, levels, strict=True):
            assert isinstance(gate, Gate)
            kept.append(gate.weights(x))
        return kept

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        """Return each level times what is kept of it."""
        return [gate(x) for gate, x in zip(self.gates, levels, strict=True)]


FUSIONS: dict[str, type[Fusion]] = {
    "sum": PyramidMean,
    "pyramid": PyramidAttention,
    "dynamic": DynamicScale,
    "content": ContentScale,
    "task": TaskScale,
}
