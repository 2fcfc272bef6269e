"""What forward and backward of a score Σ_d w_d f(q_d + k_d) both take: sides, constants, mask and bias."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import triton
from torch import Tensor
from torch.nn.functional import pad

from foveal.attention.kernels import pairwise
from foveal.attention.kernels.layout import launch, padded, power_of_2

LOG2E = 1.4426950408889634

PAD = 128
"""Lengths are padded to this in memory, so that tiles need no bounds: every tile divides it."""


class Tiles(NamedTuple):
    """How much one program holds, by how many warps, with how many registers a thread: a launch's knobs."""

    rows: int
    columns: int
    warps: int
    registers: int | None = None
    """At most so many, that more programs fit a multiprocessor; None leaves it to the compiler."""


@dataclass(frozen=True)
class Form:
    """One f: its tiles of scores and its sums of slopes in Triton, and the constants around them."""

    scores: Any
    slopes: Any
    exponentials: bool
    """Whether the kernels see e^{2x} in place of x."""
    score_factor: float
    slope_factor: float
    weight_slope: Callable[[Sums], Tensor]


class Sums(NamedTuple):
    """What the gradient of w is made of: q, k "g n d", the sums of slopes over the other side, and Σ ds·r."""

    q: Tensor
    k: Tensor
    q_slope: Tensor
    k_slope: Tensor
    r: Tensor


class Side(NamedTuple):
    """Queries or keys "g n d", laid out for the kernels in float32, and max |x| of each row."""

    x: Tensor
    features_first: Tensor
    rows_first: Tensor
    reach: Tensor


def fitting(table: dict[int, Tiles], size: int) -> Tiles:
    """Return the tiles of the least limit that holds `size`; of the greatest if none does."""
    return next((tiles for limit, tiles in table.items() if size <= limit), max(table.items())[1])


def width_of(d: int) -> int:
    """Return d padded to whole tiles of features."""
    return padded(d, min(64, power_of_2(d)))


def side(x: Tensor, form: Form, *, rows_first: bool) -> Side:
    """Lay out x "g n d" features first and, if asked, rows first too."""
    g, n, d = x.shape
    n_pad, even, width = padded(n, PAD), padded(d, 2), width_of(d)
    features = x.new_empty(g, n_pad // PAD, even, PAD, dtype=torch.float32)
    rows = x.new_empty((g, n_pad, width) if rows_first else (0,), dtype=torch.float32)
    reach = x.new_empty(g, n_pad, dtype=torch.float32)
    pairwise.spread[(g * n_pad // 32,)](
        x, features, rows, reach, n, n_pad, D=d, EVEN=even, WIDTH=width, DP=triton.next_power_of_2(width),
        BM=32, PAD=PAD, EXP=form.exponentials, ROWS=rows_first, **launch(4),
    )  # fmt: skip
    return Side(x, features, rows, reach)


class Shape(NamedTuple):
    """What `forward` and `pairs` take alike: sizes and strides by position, and constants by name."""

    numbers: tuple[int, ...]
    constants: dict[str, Any]


class Beside(NamedTuple):
    """What stands beside q, k, v and w: the form, the heads of a batch, the mask and the bias.

    seen: bytes "lead heads n m"; bias: the same shape, or 1 for what repeats over leads or heads.
    """

    form: Form
    heads: int
    seen: Tensor | None
    bias: Tensor | None

    def tensors(self, other: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mask and the bias as kernels take them; in place of none any other tensor."""
        return other if self.seen is None else self.seen, other if self.bias is None else self.bias

    def strides(self) -> tuple[int, ...]:
        """Return how far apart the places of the mask and of the bias lie, 0 for what repeats."""
        strides = (0, 0, 0, 0) if self.seen is None else self.seen.stride()
        if self.bias is None:
            return *strides, 0, 0, 0, 0
        sizes = zip(self.bias.shape, self.bias.stride(), strict=True)
        return *strides, *(0 if size == 1 else stride for size, stride in sizes)


def shape_of(q: Tensor, v: Tensor, beside: Beside) -> Shape:
    """Return sizes, strides and constants of queries, values and what stands beside them."""
    n, d, m, dv = *q.shape[1:], *v.shape[1:]
    constants = {
        "D": d, "EVEN": padded(d, 2), "DV": dv, "DVP": power_of_2(dv), "PAD": PAD,
        "MASKED": beside.seen is not None, "BIASED": beside.bias is not None, "SCORES": beside.form.scores,
    }  # fmt: skip
    return Shape((n, m, padded(n, PAD), padded(m, PAD), beside.heads, *beside.strides()), constants)


def coefficients(w: Tensor, form: Form) -> Tensor:
    """Return w "g d" as the kernels want it: in base 2, with the form's factor, an odd d padded."""
    return pad(w.float() * (form.score_factor * LOG2E), (0, w.shape[-1] % 2))
