"""What an attention mechanism is: `score` or `weights` say what it means, `forward` how fast it goes.

How to write one (the laws in tests/attention run over every class in MECHANISMS):

- Sizes by position, options by keyword only. A mechanism that has parameters takes `(q_dim, k_dim, *, …)`,
  one that has none takes `(*, …)`; `build` hands over the sizes that a constructor names. Options are plain
  values (numbers, words), so that they can stand in a file; a bad value raises ConfigError.
- Give `score`, or override `weights`. If there is a faster route than `weights @ v`, override `attend`,
  never `forward`: it takes the plain route while somebody watches.
- If the row of a query depends on its index or on other queries (a window, a recurrence), set
  `rows_alone = False`, and override `rows` where a part of the rows can be had without the others.
- A mechanism that cannot use a bias or another normaliser does not accept it in silence: ConfigError.
- A class in MECHANISMS imports nothing from heads.py, which builds mechanisms by name. A mechanism over
  another score takes the option `score: Spec = "scaled_dot"` and builds it from scores.SCORES.
- Class attributes tell the laws what may be relied on; see `Attention`.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from foveal.attention.build import Spec, build
from foveal.attention.normalisers import NORMALISERS, Normaliser, masked_softmax
from foveal.attention.watching import report
from foveal.errors import ConfigError

__all__ = ["Attention", "masked_softmax"]


class Attention(nn.Module):
    """Base of every mechanism: give `score` or `weights`; `attend` may be overridden by a faster route.

    q: "*batch q d", k: "*batch k d", v: "*batch k dv", mask: "*#batch #q #k", true where a query may look,
    bias: "*#batch #q #k", added to the score; it may be more precise than q, and the weights then are too.
    A row that may look nowhere gives zeros.
    `normaliser`: how scores become weights, by name (see NORMALISERS) or with its options.
    """

    any_order: ClassVar[bool] = True
    """Keys and values (and the mask's columns) in another order give the same result."""
    rows_alone: ClassVar[bool] = True
    """The weights of a query depend neither on its index nor on the other queries."""
    unequal: ClassVar[bool] = False
    """q and k may have different sizes d."""
    takes_bias: ClassVar[bool] = True
    """A bias may be added to the score; otherwise giving one raises ConfigError."""
    positive: ClassVar[bool] = True
    """Weights are not negative; and rows sum to one if `normaliser.shares`."""
    draws: ClassVar[bool] = False
    """What may be looked at is drawn anew for each call while training, by `draw`, and kept as a buffer."""
    exports: ClassVar[bool] = True
    """torch.onnx exports it, with lengths left open."""

    def __init__(self, *, normaliser: Spec = "softmax") -> None:
        super().__init__()
        self.normaliser: Normaliser = build(NORMALISERS, normaliser)

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """Return how well each key answers each query: "*batch q k"."""
        raise NotImplementedError(f"{type(self).__name__} defines weights, not a score")

    def weights(self, q: Tensor, k: Tensor, mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Return where each query looks, "*batch q k"; rows sum to one, or to zero where all is masked."""
        score = self.score(q, k)
        weights: Tensor = self.normaliser(score if bias is None else score + bias, mask)
        return weights

    def draw(self) -> None:
        """Draw what the coming call may look at; a mechanism that `draws` says how."""

    def rows(
        self, q: Tensor, k: Tensor, rows: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the weights of the queries with indices `rows` "r" only, "*batch r k".

        Nothing of size q×k is built where `rows_alone`.
        """
        if not self.rows_alone:
            return self.weights(q, k, mask, bias).index_select(-2, rows)
        return self.weights(q.index_select(-2, rows), k, pick(mask, rows), pick(bias, rows))

    def row_bytes(self, q: Tensor, k: Tensor) -> int:
        """Return how many bytes the plain route holds at once for one query (of every batch element)."""
        batch = math.prod(max(pair) for pair in zip(q.shape[:-2], k.shape[:-2], strict=True))
        return 4 * batch * k.shape[-2] * q.element_size()

    def look(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the attended values and the weights they were made with, both by the plain route."""
        true_or_false(mask)
        self.draw()
        weights = self.weights(q, k, mask, bias)
        report(self, weights)
        report.call(self, q, k, mask, bias)
        return weights.to(v.dtype) @ v, weights

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the attended values by the fastest route; equal to `weights @ v`."""
        return self.weights(q, k, mask, bias).to(v.dtype) @ v

    def forward(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the values at the places looked at: "*batch q dv"; ConfigError for a mask of numbers."""
        true_or_false(mask)
        if not torch.compiler.is_exporting() and 0 in (*q.shape[:-1], k.shape[-2]):
            return self._nothing(q, k, v, mask, bias)
        if report.wanted:
            return self.look(q, k, v, mask, bias)[0]
        self.draw()
        report.call(self, q, k, mask, bias)
        return self.attend(q, k, v, mask, bias)

    def _nothing(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, bias: Tensor | None) -> Tensor:
        """Return what is found where nobody asks, or nothing is there to be looked at: zeros."""
        weights = q[..., :0] @ k[..., :0].transpose(-1, -2)
        report(self, weights)
        report.call(self, q, k, mask, bias)
        return weights.to(v.dtype) @ v


def true_or_false(mask: Tensor | None) -> None:
    """Raise ConfigError unless a mask is one: torch's own kernels would add one of numbers to the score."""
    if mask is not None and mask.dtype is not torch.bool:
        raise ConfigError(f"the mask is {mask.dtype}", remedy="true where a query may look; a bias is added")


def pick(x: Tensor | None, rows: Tensor) -> Tensor | None:
    """Return the rows of a mask or bias "… #q k" that belong to the queries `rows`."""
    return x if x is None or x.shape[-2] == 1 else x.index_select(-2, rows)
