"""What looks should be like, whatever they look at: regularisers; and how losses are tied together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Literal

import torch
from torch import Tensor, nn


def l1(look: Tensor) -> Tensor:
    """Return ‖A‖₁, the mean over looks "… n".

    The L1 norm of a row of a softmax is 1 whatever its scores are, so that this has no gradient through one:
    it does nothing. It means something for weights that need not sum to one: `normaliser = "sigmoid"`. For
    looks of few columns with a softmax take `entropy`, or let the normaliser itself end: "entmax15".
    """
    return look.abs().sum(-1).mean()


def smoothness(look: Tensor) -> Tensor:
    """Return ‖∇A‖², the sum of squared differences of neighbouring columns, the mean over looks "… n"."""
    steps: Tensor = look[..., 1:] - look[..., :-1]
    return steps.square().sum(-1).mean()


def entropy(look: Tensor) -> Tensor:
    """Return −Σ A log A / log n, in [0, 1]: what an L1 penalty was meant to lower, with a gradient."""
    nats: Tensor = -torch.special.xlogy(look, look.clamp(min=1e-8)).sum(-1)
    return nats.mean() / math.log(max(2, look.shape[-1]))


REGULARISERS: dict[str, Callable[[Tensor], Tensor]] = {
    "l1": l1,
    "smoothness": smoothness,
    "entropy": entropy,
}


@dataclass(frozen=True)
class Regular:
    """λ₁‖A‖₁ + λ₂‖∇A‖² + λ₃ H(A): the weight of each regulariser."""

    l1: float = 0.0
    smoothness: float = 0.0
    entropy: float = 0.0

    def loss(self, look: Tensor) -> Tensor | None:
        """Return the weighed sum over looks "b t n"; None if nothing is asked."""
        asked: dict[str, float] = {field.name: getattr(self, field.name) for field in fields(self)}
        parts = [weight * REGULARISERS[name](look.float()) for name, weight in asked.items() if weight]
        return torch.stack(parts).sum() if parts else None


@dataclass(frozen=True)
class Tasks:
    """L = L_main + α·L_attention + β·L_reg (+ γ·L_glance, a CTC head beside a decoder).

    attention, regular, glance: α, β, γ. weighing: fixed; annealed: α and β fall evenly to `floor` of
    themselves by `until`, a share of the training; uncertainty: each loss that has a weight is divided by a
    learned variance, L·e^−s + s  (Kendall et al., 2018).
    """

    attention: float = 0.2
    regular: float = 1.0
    glance: float = 0.0
    weighing: Literal["fixed", "annealed", "uncertainty"] = "fixed"
    floor: float = 0.1
    until: float = 0.5


class Weigher(nn.Module):
    """Ties losses together as `Tasks` says; its parameters are learned with the model's."""

    def __init__(self, tasks: Tasks) -> None:
        super().__init__()
        self.tasks = tasks
        aside: dict[str, float] = {n: getattr(tasks, n) for n in ("attention", "regular", "glance")}
        self.weights = {"main": 1.0, **aside}
        learned = [
            name for name, weight in self.weights.items() if weight and tasks.weighing == "uncertainty"
        ]
        self.log_variance = nn.ParameterDict({name: nn.Parameter(torch.zeros(())) for name in learned})

    def weight(self, name: str, progress: float) -> float:
        """Return the weight of a loss when a share `progress` of the training is done."""
        if self.tasks.weighing != "annealed" or name in ("main", "glance"):
            return self.weights[name]
        done = min(1.0, progress / max(self.tasks.until, 1e-9))
        return self.weights[name] * (1 - (1 - self.tasks.floor) * done)

    def forward(self, parts: Mapping[str, Tensor], progress: float) -> Tensor:
        """Return the sum of the losses in `parts`, by name."""
        total: list[Tensor] = []
        for name, loss in parts.items():
            weighed = self.weight(name, progress) * loss
            if name in self.log_variance:
                spread = self.log_variance[name]
                weighed = weighed * torch.exp(-spread) + spread
            total.append(weighed)
        return torch.stack(total).sum()
