"""The page model: a page image in, maps out, of lines, their height and direction, and block kinds.

A light convolutional backbone (strides 4, 8, 16, 32), gates on each stage, a feature pyramid (Lin et al.,
2017) fused by attention across its scales, and one output layer. Text cores are predicted at stride 2 by
unfolding four channels, so that lines of 6 px stay apart; all else at stride 4.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from foveal.attention.gates import GATES
from foveal.attention.pyramid import FUSIONS
from foveal.errors import ConfigError

KINDS = ("background", "text", "title", "list", "table", "figure")
"""What a place of a page belongs to, in the order of the model's kind channels."""

LINE_HEIGHT_UNIT = 16.0
"""The height map is log2 of the line height over this many pixels."""


class PageMaps(NamedTuple):
    """What the page model says; h and w are those of the input.

    core "b 1 h/2 w/2" logit: inside the inner half of a line; border "b 1 h/2 w/2" logit: DB's threshold;
    height "b 1 h/4 w/4" log2(line height / 16 px); direction "b 2 h/4 w/4" (x, y), the way it is read;
    kind "b k h/4 w/4" logits over KINDS.
    """

    core: Tensor
    border: Tensor
    height: Tensor
    direction: Tensor
    kind: Tensor


def norm_conv(channels: int, out: int, *, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution without bias and batch normalisation; ONNX Runtime folds the two into one."""
    conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out))


class Mix(nn.Module):
    """Residual block: 5×5 by channel, then channels mixed with twice the width.  x + W₂ relu(W₁ dw(x))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.look = norm_conv(channels, channels, kernel=5, groups=channels)
        self.widen = norm_conv(channels, 2 * channels, kernel=1)
        self.narrow = norm_conv(2 * channels, channels, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return "b c h w" like x."""
        mixed: Tensor = self.narrow(torch.relu(self.widen(self.look(x))))
        return x + mixed


class Backbone(nn.Module):
    """Four stages at strides 4, 8, 16 and 32; each halves the grid, mixes, and passes a gate."""

    def __init__(self, widths: tuple[int, ...], *, depths: tuple[int, ...], gate: str) -> None:
        super().__init__()
        self.stem = norm_conv(3, widths[0] // 2, stride=2)
        before = (widths[0] // 2, *widths[:-1])
        self.down = nn.ModuleList(norm_conv(i, o, stride=2) for i, o in zip(before, widths, strict=True))
        self.mix = nn.ModuleList(
            nn.Sequential(*(Mix(w) for _ in range(d))) for w, d in zip(widths, depths, strict=True)
        )
        self.gate = nn.ModuleList(GATES[gate](w) for w in widths)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the four stages, finest first."""
        x = torch.relu(self.stem(x))
        stages = []
        for down, mix, gate in zip(self.down, self.mix, self.gate, strict=True):
            x = gate(mix(torch.relu(down(x))))
            stages.append(x)
        return stages


class Pyramid(nn.Module):
    """Feature pyramid: stages brought to one width, coarse added to fine, fused into one map at stride 4."""

    def __init__(self, widths: tuple[int, ...], *, channels: int, fusion: str) -> None:
        super().__init__()
        self.side = nn.ModuleList(norm_conv(w, channels, kernel=1) for w in widths)
        self.smooth = nn.ModuleList(norm_conv(channels, channels, kernel=3, groups=channels) for _ in widths)
        self.fuse = FUSIONS[fusion](channels, levels=len(widths))

    def forward(self, stages: list[Tensor]) -> Tensor:
        """Return "b c h/4 w/4"."""
        levels = [side(x) for side, x in zip(self.side, stages, strict=True)]
        for i in range(len(levels) - 2, -1, -1):
            levels[i] = levels[i] + functional.interpolate(levels[i + 1], scale_factor=2.0)
        smooth = [torch.relu(smooth(x)) for smooth, x in zip(self.smooth, levels, strict=True)]
        fused: Tensor = self.fuse(smooth)
        return fused


class PageModel(nn.Module):
    """Page image "b 3 h w" uint8, h and w multiples of 32, to PageMaps.

    `fusion` and `gate` name parts (attention.pyramid.FUSIONS, attention.gates.GATES); "sum" and "none" make
    the twin without attention.
    """

    def __init__(
        self,
        *,
        fusion: str = "pyramid",
        gate: str = "mixed",
        widths: tuple[int, ...] = (24, 48, 112, 176),
        depths: tuple[int, ...] = (1, 2, 3, 3),
        channels: int = 40,
    ) -> None:
        super().__init__()
        for name, table in ((fusion, FUSIONS), (gate, GATES)):
            if name not in table:
                raise ConfigError(f"no part is named {name!r}", remedy=f"one of {', '.join(table)}")
        self.backbone = Backbone(widths, depths=depths, gate=gate)
        self.pyramid = Pyramid(widths, channels=channels, fusion=fusion)
        self.refine = Mix(channels)
        self.out = nn.Conv2d(channels, 4 + 4 + 1 + 2 + len(KINDS), 1)

    def forward(self, page: Tensor) -> PageMaps:
        """Return the maps of a batch of pages."""
        x = (page.to(self.out.weight.dtype) - 127.5) / 64.0
        seen = self.out(self.refine(self.pyramid(self.backbone(x))))
        core, border, height, direction, kind = seen.split([4, 4, 1, 2, len(KINDS)], dim=1)
        fine = functional.pixel_shuffle
        return PageMaps(fine(core, 2), fine(border, 2), height, direction, kind)
