"""The mixed gate in two readings of a map: one sees all that the weights are made of, one weighs.

`see` reads x once for the mean of each channel and, at each place, the mean and the maximum over the
channels; `weigh` multiplies by both weights. The backward reads x and the slope once for the slopes of both
weights, and once more to add what the means and the maximum give back: `see` hands x through to `weigh`, so
that autograd has nothing to add by itself. Channels that share the maximum share its slope, as in torch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from foveal.attention.gates import Judge
from foveal.attention.kernels.layout import eager, launch, power_of_2


class Tiles(NamedTuple):
    """How many numbers of a map a program holds (all channels of some places), and by how many warps."""

    numbers: int
    warps: int


SEE, WEIGH = Tiles(2**14, 4), Tiles(2**14, 8)
SEE_BACK, WEIGH_BACK = Tiles(2**13, 4), Tiles(2**14, 8)
"""Measured on an H200 (benchmarks/attention_tune.py)."""


@triton.jit
def _block(x, b, places, channels, C: tl.constexpr, P):
    """Return the numbers of all channels at some places in float32, where they are, and which exist."""
    exists = (channels[:, None] < C) & (places[None, :] < P)
    where = (b * C + channels[:, None]) * P + places[None, :]
    return tl.load(x + where, mask=exists, other=0.0).to(tl.float32), where, exists


@triton.jit
def see_all(
    x, kept, sums, mean, top, ties, P, blocks,
    C: tl.constexpr, CP: tl.constexpr, BP: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """Write sums "b blocks C" over blocks of places, and mean, maximum and its count over channels, "b P"."""
    b, block = (tl.program_id(0) // blocks).to(tl.int64), tl.program_id(0) % blocks
    places, channels = block * BP + tl.arange(0, BP), tl.arange(0, CP)
    value, _, exists = _block(x, b, places, channels, C, P)
    if MASKED:
        value = value * tl.load(kept + b * P + places, mask=places < P, other=0).to(tl.float32)[None, :]
    tl.store(sums + (b * blocks + block) * C + channels, tl.sum(value, 1), mask=channels < C)
    highest = tl.max(tl.where(channels[:, None] < C, value, float("-inf")), 0)
    at_top = tl.sum(tl.where(exists & (value == highest[None, :]), 1.0, 0.0), 0)
    tl.store(mean + b * P + places, tl.sum(value, 0) / C, mask=places < P)
    tl.store(top + b * P + places, highest, mask=places < P)
    tl.store(ties + b * P + places, at_top, mask=places < P)


@triton.jit
def see_back(
    x, kept, given, by_channel, by_mean, by_top, top, ties, dx, P, blocks,
    C: tl.constexpr, CP: tl.constexpr, BP: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """Write given + the slopes of the sums "b C", and of the mean and the maximum "b P"."""
    b, block = (tl.program_id(0) // blocks).to(tl.int64), tl.program_id(0) % blocks
    places, channels = block * BP + tl.arange(0, BP), tl.arange(0, CP)
    value, where, exists = _block(x, b, places, channels, C, P)
    place, there = b * P + places, places < P
    counts = there
    if MASKED:
        counts = there & (tl.load(kept + place, mask=there, other=0) != 0)
    highest = tl.load(top + place, mask=there, other=0.0)[None, :]
    share = tl.load(by_top + place, mask=there, other=0.0) / tl.load(ties + place, mask=there, other=1.0)
    slope = tl.load(by_channel + b * C + channels, mask=channels < C, other=0.0)[:, None]
    slope += (tl.load(by_mean + place, mask=there, other=0.0) / C)[None, :]
    slope += tl.where(value == highest, share[None, :], 0.0)
    slope = tl.where(counts[None, :], slope, 0.0)
    slope += tl.load(given + where, mask=exists, other=0.0).to(tl.float32)
    tl.store(dx + where, slope.to(dx.dtype.element_ty), mask=exists)


@triton.jit
def weigh_all(x, by_channel, by_place, out, P, blocks, C: tl.constexpr, CP: tl.constexpr, BP: tl.constexpr):
    """Write x · by_channel "b C" · by_place "b P"."""
    b, block = (tl.program_id(0) // blocks).to(tl.int64), tl.program_id(0) % blocks
    places, channels = block * BP + tl.arange(0, BP), tl.arange(0, CP)
    value, where, exists = _block(x, b, places, channels, C, P)
    value *= tl.load(by_channel + b * C + channels, mask=channels < C, other=0.0).to(tl.float32)[:, None]
    value *= tl.load(by_place + b * P + places, mask=places < P, other=0.0).to(tl.float32)[None, :]
    tl.store(out + where, value.to(out.dtype.element_ty), mask=exists)


@triton.jit
def weigh_back(
    x, by_channel, by_place, given, dx, channel_sums, place_sums, P, blocks,
    C: tl.constexpr, CP: tl.constexpr, BP: tl.constexpr,
):  # fmt: skip
    """Write dx, and the slopes of the weights: "b blocks C" over each block of places, and "b P"."""
    b, block = (tl.program_id(0) // blocks).to(tl.int64), tl.program_id(0) % blocks
    places, channels = block * BP + tl.arange(0, BP), tl.arange(0, CP)
    value, where, exists = _block(x, b, places, channels, C, P)
    slope = tl.load(given + where, mask=exists, other=0.0).to(tl.float32)
    channel = tl.load(by_channel + b * C + channels, mask=channels < C, other=0.0).to(tl.float32)[:, None]
    place = tl.load(by_place + b * P + places, mask=places < P, other=0.0).to(tl.float32)[None, :]
    tl.store(dx + where, (slope * channel * place).to(dx.dtype.element_ty), mask=exists)
    value *= slope
    sums = tl.sum(value * place, 1)
    tl.store(channel_sums + (b * blocks + block) * C + channels, sums, mask=channels < C)
    tl.store(place_sums + b * P + places, tl.sum(value * channel, 0), mask=places < P)


def _grid(x: Tensor, tiles: Tiles) -> tuple[tuple[int], int, dict[str, Any]]:
    """Return the programs, the blocks of places a map is cut into, and the constants of a launch."""
    b, c, h, w = x.shape
    block = max(16, min(tiles.numbers // power_of_2(c), power_of_2(h * w)))
    blocks = triton.cdiv(h * w, block)
    return (b * blocks,), blocks, {"C": c, "CP": power_of_2(c), "BP": block, **launch(tiles.warps)}


class _See(torch.autograd.Function):
    """x itself, the mean of each channel "b c 1 1", and mean and maximum over the channels "b 2 h w"."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kept: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return all three. kept: bytes "b h w", 0 for places that do not count."""
        b, c, h, w = x.shape
        grid, blocks, constants = _grid(x, SEE)
        sums = torch.empty(b, blocks, c, device=x.device)
        mean, top, ties = torch.empty(3, b, h, w, device=x.device)
        see_all[grid](
            x, x if kept is None else kept, sums, mean, top, ties, h * w, blocks,
            MASKED=kept is not None, **constants,
        )  # fmt: skip
        count = torch.full((b, 1), h * w, device=x.device) if kept is None else kept.sum((1, 2))[:, None]
        count = count.clamp(min=1)
        ctx.save_for_backward(x, kept, top, ties, count)
        means = (sums.sum(1) / count).to(x.dtype)[:, :, None, None]
        return x.view_as(x), means, torch.stack([mean, top], 1).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: Tensor, by_channel: Tensor, by_place: Tensor) -> tuple[Tensor, None]:
        """Return the slope of x."""
        x, kept, top, ties, count = ctx.saved_tensors
        grid, blocks, constants = _grid(x, SEE_BACK)
        dx, (by_mean, by_top) = torch.empty_like(x), by_place.float().unbind(1)
        see_back[grid](
            x, x if kept is None else kept, given.contiguous(), by_channel.flatten(1).float() / count,
            by_mean.contiguous(), by_top.contiguous(), top, ties, dx, x.shape[2] * x.shape[3], blocks,
            MASKED=kept is not None, **constants,
        )  # fmt: skip
        return dx, None


class _Weigh(torch.autograd.Function):
    """x "b c h w" · by_channel "b c 1 1" · by_place "b 1 h w"."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, by_channel: Tensor, by_place: Tensor) -> Tensor:
        """Return "b c h w"."""
        by_channel, by_place = by_channel.contiguous(), by_place.contiguous()
        ctx.save_for_backward(x, by_channel, by_place)
        (grid, blocks, constants), out = _grid(x, WEIGH), torch.empty_like(x)
        weigh_all[grid](x, by_channel, by_place, out, x.shape[2] * x.shape[3], blocks, **constants)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the slopes of all three."""
        x, by_channel, by_place = ctx.saved_tensors
        (b, c, h, w), (grid, blocks, constants) = x.shape, _grid(x, WEIGH_BACK)
        dx = torch.empty_like(x)
        channel_sums = torch.empty(b, blocks, c, device=x.device)
        place_sums = torch.empty(b, 1, h, w, device=x.device)
        weigh_back[grid](
            x, by_channel, by_place, given.contiguous(), dx, channel_sums, place_sums, h * w, blocks,
            **constants,
        )  # fmt: skip
        by_channel_slope = channel_sums.sum(1).to(by_channel.dtype)[:, :, None, None]
        return dx, by_channel_slope, place_sums.to(by_place.dtype)


@eager
def mixed(x: Tensor, judge: Judge, mask: Tensor | None = None) -> Tensor:
    """Return x · channel weights · spatial weights, "b c h w"; gradients reach x and what `judge` holds.

    `judge(means, places)` makes the weights, "b c 1 1" and "b 1 h w", of the mean of each channel "b c 1 1"
    and the mean and maximum over the channels "b 2 h w". mask: "b 1 #h #w", false where a place does not
    count; there, mean and maximum over the channels are 0. For up to 1024 channels.
    """
    kept = None
    if mask is not None:
        kept = mask.expand(len(x), 1, *x.shape[2:]).squeeze(1).contiguous().view(torch.uint8)
    x, means, places = _See.apply(x.contiguous(), kept)
    out: Tensor = _Weigh.apply(x, *judge(means, places))
    return out
