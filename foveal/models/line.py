"""The line model: one encoder, a glance over the whole strip (CTC), and one fixation a character.

A strip is "b 3 32 w" in [0, 1]; the grid has one column for every 4 pixels of its width.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from foveal.attention.build import Spec
from foveal.attention.economy import recomputed
from foveal.attention.gates import MixedGate
from foveal.attention.heads import MultiHead
from foveal.attention.position import DistanceBias, Rotary
from foveal.config import settle

STRIDE = 4
"""Strip pixels to one column of the grid."""


@dataclass(frozen=True)
class LineSize:
    """How large each part is.

    stem: channels at 1/2, 1/4 and (height only) 1/8; convs: residual pairs at the last two; dim, depth,
    heads: the encoder on the grid; fixation, fixation_depth: width and layers of the fixations' decoder;
    attention: the encoder's mechanism, by name or with its options (see foveal.attention.MECHANISMS);
    position: what tells its columns apart beside the convolutions (see foveal.attention.POSITIONS), if any;
    recomputed: training keeps only what goes into each block, and computes it again for the gradient.
    """

    stem: tuple[int, int, int]
    convs: tuple[int, int]
    dim: int
    depth: int
    heads: int
    fixation: int
    fixation_depth: int
    attention: Spec = "scaled_dot"
    position: Spec | None = None
    recomputed: bool = False


ROTARY: Spec = {"name": "rotary", "longest": 1024.0}
"""Columns are told apart by distance, up to lines of a thousand of them."""

SIZES: dict[str, LineSize] = {
    "fast": LineSize(
        (24, 48, 96), (1, 1), dim=192, depth=4, heads=6, fixation=160, fixation_depth=2, position=ROTARY
    ),
    "accurate": LineSize((64, 128, 256), (2, 2), dim=384, depth=4, heads=8, fixation=256, fixation_depth=2),
    "tiny": LineSize((8, 16, 32), (1, 1), dim=32, depth=1, heads=2, fixation=32, fixation_depth=2),
}


def size_of(said: str) -> LineSize:
    """Return the size that a file names, or says in full as JSON."""
    return SIZES[said] if said in SIZES else settle(LineSize, json.loads(said), where="size")


class Glance(NamedTuple):
    """What one look over the strip gives. Columns outside the valid width have no mass.

    features: "b n d"; logits: "b n classes", class 0 is CTC's blank; density: "b n", characters a column.
    """

    features: Tensor
    logits: Tensor
    density: Tensor

    @property
    def count(self) -> Tensor:  # type: ignore[override]  # a tuple's own count is of no use here
        """Characters seen up to the centre of each column, spaces not counted: "b n"."""
        return self.density.cumsum(-1) - self.density / 2


class Fixations(NamedTuple):
    """What the fixations saw. logits: "b t classes", class 0 ends a word; looks: "b t n", one map a layer."""

    logits: Tensor
    looks: tuple[Tensor, ...]


class ConvNorm(nn.Sequential):
    """Convolution, batch norm and, unless told otherwise, ReLU: one fused step in the exported graph."""

    def __init__(
        self, inputs: int, outputs: int, *, stride: tuple[int, int] = (1, 1), active: bool = True
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        super().__init__(*layers, *([nn.ReLU()] if active else []))


class Residual(nn.Module):
    """ReLU(x + conv(conv(x)))  (He et al., 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(ConvNorm(channels, channels), ConvNorm(channels, channels, active=False))

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same shape."""
        out: Tensor = functional.relu(x + self.convs(x))
        return out


class Stem(nn.Module):
    """Strip to grid: "b 3 32 w" → "b w/4 dim". Local evidence by convolutions and a mixed gate."""

    def __init__(self, size: LineSize) -> None:
        super().__init__()
        first, second, third = size.stem
        self.edges = nn.Sequential(ConvNorm(3, first, stride=(2, 2)), ConvNorm(first, first))
        self.parts = nn.Sequential(
            ConvNorm(first, second, stride=(2, 2)), *(Residual(second) for _ in range(size.convs[0]))
        )
        self.shapes = nn.Sequential(
            ConvNorm(second, third, stride=(2, 1)), *(Residual(third) for _ in range(size.convs[1]))
        )
        self.gate = MixedGate(third)
        self.merge = nn.Conv2d(third, size.dim, (4, 1))

    def forward(self, images: Tensor, valid: Tensor | None) -> Tensor:
        """Return the grid; `valid`: "b n", true where a column belongs to the strip."""
        x = self.shapes(self.parts(self.edges(images)))
        x = self.gate(x, None if valid is None else valid[:, None, None, :])
        grid: Tensor = rearrange(self.merge(x), "b d 1 n -> b n d")
        return grid


def feed_forward(dim: int, ratio: int = 4) -> nn.Sequential:
    """Return the two-layer perceptron of a block."""
    return nn.Sequential(nn.Linear(dim, ratio * dim), nn.GELU(), nn.Linear(ratio * dim, dim))


class Block(nn.Module):
    """Mixes neighbours (a depth-wise convolution, which also tells places apart), then the whole line.

    No absolute place enters (`position` tells distances), so a line may be longer than any seen in training.
    """

    def __init__(
        self, dim: int, heads: int, *, attention: Spec = "scaled_dot", position: Spec | None = None
    ) -> None:
        super().__init__()
        self.near = nn.Conv1d(dim, dim, 5, padding=2, groups=dim)
        self.norm_attention = nn.LayerNorm(dim)
        self.attention = MultiHead(dim, heads, mechanism=attention, position=position)
        self.norm_mlp = nn.LayerNorm(dim)
        self.mlp = feed_forward(dim)
        self.drop = nn.Dropout(0.0)  # raised while training on few hands: see train/line.py

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """Return the grid "b n d" after one block."""
        kept = x if valid is None else x * valid[..., None]
        x = x + self.near(kept.transpose(1, 2)).transpose(1, 2)
        mask = None if valid is None else valid[:, None, :]
        x = x + self.drop(self.attention(self.norm_attention(x), mask=mask))
        out: Tensor = x + self.drop(self.mlp(self.norm_mlp(x)))
        return out


class Fixate(nn.Module):
    """One layer of the fixations: (with the word's other fixations,) with the strip, and by itself."""

    def __init__(self, size: LineSize, *, talk: bool) -> None:
        super().__init__()
        dim, heads = size.fixation, max(1, size.fixation // 32)
        self.norm_talk = nn.LayerNorm(dim) if talk else None
        self.talk = MultiHead(dim, heads, position=Rotary(dim // heads)) if talk else None
        self.norm_look = nn.LayerNorm(dim)
        self.attention = MultiHead(dim, heads, memory_dim=size.dim, position=Rotary(dim // heads))
        self.bias = DistanceBias(heads)
        self.norm_mlp = nn.LayerNorm(dim)
        self.mlp = feed_forward(dim)
        self.drop = nn.Dropout(0.0)

    def forward(
        self, x: Tensor, features: Tensor, positions: tuple[Tensor, Tensor], window: Tensor, same: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the fixations "b t d" and their looks "b t n"."""
        if self.talk is not None and self.norm_talk is not None:
            x = x + self.talk(self.norm_talk(x), mask=same, positions=(positions[0], positions[0]))
        seen, look = self.attention.look(
            self.norm_look(x), features, mask=window, bias=self.bias(*positions), positions=positions
        )
        x = x + self.drop(seen)
        return x + self.drop(self.mlp(self.norm_mlp(x))), look


class LineModel(nn.Module):
    """Glance, then fixate. `classes`: the alphabet and, at 0, "nothing".

    stem: another way from strips and valid columns to the grid, built elsewhere (models/encoders.py).
    """

    def __init__(self, size: LineSize | str, classes: int, *, stem: nn.Module | None = None) -> None:
        super().__init__()
        size = SIZES[size] if isinstance(size, str) else size
        self.stem = Stem(size) if stem is None else stem
        self.blocks = nn.ModuleList(
            Block(size.dim, size.heads, attention=size.attention, position=size.position)
            for _ in range(size.depth)
        )
        self.recomputed = size.recomputed
        self.norm = nn.LayerNorm(size.dim)
        self.read = nn.Linear(size.dim, classes)
        self.density = nn.Linear(size.dim, 1)
        self.start = nn.Parameter(torch.randn(size.fixation) * 0.02)
        self.fixate_layers = nn.ModuleList(
            Fixate(size, talk=layer > 0) for layer in range(size.fixation_depth)
        )
        self.norm_fixation = nn.LayerNorm(size.fixation)
        self.name = nn.Linear(size.fixation, classes)

    def glance(self, images: Tensor, valid: Tensor | None = None, hidden: Tensor | None = None) -> Glance:
        """Look over strips "b 3 32 w".

        valid: "b w/4", true for columns of the strip, None if all are; hidden: "b w/4", true for columns
        whose own ink is withheld: what stands there must be told from what is around (while training).
        """
        x = self.stem(images, valid)
        if hidden is not None:
            x = x.masked_fill(hidden[..., None], 0.0)
        for block in self.blocks:
            x = recomputed(block, x, valid) if self.recomputed else block(x, valid)
        x = self.norm(x)
        density = functional.softplus(self.density(x).squeeze(-1).float())
        return Glance(x, self.read(x), density if valid is None else density * valid)

    def fixate(
        self, features: Tensor, count: Tensor, positions: Tensor, words: Tensor, window: Tensor
    ) -> Fixations:
        """Fixate one character a query.

        features: "b n d" and count: "b n" from the glance; positions: "b t", the running count at which each
        character is expected; words: "b t", fixations of one word share a number; window: "b t 2", first
        column and column after the last that a fixation may look at (equal: nowhere).
        """
        columns = torch.arange(features.shape[1], device=features.device)
        allowed = (columns >= window[..., :1]) & (columns < window[..., 1:])
        same = words[:, :, None] == words[:, None, :]
        x = self.start.expand(*positions.shape, -1)
        looks: list[Tensor] = []
        for layer in self.fixate_layers:
            x, look = layer(x, features, (positions, count), allowed, same)
            looks.append(look)
        return Fixations(self.name(self.norm_fixation(x)), tuple(looks))

    def forward(
        self, images: Tensor, valid: Tensor | None, positions: Tensor, words: Tensor, window: Tensor
    ) -> tuple[Glance, Fixations]:
        """Glance and fixate in one go; positions as offsets within a word are resolved by the caller."""
        glance = self.glance(images, valid)
        return glance, self.fixate(glance.features, glance.count, positions, words, window)
