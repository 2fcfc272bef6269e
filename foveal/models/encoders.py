"""Encoders from parts: strip "b 3 32 w" → grid "b n dim", one column for every 4 pixels of the strip's width.

Straighten the strip (or not), find strokes by convolutions under a visual gate, look at one scale or several,
then mix along the line: blocks of attention of any kind, a recurrence in both directions, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint

from foveal.attention.build import Spec, build
from foveal.attention.gates import GATES
from foveal.attention.pyramid import FUSIONS
from foveal.errors import ConfigError
from foveal.models.line import Block, ConvNorm, Residual


@dataclass(frozen=True)
class EncoderSpec:
    """Which parts an encoder has.

    stem: channels at 1/2, 1/4 and (height only) 1/8 of the strip; convs: residual pairs at the last two;
    dim: channels of the grid; gate: one of GATES; norm: batch, or group, which does not depend on the batch;
    scales: "single", or one of FUSIONS, by which three scales become one; rectify: straighten the strip
    first; mixer: blocks (depth of them, of heads), lstm (depth layers) or none; attention: the blocks'
    mechanism, one for each in turn if several are given; position: one of POSITIONS, none unless given;
    recompute: keep no activations inside blocks while training, compute them again when they are needed.
    """

    stem: tuple[int, int, int] = (24, 48, 96)
    convs: tuple[int, int] = (1, 1)
    dim: int = 128
    gate: Spec = "none"
    norm: Literal["batch", "group"] = "batch"
    scales: Spec = "single"
    rectify: bool = False
    mixer: Literal["blocks", "lstm", "none"] = "blocks"
    depth: int = 2
    heads: int = 4
    attention: Spec | tuple[Spec, ...] = "scaled_dot"
    position: Spec | None = None
    recompute: bool = False

    def __post_init__(self) -> None:
        """Refuse what would be ignored: only blocks look, have places, and are computed again."""
        if self.mixer != "blocks" and (self.attention != "scaled_dot" or self.position or self.recompute):
            raise ConfigError(
                f"an encoder with mixer '{self.mixer}' has no attention, position or recompute",
                remedy='choose mixer = "blocks"',
            )

    @property
    def mechanisms(self) -> tuple[Spec, ...]:
        """The mechanism of each block."""
        turns = self.attention if isinstance(self.attention, tuple) else (self.attention,)
        return tuple(turns[layer % len(turns)] for layer in range(self.depth))


class Rectifier(nn.Module):
    """Moves and stretches the columns of a strip up and down until the line lies straight.

    (A spatial transformer, Jaderberg et al., 2015, whose control points move vertically only, so that every
    column keeps its place and looks stay true.) A small network over the strip gives the centre and the
    height of the line at `controls` places, linear in between; it starts with what is there. Cost: two
    convolutions at 1/4 size and one bilinear sampling.
    """

    def __init__(self, *, controls: int = 8) -> None:
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv2d(3, 16, 5, 4, padding=2), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()
        )
        self.controls = controls
        self.move = nn.Conv1d(16 * 8, 2, 3, padding=1)
        nn.init.zeros_(self.move.weight)
        nn.init.zeros_(self.move.bias)  # type: ignore[arg-type]  # it has one

    def forward(self, images: Tensor) -> Tensor:
        """Return strips of the same size."""
        seen = rearrange(self.see(images), "b c h n -> b (c h) n")
        knots = self.move(functional.adaptive_avg_pool1d(seen, self.controls)).tanh()
        shift, stretch = functional.interpolate(
            knots, size=images.shape[-1], mode="linear", align_corners=True
        ).unbind(1)
        rows = torch.linspace(-1, 1, images.shape[-2], device=images.device, dtype=images.dtype)
        x = torch.linspace(-1, 1, images.shape[-1], device=images.device, dtype=images.dtype)
        y = rows[:, None] * (1 + 0.5 * stretch[:, None]) + 0.5 * shift[:, None]  # b h w
        where = torch.stack((x.expand_as(y), y), -1)
        out: Tensor = functional.grid_sample(images, where, padding_mode="border", align_corners=True)
        return out


class Trunk(nn.Module):
    """Convolutions, gate and scales: "b 3 32 w" → "b n dim", n = w/4; w a multiple of 16."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        first, second, third = spec.stem
        self.edges = nn.Sequential(ConvNorm(3, first, stride=(2, 2)), ConvNorm(first, first))
        self.parts = nn.Sequential(
            ConvNorm(first, second, stride=(2, 2)), *(Residual(second) for _ in range(spec.convs[0]))
        )
        self.shapes = nn.Sequential(
            ConvNorm(second, third, stride=(2, 1)), *(Residual(third) for _ in range(spec.convs[1]))
        )
        self.gate = build(GATES, spec.gate, channels=third)
        single = spec.scales == "single"
        self.coarser = nn.ModuleList(
            () if single else (ConvNorm(third, third, stride=(2, 2)) for _ in range(2))
        )
        self.fuse = None if single else build(FUSIONS, spec.scales, channels=third, levels=3)
        self.merge = nn.Conv2d(third, spec.dim, (4, 1))

    def forward(self, images: Tensor, valid: Tensor | None) -> Tensor:
        """Return the grid; valid: "b n", true where a column belongs to the strip."""
        x = self.shapes(self.parts(self.edges(images)))
        x = self.gate(x, None if valid is None else valid[:, None, None, :])
        levels = [x]
        for down in self.coarser:
            levels.append(down(levels[-1]))
        x = x if self.fuse is None else x + self.fuse(levels)
        grid: Tensor = rearrange(self.merge(x), "b d 1 n -> b n d")
        return grid


class Recurrence(nn.Module):
    """Layers of LSTM in both directions (Shi et al., 2015): "b n dim" → "b n dim"; padding is not read."""

    def __init__(self, dim: int, *, depth: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(dim, dim // 2, depth, bidirectional=True, batch_first=True)

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """Return the grid; packing waits for the lengths on a GPU."""
        if valid is None:
            mixed: Tensor = self.lstm(x)[0]
            return mixed
        lengths = valid.sum(-1).clamp(min=1).cpu()
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        mixed, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=x.shape[1])
        return mixed


class Mixing(nn.Module):
    """Blocks of attention one after another: "b n dim" → "b n dim"."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            Block(spec.dim, spec.heads, attention=mechanism, position=spec.position)
            for mechanism in spec.mechanisms
        )
        self.recompute = spec.recompute

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """Return the grid."""
        for block in self.blocks:
            if self.recompute and self.training:
                x = checkpoint(block, x, valid, use_reentrant=False)
            else:
                x = block(x, valid)
        return x


class Encoder(nn.Module):
    """All of an encoder: (images "b 3 32 w", valid "b ⌈w/4⌉") → "b ⌈w/4⌉ dim"."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        self.rectify = Rectifier() if spec.rectify else None
        self.trunk = Trunk(spec)
        self.mixer: nn.Module | None = None
        if spec.mixer == "blocks":
            self.mixer = Mixing(spec)
        elif spec.mixer == "lstm":
            self.mixer = Recurrence(spec.dim, depth=spec.depth)
        if spec.norm == "group":
            by_group(self)

    def forward(self, images: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the grid. valid: true where a column belongs to the strip; None if all do."""
        columns = (images.shape[-1] + 3) // 4
        short = -images.shape[-1] % 16
        if short:
            images = functional.pad(images, (0, short, 0, 0), mode="replicate")
            inside = torch.ones(1, columns, dtype=torch.bool, device=images.device)
            seen = inside.expand(images.shape[0], -1) if valid is None else valid
            valid = functional.pad(seen, (0, images.shape[-1] // 4 - columns))
        if self.rectify is not None:
            images = self.rectify(images)
        x: Tensor = self.trunk(images, valid)
        x = x if self.mixer is None else self.mixer(x, valid)
        return x[:, :columns]


def by_group(module: nn.Module) -> None:
    """Replace every batch norm inside by a group norm (Wu and He, 2018) of groups of 8 channels."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.GroupNorm(max(1, child.num_features // 8), child.num_features))
        else:
            by_group(child)
