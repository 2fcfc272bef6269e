"""Low-rank adapters: what a linear layer does, changed in a few directions only (LoRA; Hu et al., 2022)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class LowRank(nn.Module):
    """W x + b + B A x, with W and b as they were. A: "r in", B: "out r", zero at first.

    Time O((in + out)·r) a place; r·(in + out) numbers are learnt instead of in·out.
    """

    def __init__(self, plain: nn.Linear, rank: int) -> None:
        super().__init__()
        self.plain = plain.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, plain.in_features) / math.sqrt(plain.in_features))
        self.up = nn.Parameter(torch.zeros(plain.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's values at "… in": "… out"."""
        out: Tensor = self.plain(x) + (x @ self.down.T) @ self.up.T
        return out

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """Return the plain layer with W + B A."""
        self.plain.weight += self.up @ self.down
        return self.plain


def attach(model: nn.Module, layers: Sequence[str], rank: int) -> list[nn.Parameter]:
    """Freeze a model but for adapters of its linear layers of these names, and its layer norms.

    Return what is left to learn.
    """
    model.requires_grad_(False)
    found = [name for name, part in model.named_modules() if isinstance(part, nn.Linear)]
    for name in found:
        before, _, last = name.rpartition(".")
        if last in layers:
            setattr(model.get_submodule(before), last, LowRank(model.get_submodule(name), rank))  # type: ignore[arg-type]
    for part in model.modules():
        if isinstance(part, nn.LayerNorm):
            part.requires_grad_(True)
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def merge(model: nn.Module) -> None:
    """Put plain layers in the place of all adapters; the model does what it did with them."""
    for name, part in list(model.named_modules()):
        if isinstance(part, LowRank):
            before, _, last = name.rpartition(".")
            setattr(model.get_submodule(before), last, part.merged())


def learnt(model: nn.Module) -> dict[str, NDArray[np.float32]]:
    """Return what adapters and layer norms have learnt, by name, as an adapter's file holds it."""
    found: dict[str, Tensor] = {}
    for name, part in model.named_modules():
        if isinstance(part, LowRank):
            found |= {f"{name}.weight:up": part.up, f"{name}.weight:down": part.down}
        elif isinstance(part, nn.LayerNorm):
            found |= {f"{name}.weight": part.weight, f"{name}.bias": part.bias}
    return {name: value.detach().numpy().copy() for name, value in found.items()}
