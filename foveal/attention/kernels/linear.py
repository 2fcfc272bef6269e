"""Linear attention with φ = elu + 1 or relu + 10⁻⁶: the features exist in registers only.

    out_i = φ(q_i)ᵀ M / φ(q_i)ᵀ z,   M = mean_j φ(k_j) v_jᵀ,   z = mean_j φ(k_j)

Means, not sums, so that half precision can hold M for any number of keys. Four kernels: `means` of the keys;
`forward`; `queries_side`, which writes dq and the slopes of M and z; `keys_side`, which writes dk and dv.
Each reads its inputs once. Long sides are split among programs, whose parts are added in a fixed order. Where
groups are many, a program does all of one: `whole` and `whole_back`, M never leaving it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from foveal.attention.kernels.blocks import dot, matrix
from foveal.attention.kernels.layout import eager, groups, launch, power_of_2, sight


class Tiles(NamedTuple):
    """How many queries or keys a program takes at once, by how many warps, and how many are on their way."""

    rows: int
    warps: int
    stages: int = 3
    registers: int | None = None


MEANS, FORWARD = Tiles(32, 2, 3), Tiles(64, 8, 2)
QUERIES, KEYS = Tiles(64, 4, 2), Tiles(64, 4, 2)
WHOLE, WHOLE_BACK = Tiles(32, 2, 3), Tiles(32, 4, 3, 168)
"""Of each kernel. Measured on an H200 (benchmarks/attention_tune.py)."""

PROGRAMS = 528
"""How many programs a sum is split among, if the groups are fewer: four a multiprocessor."""

MANY = 528
"""From how many groups on each is one program's, from its keys to its result."""


@triton.jit
def phi_and_slope(x, height, rows, RELU: tl.constexpr, D: tl.constexpr, DP: tl.constexpr):
    """Return φ(x) and its slope, 0 beyond the rows and features there are."""
    exists = (rows[:, None] < height) & (tl.arange(0, DP)[None, :] < D)
    x = x.to(tl.float32)
    if RELU:
        value, slope = tl.maximum(x, 0.0) + 1e-6, tl.where(x > 0.0, 1.0, 0.0)
    else:
        slope = tl.exp(tl.minimum(x, 0.0))
        value = tl.maximum(x, 0.0) + slope
    return tl.where(exists, value, 0.0), tl.where(exists, slope, 0.0)


@triton.jit
def seen_keys(seen, rows, height, stride, MASKED: tl.constexpr):
    """Return 1 for the keys that count and 0 for the others."""
    exists = rows < height
    if MASKED:
        exists = exists & (tl.load(seen + rows * stride, mask=exists, other=0) != 0)
    return tl.where(exists, 1.0, 0.0)


@triton.jit
def _summed(
    k, v, seen, start, stop, m, stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BN: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    """Return Σ φ(k_j) v_jᵀ and Σ φ(k_j) of the keys of a group from start to stop."""
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    sums, z_sums = tl.zeros([DP, DVP], tl.float32), tl.zeros([DP], tl.float32)
    for first in range(start, stop, BN):
        rows = first + tl.arange(0, BN)
        phi, _ = phi_and_slope(matrix(k, rows, hidden, m, D), m, rows, RELU, D, DP)
        phi = (phi * seen_keys(seen, rows, m, stride, MASKED)[:, None]).to(k.dtype.element_ty)
        sums = dot(tl.trans(phi), matrix(v, rows, features, m, DV), sums)
        z_sums += tl.sum(phi.to(tl.float32), 0)
    return sums, z_sums


@triton.jit
def means(
    k, v, seen, mean, z, m, span, splits, heads, lead_stride, head_stride, stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BN: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    """Write one split's part of M "g splits DP DVP" and z "g splits DP": `span` keys."""
    g, part = (tl.program_id(0) // splits).to(tl.int64), tl.program_id(0) % splits
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    k, v = k + g * m * D, v + g * m * DV
    seen += (g // heads) * lead_stride + (g % heads) * head_stride
    stop = tl.minimum(part * span + span, m)
    sums, z_sums = _summed(k, v, seen, part * span, stop, m, stride, D, DP, DV, DVP, BN, MASKED, RELU)
    place = (g * splits + part) * DP
    tl.store(mean + (place + hidden[:, None]) * DVP + features[None, :], sums / m)
    tl.store(z + place + hidden, z_sums / m)


@triton.jit
def _held(sums, z, g, DP: tl.constexpr, DVP: tl.constexpr):
    """Return the sums of a group, "DP DVP" and "DP"."""
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    return tl.load(sums + (g * DP + hidden[:, None]) * DVP + features[None, :]), tl.load(z + g * DP + hidden)


@triton.jit
def _attended(q, mean, z, rows, n, RELU: tl.constexpr, D: tl.constexpr, DP: tl.constexpr, DVP: tl.constexpr):
    """Return φ(q), its slope, 1 / φ(q)ᵀz (0 where that is 0), and the attended values."""
    phi, slope = phi_and_slope(matrix(q, rows, tl.arange(0, DP), n, D), n, rows, RELU, D, DP)
    total = tl.sum(phi.to(q.dtype.element_ty).to(tl.float32) * z[None, :], 1)
    scale = tl.where(total == 0.0, 0.0, 1.0 / tl.where(total == 0.0, 1.0, total))
    seen = dot(phi.to(q.dtype.element_ty), mean, tl.zeros([rows.shape[0], DVP], tl.float32)) * scale[:, None]
    return phi, slope, scale, seen


@triton.jit
def forward(
    q, mean, z, out, n,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BM: tl.constexpr,
    RELU: tl.constexpr,
):  # fmt: skip
    """Attend from BM queries."""
    blocks = tl.cdiv(n, BM)
    g = (tl.program_id(0) // blocks).to(tl.int64)
    rows, features = tl.program_id(0) % blocks * BM + tl.arange(0, BM), tl.arange(0, DVP)
    held, z_held = _held(mean, z, g, DP, DVP)
    _, _, _, seen = _attended(q + g * n * D, held.to(q.dtype.element_ty), z_held, rows, n, RELU, D, DP, DVP)
    exists = (rows[:, None] < n) & (features[None, :] < DV)
    place = out + (g * n + rows[:, None]) * DV + features[None, :]
    tl.store(place, seen.to(out.dtype.element_ty), mask=exists)


@triton.jit
def whole(
    q, k, v, seen, mean, z, out, n, m, heads, lead_stride, head_stride, stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BM: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    """Attend from all queries of one group; write M and z too."""
    g = tl.program_id(0).to(tl.int64)
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    q, k, v = q + g * n * D, k + g * m * D, v + g * m * DV
    seen += (g // heads) * lead_stride + (g % heads) * head_stride
    sums, z_sums = _summed(k, v, seen, 0, m, m, stride, D, DP, DV, DVP, BM, MASKED, RELU)
    sums, z_sums = sums / m, z_sums / m
    tl.store(mean + (g * DP + hidden[:, None]) * DVP + features[None, :], sums)
    tl.store(z + g * DP + hidden, z_sums)
    held = sums.to(q.dtype.element_ty)
    for start in range(0, n, BM):
        rows = start + tl.arange(0, BM)
        _, _, _, found = _attended(q, held, z_sums, rows, n, RELU, D, DP, DVP)
        exists = (rows[:, None] < n) & (features[None, :] < DV)
        place = out + (g * n + rows[:, None]) * DV + features[None, :]
        tl.store(place, found.to(out.dtype.element_ty), mask=exists)


@triton.jit
def _queries_back(
    q, do, dq, held, z_held, start, stop, n,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BM: tl.constexpr,
    RELU: tl.constexpr,
):  # fmt: skip
    """Write dq of the queries of a group from start to stop; return their part of the slopes of M and z."""
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    sums, z_sums = tl.zeros([DP, DVP], tl.float32), tl.zeros([DP], tl.float32)
    for first in range(start, stop, BM):
        rows = first + tl.arange(0, BM)
        phi, slope, scale, seen = _attended(q, held, z_held, rows, n, RELU, D, DP, DVP)
        given = matrix(do, rows, features, n, DV).to(tl.float32) * scale[:, None]
        total_slope = -tl.sum(given * seen, 1)
        given = given.to(q.dtype.element_ty)
        phi_slope = dot(given, tl.trans(held), total_slope[:, None] * z_held[None, :])
        exists = (rows[:, None] < n) & (hidden[None, :] < D)
        tl.store(
            dq + rows[:, None] * D + hidden[None, :], (phi_slope * slope).to(dq.dtype.element_ty), mask=exists
        )
        sums = dot(tl.trans(phi.to(q.dtype.element_ty)), given, sums)
        z_sums += tl.sum(phi * total_slope[:, None], 0)
    return sums, z_sums


@triton.jit
def queries_side(
    q, mean, z, do, dq, dmean, dz, n, span, splits,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BM: tl.constexpr,
    RELU: tl.constexpr,
):  # fmt: skip
    """Write dq of `span` queries, and their part of the slopes of M "g splits DP DVP" and z "g splits DP"."""
    g, part = (tl.program_id(0) // splits).to(tl.int64), tl.program_id(0) % splits
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    held, z_held = _held(mean, z, g, DP, DVP)
    sums, z_sums = _queries_back(
        q + g * n * D, do + g * n * DV, dq + g * n * D, held.to(q.dtype.element_ty), z_held,
        part * span, tl.minimum(part * span + span, n), n, D, DP, DV, DVP, BM, RELU,
    )  # fmt: skip
    place = (g * splits + part) * DP
    tl.store(dmean + (place + hidden[:, None]) * DVP + features[None, :], sums)
    tl.store(dz + place + hidden, z_sums)


@triton.jit
def _keys_back(
    k, v, seen, held, z_held, dk, dv, rows, m, stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BN: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    """Write dk and dv of some keys of a group. held, z_held: the slopes of M and z."""
    hidden, features = tl.arange(0, DP), tl.arange(0, DVP)
    counts = seen_keys(seen, rows, m, stride, MASKED) / m
    phi, slope = phi_and_slope(matrix(k, rows, hidden, m, D), m, rows, RELU, D, DP)
    values = matrix(v, rows, features, m, DV)
    z_slope = z_held[None, :] + tl.zeros([BN, DP], tl.float32)
    key_slope = dot(values, tl.trans(held), z_slope) * slope * counts[:, None]
    value_slope = dot(phi.to(k.dtype.element_ty), held, tl.zeros([BN, DVP], tl.float32)) * counts[:, None]
    exists = (rows[:, None] < m) & (hidden[None, :] < D)
    tl.store(dk + rows[:, None] * D + hidden[None, :], key_slope.to(dk.dtype.element_ty), mask=exists)
    exists = (rows[:, None] < m) & (features[None, :] < DV)
    tl.store(dv + rows[:, None] * DV + features[None, :], value_slope.to(dv.dtype.element_ty), mask=exists)


@triton.jit
def keys_side(
    k, v, seen, dmean, dz, dk, dv, m, heads, lead_stride, head_stride, stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BN: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    """Write dk and dv of BN keys."""
    blocks = tl.cdiv(m, BN)
    g = (tl.program_id(0) // blocks).to(tl.int64)
    rows = tl.program_id(0) % blocks * BN + tl.arange(0, BN)
    seen += (g // heads) * lead_stride + (g % heads) * head_stride
    held, z_held = _held(dmean, dz, g, DP, DVP)
    _keys_back(
        k + g * m * D, v + g * m * DV, seen, held.to(k.dtype.element_ty), z_held,
        dk + g * m * D, dv + g * m * DV, rows, m, stride, D, DP, DV, DVP, BN, MASKED, RELU,
    )  # fmt: skip


@triton.jit
def whole_back(
    q, k, v, seen, mean, z, do, dq, dk, dv, n, m, heads, lead_stride, head_stride, stride,
    D: tl.constexpr, DP: tl.constexpr, DV: tl.constexpr, DVP: tl.constexpr, BM: tl.constexpr,
    MASKED: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    """Write all gradients of one group."""
    g = tl.program_id(0).to(tl.int64)
    seen += (g // heads) * lead_stride + (g % heads) * head_stride
    held, z_held = _held(mean, z, g, DP, DVP)
    sums, z_sums = _queries_back(
        q + g * n * D, do + g * n * DV, dq + g * n * D, held.to(q.dtype.element_ty), z_held, 0, n, n,
        D, DP, DV, DVP, BM, RELU,
    )  # fmt: skip
    slopes = sums.to(k.dtype.element_ty)
    for start in range(0, m, BM):
        _keys_back(
            k + g * m * D, v + g * m * DV, seen, slopes, z_sums, dk + g * m * D, dv + g * m * DV,
            start + tl.arange(0, BM), m, stride, D, DP, DV, DVP, BM, MASKED, RELU,
        )  # fmt: skip


def _splits(many: int, length: int, rows: int) -> tuple[int, int]:
    """Return how many rows a program sums, in whole tiles, and among how many programs a group is split."""
    blocks = triton.cdiv(length, rows)
    span = triton.cdiv(blocks, min(blocks, triton.cdiv(PROGRAMS, many))) * rows
    return span, triton.cdiv(length, span)


def _joined(parts: Tensor) -> Tensor:
    """Return the sum over the splits of "g splits …"; of a single one without touching it."""
    return parts[:, 0] if parts.shape[1] == 1 else parts.sum(1)


def _constants(k: Tensor, v: Tensor, relu: bool, tiles: Tiles) -> dict[str, Any]:
    d, dv = k.shape[-1], v.shape[-1]
    return {
        "D": d, "DP": power_of_2(d), "DV": dv, "DVP": power_of_2(dv), "RELU": relu,
        **launch(tiles.warps, tiles.registers, tiles.stages),
    }  # fmt: skip


class Keys(NamedTuple):
    """Keys "g m d", their values "g m dv" and which are seen, and whether φ is relu's."""

    k: Tensor
    v: Tensor
    seen: Tensor | None
    relu: bool

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return all as kernels take them; in place of no mask any other tensor."""
        return self.k, self.v, self.k if self.seen is None else self.seen


def _sums(keys: Keys, splits: int) -> tuple[Tensor, Tensor]:
    """Return room for M "g splits DP DVP" and z "g splits DP"."""
    width, height = power_of_2(keys.k.shape[-1]), power_of_2(keys.v.shape[-1])
    sums = torch.empty(len(keys.k), splits, width, height, device=keys.k.device)
    return sums, sums.new_empty(sums.shape[:-1])


def _attend_whole(q: Tensor, keys: Keys, out: Tensor) -> tuple[Tensor, Tensor]:
    """Write `out`; return M and z. A group is one program's."""
    (mean, z), m = _sums(keys, 1), keys.k.shape[1]
    whole[(len(q),)](
        q, *keys.tensors(), mean, z, out, q.shape[1], m, *key_strides(keys.seen), BM=WHOLE.rows,
        MASKED=keys.seen is not None, **_constants(keys.k, keys.v, keys.relu, WHOLE),
    )  # fmt: skip
    return mean[:, 0], z[:, 0]


def _attend_split(q: Tensor, keys: Keys, out: Tensor) -> tuple[Tensor, Tensor]:
    """Write `out`; return M and z. A group is shared by several programs."""
    (g, n, _), m = q.shape, keys.k.shape[1]
    span, splits = _splits(g, m, MEANS.rows)
    mean, z = _sums(keys, splits)
    means[(g * splits,)](
        *keys.tensors(), mean, z, m, span, splits, *key_strides(keys.seen), BN=MEANS.rows,
        MASKED=keys.seen is not None, **_constants(keys.k, keys.v, keys.relu, MEANS),
    )  # fmt: skip
    mean, z = _joined(mean), _joined(z)
    forward[(g * triton.cdiv(n, FORWARD.rows),)](
        q, mean, z, out, n, BM=FORWARD.rows, **_constants(keys.k, keys.v, keys.relu, FORWARD)
    )
    return mean, z


Slopes = tuple[Tensor, Tensor, Tensor]
"""dq, dk and dv."""


def _slopes_whole(q: Tensor, keys: Keys, mean: Tensor, z: Tensor, do: Tensor, slopes: Slopes) -> None:
    whole_back[(len(q),)](
        q, *keys.tensors(), mean, z, do, *slopes, q.shape[1], keys.k.shape[1], *key_strides(keys.seen),
        BM=WHOLE_BACK.rows, MASKED=keys.seen is not None,
        **_constants(keys.k, keys.v, keys.relu, WHOLE_BACK),
    )  # fmt: skip


def _slopes_split(q: Tensor, keys: Keys, mean: Tensor, z: Tensor, do: Tensor, slopes: Slopes) -> None:
    (g, n, _), m, (dq, dk, dv) = q.shape, keys.k.shape[1], slopes
    span, splits = _splits(g, n, QUERIES.rows)
    dmean, dz = _sums(keys, splits)
    queries_side[(g * splits,)](
        q, mean, z, do, dq, dmean, dz, n, span, splits, BM=QUERIES.rows,
        **_constants(keys.k, keys.v, keys.relu, QUERIES),
    )  # fmt: skip
    keys_side[(g * triton.cdiv(m, KEYS.rows),)](
        *keys.tensors(), _joined(dmean), _joined(dz), dk, dv, m, *key_strides(keys.seen), BN=KEYS.rows,
        MASKED=keys.seen is not None, **_constants(keys.k, keys.v, keys.relu, KEYS),
    )  # fmt: skip


class _Attention(torch.autograd.Function):
    """φ(q)ᵀ M / φ(q)ᵀ z of q "g n d", k "g m d", v "g m dv"."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, seen: Tensor | None, relu: bool) -> Tensor:
        """Return "g n dv"."""
        out, keys = v.new_empty(*q.shape[:2], v.shape[-1]), Keys(k, v, seen, relu)
        mean, z = (_attend_whole if len(q) >= MANY else _attend_split)(q, keys, out)
        ctx.save_for_backward(q, k, v, seen, mean, z)
        ctx.relu = relu
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, do: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of q, k and v."""
        q, k, v, seen, mean, z = ctx.saved_tensors
        slopes = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        by = _slopes_whole if len(q) >= MANY else _slopes_split
        by(q, Keys(k, v, seen, ctx.relu), mean, z, do.contiguous(), slopes)
        return *slopes, None, None


def key_strides(seen: Tensor | None) -> tuple[int, ...]:
    """Return the heads of a batch, and the strides of lead, heads and keys."""
    return (1, 0, 0, 0) if seen is None else (seen.shape[1], seen.stride(0), seen.stride(1), seen.stride(3))


def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, relu: bool) -> Tensor:
    batch = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    seen = sight(mask, batch, 1, k.shape[-2])
    out: Tensor = _Attention.apply(groups(q, batch), groups(k, batch), groups(v, batch), seen, relu)
    return out.unflatten(0, batch) if batch else out[0]


@eager
def elu(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return linear attention with φ(x) = elu(x) + 1, "*batch q dv", with gradients for q, k and v.

    q: "*batch q d", k: "*batch k d", v: "*batch k dv"; mask: of keys only, "*#batch 1 #k" or "#k".
    Time O((q + k)·d·dv), memory O((q + k)·(d + dv) + d·dv); d, dv ≤ 64, as d × dv sums stay in registers.
    """
    return _attend(q, k, v, mask, relu=False)


@eager
def relu(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return linear attention with φ(x) = relu(x) + 10⁻⁶; otherwise as `elu`."""
    return _attend(q, k, v, mask, relu=True)
