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
    """Where a mechanism's function is, which has the mechanism's name, and for which sizes it is made."""

    module: str
    d: int
    dv: int


KERNELS: dict[str, Kernel] = {
    "additive": Kernel("additive", 1024, 256),
    "mlp": Kernel("mlp", 1024, 256),
    "local": Kernel("local", 256, 256),
    "biased": Kernel("biased", 256, 256),
    "relative": Kernel("biased", 256, 256),
    "elu": Kernel("linear", 64, 64),
    "relu": Kernel("linear", 64, 64),
    "random": Kernel("drawn", 128, 128),
}

_PRECISIONS = (torch.float16, torch.bfloat16, torch.float32)


def load(mechanism: str) -> Callable[..., Tensor]:
    """Return the fused function of `mechanism`, importing Triton."""
    module = import_module(f"{__name__}.{KERNELS[mechanism].module}")
    function: Callable[..., Tensor] = getattr(module, mechanism)
    return function


def usable(mechanism: str, q: Tensor, k: Tensor, v: Tensor) -> bool:
    """Return whether `mechanism` has a kernel that takes these tensors where they are."""
    if (kernel := KERNELS.get(mechanism)) is None:
        return False
    alike = all(x.device == q.device and x.dtype == q.dtype for x in (k, v)) and q.dtype in _PRECISIONS
    fits = q.shape[-1] <= kernel.d and v.shape[-1] <= kernel.dv
    return alike and fits and 0 not in (*q.shape, *k.shape, *v.shape) and _runs_on(q.device)


def _runs_on(device: torch.device) -> bool:
    if device.type == "cuda":
        capable = torch.version.cuda is not None and torch.cuda.get_device_capability(device) >= (8, 0)
        return capable and find_spec("triton") is not None
    triton = sys.modules.get("triton")
    return device.type == "cpu" and triton is not None and bool(triton.knobs.runtime.interpret)
