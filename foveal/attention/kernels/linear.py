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
from torch import Tensor
from torch.autograd.function import once_differentiable

from foveal.attention.kernels import features
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
    features.whole[(len(q),)](
        q, *keys.tensors(), mean, z, out, q.shape[1], m, *key_strides(keys.seen), BM=WHOLE.rows,
        MASKED=keys.seen is not None, **_constants(keys.k, keys.v, keys.relu, WHOLE),
    )  # fmt: skip
    return mean[:, 0], z[:, 0]


def _attend_split(q: Tensor, keys: Keys, out: Tensor) -> tuple[Tensor, Tensor]:
    """Write `out`; return M and z. A group is shared by several programs."""
    (g, n, _), m = q.shape, keys.k.shape[1]
    span, splits = _splits(g, m, MEANS.rows)
    mean, z = _sums(keys, splits)
    features.means[(g * splits,)](
        *keys.tensors(), mean, z, m, span, splits, *key_strides(keys.seen), BN=MEANS.rows,
        MASKED=keys.seen is not None, **_constants(keys.k, keys.v, keys.relu, MEANS),
    )  # fmt: skip
    mean, z = _joined(mean), _joined(z)
    features.forward[(g * triton.cdiv(n, FORWARD.rows),)](
        q, mean, z, out, n, BM=FORWARD.rows, **_constants(keys.k, keys.v, keys.relu, FORWARD)
    )
    return mean, z


Slopes = tuple[Tensor, Tensor, Tensor]
"""dq, dk and dv."""


def _slopes_whole(q: Tensor, keys: Keys, mean: Tensor, z: Tensor, do: Tensor, slopes: Slopes) -> None:
    features.whole_back[(len(q),)](
        q, *keys.tensors(), mean, z, do, *slopes, q.shape[1], keys.k.shape[1], *key_strides(keys.seen),
        BM=WHOLE_BACK.rows, MASKED=keys.seen is not None,
        **_constants(keys.k, keys.v, keys.relu, WHOLE_BACK),
    )  # fmt: skip


def _slopes_split(q: Tensor, keys: Keys, mean: Tensor, z: Tensor, do: Tensor, slopes: Slopes) -> None:
    (g, n, _), m, (dq, dk, dv) = q.shape, keys.k.shape[1], slopes
    span, splits = _splits(g, n, QUERIES.rows)
    dmean, dz = _sums(keys, splits)
    features.queries_side[(g * splits,)](
        q, mean, z, do, dq, dmean, dz, n, span, splits, BM=QUERIES.rows,
        **_constants(keys.k, keys.v, keys.relu, QUERIES),
    )  # fmt: skip
    features.keys_side[(g * triton.cdiv(m, KEYS.rows),)](
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
