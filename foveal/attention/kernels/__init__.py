"""Fused attention in Triton, one file a kernel, forward and backward. Nothing here is imported until used.

The functions are in KERNELS by mechanism; `load` imports one. `usable` says, without importing Triton,
whether tensors can go this way: on an NVIDIA GPU of compute capability 8.0 or more, in half or single
precision. In Triton's interpreter (TRITON_INTERPRET=1, set before Triton is imported) the CPU will do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import torch
from torch import Tensor

KERNELS: dict[str, str] = {
    "additive": "additive",
    "mlp": "mlp",
    "local": "local",
    "biased": "biased",
    "relative": "biased",
}
"""From mechanism to the module here that holds its function, which has the mechanism's name."""

_PRECISIONS = (torch.float16, torch.bfloat16, torch.float32)


def load(mechanism: str) -> Callable[..., Tensor]:
    """Return the fused function of `mechanism`, importing Triton."""
    module = import_module(f"{__name__}.{KERNELS[mechanism]}")
    function: Callable[..., Tensor] = getattr(module, mechanism)
    return function


def usable(*tensors: Tensor) -> bool:
    """Return whether the kernels can take these tensors: one device and precision, and Triton to run on it."""
    first = tensors[0]
    alike = all(t.device == first.device and t.dtype == first.dtype for t in tensors)
    return alike and first.dtype in _PRECISIONS and _runs_on(first.device)


def _runs_on(device: torch.device) -> bool:
    if find_spec("triton") is None:
        return False
    if device.type == "cuda":
        return torch.version.cuda is not None and torch.cuda.get_device_capability(device) >= (8, 0)
    triton = sys.modules.get("triton")
    return device.type == "cpu" and triton is not None and bool(triton.knobs.runtime.interpret)
