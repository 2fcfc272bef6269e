"""What training changed in a model, in the whole steps that integers take: see reading/beside.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from foveal.reading.stored import LEVELS, in_bytes, in_products

_SMALL = 64
"""Parameters with fewer numbers are never stored as integers."""

Floats = NDArray[np.float32]
Integers = tuple[NDArray[np.int8], Floats]


def parameters_of(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a model's parameters by name."""
    return {name: value.detach().clone() for name, value in model.named_parameters()}


@torch.no_grad()
def put(model: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Give a model parameters by name."""
    for name, value in model.named_parameters():
        value.copy_(values[name])


@torch.no_grad()
def settle(model: nn.Module, before: Mapping[str, Tensor], *, seed: int) -> dict[str, NDArray[Any]]:
    """Round the matrices of a model to the integers it is stored with; return what an adapter's file holds.

    A few lines change weights by less than half a step, and all that would be rounded off. So each is rounded
    up or down by chance, as near as it is to either: what many add up to is what was learnt. The steps are
    those from before, and a channel's largest weight, which they are told by, stays.
    """
    rng, found = np.random.default_rng(seed), dict[str, NDArray[Any]]()
    for name, value in model.named_parameters():
        now, was = value.detach().numpy(), before[name].numpy()
        if now.ndim < 2 or now.size < _SMALL:
            found[name] = now.copy()
            continue
        whole, steps = _integers(was)
        most = np.abs(whole).max(tuple(range(1, was.ndim)), keepdims=True)
        near = np.floor(now / steps + rng.random(now.shape)).clip(-most, most)
        moved = np.where(np.abs(whole) == most, 0, near - whole).astype(np.int8)
        found[f"{name}:byte"], found[f"{name}:scale"] = moved, steps
        value.copy_(torch.from_numpy((whole + moved) * steps))
    return found


@torch.no_grad()
def scatter(model: nn.Module, *, seed: int) -> None:
    """Round the matrices of a model to the integers it will be stored with, up or down by chance.

    So what many weights learnt together stays, where each learnt less than half a step (Gupta et al., 2015).
    A channel's largest weight is its own step times a whole number already, and stays.
    """
    rng = np.random.default_rng(seed)
    for value in model.parameters():
        now = value.detach().numpy()
        if now.ndim >= 2 and now.size >= _SMALL:
            _, steps = _integers(now)
            value.copy_(torch.from_numpy(np.floor(now / steps + rng.random(now.shape, np.float32)) * steps))


def _integers(values: Floats) -> Integers:
    """Return a parameter as it is stored where products are of integers."""
    return in_bytes(values, LEVELS if in_products(values.shape) else 127)
