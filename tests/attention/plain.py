"""What mechanisms are held against: NumPy with loops, and tools that measure."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode


def tensors(*shapes: tuple[int, ...], seed: int = 0, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Return random leaves of these shapes."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(s, generator=generator, dtype=dtype).requires_grad_() for s in shapes]


def softmax_of(scores: Sequence[float], allowed: Sequence[bool]) -> list[float]:
    """Return the softmax of one row among the allowed; zeros where nothing is."""
    top = max((s for s, a in zip(scores, allowed, strict=True) if a), default=0.0)
    raised = [math.exp(s - top) if a else 0.0 for s, a in zip(scores, allowed, strict=True)]
    return [r / (sum(raised) or 1.0) for r in raised]


def numpy_weights(
    q: np.ndarray, k: np.ndarray, near: Callable[[int, int], bool], mask: np.ndarray | None = None
) -> np.ndarray:
    """Return softmax weights of qᵀk / √d of "q d" and "k d", among j that `near(i, j)` and the mask allow."""
    out = np.zeros((len(q), len(k)))
    for i, query in enumerate(q):
        scores = [float(query @ key) / math.sqrt(len(query)) for key in k]
        allowed = [near(i, j) and (mask is None or bool(mask[i, j])) for j in range(len(k))]
        out[i] = softmax_of(scores, allowed)
    return out


def assert_same_in_value_and_gradient(
    leaves: Sequence[Tensor], one: Callable[..., Tensor], other: Callable[..., Tensor]
) -> None:
    """Assert that two functions of the leaves agree, and that so do the gradients of a weighted sum."""
    results, gradients = [], []
    for function in (one, other):
        out = function(*leaves)
        probe = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view(out.shape)
        results.append(out)
        gradients.append(torch.autograd.grad((out * probe).sum(), leaves, materialize_grads=True))
    assert_close(results[0], results[1])
    assert_close(gradients[0], gradients[1])


def values(module: nn.Module) -> dict[str, np.ndarray]:
    """Return parameters and buffers by name."""
    return {name: value.numpy() for name, value in module.state_dict().items()}


class Largest(TorchDispatchMode):
    """Notes the number of values of the largest tensor that is made inside `with`."""

    def __init__(self) -> None:
        super().__init__()
        self.values = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for made in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(made, Tensor):
                self.values = max(self.values, made.untyped_storage().nbytes() // made.element_size())
        return out


@contextmanager
def operators_known() -> Iterator[None]:
    """Let torch read only once how ONNX writes its operators: that takes a second for every export."""
    registry = import_module("torch.onnx._internal.exporter._registration").ONNXRegistry
    with pytest.MonkeyPatch.context() as patch:
        if hasattr(registry, "from_torchlib"):
            patch.setattr(registry, "from_torchlib", staticmethod(known(registry.from_torchlib)))
        yield


@cache
def known(read: Callable[..., Any]) -> Callable[..., Any]:
    return cache(read)


def exported(
    module: nn.Module, inputs: Sequence[Tensor], open_axes: Sequence[Sequence[int]]
) -> Callable[..., list[Tensor]]:
    """Export `module`, each input's `open_axes` left open; return a function that runs the graph."""
    shapes = tuple(dict.fromkeys(axes, torch.export.Dim.DYNAMIC) for axes in open_axes)
    with warnings.catch_warnings(), operators_known():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module.eval(), tuple(inputs), dynamic_shapes=shapes, dynamo=True, optimize=False, verbose=False
        )
    assert program is not None
    session = onnxruntime.InferenceSession(
        program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [i.name for i in session.get_inputs()]

    def run(*values: Tensor) -> list[Tensor]:
        feed = {name: value.numpy() for name, value in zip(names, values, strict=True)}
        return [torch.from_numpy(x) for x in session.run(None, feed)]

    return run
