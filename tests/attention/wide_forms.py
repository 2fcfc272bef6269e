"""NumPy forms of the mechanisms over patterns, features and levels; the rules are those of `numpy_forms`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy_forms as forms

Array = np.ndarray[Any, np.dtype[Any]]
Params = dict[str, Array]
Options = dict[str, Any]
Form = Callable[[Params, Options, Array, Array, Array, Array], Array]
Near = Callable[[int, int], bool]


def pattern(near: Callable[[Params, Options, int], Near]) -> Form:
    """The form of a mechanism that is a score (scaled dot unless told) among the pairs `near` allows."""

    def form(p: Params, o: Options, q: Array, k: Array, allowed: Array, bias: Array) -> Array:
        inner = {name.removeprefix("scorer."): value for name, value in p.items()}
        spec = o.get("score", "scaled_dot")
        chosen = {"name": spec} if isinstance(spec, str) else dict(spec)
        score = forms.SCORES[chosen["name"]](inner, chosen, q, k) + bias
        at = near(p, o, k.shape[-2])
        pairs = [[at(i, j) for j in range(k.shape[-2])] for i in range(q.shape[-2])]
        return forms.normalise(score, allowed & np.array(pairs), o)

    return form


def local(p: Params, o: Options, keys: int) -> Near:  # noqa: ARG001
    return lambda i, j: abs(i - j) <= o.get("window", 16)


def local_2d(p: Params, o: Options, keys: int) -> Near:  # noqa: ARG001
    inner, window = o.get("inner", 4), o.get("window", (7, 3))

    def near(i: int, j: int) -> bool:
        (row, column), (other_row, other_column) = divmod(i, inner), divmod(j, inner)
        return abs(row - other_row) <= window[0] and abs(column - other_column) <= window[1]

    return near


def chunked(p: Params, o: Options, keys: int) -> Near:  # noqa: ARG001
    return lambda i, j: i // o.get("size", 32) == j // o.get("size", 32)


def scrambled(x: int) -> int:
    x = ((x ^ (x >> 16)) * 0x7FEB352D) % 2**32
    x = ((x ^ (x >> 15)) * 0x846CA68B) % 2**32
    return x ^ (x >> 16)


def drawn(seed: int, block: int, count: int, keys: int) -> set[int]:
    count = min(count, keys)
    row = scrambled((seed + block * 0x9E3779B1) % 2**32)
    chosen = set()
    for part in range(count):
        first, after = part * keys // count, (part + 1) * keys // count
        chance = scrambled((row + part * 0x85EBCA6B) % 2**32) / 2**32
        chosen.add((math.floor(row / 2**32 * keys) + first + math.floor(chance * (after - first))) % keys)
    assert len(chosen) == count
    return chosen


def random(p: Params, o: Options, keys: int) -> Near:
    def near(i: int, j: int) -> bool:
        return j in drawn(int(p["seed"]), i // o.get("block", 16), o.get("keys", 16), keys)

    return near


def structured(p: Params, o: Options, keys: int) -> Near:
    window, anchors, chance = o.get("window", 8), o.get("anchors", 2), random(p, {"keys": 8} | o, keys)
    return lambda i, j: abs(i - j) <= window or i < anchors or j < anchors or chance(i, j)


def features(phi: Callable[[Params, Array], Array]) -> Form:
    """The form of linear attention with the features φ of one query or key."""

    def form(p: Params, o: Options, q: Array, k: Array, allowed: Array, bias: Array) -> Array:
        assert not bias.any()
        likeness = forms.pairs(q, k, lambda a, b: float(phi(p, a) @ phi(p, b)))
        past = np.tri(q.shape[-2], k.shape[-2], dtype=bool) if o.get("causal") else True
        likeness = np.where(allowed & past, likeness, 0)
        total = likeness.sum(-1, keepdims=True)
        return np.divide(likeness, total, out=np.zeros_like(likeness), where=total != 0)

    return form


def positive(p: Params, x: Array) -> Array:
    x, omega = x / len(x) ** 0.25, p["omega"]
    return np.exp(omega @ x - x @ x / 2) / math.sqrt(len(omega))


def fourier(p: Params, x: Array) -> Array:
    x, omega = x / len(x) ** 0.25, p["omega"]
    waves = np.concatenate([np.sin(omega @ x), np.cos(omega @ x)])
    return math.exp(x @ x / 2) / math.sqrt(len(omega)) * waves


def two_level(p: Params, o: Options, q: Array, k: Array, allowed: Array, bias: Array) -> Array:
    window = o.get("window", 16)
    score = forms.scaled_dot(p, o, q, k) + bias
    levelled = score.copy()
    for b, h, i, j in np.ndindex(score.shape):
        first = j // window * window
        if i // window != j // window:
            seen = score[b, h, i, first : first + window][allowed[b, h, i, first : first + window]]
            levelled[b, h, i, j] = seen.mean() if len(seen) else 0
    return forms.normalise(levelled, allowed, o)


def routed(p: Params, o: Options, q: Array, k: Array, allowed: Array, bias: Array) -> Array:
    cheap = o.get("cheap", "local")
    inner = {"name": cheap} if isinstance(cheap, str) else dict(cheap)
    parts = {side: {n.removeprefix(side): x for n, x in p.items()} for side in ("cheap.", "full.")}
    below = WEIGHTS[inner["name"]](parts["cheap."], o | inner, q, k, allowed, bias)
    score = forms.SCORES[o.get("full", "scaled_dot")](parts["full."], {}, q, k)
    above = forms.normalise(score + bias, allowed, o)
    logit = q @ p["router.weight"][0] + p["router.bias"][0]
    out = below.copy()
    for b, h in np.ndindex(q.shape[:2]):
        for i in np.argsort(-logit[b, h])[: math.ceil(q.shape[-2] / o.get("one_in", 4))]:
            r = 1 / (1 + math.exp(-logit[b, h, i]))
            out[b, h, i] = r * above[b, h, i] + (1 - r) * below[b, h, i]
    return out


def temporal(p: Params, o: Options, q: Array, k: Array, allowed: Array, bias: Array) -> Array:
    score = forms.scaled_dot(p, o, q, k) + bias
    allowed = allowed.copy()
    for b, h, i, j in np.ndindex(score.shape):
        age = i + k.shape[-2] - q.shape[-2] - j
        score[b, h, i, j] -= math.log1p(math.exp(p["raw"][h % len(p["raw"])])) * abs(age)
        allowed[b, h, i, j] &= age >= 0 or not o.get("causal", True)
    return forms.normalise(score, allowed, o)


WEIGHTS: dict[str, Form] = {
    "two_level": two_level,
    "routed": routed,
    "temporal": temporal,
    "local": pattern(local),
    "local_2d": pattern(local_2d),
    "chunked": pattern(chunked),
    "random": pattern(random),
    "random_dynamic": pattern(random),
    "structured": pattern(structured),
    "elu": features(lambda p, x: np.where(x > 0, x + 1, np.exp(x))),  # noqa: ARG005
    "relu": features(lambda p, x: np.maximum(x, 0) + 1e-6),  # noqa: ARG005
    "random_features": features(positive),
    "fourier_features": features(fourier),
}
