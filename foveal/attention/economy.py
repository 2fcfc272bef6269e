"""Less memory for more time, with the same result: queries in parts, and activations computed twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint, noop_context_fn

from foveal.attention.core import Attention
from foveal.attention.watching import listening, report
from foveal.errors import ConfigError

P = ParamSpec("P")
Result = TypeVar("Result")


def _once() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), listening(None)  # whoever watches is told of the first time only


def recomputed(block: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
    """Return block(…), keeping its inputs only: what lies between is computed again for the gradient.

    (gradient checkpointing, Chen et al., 2016.) Costs one more forward pass of the block, saves all its
    activations. Without gradients it is the block itself. Random numbers are drawn the same twice.
    """
    if not torch.is_grad_enabled():
        return block(*args, **kwargs)
    told = noop_context_fn if torch.compiler.is_compiling() else _once
    return checkpoint(partial(block, *args, **kwargs), use_reentrant=False, context_fn=told)  # type: ignore[no-any-return]


def attend_within(
    budget: int,
    mechanism: Attention,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """Return what `mechanism` does, taking as many queries at once as need at most `budget` bytes.

    The budget holds for what the plain route has at once beside its inputs and the result; each part is
    computed again for the gradient, so that it holds while training too. While somebody watches, the weights
    are wanted whole and the budget is ignored. Raises ConfigError if one query needs more, or if the
    mechanism has no way to its rows one by one, or draws anew while training. Time as the plain route's,
    twice its forward with gradients; a fused kernel needs little memory anyway, and no budget.
    """
    if report.wanted or not k.shape[-2]:
        return mechanism(q, k, v, mask, bias)  # type: ignore[no-any-return]
    if not mechanism.rows_alone and type(mechanism).rows is Attention.rows:
        raise ConfigError(
            f"{type(mechanism).__name__} takes all queries together", remedy="leave the budget away"
        )
    if mechanism.draws and mechanism.training:
        raise ConfigError(
            f"{type(mechanism).__name__} draws anew for each part", remedy="leave the budget away in training"
        )
    at_once = int(budget // mechanism.row_bytes(q, k))
    if at_once < 1:
        raise ConfigError(
            f"{budget} bytes are too few", remedy=f"one query needs {mechanism.row_bytes(q, k)} bytes"
        )
    report.call(mechanism, q, k, mask, bias)

    def part(rows: Tensor) -> Tensor:
        return mechanism.rows(q, k, rows, mask, bias).to(v.dtype) @ v

    parts = torch.split(torch.arange(q.shape[-2], device=q.device), at_once)
    return torch.cat([recomputed(part, rows) for rows in parts], -2)
