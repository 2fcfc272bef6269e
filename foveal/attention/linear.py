"""Linear attention: φ(q)ᵀφ(k) in place of exp(qᵀk), so that keys and values are summed once for all queries.

    out_i = φ(q_i)ᵀ (Σ_j φ(k_j) v_jᵀ) / φ(q_i)ᵀ (Σ_j φ(k_j)),   with `causal` both sums over j ≤ i

`weights` shows the effective weights φ(q_i)ᵀφ(k_j) / Σ_j φ(q_i)ᵀφ(k_j). `attend` never builds them, unless a
mask differs from query to query: only a mask of keys can be summed once.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.functional import pad

from foveal.attention.build import at_least
from foveal.attention.core import Attention, pick
from foveal.attention.normalisers import masked_softmax
from foveal.attention.routes import run
from foveal.attention.tiles import parts
from foveal.errors import ConfigError

CHUNK = 64
"""Places that a causal sum takes at once: among them by pairs, before them by their sum."""

LEAST = 1e-30
"""A total below this counts for nothing: its slope would leave float32's range."""


def as_given(x: Tensor) -> AbstractContextManager[object]:
    """Leave autocast, if it is on: float16 can neither hold the sums nor divide by the small ones."""
    device = x.device.type
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()


def shared(x: Tensor, total: Tensor) -> Tensor:
    """Return x / total, and exactly 0 where the total is (nearly) 0, as in a row that may look nowhere."""
    nothing = total.abs() <= LEAST  # which is 0 in half precision
    return (x / total.masked_fill(nothing, 1)).masked_fill(nothing, 0)


def causal_sum(phi_q: Tensor, phi_k: Tensor, v: Tensor) -> Tensor:
    """Return φ(q_i)ᵀ Σ_{j ≤ i} φ(k_j) v_jᵀ, "*batch q dv", chunk by chunk: O(q·(f·dv + CHUNK·(f + dv)))."""
    count = parts(phi_q.shape[-2], CHUNK)

    def cut(x: Tensor) -> Tensor:
        x = pad(x, (0, 0, 0, count * CHUNK - x.shape[-2]))  # keys beyond the last query are never seen
        return x.reshape(*x.shape[:-2], count, CHUNK, x.shape[-1])

    q, k, values = cut(phi_q), cut(phi_k), cut(v)
    sums = k.transpose(-1, -2) @ values  # one a chunk
    before = sums.cumsum(-3, dtype=torch.promote_types(sums.dtype, torch.float32)).to(sums.dtype)
    before = pad(before, (0, 0, 0, 0, 1, -1))
    seen = (q @ k.transpose(-1, -2)).tril() @ values + q @ before
    return seen.flatten(-3, -2)[..., : phi_q.shape[-2], :]


def summed(
    phi_q: Tensor, phi_k: Tensor, v: Tensor, mask: Tensor | None = None, *, causal: bool = False
) -> Tensor:
    """Return what queries find by sums over the keys, "*batch q dv". mask: of keys only, "*#batch 1 #k"."""
    if mask is not None:
        phi_k = phi_k * mask.transpose(-1, -2)
    counted = pad(v.to(phi_k.dtype), (0, 1), value=1.0)  # the column of ones sums the normaliser
    with as_given(v):
        sums = causal_sum(phi_q, phi_k, counted) if causal else phi_q @ (phi_k.transpose(-1, -2) @ counted)
        return shared(sums[..., :-1], sums[..., -1:]).to(v.dtype)


class LinearAttention(Attention):
    """Base of linear mechanisms: subclasses give `features`, f of them for each query and key.

    Time O((q + k)·f·dv), memory O((q + k)·f + f·dv); with `causal` (j ≤ i) a sum of f·dv more for each CHUNK
    keys. There is no score to which a bias could be added.
    """

    takes_bias: ClassVar[bool] = False

    def __init__(self, *, causal: bool = False) -> None:
        super().__init__()
        self.causal = causal
        if causal:
            self.rows_alone = self.any_order = False  # type: ignore[misc]

    def features(self, q: Tensor, k: Tensor, seen: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return φ(q) "*batch q f" and φ(k) "*batch k f", up to factors of a row of φ(q) that cancel.

        seen: "*#batch #k 1", which keys count, where that is known; those of the others are not used.
        """
        raise NotImplementedError

    def allowed(self, rows: Tensor, keys: int, mask: Tensor | None) -> Tensor | None:
        """Return the mask of the queries with indices `rows` "r", with the causal one."""
        if not self.causal:
            return mask
        past = torch.arange(keys, device=rows.device) <= rows[:, None]
        return past if mask is None else past & mask

    def among(self, q: Tensor, k: Tensor, allowed: Tensor | None) -> Tensor:
        """Return the effective weights among the allowed keys."""
        phi_q, phi_k = self.features(q, k, None)
        with as_given(q):
            likeness = phi_q @ phi_k.transpose(-1, -2)
        if allowed is not None:
            likeness = likeness * allowed
        return shared(likeness, likeness.sum(-1, keepdim=True)).to(q.dtype)

    def weights(self, q: Tensor, k: Tensor, mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Return the effective weights, "*batch q k"."""
        self._refuse(bias)
        return self.among(q, k, self.allowed(torch.arange(q.shape[-2], device=q.device), k.shape[-2], mask))

    def rows(
        self, q: Tensor, k: Tensor, rows: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the effective weights of the queries with indices `rows` "r" only, "*batch r k"."""
        self._refuse(bias)
        return self.among(q.index_select(-2, rows), k, self.allowed(rows, k.shape[-2], pick(mask, rows)))

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the values by sums over the keys; by the weights if the mask differs between queries."""
        self._refuse(bias)
        if mask is not None and mask.shape[-2] != 1:
            return super().attend(q, k, v, mask)
        seen = None if mask is None else mask.transpose(-1, -2)
        return summed(*self.features(q, k, seen), v, mask, causal=self.causal)

    def _refuse(self, bias: Tensor | None) -> None:
        if bias is not None:
            raise ConfigError("linear attention has no score for a bias", remedy="leave the bias out")


def elu_features(x: Tensor) -> Tensor:
    """Return elu(x) + 1; of float16 in float32, as it could not hold their sums."""
    return functional.elu(x.float() if x.dtype == torch.float16 else x) + 1


def relu_features(x: Tensor) -> Tensor:
    """Return relu(x) + 10⁻⁶; of float16 in float32, as it could not hold their sums."""
    return torch.relu(x.float() if x.dtype == torch.float16 else x) + 1e-6


def elu(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return linear attention with φ = elu + 1, the plain route of the kernel of that name."""
    return summed(elu_features(q), elu_features(k), v, mask)


def relu(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return linear attention with φ = relu + 10⁻⁶, the plain route of the kernel of that name."""
    return summed(relu_features(q), relu_features(k), v, mask)


def elu_causal(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return causal linear attention with φ = elu + 1, the plain route of the kernel of that name."""
    return summed(elu_features(q), elu_features(k), v, mask, causal=True)


def relu_causal(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return causal linear attention with φ = relu + 10⁻⁶, the plain route of the kernel of that name."""
    return summed(relu_features(q), relu_features(k), v, mask, causal=True)


class Elu(LinearAttention):
    """φ(x) = elu(x) + 1, f = d  (Katharopoulos et al., 2020): smooth, and never quite zero.

    Time O((q + k)·d·dv), memory O((q + k)·d + d·dv).

    Choose it for long sequences and small heads, where a smooth view of all is enough.
    """

    def features(self, q: Tensor, k: Tensor, seen: Tensor | None) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Return elu + 1 of both."""
        return elu_features(q), elu_features(k)

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the values by sums over the keys, by the fused kernel where there is one."""
        if bias is not None or (mask is not None and mask.shape[-2] != 1):
            return super().attend(q, k, v, mask, bias)
        if self.causal:
            return run("elu_causal", elu_causal, q, k, v, mask)
        return run("elu", elu, q, k, v, mask)


class Relu(LinearAttention):
    """φ(x) = relu(x) + 10⁻⁶, f = d  (Performer-ReLU, Choromanski et al., 2021): sparse features.

    A query that shares no positive feature with any key looks at all by the 10⁻⁶ instead of dividing by zero.
    Time O((q + k)·d·dv), memory O((q + k)·d + d·dv).

    Choose it where few features should be on at a time; for most else, `elu`.
    """

    def features(self, q: Tensor, k: Tensor, seen: Tensor | None) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Return relu + 10⁻⁶ of both."""
        return relu_features(q), relu_features(k)

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the values by sums over the keys, by the fused kernel where there is one."""
        if bias is not None or (mask is not None and mask.shape[-2] != 1):
            return super().attend(q, k, v, mask, bias)
        if self.causal:
            return run("relu_causal", relu_causal, q, k, v, mask)
        return run("relu", relu, q, k, v, mask)


def orthogonal(features: int, dim: int, *, seed: int) -> Tensor:
    """Return normal vectors "features dim", at right angles by groups of `dim`  (Yu et al., 2016)."""
    generator = torch.Generator().manual_seed(seed)
    groups = torch.randn(parts(features, dim), dim, dim, generator=generator, dtype=torch.float64)
    lengths = torch.randn(groups.shape, generator=generator, dtype=torch.float64).norm(dim=-1, keepdim=True)
    q, r = torch.linalg.qr(groups)
    q = q * r.diagonal(dim1=-2, dim2=-1).sign()[:, None]  # without the signs some directions are likelier
    omega: Tensor = (q * lengths).flatten(0, 1)[:features].float()
    return omega


class Projected(LinearAttention):
    """Base of mechanisms whose features come of random projections ωᵀx / d^¼, drawn once by `seed`."""

    def __init__(self, q_dim: int, *, features: int = 128, seed: int = 0, causal: bool = False) -> None:
        super().__init__(causal=causal)
        at_least(1, features=features)
        self.omega: Tensor
        self.register_buffer("omega", orthogonal(features, q_dim, seed=seed))

    def project(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return ωᵀx / d^¼ "… n f" and |x|² / 2√d "… n 1", in float32 at least."""
        x = x.to(torch.promote_types(x.dtype, torch.float32)) / x.shape[-1] ** 0.25
        with as_given(x):
            return x @ self.omega.to(x.dtype).T, x.square().sum(-1, keepdim=True) / 2


class RandomFeatures(Projected):
    """φ(x) = exp(ωᵀx − |x|²/2) / √f at x/d^¼, ω orthogonal: E φ(q)ᵀφ(k) = exp(qᵀk/√d), and never negative.

    (FAVOR+, Performer, Choromanski et al., 2021.) The largest exponent of each feature over the keys, and
    then of each query over the features, is taken out; both cancel, so that nothing overflows and a row's
    sum is at least 1. With `causal` a row whose sum is 10⁻³⁰ of a later one's is lost: zeros.
    Time O((q + k)·f·(d + dv)), memory O((q + k)·f + f·dv); f: `features`.

    Choose it for weights like those of softmax at linear cost; wider heads take more features.
    """

    def logarithms(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """Return log φ of both, "… n f", up to the factor exp(−|q|²/2) / f, which cancels."""
        return self.project(q)[0], torch.sub(*self.project(k))

    def features(self, q: Tensor, k: Tensor, seen: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return φ of both, scaled for each feature by the largest of the keys that count."""
        log_q, log_k = self.logarithms(q, k)
        if seen is not None:
            log_k = log_k.masked_fill(~seen, torch.finfo(log_k.dtype).min)
        top = log_k.detach().amax(-2, keepdim=True)
        log_q = log_q + top
        return (log_q - log_q.detach().amax(-1, keepdim=True)).exp(), (log_k - top).exp()

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """Return log φ(q)ᵀφ(k), "*batch q k": the effective weights are its softmax."""
        log_q, log_k = self.logarithms(q, k)
        top_q, top_k = (x.detach().amax(-1, keepdim=True) for x in (log_q, log_k))
        with as_given(q):
            likeness = (log_q - top_q).exp() @ (log_k - top_k).exp().transpose(-1, -2)
        least = torch.finfo(likeness.dtype).tiny
        return likeness.clamp(min=least).log() + top_q + top_k.transpose(-1, -2)

    def among(self, q: Tensor, k: Tensor, allowed: Tensor | None) -> Tensor:
        """Return the softmax of the score among the allowed keys."""
        return masked_softmax(self.score(q, k), allowed).to(q.dtype)


class FourierFeatures(Projected):
    """φ(x) = exp(|x|²/2) [sin ωᵀx, cos ωᵀx] / √f at x/d^¼, ω orthogonal: E φ(q)ᵀφ(k) = exp(qᵀk/√d).

    (Rahimi & Recht, 2007; Peng et al., 2021.) Where |x|² is well below √d this is the more exact estimate;
    beyond, noise outweighs the sums: weights turn negative, some huge, and `random_features` is the choice.
    Time O((q + k)·f·(d + dv)), memory O((q + k)·f + f·dv); f: `features`, each a sine and a cosine.

    Choose it for short (normalised) queries and keys.
    """

    positive: ClassVar[bool] = False

    def features(self, q: Tensor, k: Tensor, seen: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return φ of both, scaled by the longest key that counts."""
        (angle_q, _), (angle_k, half) = self.project(q), self.project(k)
        if seen is not None:
            half = half.masked_fill(~seen, 0)
        top = half.detach().amax(-2, keepdim=True) if half.shape[-2] else half
        lengths = (half - top).exp()
        phi_q = torch.cat([angle_q.sin(), angle_q.cos()], dim=-1)
        return phi_q, lengths * torch.cat([angle_k.sin(), angle_k.cos()], dim=-1)
