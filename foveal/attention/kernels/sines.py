"""Additive attention approximately, as matrix products: an option to be asked for by name, never chosen.

tanh is a sum of sines, and the sine of a sum separates, so that scores are products of 2·R·d features:

    tanh(x) ≈ Σ_{r ≤ R} c_r sin(ω_r x),   ω_r = (2r − 1)π / 2L,   c_r = (π/L) / sinh(πω_r/2)
    sin(ω(q + k)) = sin(ωq) cos(ωk) + cos(ωq) sin(ωk)

The full series is the sum of tanh shifted by multiples of 2L with alternating signs, which equals tanh to
2e^{−2(2L − |x|)}. L is taken from the data, for each group and feature: max|q| + max|k|, at least 4. No range
is wrong, but the terms left out, Σ_{r > R} c_r, grow with L: `residue` says how much.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from foveal.attention.kernels.layout import groups, sight
from foveal.attention.normalisers import masked_softmax

SCRATCH = 256 * 2**20
"""How many bytes of features and scores are held at once (of one group at least)."""

LEAST = 4.0
"""L at least: below it, the shifted tanh would come nearer than what the terms left out amount to."""


class Waves(NamedTuple):
    """ω and c of each group, term and feature: "g r 1 d" each."""

    omega: Tensor
    c: Tensor


def _waves(q: Tensor, k: Tensor, terms: int) -> Waves:
    reach = (q.abs().amax(1) + k.abs().amax(1)).float().clamp(min=LEAST)[:, None, None]
    odd = torch.arange(1, 2 * terms, 2, device=q.device)[:, None, None]
    omega = odd * (math.pi / 2) / reach
    return Waves(omega, (math.pi / reach) / torch.sinh(omega * (math.pi / 2)))


def residue(reach: float, terms: int) -> float:
    """Return a bound of |tanh(x) − Σ c_r sin(ω_r x)| for |x| ≤ reach."""
    length = max(reach, LEAST)
    left = (math.pi * math.pi / 4) / length
    rest = (math.pi / length / math.sinh(left * odd) for odd in range(2 * terms + 1, 2 * terms + 401, 2))
    return sum(rest) + 2 * math.exp(-2 * (2 * length - reach))


def _features(x: Tensor, waves: Waves) -> tuple[Tensor, Tensor]:
    """Return sin(ωx) and cos(ωx), "g n r·d" each, in x's precision."""
    angle = x[:, None].float() * waves.omega
    return _wide(angle.sin()).to(x.dtype), _wide(angle.cos()).to(x.dtype)


def _wide(x: Tensor) -> Tensor:
    """Return "g r n d" as "g n r·d"."""
    return x.transpose(1, 2).flatten(2)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Return a @ b "g n m" in float32; on a GPU it is not rounded on the way."""
    if a.is_cuda and a.dtype != torch.float32:
        return torch.bmm(a, b, out_dtype=torch.float32)
    return torch.bmm(a, b).float()


class _Scores(NamedTuple):
    """Softmax weights of some groups, "g n m", and what they were made of."""

    weights: Tensor
    waves: Waves
    amplitude: Tensor
    """w·c, "g 1 r·d"."""
    q: tuple[Tensor, Tensor]
    """sin and cos of the queries, "g n r·d", and of the keys, "g m r·d"."""
    k: tuple[Tensor, Tensor]


def _scores(q: Tensor, k: Tensor, w: Tensor, seen: Tensor | None, terms: int) -> _Scores:
    waves = _waves(q, k, terms)
    amplitude = _wide(waves.c * w[:, None, None].float())
    (q_sin, q_cos), (k_sin, k_cos) = _features(q, waves), _features(k, waves)
    own = torch.cat([(q_sin * amplitude).to(q.dtype), (q_cos * amplitude).to(q.dtype)], -1)
    score = _product(own, torch.cat([k_cos, k_sin], -1).mT)
    weights = masked_softmax(score, None if seen is None else seen != 0)
    return _Scores(weights, waves, amplitude, (q_sin, q_cos), (k_sin, k_cos))


def _parts(q: Tensor, k: Tensor, terms: int) -> Iterator[slice]:
    """Yield slices of the groups, as many at a time as SCRATCH allows."""
    n, m, width = q.shape[1], k.shape[1], 2 * terms * q.shape[-1]
    each = (n + m) * width * (4 + q.element_size()) + 2 * n * m * 4
    count = max(1, SCRATCH // each)
    yield from (slice(start, start + count) for start in range(0, len(q), count))


class _Attention(torch.autograd.Function):
    """softmax_k(Σ_d w_d Σ_r c_r sin(ω_r(q_d + k_d))) v of q "g n d", k "g m d", v "g m dv", w "g d"."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, w: Tensor, seen: Tensor | None, terms: int
    ) -> Tensor:
        """Return "g n dv"."""
        ctx.save_for_backward(q, k, v, w, seen)
        ctx.terms = terms
        out = v.new_empty(*q.shape[:2], v.shape[-1])
        for part in _parts(q, k, terms):
            scores = _scores(q[part], k[part], w[part], None if seen is None else seen[part], terms)
            out[part] = scores.weights.to(v.dtype) @ v[part]
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, do: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of q, k, v and w; the series is differentiated, with L fixed."""
        q, k, v, w, seen = ctx.saved_tensors
        slopes = [torch.empty_like(x) for x in (q, k, v, w)]
        for part in _parts(q, k, ctx.terms):
            inputs = q[part], k[part], v[part], w[part], None if seen is None else seen[part]
            for whole, slope in zip(slopes, _slopes(*inputs, do[part], ctx.terms), strict=True):
                whole[part] = slope
        return *slopes, None, None


def _slopes(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, seen: Tensor | None, do: Tensor, terms: int
) -> tuple[Tensor, ...]:
    """Return the gradients of q, k, v and w of some groups."""
    weights, waves, amplitude, (q_sin, q_cos), (k_sin, k_cos) = _scores(q, k, w, seen, terms)
    dv = weights.to(do.dtype).mT @ do
    dp = _product(do, v.mT)
    ds = (weights * (dp - (weights * dp).sum(-1, keepdim=True))).to(q.dtype)
    on_cos, on_sin = _product(ds, k_cos), _product(ds, k_sin)  # slopes of the queries' sin and cos, by w·c
    omega = _wide(waves.omega)
    dq = amplitude * omega * (on_cos * q_cos - on_sin * q_sin)
    dw = (_wide(waves.c) * (on_cos * q_sin + on_sin * q_cos)).sum(1)
    by_sin, by_cos = _product(ds.mT, q_sin), _product(ds.mT, q_cos)
    dk = amplitude * omega * (by_cos * k_cos - by_sin * k_sin)
    summed = (x.unflatten(-1, (terms, -1)).sum(-2) for x in (dq, dk))
    return *summed, dv, dw.unflatten(-1, (terms, -1)).sum(-2)


def additive_by_sines(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, mask: Tensor | None = None, *, terms: int = 8
) -> Tensor:
    """Return softmax_k(Σ_d w_d Σ_r c_r sin(ω_r(q_d + k_d))) v, "*batch q dv": `additive` but for `residue`.

    q: "*batch q d", k: "*batch k d", v: "*batch k dv", w: "*#batch d", or "d" for all; mask: "*#batch #q #k".
    A score is off by Σ_d |w_d| · residue(max|q_d| + max|k_d|, terms) at most. Time O(q·k·terms·d) of matrix
    products; memory O((q + k)·(d + dv)), and while computing at most SCRATCH bytes more (or one group).
    """
    batch = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2], w.shape[:-1])
    seen = sight(mask, batch, q.shape[-2], k.shape[-2])
    seen = None if seen is None else seen.flatten(0, 1)
    weight = groups(w[..., None, :], batch).squeeze(1)
    grouped = groups(q, batch), groups(k, batch), groups(v, batch), weight
    out: Tensor = _Attention.apply(*grouped, seen, terms)
    return out.unflatten(0, batch) if batch else out[0]
