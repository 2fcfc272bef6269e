"""How well a key answers a query: the mechanisms that are defined by their score alone.

q: "*batch q d_q", k: "*batch k d_k"; the score is "*batch q k".
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from foveal.attention.build import Spec
from foveal.attention.core import Attention
from foveal.attention.normalisers import Softmax, masked_softmax
from foveal.attention.routes import run
from foveal.config import nearest
from foveal.errors import ConfigError

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "gelu": gelu}


def width(hidden: int | None, q_dim: int) -> int:
    """Return the size of a hidden layer: that of a query unless told."""
    if hidden is not None and hidden < 1:
        raise ConfigError(f"a hidden layer cannot have {hidden} places", remedy="it has 1 or more")
    return q_dim if hidden is None else hidden


def meet(q: Tensor, k: Tensor) -> Tensor:
    """Return q_i + k_j of every pair, "*batch q k d"."""
    return q.unsqueeze(-2) + k.unsqueeze(-3)


def additive(q: Tensor, k: Tensor, v: Tensor, w: Tensor, mask: Tensor | None, bias: Tensor | None) -> Tensor:
    """Return softmax(wᵀ tanh(q + k) + bias) v, the plain route of the kernel of that name."""
    return _attended(torch.tanh(meet(q, k)) @ w, v, mask, bias)


def mlp(q: Tensor, k: Tensor, v: Tensor, w: Tensor, mask: Tensor | None, bias: Tensor | None) -> Tensor:
    """Return softmax(wᵀ relu(q + k) + bias) v, the plain route of the kernel of that name."""
    return _attended(torch.relu(meet(q, k)) @ w, v, mask, bias)


def _attended(score: Tensor, v: Tensor, mask: Tensor | None, bias: Tensor | None) -> Tensor:
    return masked_softmax(score if bias is None else score + bias, mask).to(v.dtype) @ v


def biased(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, mask: Tensor | None) -> Tensor:
    """Return softmax(qᵀk / √d + bias) v by torch's fused kernel, the plain route of ours of that name."""
    if mask is None:
        return scaled_dot_product_attention(q, k, v, attn_mask=bias)
    seen = mask.any(-1, keepdim=True)  # an empty row looks everywhere, and counts for nothing
    bias = bias.masked_fill(~(mask | ~seen), -math.inf)
    return scaled_dot_product_attention(q, k, v, attn_mask=bias) * seen


class Dot(Attention):
    """qᵀk  (Luong et al., 2015).

    Its variance grows with d, so that the softmax hardens in wide heads: see `scaled_dot`.
    Time O(q·k·d), memory O(q·k) by `weights`, O(q + k) by `forward` on devices with a fused kernel.

    Choose it where queries and keys have a length of their own that should count, or are normalised already.
    """

    scaled: ClassVar[bool] = False

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """Return qᵀk."""
        return q @ k.transpose(-1, -2)

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return softmax(score + bias) v by torch's fused kernel."""
        if not isinstance(self.normaliser, Softmax):
            return super().attend(q, k, v, mask, bias)
        if bias is not None:
            q = q if self.scaled else q * math.sqrt(q.shape[-1])
            return run("biased", biased, q, k, v, bias.to(q.dtype), mask)
        scale = None if self.scaled else 1.0  # None: 1/√d
        out: Tensor = scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale)
        return out if mask is None else out * mask.any(-1, keepdim=True)


class ScaledDot(Dot):
    """qᵀk / √d  (Vaswani et al., 2017).

    If q and k have independent entries of mean 0 and variance 1, Var qᵀk = d; the scale brings it back to 1.
    Time O(q·k·d); memory O(q·k) by `weights`, O(q + k) by `forward` on devices with a fused kernel.

    Choose it unless there is a reason for another: every device has a fused kernel for it.
    """

    scaled = True

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """Return qᵀk / √d."""
        scale: float = q.shape[-1] ** -0.5
        return (q * scale) @ k.transpose(-1, -2)


class Bilinear(Attention):
    """qᵀ W k  (Luong et al., 2015, "general"): a learned likeness of queries and keys of any sizes.

    W: "d_q d_k". It starts so that the score of q and k with entries of variance 1 has variance 1.
    Time O(k·d_q·d_k + q·k·d_q), memory O(q·k).

    Choose it where queries and keys are of different kinds or sizes and a product is all the time there is.
    """

    unequal = True

    def __init__(self, q_dim: int, k_dim: int, *, normaliser: Spec = "softmax") -> None:
        super().__init__(normaliser=normaliser)
        self.weight = nn.Parameter(torch.randn(q_dim, k_dim) / math.sqrt(q_dim * k_dim))

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """Return qᵀ W k."""
        return (q @ self.weight) @ k.transpose(-1, -2)


class Additive(Attention):
    """vᵀ tanh(W_q q + W_k k)  (Bahdanau et al., 2015).

    W_q: "hidden d_q", W_k: "hidden d_k", v: "hidden"; `hidden` is d_q unless told. A query and a key of
    different sizes meet in the hidden layer. With heads, all share W_q, W_k and v.
    Time O(q·k·hidden), memory O(q·k·hidden) by the plain route.

    Choose it for a decoder's state over a strip: the two are of different kinds, and queries are few.
    """

    unequal = True

    def __init__(
        self, q_dim: int, k_dim: int, *, hidden: int | None = None, normaliser: Spec = "softmax"
    ) -> None:
        super().__init__(normaliser=normaliser)
        hidden = width(hidden, q_dim)
        self.query = nn.Linear(q_dim, hidden, bias=False)
        self.key = nn.Linear(k_dim, hidden, bias=False)
        self.v = nn.Parameter(torch.randn(hidden) / math.sqrt(hidden))

    def project(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """Return W_q q "*batch q hidden" and W_k k "*batch k hidden"."""
        return self.query(q), self.key(k)

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """Return vᵀ tanh(W_q q + W_k k)."""
        q, k = self.project(q, k)
        return torch.tanh(meet(q, k)) @ self.v

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the attended values, by the fused kernel where there is one."""
        if not isinstance(self.normaliser, Softmax):
            return super().attend(q, k, v, mask, bias)
        return run("additive", additive, *self.project(q, k), v, self.v, mask, bias)

    def row_bytes(self, q: Tensor, k: Tensor) -> int:
        """Return the bytes of a row: the sum and its tanh, "k hidden" each, on top of the weights."""
        return super().row_bytes(q, k) // 4 * (4 + 2 * self.v.shape[0])


class MLP(Attention):
    """MLP([q; k]): w₂ᵀ f(W₁[q; k] + b₁), or with `layers=3` w₃ᵀ f(W₂ f(W₁[q; k] + b₁) + b₂).

    (Luong et al., 2015, "concat", with f = tanh and two layers.) f: `activation`, one of relu, tanh, gelu.
    W₁ is kept as its two halves, W_q "hidden d_q" and W_k "hidden d_k", so that each q and k passes it once.
    `hidden` is d_q unless told. Time O(q·k·hidden) for two layers, O(q·k·hidden²) for three; memory
    O(q·k·hidden) by the plain route.

    Choose it where `additive` is not flexible enough: it can learn any score, at the highest price.
    """

    unequal = True

    def __init__(
        self,
        q_dim: int,
        k_dim: int,
        *,
        hidden: int | None = None,
        layers: int = 2,
        activation: str = "relu",
        normaliser: Spec = "softmax",
    ) -> None:
        super().__init__(normaliser=normaliser)
        if layers not in (2, 3):
            raise ConfigError(f"mlp cannot have {layers} layers", remedy="it has 2 or 3")
        if activation not in ACTIVATIONS:
            raise ConfigError(
                f"mlp knows no activation '{activation}'", remedy=nearest(activation, ACTIVATIONS)
            )
        hidden = width(hidden, q_dim)
        self.activation = activation
        self.query = nn.Linear(q_dim, hidden)
        self.key = nn.Linear(k_dim, hidden, bias=False)
        self.middle = nn.Linear(hidden, hidden) if layers == 3 else None
        self.v = nn.Parameter(torch.randn(hidden) / math.sqrt(hidden))

    def project(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """Return W_q q + b₁ "*batch q hidden" and W_k k "*batch k hidden"."""
        return self.query(q), self.key(k)

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the MLP of every pair of a query and a key."""
        q, k = self.project(q, k)
        f = ACTIVATIONS[self.activation]
        hidden = f(meet(q, k))
        if self.middle is not None:
            hidden = f(self.middle(hidden))
        return hidden @ self.v

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the attended values, by the fused kernel where there is one: for two layers and relu."""
        fused = self.middle is None and self.activation == "relu"
        if not fused or not isinstance(self.normaliser, Softmax):
            return super().attend(q, k, v, mask, bias)
        return run("mlp", mlp, *self.project(q, k), v, self.v, mask, bias)

    def row_bytes(self, q: Tensor, k: Tensor) -> int:
        """Return the bytes of a row: two or three hidden layers "k hidden", on top of the weights."""
        layers = 2 if self.middle is None else 3
        return super().row_bytes(q, k) // 4 * (4 + layers * self.v.shape[0])


SCORES: dict[str, type[Attention]] = {
    "dot": Dot,
    "scaled_dot": ScaledDot,
    "additive": Additive,
    "mlp": MLP,
    "bilinear": Bilinear,
}
"""The mechanisms that are a score and nothing else; a pattern of places may be laid over any of them."""
