"""What light, paper and camera do to a batch of pages: shadows, bleed-through, then synth.degrade."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from foveal.synth.degrade import degrade
from foveal.synth.looks import LOOKS, Dice, draw_effects


def expose(pages: Tensor, looks: Tensor, dice: Dice) -> Tensor:
    """Return the pages "b 3 h w" uint8 as they come out of a camera or scanner.

    `looks` "b" indexes synth.looks.LOOKS; -1 marks a real page, which is only changed a little.
    """
    photo = pages.float() / 255
    real = (looks < 0).view(-1, 1, 1, 1)
    paper = ((looks >= 0) & (looks != LOOKS.index("scene")) & (looks != LOOKS.index("screen"))).view(
        -1, 1, 1, 1
    )
    photo = bleed_through(photo, dice, paper=paper.float())
    photo = photo * shade(dice, size=photo.shape[2:], least=0.35)
    preset = torch.where(looks < 0, LOOKS.index("receipt"), looks)
    look = draw_effects(preset, dice)
    made = degrade(photo, look, dice)
    mild = torch.lerp(photo, made, dice.uniform(1, 1, 1) * 0.5)
    return torch.where(real, mild, made).mul_(255).round_().clamp_(0, 255).to(torch.uint8)


def bleed_through(photo: Tensor, dice: Dice, *, paper: Tensor) -> Tensor:
    """Let the mirrored page of the next sample shine through a tenth of the paper pages "b 1 1 1"."""
    behind = 1 - photo.flip(3).roll(1, 0)
    draw = dice.uniform(2, 1, 1)
    behind = functional.avg_pool2d(behind, 5, 1, 2)
    behind = behind - behind.amin((2, 3), keepdim=True)
    both = paper * paper.roll(1, 0) * (draw[:, :1] < 0.12)
    return (photo - behind * both * draw[:, 1:2] * 0.4).clamp_(0, 1)


def shade(dice: Dice, *, size: torch.Size, least: float) -> Tensor:
    """Return light "b 3 h w" up to 1: a soft uneven lamp, the edge of a cast shadow, a slight tint."""
    lamp = functional.interpolate(
        dice.uniform(1, 3, 3), size=tuple(size), mode="bicubic", align_corners=False
    )
    draw = dice.uniform(8, 1, 1)
    light = 1 - (1 - least) * draw[:, 0:1].square() * lamp.clamp(0, 1)
    y = torch.linspace(-1, 1, size[0], device=lamp.device).view(1, 1, -1, 1)
    x = torch.linspace(-1, 1, size[1], device=lamp.device).view(1, 1, 1, -1)
    angle = draw[:, 1:2] * 6.2832
    edge = torch.sigmoid(
        (x * angle.cos() + y * angle.sin() - draw[:, 2:3] * 1.4 + 0.7) * (4 + 60 * draw[:, 3:4])
    )
    shadow = 1 - edge * (draw[:, 4:5] < 0.25) * draw[:, 5:6] * 0.6
    tint = 1 - dice.uniform(3, 1, 1) * 0.12 * (draw[:, 6:7] < 0.4)
    return light * shadow * tint
