"""What cameras, scanners and files do to an image of text, batched; no step waits for the device."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from foveal.synth.looks import Dice, Look, constant
from foveal.synth.paper import luma

PADDING = 0.5
"""Value of every pixel right of the content, in training and at inference."""

_MARGIN = 8  # the photo is larger than the strip, so that JPEG blocks start anywhere
_LUMA_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_FROM_YCC = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


@dataclass(frozen=True)
class Sensor:
    """The grid on which a photo is taken: photo pixel = strip pixel · scale + offset."""

    scale: Float[Tensor, "b 1"]
    offset: Float[Tensor, "b 2"]
    height: int
    width: int

    @property
    def rows(self) -> int:
        """Height of the photo: the strip's, rounded up to whole JPEG blocks, and one block more."""
        return -(-self.height // 8) * 8 + _MARGIN

    def points(self) -> Float[Tensor, "b p 2"]:
        """Strip pixels at the centres of the photo's pixels, row by row."""
        rows, columns = self.rows, -(-self.width // 8) * 8 + _MARGIN
        x = (torch.arange(columns, device=self.scale.device) + 0.5 - self.offset[:, :1]) / self.scale
        y = (torch.arange(rows, device=self.scale.device) + 0.5 - self.offset[:, 1:]) / self.scale
        return _lattice(x, y).flatten(1, 2)

    def develop(
        self, photo: Tensor, content: Float[Tensor, " b"], *, hard: Tensor
    ) -> Float[Tensor, "b 3 h w"]:
        """Photo to strip, bilinear or (hard = 1) with visible pixels; right of the content is PADDING."""
        x = (torch.arange(self.width, device=photo.device) + 0.5) * self.scale + self.offset[:, :1]
        y = (torch.arange(self.height, device=photo.device) + 0.5) * self.scale + self.offset[:, 1:]
        hard = hard[:, :, 0, 0]
        x, y = (torch.lerp(t, t.floor() + 0.5, hard) for t in (x, y))
        strip = sample(photo, _lattice(x, y), border=True)
        inside = torch.arange(self.width, device=photo.device) < content[:, None]
        return torch.where(inside[:, None, None, :], strip, PADDING)


def _lattice(x: Float[Tensor, "b w"], y: Float[Tensor, "b h"]) -> Float[Tensor, "b h w 2"]:
    size = (-1, y.shape[1], x.shape[1])
    return torch.stack([x[:, None, :].expand(size), y[:, :, None].expand(size)], dim=3)


def draw_sensor(look: Look, dice: Dice, *, height: int, width: int) -> Sensor:
    """Full resolution for most samples, down to 8 px of text for some."""
    return Sensor(1 - look.flat("small")[:, None], dice.uniform(2, high=7.0), height, width)


def sample(images: Tensor, places: Float[Tensor, "b h w 2"], *, border: bool = False) -> Tensor:
    """Bilinear look-up at places in pixels; outside is zero or the border's value."""
    size = constant((images.shape[3], images.shape[2]), images.device)
    mode = "border" if border else "zeros"
    return F.grid_sample(images, places * (2 / size) - 1, padding_mode=mode, align_corners=False)


def degrade(photo: Float[Tensor, "b 3 h w"], look: Look, dice: Dice) -> Float[Tensor, "b 3 h w"]:
    """Lens, light, sensor, processing and file, in that order. Values in and out are in [0, 1]."""
    photo = blur(photo, look, dice)
    photo = tone(photo, look, dice)
    photo = photo + look["sharpen"] * (photo - F.avg_pool2d(photo, 3, 1, 1, count_include_pad=False))
    photo = photo + grain(photo, look, dice)
    photo = torch.lerp(photo, luma(photo), look.on("grey"))
    photo = threshold(photo.clamp_(0, 1), look, dice)
    photo = torch.lerp(photo, 1 - photo, look.on("negative"))
    return jpeg(photo, look).clamp_(0, 1)


def blur(photo: Tensor, look: Look, dice: Dice) -> Tensor:
    """Defocus and motion as one anisotropic Gaussian a sample, 7 × 7 photo pixels, then colour fringes."""
    angle = dice.uniform(1, 1, high=math.pi)
    across = (look.flat("defocus") * (1 - look.flat("small")))[:, None, None].square() + 0.04
    along = across + look.flat("motion")[:, None, None].square()
    tap = torch.arange(-3.0, 4.0, device=photo.device)
    u = angle.cos() * tap + angle.sin() * tap[:, None]
    v = angle.cos() * tap[:, None] - angle.sin() * tap
    kernel = (-0.5 * (u.square() / along + v.square() / across)).exp()
    kernel = kernel / kernel.sum((1, 2), keepdim=True)
    flat = F.pad(photo, (3, 3, 3, 3), mode="replicate").flatten(0, 1)[None]
    photo = F.conv2d(flat, kernel.repeat_interleave(3, 0)[:, None], groups=flat.shape[1])
    photo = rearrange(photo, "1 (b c) h w -> b c h w", c=3)
    fringe = look["fringe"]
    red = torch.lerp(photo[:, :1], photo[:, :1].roll(1, 3), fringe)
    blue = torch.lerp(photo[:, 2:], photo[:, 2:].roll(-1, 3), fringe)
    return torch.cat([red, photo[:, 1:2], blue], dim=1)


def tone(photo: Tensor, look: Look, dice: Dice) -> Tensor:
    """Low contrast, over-exposure, gamma and white balance."""
    draw = dice.uniform(5, 1, 1)
    photo = torch.lerp(photo, draw[:, :1], look["flat"])
    photo = photo * (1 + look["glare"]) + look["glare"] * 0.3 * draw[:, 1:2]
    balance = 1 + (draw[:, 2:] - 0.5) * 0.5 * look["gamma"]
    power = (look["gamma"] * (draw[:, 1:2] - 0.5).sign()).exp()
    return (photo * balance).clamp(1e-3, 1).pow(power)


def grain(photo: Tensor, look: Look, dice: Dice) -> Tensor:
    """Sensor noise: grey everywhere, coloured and coarser in the dark."""
    noise = dice.normal(3, *photo.shape[2:])
    coarse = F.avg_pool2d(noise, 3, 1, 1) * 2.5
    return noise[:, :1] * look["noise"] + coarse * (look["iso"] * (1.3 - photo[:, 1:2]))


def threshold(photo: Tensor, look: Look, dice: Dice) -> Tensor:
    """Two levels by a global or local threshold, few levels, specks of dust and ink."""
    grey = luma(photo)
    mean = grey.mean((2, 3), keepdim=True)
    middle = (grey.amax((2, 3), keepdim=True) + grey.amin((2, 3), keepdim=True)) / 2
    near = F.avg_pool2d(grey, 17, 1, 8, count_include_pad=False) - 0.07
    draw = dice.uniform(3, 1, 1)
    level = torch.where(draw[:, :1] < 0.75, torch.lerp(middle, mean, draw[:, 1:2] * 0.3), near)
    gain = 2.5 + 12 * draw[:, 2:].square()
    photo = torch.lerp(photo, ((grey - level) * gain + 0.5).clamp(0, 1), look.on("bilevel"))
    steps = 3 + 12 * draw[:, 2:]
    photo = torch.lerp(photo, (photo * steps).round() / steps, look.on("levels"))
    speck = dice.uniform(1, *photo.shape[2:])
    photo = torch.where(speck < look["speckle"] / 2, 0.0, photo)
    return torch.where(speck > 1 - look["speckle"] / 2, 1.0, photo)


def jpeg(photo: Float[Tensor, "b 3 h w"], look: Look) -> Float[Tensor, "b 3 h w"]:
    """Quantised 8 × 8 cosine blocks in YCbCr; strength 0 is nearly lossless, 1 is quality 12."""
    table = constant(_LUMA_TABLE, photo.device) / 255
    tables = torch.stack([table, *[(table * 1.5).clamp(min=17 / 255)] * 2])
    step = tables[:, None, :, None] * (0.02 + 4.0 * look["jpeg"].square())[..., None, None]
    cosines = _cosines(photo.device)
    blocks = torch.einsum("yc,bchw->byhw", constant(_TO_YCC, photo.device), photo)
    blocks = rearrange(blocks, "b c (r i) (q j) -> b c r i q j", i=8, j=8)
    waves = torch.einsum("ui,bcriqj,vj->bcruqv", cosines, blocks, cosines)
    waves = (waves / step).round_() * step
    blocks = torch.einsum("ui,bcruqv,vj->bcriqj", cosines, waves, cosines)
    coded = torch.einsum(
        "cy,byhw->bchw",
        constant(_FROM_YCC, photo.device),
        rearrange(blocks, "b c r i q j -> b c (r i) (q j)"),
    )
    return torch.lerp(photo, coded, look.on("jpeg"))


def _cosines(device: torch.device) -> Tensor:
    """Orthonormal cosine transform of 8 samples: "frequency sample"."""
    k = torch.arange(8, device=device, dtype=torch.float32)
    basis = torch.cos(math.pi / 8 * (k + 0.5) * k[:, None]) / 2
    return torch.where(k[:, None] == 0, math.sqrt(1 / 8), basis)
