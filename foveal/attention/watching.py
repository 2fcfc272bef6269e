"""Looks without threading them through a model: `with watch(model) as maps:` collects them by module name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


class Listener(Protocol):
    """Whoever is told of calls while a `with` block lasts. `plain`: whether it needs the whole weights."""

    plain: bool

    def weights(self, module: nn.Module, weights: Tensor) -> None:
        """Be told the weights of one call."""

    def call(self, module: nn.Module, inputs: tuple[Tensor | None, ...]) -> None:
        """Be told q, k, mask and bias of one call."""


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


class _Report:
    """Hands calls to whoever listens; costs one look-up when nobody does, and nothing when compiled."""

    @property
    def wanted(self) -> bool:
        """Whether somebody needs the whole weights, so that the plain route must be taken."""
        if torch.compiler.is_compiling():
            return False
        listener = _listener.get()
        return listener is not None and listener.plain

    def __call__(self, module: nn.Module, weights: Tensor) -> None:
        """Tell the weights of a call of `module`."""
        if not torch.compiler.is_compiling() and (listener := _listener.get()) is not None:
            listener.weights(module, weights)

    def call(self, module: nn.Module, *inputs: Tensor | None) -> None:
        """Tell q, k, mask and bias of a call of `module`."""
        if not torch.compiler.is_compiling() and (listener := _listener.get()) is not None:
            listener.call(module, inputs)


report = _Report()


def names(model: nn.Module, prefix: str = "") -> dict[int, str]:
    """Return the name of every module in `model` by id; wrappers (DDP, torch.compile) add nothing to it."""
    compiled = getattr(model, "_orig_mod", None)
    if isinstance(compiled, nn.Module):
        return names(compiled, prefix)
    if isinstance(model, DistributedDataParallel):
        return names(model.module, prefix)
    found = {id(model): prefix}
    for name, child in model.named_children():
        found = names(child, f"{prefix}.{name}" if prefix else name) | found  # a shared one: its first name
    return found


@contextmanager
def listening(listener: Listener | None) -> Iterator[None]:
    """Tell `listener` of every call in this context; None: tell nobody. Compiled modules run eagerly."""
    token = _listener.set(listener)
    try:
        with torch.compiler.set_stance("force_eager") if listener else nullcontext():
            yield
    finally:
        _listener.reset(token)


class _Maps:
    """Keeps the weights of the modules it knows."""

    plain = True

    def __init__(self, model: nn.Module) -> None:
        self.names = names(model)
        self.maps: dict[str, list[Tensor]] = {}

    def weights(self, module: nn.Module, weights: Tensor) -> None:
        """Store `weights` under the module's name if the watched model holds that module."""
        if (name := self.names.get(id(module))) is not None:
            self.maps.setdefault(name, []).append(weights.detach())

    def call(self, module: nn.Module, inputs: tuple[Tensor | None, ...]) -> None:
        """Do nothing: the weights themselves are stored."""


@contextmanager
def watch(model: nn.Module) -> Iterator[dict[str, list[Tensor]]]:
    """Collect the weights of every attention inside `model`, by module name, in the order of the calls.

    Works through torch.compile (compiled parts run eagerly meanwhile), autocast and DDP, whose wrappers leave
    no trace in the names. Cost: the plain route of every mechanism, O(q·k) memory a call; see `recall`.

    >>> with watch(model) as maps: model(x)        # doctest: +SKIP
    >>> maps["blocks.0.attention.mechanism"][0].shape    # doctest: +SKIP
    """
    watched = _Maps(model)
    with listening(watched):
        yield watched.maps
