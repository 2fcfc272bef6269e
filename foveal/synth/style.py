"""Masks of text to strips that look like documents and scenes, batched on any device.

Every sample draws its own preset, geometry, colours, surroundings and degradation; nothing waits for the
device.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from foveal.synth import paper
from foveal.synth.degrade import PADDING, Sensor, degrade, draw_sensor, sample
from foveal.synth.looks import KINDS, LOOKS, Dice, Look, constant, draw_effects, draw_look
from foveal.synth.photos import behind
from foveal.synth.warp import TEXT_HEIGHT, Warp, draw_warp, ink_bounds, whole_mask

__all__ = ["KINDS", "PADDING", "Strips", "augment", "render"]

# range of lightness of paper and ink for each document preset, in the order of LOOKS (the scene's is unused)
_PAPER = ((0.85, 1.1), (1.0, 1.0), (0.72, 1.04), (0.66, 1.02), (0.68, 1.15), (0.86, 1.1), (0.0, 0.0))
_INK = ((0.0, 0.28), (0.0, 0.0), (0.1, 0.6), (0.02, 0.35), (0.05, 0.6), (0.0, 0.45), (0.0, 0.0))
_PENS = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (-0.12, -0.06, 0.3), (0.1, 0.0, -0.1), (0.3, -0.1, -0.1))
_CHROMA = ((0.45, -0.05, -0.4), (-0.12, 0.12, -0.05))  # most colours lie between orange and blue
_RESTLESS = 2.5  # how much more hands differ in what bends their letters than drawings of one font do
_PEN = 8.0  # weight of a stroke per strength of the effect
_BLURS = (0.7, 1.4, 2.8)  # deviations in mask pixels of the blurred copies of a mask


@dataclass(frozen=True)
class Strips:
    """Strips ready for the recogniser; `images` is PADDING right of `widths`."""

    images: Float[Tensor, "b 3 h w"]
    boxes: Float[Tensor, "b n 4"]
    widths: Int[Tensor, " b"]


@dataclass(frozen=True)
class _Scene:
    """What all layers of a sample share."""

    look: Look
    dice: Dice
    places: Float[Tensor, "b 2 h w"]  # strip coordinates in strip heights
    flat: Float[Tensor, "b 2 h w"]  # pixels of the unbent text
    bent: Float[Tensor, "b h w 2"]  # pixels of the mask
    pixel: Float[Tensor, "b 1 1 1"]  # mask pixels a photo pixel covers
    ink_box: Float[Tensor, "b 4"]
    photo: Tensor | None = None  # "b 3 h w", a real surface's departures from its mean


def render(
    masks: UInt8[Tensor, "b m v"],
    widths: Int[Tensor, " b"],
    boxes: Float[Tensor, "b n 4"],
    kinds: Int[Tensor, " b"],
    *,
    height: int = 32,
    width: int,
    generator: torch.Generator,
    scene: float,
    photos: UInt8[Tensor, "n 3 64 256"] | None = None,
) -> Strips:
    """Draw masks of ink coverage (48 px high, boxes in mask pixels) into strips of `height` × `width`.

    `kinds` indexes KINDS; `scene` is the share of samples that look like a photographed sign rather than a
    document, less for handwriting and blackletter. `photos` are real surfaces to write on (photos.py). Ink
    beyond `widths` is ignored. The generator and photos must be on the masks' device.
    """
    dice = Dice(generator, batch=len(masks))
    look = draw_look(kinds, scene, dice)
    ink_box = ink_bounds(boxes, widths)
    warp, content = draw_warp(ink_box, whole_mask(widths), look, dice, height=height, width=width)
    sensor = draw_sensor(look, dice, height=height, width=width)
    shared = _survey(look, dice, warp, sensor, ink_box)
    if photos is not None:
        shared = replace(shared, photo=behind(photos, shared.places, dice))
    photo = degrade(_paint(_coverage(masks, widths), shared).clamp_(0, 1), look, dice)
    limit = torch.stack([content, torch.full_like(content, height)], 1).repeat(1, 2)[:, None]
    images = sensor.develop(photo, content, hard=look.on("pixels"))
    return Strips(images, warp.boxes(boxes).clamp(min=0).minimum(limit), content.long())


def augment(
    images: Float[Tensor, "b 3 v w"],
    widths: Int[Tensor, " b"],
    *,
    height: int = 32,
    width: int,
    generator: torch.Generator,
    strength: float = 0.8,
    boxes: Float[Tensor, "b n 4"] | None = None,
) -> Strips:
    """Geometry, tone and degradation of real strips in [0, 1], whose height stands for a line of text.

    `strength` scales every effect of a page written with a pen: what bends, slants and wavers least changes
    what stands there, and makes one hand into several. `boxes`, in pixels of `images`, come back where they
    then are.
    """
    dice = Dice(generator, batch=len(images))
    look = draw_effects(torch.full_like(widths, LOOKS.index("pen")), dice).scaled(strength)
    look = look.scaled(_RESTLESS, "slant", "stretch", "wave", "elastic")
    unit = TEXT_HEIGHT / images.shape[2]
    full = whole_mask(widths * unit)
    warp, content = draw_warp(full, full, look, dice, height=height, width=width)
    sensor = draw_sensor(look, dice, height=height, width=width)
    shared = _survey(look, dice, warp, sensor, full)
    last = torch.stack([widths - 0.5, torch.full_like(widths, images.shape[2]) - 0.5], 1)[:, None, None]
    images = _other_pen(images, look)
    soft = F.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    shrunk = torch.lerp(images, soft, (shared.pixel / unit - 1).clamp(0, 1))
    photo = sample(shrunk, (shared.bent / unit).minimum(last), border=True)
    photo = degrade((photo * paper.light(look, dice, shared.places)).clamp(0, 1), look, dice)
    known = torch.zeros(len(images), 0, 4, device=images.device) if boxes is None else boxes * unit
    limit = torch.stack([content, torch.full_like(content, height)], 1).repeat(1, 2)[:, None]
    placed = warp.boxes(known).clamp(min=0).minimum(limit)
    return Strips(sensor.develop(photo, content, hard=look.on("pixels")), placed, content.long())


def _other_pen(images: Tensor, look: Look) -> Tensor:
    """Dark strokes made heavier, or lighter, by up to a pixel to either side."""
    heavy, light = -F.max_pool2d(-images, 3, 1, 1), F.max_pool2d(images, 3, 1, 1)
    images = torch.lerp(images, heavy, (_PEN * look["spread"]).clamp(max=0.8))
    return torch.lerp(images, light, (_PEN * look["thin"]).clamp(max=0.5))


def _coverage(masks: Tensor, widths: Tensor) -> Float[Tensor, "b 1 m v"]:
    inside = torch.arange(masks.shape[2], device=masks.device) < widths[:, None]
    return (masks * inside[:, None]).float()[:, None] / 255


def _survey(look: Look, dice: Dice, warp: Warp, sensor: Sensor, ink_box: Tensor) -> _Scene:
    """Where every pixel of the photo lies, in strip, flat text and mask."""
    points = sensor.points()
    flat = warp.flatten(points)
    rows = sensor.rows
    zoom = 1 / (torch.linalg.vector_norm(warp.matrix[:, :2, 1], dim=1) * sensor.scale[:, 0])
    return _Scene(
        look,
        dice,
        rearrange(points / sensor.height, "b (h w) c -> b c h w", h=rows),
        rearrange(flat, "b (h w) c -> b c h w", h=rows),
        rearrange(flat + warp.bend(flat), "b (h w) c -> b h w c", h=rows),
        zoom[:, None, None, None],
        ink_box,
    )


def _paint(ink: Tensor, scene: _Scene) -> Float[Tensor, "b 3 h w"]:
    """Ink on paper under light, before any camera."""
    look, dice = scene.look, scene.dice
    ground, colour = _palette(look, dice)
    texture = paper.cloud(dice, height=scene.flat.shape[2], width=scene.flat.shape[3], colour=0.35)
    image = _ground(ground, colour, texture, scene)
    image = _beside(image, ink, colour, scene)
    image = _letters(image, ink, colour, texture, scene)
    return image * paper.light(look, dice, scene.places)


def _palette(look: Look, dice: Dice) -> tuple[Float[Tensor, "b 3 1 1"], Float[Tensor, "b 3 1 1"]]:
    """Colours of paper and ink."""
    draw = dice.uniform(4, 1)
    ranges = constant((_PAPER, _INK), draw.device)[:, look.preset]
    light = torch.lerp(ranges[..., :1], ranges[..., 1:], draw[:, :2].transpose(0, 1))
    aged = look.where("old", "pen")[:, :, 0, 0]
    warm = constant((0.06, 0.0, -0.14), draw.device) * draw[:, 2] * aged
    pens = constant(_PENS, draw.device)[(draw[:, 3, 0] * len(_PENS)).long()]
    ground, colour = _scene_palette(dice)
    outdoors = look.where("scene")[:, :, 0, 0] > 0
    ground = torch.where(outdoors, ground, light[0].clamp(max=1) + warm)
    colour = torch.where(outdoors, colour, light[1] + pens * look.where("pen", "screen")[:, :, 0, 0])
    return ground.clamp(0, 1)[:, :, None, None], colour.clamp(0, 1)[:, :, None, None]


def _scene_palette(dice: Dice) -> tuple[Float[Tensor, "b 3"], Float[Tensor, "b 3"]]:
    """Two colours whose lightness mostly differs well, sometimes only by 0.08."""
    draw = dice.uniform(6, 1)
    ground = draw[:, 0] * 0.96 + 0.02
    contrast = torch.where(draw[:, 1] < 0.88, 0.34 + 0.6 * draw[:, 2], 0.08 + 0.28 * draw[:, 2])
    darker = (draw[:, 3] < (ground - 0.5) * 2.2 + 0.5).float() * 2 - 1
    letters = ground - darker * contrast
    # white and black letters are commoner than chance
    letters = torch.where(draw[:, 4] < 0.4, (1 - darker) / 2 * 0.92 + 0.04, letters).clamp(0.03, 0.98)
    chroma = dice.normal(2, 2) @ constant(_CHROMA, draw.device) * dice.uniform(2, 1).pow(1.3)
    plain = draw[:, 4] < 0.3
    return (ground + chroma[:, 0]).clamp(0, 1), (letters + torch.where(plain, 0.0, chroma[:, 1])).clamp(0, 1)


def _ground(ground: Tensor, colour: Tensor, texture: Tensor, scene: _Scene) -> Float[Tensor, "b 3 h w"]:
    """Paper or wall with its texture, patches, patterns, plate, clutter and rules."""
    look, dice, places = scene.look, scene.dice, scene.places
    soft = dice.uniform(1, 1, 1).square() * 0.3 + 0.03
    border, outside = paper.frame(look, dice, scene.flat, ink=scene.ink_box)
    shapes = [
        (paper.half_planes(dice, places, count=3, soft=soft), look["patches"]),
        (paper.stripes(dice, places), look["pattern"]),
        (outside, look["frame"].sqrt()),
        (paper.strokes(dice, places, count=2), look["strokes"]),
    ]
    image = torch.addcmul(ground, texture, look["grain"]) + paper.painted(dice, shapes)
    if scene.photo is not None:
        image = image + scene.photo * look["photo"].sqrt()
    blot = (texture[:, :1].roll(7, 3) - 0.8).clamp_(0, 0.5)
    image = image * (1 - look["stain"] * blot)
    rule = ground + dice.uniform(3, 1, 1, low=-0.75, high=0.15)
    image = torch.lerp(image, rule, paper.ruling(look, dice, scene.flat, blur=scene.pixel))
    return torch.lerp(image, colour, border * look["frame"].sqrt())


def _beside(image: Tensor, ink: Tensor, colour: Tensor, scene: _Scene) -> Tensor:
    """Other samples of the batch: lines above and below, words at the sides, print on the back."""
    look, dice = scene.look, scene.dice
    x, y = scene.bent.unbind(3)
    left, top, right, bottom = scene.ink_box[:, :, None, None].unbind(1)
    first, second, third = dice.uniform(3, 1, 1, low=0.12, high=0.9).mul(TEXT_HEIGHT).unbind(1)
    pitch = TEXT_HEIGHT * dice.uniform(1, 1, low=0.95, high=1.6)
    above, below = y < top - 1, y > bottom + 1
    y_other = torch.where(above, y + pitch, torch.where(below, y - pitch, y))
    level = ~above & ~below
    x_other = torch.where(level & (x > right + second), x - right - second, -99.0)
    x_other = torch.where(level & (x < left - third), x - left + third + 3 * TEXT_HEIGHT, x_other)
    x_other = torch.where(level, x_other, x + first)
    other = sample(ink.roll(1, 0), torch.stack([x_other, y_other], 3))
    image = torch.lerp(image, colour, other * look.on("neighbours"))
    back = torch.stack([right - x + first, y + second - 0.5 * TEXT_HEIGHT], 3)
    soft = F.avg_pool2d(ink.roll(2, 0), 3, 1, 1)
    return image * (1 - sample(soft, back) * look["bleed"])


def _letters(image: Tensor, ink: Tensor, colour: Tensor, texture: Tensor, scene: _Scene) -> Tensor:
    """Shadow, glow, outline, bevel and the ink itself with its flaws."""
    look, dice = scene.look, scene.dice
    sharp, wide = _blurred(ink, scene.pixel)
    layers = sample(torch.cat([sharp, wide, F.max_pool2d(sharp, 5, 1, 2)], 1), scene.bent)
    body = _shape(layers[:, :1], texture, scene)
    offset = dice.uniform(1, 1, 2, low=-1.0) * 3.5
    cast = sample(torch.lerp(sharp, wide, dice.uniform(1, 1, 1)), scene.bent - offset)
    extra = dice.uniform(3, 3, 1, 1)
    dark = image.mean((1, 2, 3), keepdim=True) * 0.2
    image = torch.lerp(image, dark, cast * look["shadow"].clamp(max=1))
    image = torch.lerp(image, extra[:, 1], (layers[:, 1:2] * 1.6).clamp(max=1) * look["glow"])
    rim = torch.where(extra[:, 0, :1] < 0.4, extra[:, 2], (extra[:, 1, :1] > 0.5).float())
    image = torch.lerp(image, rim, layers[:, 2:] * look["outline"].sqrt().clamp(max=1))
    hollow = look.on("hollow") * ((body - 0.5).abs() * 2).square()
    fill = colour + texture.roll(11, 3) * look["fill"] + (body - cast) * look["bevel"] * 0.5
    if scene.photo is not None:
        fill = fill + scene.photo.roll(1, 0) * look["mottled"].sqrt()
    return torch.lerp(image, fill.clamp(0, 1), body * (1 - hollow))


def _blurred(ink: Tensor, pixel: Tensor) -> tuple[Tensor, Tensor]:
    """The mask blurred to the photo's pixel (anti-aliasing), and a wide blur of it for glows and shadows."""
    tap = torch.arange(-7.0, 8.0, device=ink.device)
    kernels = (-0.5 * (tap / constant(_BLURS, ink.device)[:, None]).square()).exp()
    kernels = (kernels / kernels.sum(1, keepdim=True))[:, None]
    rows = F.conv2d(ink, kernels[:, :, None], padding=(0, 7))
    copies = torch.cat([ink, F.conv2d(rows, kernels[:, :, :, None], padding=(7, 0), groups=3)], dim=1)
    knots = constant((0.0, *_BLURS), ink.device)[:, None, None]
    wanted = 0.45 * (pixel.square() - 1).clamp(min=0).sqrt()
    spacing = constant((0.7, 0.7, 0.7, 1.4), ink.device)[:, None, None]
    weights = (1 - (wanted.clamp(max=2.8) - knots).abs() / spacing).clamp(min=0)
    weights = weights / weights.sum(1, keepdim=True)
    return (copies * weights).sum(1, keepdim=True), copies[:, 3:]


def _shape(body: Tensor, texture: Tensor, scene: _Scene) -> Float[Tensor, "b 1 h w"]:
    """Spread, thinned, ragged, broken, faded or dotted ink."""
    look, dice = scene.look, scene.dice
    rough = F.avg_pool2d(dice.normal(1, *body.shape[2:]), 3, 1, 1) * 1.8 + texture[:, :1] * 0.4
    shift = look["spread"] - look["thin"] + rough * look["ragged"] * 0.5
    busy = torch.maximum(torch.maximum(look.on("spread"), look.on("thin")), look.on("ragged"))
    edge = ((body - 0.5 + shift) * 1.5 + 0.5).clamp(0, 1) * (body * 6).clamp(max=1)
    body = torch.lerp(body, edge, busy)
    gaps = ((texture[:, 1:2] - 1.6 + 1.6 * look["gaps"]) * 2).clamp(0, 1) * look["gaps"].sqrt()
    turn = dice.uniform(4, 1, 1)
    wave = (scene.places * turn[:, :2]).sum(1, keepdim=True)
    stripe = (wave * (1 + 13 * turn[:, 2:3]) + 6 * turn[:, :1]).sin() * 0.4
    fade = (look["fade"] * (0.6 + stripe + texture[:, 2:] * 0.25)).clamp(0, 0.85)
    period = 3 + 2 * turn[:, 3:]
    dots = (scene.flat * (6.2832 / period)).cos().sum(1, keepdim=True).mul(0.8).add(0.9).clamp(0, 1)
    body = body * torch.lerp(torch.ones_like(dots), dots, look.on("dots") * (scene.pixel < 2.2))
    return body * (1 - gaps * look.on("gaps")) * (1 - fade)
