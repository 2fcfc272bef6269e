"""What the laws run over: every name in MECHANISMS, and options that change what a mechanism is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from foveal.attention import MECHANISMS, Attention, build

B, H, Q, K, D, DV = 2, 3, 5, 7, 11, 13
"""All different and prime, so that no swapped axis can pass."""
UNEQUAL = 17
"""Size of a key where it may differ from a query's."""

VARIANTS: list[dict[str, Any]] = [
    {"name": "dot", "normaliser": "sparsemax"},
    {"name": "scaled_dot", "normaliser": "entmax15"},
    {"name": "scaled_dot", "normaliser": {"name": "sigmoid", "shift": -1.5}},
    {"name": "additive", "hidden": 19, "normaliser": "sparsemax"},
    {"name": "additive_by_sines", "terms": 3, "hidden": 19},
    {"name": "additive_by_sines", "terms": 1, "normaliser": "entmax15"},
    {"name": "mlp", "hidden": 19, "activation": "tanh"},
    {"name": "mlp", "layers": 3, "activation": "gelu"},
    {"name": "mlp", "layers": 3, "activation": "relu"},
    {"name": "location", "kernel": 3, "filters": 2, "normaliser": "entmax15"},
    {"name": "local", "window": 1},
    {"name": "local", "window": 2, "score": "additive", "normaliser": "sparsemax"},
    {"name": "local_2d", "inner": 3, "window": (1, 0)},
    {"name": "chunked", "size": 3},
    {"name": "random", "keys": 3, "block": 2},
    {"name": "structured", "window": 1, "anchors": 1, "keys": 2, "block": 2},
    {"name": "elu", "causal": True},
    {"name": "relu", "causal": True},
    {"name": "random_features", "features": 19, "causal": True},
    {"name": "fourier_features", "features": 512, "seed": 3},
    {"name": "two_level", "window": 3},
    {"name": "two_level", "window": 2, "normaliser": "entmax15"},
    {"name": "routed", "one_in": 2, "cheap": {"name": "local", "window": 1}, "full": "additive"},
    {"name": "temporal", "causal": False, "fading": 0.5},
]

CASES: list[dict[str, Any]] = [{"name": name} for name in MECHANISMS] + VARIANTS


def title(spec: dict[str, Any]) -> str:
    return "-".join(str(v) for v in spec.values())


def make(spec: dict[str, Any], *, dtype: torch.dtype = torch.float64) -> Attention:
    """The mechanism for queries of size D, its parameters drawn anew but always the same."""
    torch.manual_seed(5)
    sizes = {"q_dim": D, "k_dim": UNEQUAL if MECHANISMS[spec["name"]].unequal else D}
    return build(MECHANISMS, spec, **sizes).to(dtype).eval()


def inputs(
    attend: Attention, *, dtype: torch.dtype = torch.float64, seed: int = 0, size: float = 1.0, n: int = Q
) -> tuple[Tensor, Tensor, Tensor]:
    """q, k, v that want gradients."""
    torch.manual_seed(seed)
    shapes = ((B, H, n, D), (B, H, K, UNEQUAL if attend.unequal else D), (B, H, K, DV))
    drawn = [torch.randn(shape, dtype=torch.float64) * size for shape in shapes]
    q, k, v = (x.to(dtype).requires_grad_() for x in drawn)
    return q, k, v


def some(kind: str) -> Tensor | None:
    """A mask: "none", "padding" (of keys), "any" (with a query that may look nowhere)."""
    torch.manual_seed(1)
    if kind == "none":
        return None
    if kind == "padding":
        return torch.tensor([[True] * K, [True] * (K - 2) + [False] * 2])[:, None, None]
    allowed = torch.rand(B, 1, Q, K) > 0.4
    allowed[0, 0, 2] = False
    return allowed


def a_bias(attend: Attention) -> Tensor | None:
    torch.manual_seed(2)
    return torch.randn(1, H, Q, K, dtype=torch.float64) if attend.takes_bias else None
