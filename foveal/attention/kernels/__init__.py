"""Fused attention in Triton, forward and backward. Nothing here imports Triton until it is used.

The functions are in KERNELS by mechanism; `load` imports one. `usable` says, without importing Triton,
whether tensors can go this way: on an NVIDIA GPU of compute capability 8.0 or more, in half or single
precision. In Triton's interpreter (TRITON_INTERPRET=1, set before Triton is imported) the CPU will do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

import torch
from torch import Tensor


class Kernel(NamedTuple):
    """Where a mechanism's function is, which has the mechanism's name, and for which sizes it is made.

    most: how long the axes of its inputs may be, by the number of the input and of its axis.
    """

    module: str
    most: dict[tuple[int, int], int]
    inputs: int = 3
    """How many of its first arguments are of one precision: q, k and v; or a map alone."""


def _up_to(module: str, d: int, dv: int) -> Kernel:
    return Kernel(module, {(0, -1): d, (2, -1): dv})


KERNELS: dict[str, Kernel] = {
    "additive": _up_to("additive", 1024, 256),
    "additive_by_sines": _up_to("sines", 128, 128),
    "mlp": _up_to("mlp", 1024, 256),
    "local": _up_to("local", 256, 256),
    "biased": _up_to("biased", 256, 256),
    "elu": _up_to("linear", 64, 64),
    "relu": _up_to("linear", 64, 64),
    "elu_causal": _up_to("causal", 64, 64),
    "relu_causal": _up_to("causal", 64, 64),
    "random": _up_to("drawn", 128, 128),
    "mixed": Kernel("gate", {(0, 1): 1024}, inputs=1),
}

_PRECISIONS = (torch.float16, torch.bfloat16, torch.float32)


def load(mechanism: str) -> Callable[..., Tensor]:
    """Return the fused function of `mechanism`, importing Triton."""
    module = import_module(f"{__name__}.{KERNELS[mechanism].module}")
    function: Callable[..., Tensor] = getattr(module, mechanism)
    return function


def usable(mechanism: str, *inputs: Tensor) -> bool:
    """Return whether `mechanism` has a kernel that takes these inputs (q, k, v; or a map) where they are."""
    if (kernel := KERNELS.get(mechanism)) is None:
        return False
    first, *others = inputs
    alike = all(x.device == first.device and x.dtype == first.dtype for x in others)
    fits = all(inputs[i].shape[axis] <= most for (i, axis), most in kernel.most.items())
    some = all(x.numel() for x in inputs)
    return alike and first.dtype in _PRECISIONS and fits and some and _runs_on(first.device)


def _runs_on(device: torch.device) -> bool:
    if device.type == "cuda":
        capable = torch.version.cuda is not None and torch.cuda.get_device_capability(device) >= (8, 0)
        return capable and find_spec("triton") is not None
    triton = sys.modules.get("triton")
    return device.type == "cpu" and triton is not None and bool(triton.knobs.runtime.interpret)
