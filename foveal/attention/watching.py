"""Looks without threading them through a model: `with watch(model) as maps:` collects them by module name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor, nn

_maps: ContextVar[tuple[dict[int, str], dict[str, list[Tensor]]] | None] = ContextVar("maps", default=None)


class _Report:
    """Hands weights to whoever watches; costs one look-up when nobody does."""

    @property
    def wanted(self) -> bool:
        """Whether somebody watches in this context."""
        return _maps.get() is not None

    def __call__(self, module: nn.Module, weights: Tensor) -> None:
        """Store `weights` under the module's name if the watched model holds that module."""
        if (watched := _maps.get()) is None:
            return
        names, maps = watched
        if (name := names.get(id(module))) is not None:
            maps.setdefault(name, []).append(weights.detach())


report = _Report()


@contextmanager
def watch(model: nn.Module) -> Iterator[dict[str, list[Tensor]]]:
    """Collect the weights of every attention inside `model`, by module name, in the order of the calls.

    >>> with watch(model) as maps: model(x)        # doctest: +SKIP
    >>> maps["blocks.0.attention.mechanism"][0].shape    # doctest: +SKIP
    """
    maps: dict[str, list[Tensor]] = {}
    token = _maps.set(({id(module): name for name, module in model.named_modules()}, maps))
    try:
        yield maps
    finally:
        _maps.reset(token)
