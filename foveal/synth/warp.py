"""Invertible maps between a mask of text and the strip it is drawn into."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float, Int, Num
from torch import Tensor

from foveal.synth.looks import Dice, Look, constant

TEXT_HEIGHT = 48
"""Height of a mask in pixels; a line from ascender to descender fills it."""

_OUTLINE = ((0, 0), (0.5, 0), (1, 0), (1, 0.5), (1, 1), (0.5, 1), (0, 1), (0, 0.5))


@dataclass(frozen=True)
class Warp:
    """mask = flat + Σ reach · sin(waves · flat + phase), strip = matrix · flat (homogeneous)."""

    matrix: Float[Tensor, "b 3 3"]
    reach: Float[Tensor, "b k 2"]
    waves: Float[Tensor, "b k 2"]
    phase: Float[Tensor, "b k"]

    def bend(self, flat: Float[Tensor, "b p 2"]) -> Float[Tensor, "b p 2"]:
        """Displacement in mask pixels at points of the flat text."""
        return _combine(flat, self.waves, self.phase).sin_() @ self.reach

    def flatten(self, points: Float[Tensor, "b p 2"]) -> Float[Tensor, "b p 2"]:
        """Strip pixels to pixels of the flat text, before it is bent."""
        return project(adjugate(self.matrix), points)

    def to_mask(self, points: Float[Tensor, "b p 2"]) -> Float[Tensor, "b p 2"]:
        """Strip pixels to mask pixels."""
        flat = self.flatten(points)
        return flat + self.bend(flat)

    def to_strip(self, points: Float[Tensor, "b p 2"]) -> Float[Tensor, "b p 2"]:
        """Mask pixels to strip pixels; the bend is inverted by fixed-point iteration."""
        flat = points
        for _ in range(10):
            flat = points - self.bend(flat)
        return project(self.matrix, flat)

    def boxes(self, boxes: Float[Tensor, "b n 4"]) -> Float[Tensor, "b n 4"]:
        """Bounding boxes in strip pixels of boxes in mask pixels; rows of zero area stay zero."""
        points = self.to_strip(rearrange(outline(boxes), "b n s c -> b (n s) c"))
        points = rearrange(points, "b (n s) c -> b n s c", s=8)
        around = torch.cat([points.amin(2), points.amax(2)], dim=-1)
        return torch.where(boxes[..., 2:3] > boxes[..., 0:1], around, 0.0)


def project(matrix: Float[Tensor, "b 3 3"], points: Float[Tensor, "b p 2"]) -> Float[Tensor, "b p 2"]:
    """Apply a homography."""
    moved = _combine(points, matrix[:, :, :2], matrix[:, :, 2])
    return moved[..., :2] / moved[..., 2:]


def _combine(points: Tensor, weights: Float[Tensor, "b k 2"], offset: Float[Tensor, "b k"]) -> Tensor:
    """points · weights + offset, "b p k"; a matrix product may round to TF32, which is half a pixel off."""
    x, y = weights[:, None].unbind(3)
    return torch.addcmul(torch.addcmul(offset[:, None], points[..., :1], x), points[..., 1:], y)


def adjugate(matrix: Float[Tensor, "b 3 3"]) -> Float[Tensor, "b 3 3"]:
    """The inverse up to a factor, which a homography does not need; unlike an inverse it never waits."""
    a, b, c = matrix.unbind(-1)
    return torch.stack([torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], dim=1)


def outline(boxes: Float[Tensor, "b n 4"]) -> Float[Tensor, "b n 8 2"]:
    """Corners and edge midpoints of boxes."""
    return torch.lerp(boxes[..., None, :2], boxes[..., None, 2:], constant(_OUTLINE, boxes.device))


def ink_bounds(boxes: Float[Tensor, "b n 4"], widths: Int[Tensor, " b"]) -> Float[Tensor, "b 4"]:
    """The box around all characters in mask pixels; without characters, the whole mask."""
    real = boxes[..., 2:3] > boxes[..., :1]
    low = torch.where(real, boxes[..., :2], torch.inf).amin(1)
    high = torch.where(real, boxes[..., 2:], -torch.inf).amax(1)
    whole = whole_mask(widths)
    return torch.where(real.any(1), torch.cat([low, high], dim=1), whole)


def whole_mask(widths: Num[Tensor, " b"]) -> Float[Tensor, "b 4"]:
    """The box of everything a mask holds, in mask pixels."""
    zero = torch.zeros_like(widths)
    return torch.stack([zero, zero, widths, zero + TEXT_HEIGHT], dim=1).float()


def draw_warp(
    ink: Float[Tensor, "b 4"], whole: Float[Tensor, "b 4"], look: Look, dice: Dice, *, height: int, width: int
) -> tuple[Warp, Float[Tensor, " b"]]:
    """A warp of a mask with the given ink box into a strip, and the content's width in strip pixels."""
    bend = _draw_bend(ink, look, dice)
    view = _draw_view(ink, look, dice)
    eye = torch.eye(3, device=ink.device).expand(len(ink), 3, 3)
    frame = _frame(Warp(view @ _shift(eye, -_middle(ink)), *bend), ink, whole, look, dice)
    place, content = _fit(frame, eye, dice, height=height, width=width)
    return Warp(place @ view @ _shift(eye, -_middle(ink)), *bend), content


def _middle(box: Tensor) -> Tensor:
    return (box[:, :2] + box[:, 2:]) / 2


def _shift(eye: Tensor, offset: Tensor) -> Tensor:
    """Homography that adds an offset "b 2"."""
    column = torch.cat([offset, torch.ones_like(offset[:, :1])], dim=1)
    return torch.cat([eye[:, :, :2], column[:, :, None]], dim=2)


def _draw_bend(ink: Tensor, look: Look, dice: Dice) -> tuple[Tensor, Tensor, Tensor]:
    """Reach, waves and phase: one arc over the whole text, two waves along it, two elastic waves."""
    half = ((ink[:, 2] - ink[:, 0]) / 2).clamp(min=TEXT_HEIGHT / 2)
    arc = look.flat("arc").minimum(half / TEXT_HEIGHT * 0.6)
    up = torch.stack([arc, look.flat("wave"), look.flat("wave") / 2], 1) * TEXT_HEIGHT
    sign = dice.uniform(3).sub(0.5).sign()
    along = torch.stack([torch.zeros_like(up), up * sign], dim=2)
    elastic = look.flat("elastic")[:, None, None] * TEXT_HEIGHT * dice.uniform(2, 2, low=-1.0)
    period = torch.stack([half * 4, *dice.uniform(2, low=1.5, high=7.0).mul(TEXT_HEIGHT).unbind(1)], 1)
    wave = torch.stack([2 * math.pi / period, torch.zeros_like(period)], dim=2)
    knots = dice.uniform(2, 2, low=-1.0).mul(2 * math.pi / (0.8 * TEXT_HEIGHT))
    phase = dice.uniform(5, high=2 * math.pi)
    centred = math.pi / 2 - _middle(ink)[:, :1] * wave[:, :1, 0]  # the arc's top is the middle of the text
    return torch.cat([along, elastic], 1), torch.cat([wave, knots], 1), torch.cat([centred, phase[:, 1:]], 1)


def _draw_view(ink: Tensor, look: Look, dice: Dice) -> Tensor:
    """Homography about the origin: stretch, slant, turn, perspective."""
    length = (ink[:, 2] - ink[:, 0]).clamp(min=TEXT_HEIGHT)
    sign = dice.uniform(5).sub(0.5).sign().unbind(1)
    turn = (look.flat("tilt") * TEXT_HEIGHT / length).clamp(max=0.21) * sign[0]
    slant, stretch = look.flat("slant") * sign[1], (look.flat("stretch") * sign[2]).exp()
    cos, sin = turn.cos(), turn.sin()
    zero, one = torch.zeros_like(turn), torch.ones_like(turn)
    tip_x = look.flat("tip") * sign[3] / (length / 2)
    tip_y = look.flat("tip") * sign[4] / TEXT_HEIGHT
    rows = [cos * stretch, cos * slant - sin, zero, sin * stretch, sin * slant + cos, zero, tip_x, tip_y, one]
    return rearrange(torch.stack(rows, dim=1), "b (i j) -> b i j", i=3)


def _frame(warp: Warp, ink: Tensor, whole: Tensor, look: Look, dice: Dice) -> Tensor:
    """Box to be cut out, in the viewed text's own pixels: tight on the ink or with margins on each side."""
    draw = dice.uniform(2)
    tight = draw[:, :1] < 0.45 + 0.2 * look.where("scene")[:, :, 0, 0]
    tight = torch.where(tight, 0.6 + 0.4 * draw[:, 1:], 0.6 * draw[:, 1:])
    seen = torch.lerp(whole, ink, tight)
    steps = torch.linspace(0, 1, 13, device=ink.device)
    x = seen[:, :1] + (seen[:, 2:3] - seen[:, :1]) * steps
    edges = torch.cat([torch.stack([x, y.expand_as(x)], 2) for y in (seen[:, 1:2], seen[:, 3:])], dim=1)
    points = warp.to_strip(edges)
    low, high = points.amin(1), points.amax(1)
    margin = (dice.uniform(4).square() * look.flat("margin")[:, None] * 4).clamp(max=0.4) * tight - 0.03
    margin = margin - (dice.uniform(4).square() * look.flat("cut")[:, None]).clamp(max=0.15)
    margin = margin * (high - low)[:, 1:].clamp(min=TEXT_HEIGHT / 2)
    return torch.cat([low - margin[:, :2], high + margin[:, 2:]], dim=1)


def _fit(frame: Tensor, eye: Tensor, dice: Dice, *, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Scale a frame to the strip's height; squeeze it to at most 0.7 and then shrink it if it is too wide."""
    size = frame[:, 2:] - frame[:, :2]
    scale = height / size[:, 1].clamp(min=0.45 * TEXT_HEIGHT)
    across = scale.minimum(width / size[:, 0])
    down = scale.minimum(across / 0.7)
    content = (size[:, 0] * across).ceil().clamp(4, width)
    top = (height - size[:, 1] * down) * dice.uniform(low=0.3, high=0.7)
    scales = torch.stack([across, down, torch.ones_like(down)], dim=1)
    origin = -frame[:, :2] * scales[:, :2] + torch.stack([torch.zeros_like(top), top], dim=1)
    return _shift(eye * scales[:, :, None], origin), content
