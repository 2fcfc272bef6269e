"""Recurrent layers in a graph: torch's exporter writes their steps out one by one, ONNX has them as one node.

Parameters keep their names and torch's order of gates (i f g o); the graph puts them into ONNX's (i o f g),
which the runtime does once, when it loads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from onnxscript import opset18 as op
from torch import Tensor, nn


@torch.library.custom_op("foveal::both_ways", mutates_args=())
def both_ways(x: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """Return one layer of LSTM in both directions: "b n d" → "b n 2h". weights: as torch orders them."""
    start = x.new_zeros(2, x.shape[0], weights[1].shape[1])
    return torch.lstm(x, (start, start), list(weights), True, 1, 0.0, False, True, True)[0]


@both_ways.register_fake
def _(x: Tensor, weights: Sequence[Tensor]) -> Tensor:
    return x.new_empty(x.shape[0], x.shape[1], 2 * weights[1].shape[1])


def _in_onnx(x: Any, weights: Sequence[Any]) -> Any:
    forth, back = weights[:4], weights[4:]
    w, r, *biases = (op.Concat(_turned(a), _turned(b), axis=0) for a, b in zip(forth, back, strict=True))
    hidden = weights[1].shape[1]
    y, _, _ = op.LSTM(
        op.Transpose(x, perm=[1, 0, 2]), w, r, op.Concat(*biases, axis=1),
        direction="bidirectional", hidden_size=hidden,
    )  # fmt: skip
    flat: Any = op.Constant(value_ints=[0, 0, 2 * hidden])
    return op.Reshape(op.Transpose(y, perm=[2, 0, 1, 3]), flat)


def _turned(weight: Any) -> Any:
    """Return a parameter with its gates in ONNX's order, as one direction of two."""
    i, f, g, o = op.Split(weight, axis=0, num_outputs=4)
    first: Any = op.Constant(value_ints=[0])
    return op.Unsqueeze(op.Concat(i, o, f, g, axis=0), first)


TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {torch.ops.foveal.both_ways.default: _in_onnx}
"""What the exporter is to know beside its own."""


@contextmanager
def as_nodes(model: nn.Module) -> Iterator[None]:
    """Let every LSTM of a model be one node a layer while it is exported."""
    layers = [module for module in model.modules() if isinstance(module, nn.LSTM)]
    for module in layers:
        module.forward = partial(_by_nodes, module)  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        for module in layers:
            del module.forward


def _by_nodes(lstm: nn.LSTM, x: Tensor) -> tuple[Tensor, None]:
    assert lstm.bidirectional
    assert lstm.batch_first
    for layer in range(lstm.num_layers):
        x = both_ways(x, lstm.all_weights[2 * layer] + lstm.all_weights[2 * layer + 1])
    return x, None
