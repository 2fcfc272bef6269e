"""What each head is there for: turned off or turned down a little, how much of the reading goes with it.

Works for any torch model whose attention is `foveal.attention.MultiHead`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from foveal.attention import MultiHead

Gates = Mapping[str, Tensor]
"""A factor for every head of a module, "h", by the module's name: 1 leaves it, 0 turns it off."""


class Answer(NamedTuple):
    """What a model says. score: how well it did, one number, such as the mean log p; read: ids."""

    score: Tensor
    read: Tensor


Ask = Callable[[], Answer]
"""Runs the model."""


def heads_of(model: nn.Module) -> dict[str, int]:
    """Return how many heads every multi-head module of a model has, by its name."""
    return {name: part.heads for name, part in model.named_modules() if isinstance(part, MultiHead)}


@contextmanager
def gated(model: nn.Module, gates: Gates) -> Iterator[None]:
    """Multiply what heads give, before they are mixed, by their gates while this lasts."""

    def turned(gate: Tensor, _: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        values = inputs[0]
        return (values * gate.repeat_interleave(values.shape[-1] // len(gate)),)

    with ExitStack() as stack:
        for name, gate in gates.items():
            joined = model.get_submodule(name).get_submodule("out")
            hook = joined.register_forward_pre_hook(partial(turned, gate))
            stack.callback(hook.remove)
        yield


@dataclass(frozen=True)
class Importance:
    """What a head is worth. ablation: what the score loses without it; gradient: |∂ score / ∂ gate|.

    changed: the share of what is read that is read otherwise without it.
    """

    ablation: float
    gradient: float
    changed: float


def importance(
    model: nn.Module, ask: Ask, *, within: Sequence[str] | None = None
) -> dict[tuple[str, int], Importance]:
    """Return the importance of every head by (module, number from 0); `within`: of these modules only.

    ablation: Voita et al., 2019, and Michel et al., 2019: one run for each head. gradient: Michel's I_h, how
    fast the score would change; one run for all. A head can be unimportant alone because others do the same.
    """
    heads = {name: count for name, count in heads_of(model).items() if within is None or name in within}
    gates = {name: torch.ones(count, requires_grad=True) for name, count in heads.items()}
    with gated(model, gates):
        whole = ask()
    slopes = torch.autograd.grad(whole.score, list(gates.values()), allow_unused=True)
    intact, found = float(whole.score.detach()), {}
    for (name, count), slope in zip(heads.items(), slopes, strict=True):
        for head in range(count):
            rate = 0.0 if slope is None else float(slope[head].abs())
            without = _without(model, name, head, count, ask)
            changed = float((without.read != whole.read).double().mean())
            found[name, head] = Importance(intact - float(without.score), rate, changed)
    return found


@torch.no_grad()
def _without(model: nn.Module, name: str, head: int, count: int, ask: Ask) -> Answer:
    with gated(model, {name: (torch.arange(count) != head).float()}):
        return ask()
