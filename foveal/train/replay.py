"""A function recorded once as a CUDA graph and replayed: thousands of small kernels launched as one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[..., tuple[Tensor, ...]]


class Replay:
    """`function` of tensors of fixed shapes, without gradients but its own; on a CPU it is simply called.

    Random numbers must come from `generators`. What the function changes (weights, say) is changed by the
    three calls before the recording too. The tensors returned are overwritten by the next call.
    """

    def __init__(self, function: Function, *, generators: tuple[torch.Generator, ...] = ()) -> None:
        self.function, self._generators = function, generators
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: tuple[Tensor, ...] = ()
        self._outputs: tuple[Tensor, ...] = ()

    @torch.no_grad()
    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return function(*inputs)."""
        if not inputs[0].is_cuda:
            return self.function(*inputs)
        if self._graph is None:
            self._record(inputs)
        assert self._graph is not None
        for mine, theirs in zip(self._inputs, inputs, strict=True):
            mine.copy_(theirs)
        self._graph.replay()
        return self._outputs

    def _record(self, inputs: tuple[Tensor, ...]) -> None:
        self._inputs = tuple(value.clone() for value in inputs)
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # a graph may only be recorded of what has run before
            for _ in range(3):
                self.function(*self._inputs)
        torch.cuda.current_stream().wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        for generator in self._generators:
            self._graph.register_generator_state(generator)
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._outputs = self.function(*self._inputs)
