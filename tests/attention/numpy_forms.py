"""Every mechanism in NumPy, written from its formula and from nothing else of ours, to hold parity with.

A form takes the parameters by their names, the options, q "b h q d", k "b h k d", and what may be looked at
("b h q k", true) with what is added to the score; it returns the weights "b h q k". Loops are plain on
purpose. The normalisers find their threshold by bisection where ours sort.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import wide_forms

Array = np.ndarray[Any, np.dtype[Any]]
Params = dict[str, Array]
Options = dict[str, Any]


def softmax(s: Array, allowed: Array) -> Array:
    out = np.zeros_like(s)
    for row in np.ndindex(s.shape[:-1]):
        at = allowed[row]
        if at.any():
            e = np.exp(s[row][at] - s[row][at].max())
            out[row][at] = e / e.sum()
    return out


def _bisected(s: Array, allowed: Array, p: Callable[[Array], Array]) -> Array:
    """The row p(s − τ) for the τ at which it sums to one."""
    out = np.zeros_like(s)
    for row in np.ndindex(s.shape[:-1]):
        at = allowed[row]
        if not at.any():
            continue
        low, high = s[row][at].max() - 2, s[row][at].max()
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if p(s[row][at] - middle).sum() > 1 else (low, middle)
        out[row][at] = p(s[row][at] - low)
    return out


def sparsemax(s: Array, allowed: Array) -> Array:
    return _bisected(s, allowed, lambda z: np.maximum(z, 0))


def entmax15(s: Array, allowed: Array) -> Array:
    return _bisected(s / 2, allowed, lambda z: np.maximum(z, 0) ** 2)


def sigmoid(s: Array, allowed: Array, shift: float = 0.0) -> Array:
    return np.where(allowed, 1 / (1 + np.exp(-(s + shift))), 0)


NORMALISERS = {"softmax": softmax, "sparsemax": sparsemax, "entmax15": entmax15, "sigmoid": sigmoid}


def normalise(s: Array, allowed: Array, options: Options) -> Array:
    spec = options.get("normaliser", "softmax")
    chosen = {"name": spec} if isinstance(spec, str) else dict(spec)
    return NORMALISERS[chosen.pop("name")](s, allowed, **chosen)


def pairs(q: Array, k: Array, score: Callable[[Array, Array], float]) -> Array:
    """score(q_i, k_j) for every pair."""
    out = np.zeros((*q.shape[:-1], k.shape[-2]))
    for b, h, i, j in np.ndindex(out.shape):
        out[b, h, i, j] = score(q[b, h, i], k[b, h, j])
    return out


def dot(p: Params, o: Options, q: Array, k: Array) -> Array:  # noqa: ARG001
    return pairs(q, k, lambda a, b: float(a @ b))


def scaled_dot(p: Params, o: Options, q: Array, k: Array) -> Array:  # noqa: ARG001
    return pairs(q, k, lambda a, b: float(a @ b) / math.sqrt(len(a)))


def bilinear(p: Params, o: Options, q: Array, k: Array) -> Array:  # noqa: ARG001
    return pairs(q, k, lambda a, b: float(a @ p["weight"] @ b))


def additive(p: Params, o: Options, q: Array, k: Array) -> Array:  # noqa: ARG001
    w, u, v = p["query.weight"], p["key.weight"], p["v"]
    return pairs(q, k, lambda a, b: float(v @ np.tanh(w @ a + u @ b)))


def erf_gelu(x: Array) -> Array:
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "gelu": erf_gelu,
}


def mlp(p: Params, o: Options, q: Array, k: Array) -> Array:
    f = ACTIVATIONS[o.get("activation", "relu")]
    first = np.concatenate([p["query.weight"], p["key.weight"]], axis=1)

    def score(a: Array, b: Array) -> float:
        hidden = f(first @ np.concatenate([a, b]) + p["query.bias"])
        if o.get("layers", 2) == 3:
            hidden = f(p["middle.weight"] @ hidden + p["middle.bias"])
        return float(p["v"] @ hidden)

    return pairs(q, k, score)


SCORES = {"dot": dot, "scaled_dot": scaled_dot, "additive": additive, "mlp": mlp, "bilinear": bilinear}


def location(p: Params, o: Options, q: Array, k: Array, allowed: Array, bias: Array) -> Array:
    w, u, place, v = p["query.weight"], p["key.weight"], p["place.weight"], p["v"]
    taps = p["filters.weight"][:, 0]
    half = taps.shape[1] // 2
    out = np.zeros((*q.shape[:-1], k.shape[-2]))
    for b, h, i in np.ndindex(out.shape[:-1]):
        before = np.zeros(k.shape[-2]) if i == 0 else out[b, h, i - 1]
        around = np.pad(before, half)
        score = [
            v @ np.tanh(w @ q[b, h, i] + u @ key + place @ (taps @ around[j : j + taps.shape[1]]))
            for j, key in enumerate(k[b, h])
        ]
        out[b, h, i] = normalise(np.array(score) + bias[b, h, i], allowed[b, h, i], o)
    return out


def additive_by_sines(p: Params, o: Options, q: Array, k: Array, allowed: Array, bias: Array) -> Array:
    w, u, v = p["query.weight"], p["key.weight"], p["v"]
    out = np.zeros((*q.shape[:-1], k.shape[-2]))
    for b, h in np.ndindex(out.shape[:2]):
        own, other = q[b, h] @ w.T, k[b, h] @ u.T
        some = allowed[b, h].any(0)  # keys that nobody may see do not count
        length = np.maximum(np.abs(own).max(0) + np.abs(other * some[:, None]).max(0), 4)
        for i, j in np.ndindex(out.shape[2:]):
            for r in range(1, o.get("terms", 8) + 1):
                omega = (2 * r - 1) * np.pi / (2 * length)
                c = np.pi / length / np.sinh(np.pi * omega / 2)
                out[b, h, i, j] += v @ (c * np.sin(omega * (own[i] + other[j])))
    return normalise(out + bias, allowed, o)


WEIGHTS: dict[str, Callable[[Params, Options, Array, Array, Array, Array], Array]] = {
    "location": location,
    "additive_by_sines": additive_by_sines,
    **wide_forms.WEIGHTS,
}


def weights(
    spec: Options, p: Params, q: Array, k: Array, *, allowed: Array | None = None, bias: Array | None = None
) -> Array:
    """The weights "b h q k" of the mechanism that `spec` names; KeyError if it has no form."""
    options = dict(spec)
    name = options.pop("name")
    shape = (*q.shape[:-1], k.shape[-2])
    allowed = np.broadcast_to(np.array(True) if allowed is None else allowed, shape)
    bias = np.broadcast_to(np.array(0.0) if bias is None else bias, shape)
    if name in WEIGHTS:
        return WEIGHTS[name](p, options, q, k, allowed, bias)
    return normalise(SCORES[name](p, options, q, k) + bias, allowed, options)
