"""Which way a mechanism is computed: chosen per device and size from a measured table, in this one place.

- "plain": torch's operations as the formula is written.
- "compiled": the same function by torch.compile.
- "kernel": fused in Triton (see `kernels`).

All three give the same result. `with route("plain"): …` forces one for a comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from foveal.attention import kernels
from foveal.config import nearest
from foveal.errors import ConfigError

Route = Literal["plain", "compiled", "kernel"]

ROUTES: dict[tuple[str, str], tuple[tuple[int, Route], ...]] = {}
"""(mechanism, device) → from how many pairs of a query and a key on (over the whole batch) which route pays,
smallest first, as in `("additive", "cuda"): ((0, "plain"), (4096, "kernel"))`; what is not here goes plain.
To be filled from `python benchmarks/attention.py` once the kernels are measured on a GPU.
"""

_forced: ContextVar[Route | None] = ContextVar("route", default=None)


@contextmanager
def route(name: Route) -> Iterator[None]:
    """Force every mechanism inside the block onto one route; a mechanism that has no kernel goes plain.

    Raises ConfigError for a route that does not exist. "kernel" where the kernel cannot run raises
    ConfigError when a mechanism is called.
    """
    if name not in get_args(Route):
        raise ConfigError(f"there is no route '{name}'", remedy=nearest(name, get_args(Route)))
    token = _forced.set(name)
    try:
        yield
    finally:
        _forced.reset(token)


def choose(mechanism: str, q: Tensor, k: Tensor, v: Tensor) -> Route:
    """Return the route of `mechanism` for q "*batch q d", k "*batch k d" and v "*batch k dv".

    An exported graph is made of torch's own operations: "plain".
    """
    if torch.compiler.is_exporting():
        return "plain"
    forced = None if torch.compiler.is_compiling() else _forced.get()  # which torch.compile cannot trace
    wanted = forced or _measured(mechanism, q, k)
    if wanted != "kernel" or kernels.usable(mechanism, q, k, v):
        return wanted
    if forced and mechanism in kernels.KERNELS:
        raise ConfigError(
            f"the kernel of '{mechanism}' does not take {tuple(q.shape)}, {tuple(k.shape)}, {tuple(v.shape)} "
            f"of {q.dtype} on {q.device}",
            remedy="it needs Triton, an NVIDIA GPU, and one precision of 16 or 32 bits",
        )
    return "plain"


def _measured(mechanism: str, q: Tensor, k: Tensor) -> Route:
    pairs = q[..., 0].numel() * k.shape[-2]
    table = ROUTES.get((mechanism, q.device.type), ())
    return next((name for start, name in reversed(table) if pairs >= start), "plain")


@cache
def _compiled(plain: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return torch.compile(plain, dynamic=True)


def run(
    mechanism: str,
    plain: Callable[..., Tensor],
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *rest: Any,
    **options: Any,
) -> Tensor:
    """Return `plain(q, k, v, *rest, **options)` by the route chosen for `mechanism`.

    `plain` is a function of the module (it is compiled once); the kernel takes the same arguments.
    """
    chosen = choose(mechanism, q, k, v)
    if chosen == "kernel":
        return kernels.load(mechanism)(q, k, v, *rest, **options)
    if chosen == "compiled" and not torch.compiler.is_compiling():
        return _compiled(plain)(q, k, v, *rest, **options)
    return plain(q, k, v, *rest, **options)
