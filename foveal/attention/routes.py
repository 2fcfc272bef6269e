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

ROUTES: dict[tuple[str, str], tuple[tuple[int, Route], ...]] = {
    ("additive", "cuda"): ((2**21, "kernel"),),
    ("additive_by_sines", "cuda"): ((2**26, "kernel"),),
    ("mlp", "cuda"): ((2**25, "kernel"),),
    ("local", "cuda"): ((2**29, "kernel"),),
    ("biased", "cuda"): ((2**29, "kernel"),),
    ("random", "cuda"): ((2**29, "kernel"),),
    ("elu", "cuda"): ((2**26, "kernel"),),
    ("relu", "cuda"): ((2**26, "kernel"),),  # the kernel of elu with another φ
    ("mixed", "cuda"): ((2**26, "kernel"),),
}
"""(mechanism, device) → from how many pairs of a query and a key on (over the whole batch; of a gate, from
how many numbers of its map) which route pays, smallest first; what is not here, or smaller, goes plain.

Measured on one H200 in bfloat16 (`python benchmarks/attention.py`): kernels begin at the least size at which
they were measured and were faster, forward and with gradients; below it nothing is known.
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


def choose(mechanism: str, *inputs: Tensor) -> Route:
    """Return the route of `mechanism` for q "*batch q d", k "*batch k d", v "*batch k dv", or for a map.

    An exported graph is made of torch's own operations: "plain".
    """
    if torch.compiler.is_exporting():
        return "plain"
    forced = None if torch.compiler.is_compiling() else _forced.get()  # which torch.compile cannot trace
    wanted = forced or _measured(mechanism, inputs)
    if wanted != "kernel" or kernels.usable(mechanism, *inputs):
        return wanted
    if forced and mechanism in kernels.KERNELS:
        shapes = ", ".join(str(tuple(x.shape)) for x in inputs)
        raise ConfigError(
            f"the kernel of '{mechanism}' does not take {shapes} of {inputs[0].dtype} on {inputs[0].device}",
            remedy="it needs Triton, an NVIDIA GPU, and one precision of 16 or 32 bits",
        )
    return "plain"


def _measured(mechanism: str, inputs: tuple[Tensor, ...]) -> Route:
    first = inputs[0]
    table = ROUTES.get((mechanism, first.device.type), ())
    size = first.numel() if len(inputs) == 1 else first[..., 0].numel() * inputs[1].shape[-2]
    return next((name for start, name in reversed(table) if size >= start), "plain")


@cache
def _compiled(plain: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return torch.compile(plain, dynamic=True)


def run(mechanism: str, plain: Callable[..., Tensor], *args: Any, **options: Any) -> Tensor:
    """Return `plain(*args, **options)` by the route chosen for `mechanism`.

    args: q, k and v, or a map, and what else it takes. `plain` is a function of a module (it is compiled
    once); the kernel takes the same arguments.
    """
    kernel = kernels.KERNELS.get(mechanism)
    chosen = choose(mechanism, *args[: kernel.inputs if kernel else 3])
    if chosen == "kernel":
        return kernels.load(mechanism)(*args, **options)
    if chosen == "compiled" and not torch.compiler.is_compiling():
        return _compiled(plain)(*args, **options)
    return plain(*args, **options)
