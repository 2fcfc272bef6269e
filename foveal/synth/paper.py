"""What lies behind and around text: paper, photographs' statistics, rules, clutter, and light."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from foveal.synth.looks import Dice, Look, constant
from foveal.synth.warp import TEXT_HEIGHT

LUMA = (0.299, 0.587, 0.114)


def luma(images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
    """Rec. 601 luma."""
    return (images * constant(LUMA, images.device)[:, None, None]).sum(1, keepdim=True)


def cloud(dice: Dice, *, height: int, width: int, colour: float) -> Float[Tensor, "b 3 h w"]:
    """Noise of unit deviation with a spectrum near 1/f^β, β drawn per sample; `colour` 0 is grey."""
    slope = dice.uniform(1, 1, 1, low=0.15, high=0.8)
    total = torch.zeros(dice.batch, 3, height, width, device=dice.device)
    norm = torch.zeros_like(slope)
    for octave in range(5):
        step = 2**octave
        grain = dice.normal(3, math.ceil(height / step) + 1, math.ceil(width / step) + 1)
        if octave:
            grain = F.interpolate(grain, scale_factor=float(step), mode="bilinear")
        weight = slope ** (4 - octave)
        total.addcmul_(grain[:, :, :height, :width], weight)
        norm = norm + weight.square()
    grey = total[:, :1]
    return torch.lerp(grey.expand_as(total), total, colour) / norm.sqrt()


def painted(dice: Dice, layers: list[tuple[Float[Tensor, "b _ h w"], Tensor]]) -> Float[Tensor, "b 3 h w"]:
    """Sum of shapes in random, mostly grey colours, dark or bright, each with its strength "b 1 1 1"."""
    strengths = torch.cat([level[:, 0].expand(-1, -1, shapes.shape[1]) for shapes, level in layers], dim=2)
    shapes = torch.cat([shapes for shapes, _ in layers], dim=1)
    colours = dice.normal(3, shapes.shape[1]) * 0.5 + dice.normal(1, shapes.shape[1])
    return torch.einsum("bck,bkhw->bchw", colours * strengths, shapes)


def half_planes(dice: Dice, places: Float[Tensor, "b 2 h w"], *, count: int, soft: Tensor) -> Tensor:
    """Random half planes "b k h w" with edges `soft` strip heights wide, near the middle of the strip."""
    direction = dice.uniform(count, high=2 * math.pi)
    # most edges of what people build are upright or level
    snapped = torch.where(
        dice.uniform(count) < 0.6, (direction / (math.pi / 2)).round() * (math.pi / 2), direction
    )
    normal = torch.stack([snapped.cos(), snapped.sin()], dim=2)
    span = places.amax((2, 3)) - places.amin((2, 3))
    anchor = dice.uniform(count, 2) * span[:, None]
    offset = (normal * anchor).sum(2)[:, :, None, None]
    return ((torch.einsum("bkc,bchw->bkhw", normal, places) - offset) / soft + 0.5).clamp_(0, 1)


def stripes(dice: Dice, places: Float[Tensor, "b 2 h w"]) -> Float[Tensor, "b 1 h w"]:
    """Bars or a lattice of random period, direction and duty, in [0, 1]."""
    turn = dice.uniform(1, 1, high=2 * math.pi)
    period = dice.uniform(2, 1, 1, low=0.12, high=0.9)
    axes = torch.stack([turn.cos(), turn.sin(), -turn.sin(), turn.cos()], dim=1)
    axes = rearrange(axes, "b (k c) 1 1 -> b k c", k=2)
    waves = torch.einsum("bkc,bchw->bkhw", axes, places).div(period).mul(2 * math.pi).sin_()
    bars = (waves * 3 + dice.uniform(2, 1, 1, low=-2.0, high=2.0)).clamp_(0, 1)
    both = (dice.uniform(1, 1, 1) < 0.4).float()
    return torch.maximum(bars[:, :1], bars[:, 1:] * both)


def strokes(dice: Dice, places: Float[Tensor, "b 2 h w"], *, count: int) -> Float[Tensor, "b k h w"]:
    """Random straight strokes, coverage in [0, 1]."""
    span = places.amax((2, 3)) - places.amin((2, 3))
    start = (dice.uniform(count, 2) * span[:, None])[..., None, None]
    along = (dice.normal(count, 2) * 0.8)[..., None, None]
    offset = places[:, None] - start
    reach = (offset * along).sum(2) / along.square().sum(2).clamp(min=1e-4)
    gap = (offset - reach.clamp_(0, 1)[:, :, None] * along).square().sum(2).sqrt()
    thick = dice.uniform(count, 1, 1).square() * 0.09 + 0.01
    return ((thick - gap) * 32 + 0.5).clamp_(0, 1)


def ruling(
    look: Look, dice: Dice, flat: Float[Tensor, "b 2 h w"], *, blur: Tensor
) -> Float[Tensor, "b 1 h w"]:
    """Rules or squares of a notebook and underlines, following the text: opacity in [0, 1]."""
    pitch = dice.uniform(2, 1, 1, low=0.25, high=0.9) * TEXT_HEIGHT
    pitch = torch.where(
        look.on("rules") > 0, TEXT_HEIGHT * dice.uniform(1, 1, 1, low=0.8, high=1.4), pitch[:, :1]
    )
    base = dice.uniform(1, 1, 1, low=0.68, high=0.9) * TEXT_HEIGHT
    thick = dice.uniform(1, 1, 1, low=0.3, high=1.6)
    phase = torch.stack([dice.uniform(1, 1) * TEXT_HEIGHT, base[:, 0]], dim=1)
    away = (flat - phase) / pitch
    lines = ((thick - (away - away.round()).abs() * pitch) / blur + 0.5).clamp_(0, 1)
    under = ((thick * 1.5 - (flat[:, 1:] - base - 3.0).abs()) / blur + 0.5).clamp_(0, 1)
    level = torch.maximum(look["rules"], look["squares"]).sqrt()
    faint = torch.maximum(lines[:, 1:], lines[:, :1] * look.on("squares")) * level
    return torch.maximum(faint, under * look["underline"].sqrt())


def frame(
    look: Look, dice: Dice, flat: Float[Tensor, "b 2 h w"], *, ink: Float[Tensor, "b 4"]
) -> tuple[Tensor, Tensor]:
    """A plate around the text: (border, outside), each "b 1 h w" coverage times strength."""
    middle, half = (ink[:, :2] + ink[:, 2:]) / 2, (ink[:, 2:] - ink[:, :2]) / 2
    half = half + dice.uniform(2, low=0.04, high=0.35) * TEXT_HEIGHT
    beyond = (flat - middle[:, :, None, None]).abs() - half[:, :, None, None]
    distance = beyond.amax(1, keepdim=True)
    thick = dice.uniform(1, 1, 1, low=0.5, high=4.0)
    border = (thick - distance.abs() + 0.5).clamp(0, 1) * look.on("frame")
    return border, (distance + 0.5).clamp(0, 1) * look.on("frame")


def light(look: Look, dice: Dice, places: Float[Tensor, "b 2 h w"]) -> Float[Tensor, "b 1 h w"]:
    """Factor of illumination: a gradient, a spot, the edge of a shadow."""
    direction = dice.uniform(1, 1, high=2 * math.pi)
    span = places.amax((2, 3), keepdim=True) - places.amin((2, 3), keepdim=True)
    unit = places / span - 0.5
    ramp = unit[:, :1] * direction[..., None].cos() + unit[:, 1:] * direction[..., None].sin()
    centre = dice.uniform(2, 1, 1, low=-0.6, high=0.6)
    spot = (unit - centre).square().sum(1, keepdim=True).mul(-6).exp()
    soft = dice.uniform(1, 1, 1).square() + 0.03
    shade = half_planes(dice, places, count=1, soft=soft)
    return (1 + look["gradient"] * ramp * 1.2 + look["spot"] * (spot - 0.5)) * (1 - look["shade"] * shade)
