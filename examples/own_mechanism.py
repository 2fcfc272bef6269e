"""A mechanism of one's own: one class and one line.

    python examples/compare_mechanisms.py --load examples/own_mechanism.py
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from foveal.attention import MECHANISMS, Attention, Spec


class Cosine(Attention):
    """τ · cos(q, k): how alike query and key point, whatever their lengths; τ is learned (Luo et al., 2018).

    Time O(q·k·d), memory O(q·k).
    """

    def __init__(self, *, start: float = 8.0, normaliser: Spec = "softmax") -> None:
        super().__init__(normaliser=normaliser)
        self.sharpness = nn.Parameter(torch.tensor(start))

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """Return τ · cos(q, k)."""
        return self.sharpness * normalize(q, dim=-1) @ normalize(k, dim=-1).transpose(-1, -2)


MECHANISMS["cosine"] = Cosine
