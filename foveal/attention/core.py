"""What an attention mechanism is: `score` or `weights` say what it means, `forward` how fast it goes."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from foveal.attention.watching import report


def masked_softmax(score: Tensor, mask: Tensor | None) -> Tensor:
    """Return the softmax of `score` over its last axis among the places where `mask` is true.

    score: "… q k"; mask: broadcastable to it. A row that may look nowhere gives exact zeros, never NaN.
    """
    if mask is None:
        return score.softmax(-1)
    floor = -3e4  # finite and within half precision, so that an empty row stays a number
    weights = score.masked_fill(~mask, floor).softmax(-1)
    return weights * mask  # exact 0 outside the mask and in empty rows


class Attention(nn.Module):
    """Base of every mechanism: give `score` or `weights`; `forward` may be overridden by a faster route.

    q: "*batch q d", k: "*batch k d", v: "*batch k dv", mask: "*#batch #q k", true where a query may look.
    """

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """Return how well each key answers each query: "*batch q k"."""
        raise NotImplementedError(f"{type(self).__name__} defines weights, not a score")

    def weights(self, q: Tensor, k: Tensor, mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Return where each query looks, "*batch q k"; rows sum to one, or to zero where all is masked."""
        score = self.score(q, k)
        return masked_softmax(score if bias is None else score + bias, mask)

    def look(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the attended values and the weights they were made with, both by the plain route."""
        weights = self.weights(q, k, mask, bias)
        report(self, weights)
        return weights @ v, weights

    def forward(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the values at the places looked at: "*batch q dv"."""
        return self.look(q, k, v, mask, bias)[0]


class ScaledDot(Attention):
    """qᵀk / √d  (Vaswani et al., 2017).

    Time O(q·k·d); memory O(q·k) by `weights`, O(q + k) by `forward` on devices with a fused kernel.
    """

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """Return qᵀk / √d."""
        scale: float = q.shape[-1] ** -0.5
        return (q * scale) @ k.transpose(-1, -2)

    def forward(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return softmax(qᵀk / √d) v by torch's fused kernel; the plain route while somebody watches."""
        if bias is not None or report.wanted:
            return self.look(q, k, v, mask, bias)[0]
        out: Tensor = scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return out if mask is None else out * mask.any(-1, keepdim=True)
