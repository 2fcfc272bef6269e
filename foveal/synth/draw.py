"""One text drawn as a strip of ink coverage, with the box of every character."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.synth.fonts import Face, Glyph
from foveal.synth.setting import Framing, Setting

HEIGHT = 48
"""Height of a drawn strip, px."""
_PAD = 6
_STOPS = frozenset(",;:!?")
_MARKS_BELOW = frozenset("\u0323\u0324\u0325\u0327\u0328\u032e\u0331")


@dataclass(frozen=True)
class Drawing:
    """A text as ink: `mask` "h w" coverage 0..255, `boxes` "n 4" x0 y0 x1 y1 in mask px, one a character.

    A box bounds the character's ink; a space has the gap it stands for, a combining mark the width of its
    base. `kind` is the kind of the face.
    """

    text: str
    mask: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    kind: str


def draw(
    text: str, face: Face, rng: np.random.Generator, *, framing: Framing, max_width: int, height: int = HEIGHT
) -> Drawing:
    """Draw `text` in `face`, set at random (see Setting), `height` px high, at most `max_width` px wide.

    `framing` "tight" cuts round the ink, as crops of words in photos are; "line" takes the line's
    height, as crops from pages are. `text` has no space at its ends and only characters of the face.
    """
    setting = Setting.sample(rng, text=text, kind=face.kind, framing=framing)
    return draw_as(setting, text, face=face, rng=rng, max_width=max_width, height=height)


def draw_as(
    setting: Setting, text: str, *, face: Face, rng: np.random.Generator, max_width: int, height: int = HEIGHT
) -> Drawing:
    """Draw `text` as `draw` does, in a setting that is given."""
    glyphs, corners, boxes = _place(text, face, setting, rng)
    canvas, origin = _compose(glyphs, corners, boxes, setting=setting)
    boxes += np.array([*origin, *origin], np.float32)
    _rule(canvas, boxes, baseline=origin[1], setting=setting, x_height=face.x_height * setting.em)
    canvas, boxes = _weigh(canvas, boxes, setting)
    frame = _frame(boxes, baseline=origin[1], face=face, setting=setting)
    place = _transform(frame, baseline=origin[1], setting=setting, height=height, max_width=max_width)
    mask, boxes = _cut(canvas, boxes, place, height=height, lean=setting.slant)
    return Drawing(text, mask, boxes, face.kind)


def _place(
    text: str, face: Face, setting: Setting, rng: np.random.Generator
) -> tuple[list[Glyph], list[tuple[int, int]], NDArray[np.float32]]:
    """Set the glyphs along the baseline: glyphs, upper left corners and boxes, from the start of the line."""
    em, pen, before = setting.em, 0.0, ""
    drift = setting.drift(len(text), rng) if setting.hand else None
    glyphs, corners, boxes = [], [], []
    for place, char in enumerate(text):
        if char == " ":
            glyph = _EMPTY
            advance = face.glyph(char, em).advance if char in face.characters else 0.28 * em
            pen += setting.space(advance, place)
            x, y = int(pen), 0
            boxes.append((pen, -face.x_height * em, pen, 0.0))
        elif unicodedata.combining(char) and boxes:
            glyph = face.glyph(char, em)
            x, y = _on_base(glyph, boxes[-1], below=char in _MARKS_BELOW)
            boxes.append((boxes[-1][0], y, boxes[-1][2], y + glyph.mask.shape[0]))
        else:
            glyph = face.glyph(char, setting.em_of(char, before))
            if drift is not None:
                glyph = _jitter(glyph, drift[place])
            if char in _STOPS and before != " ":
                pen += setting.stop_gap * em
            if before and setting.kerned:
                pen += face.kerning(before + char) * em
            x, y = round(pen) + glyph.left, glyph.top
            pen += glyph.advance + setting.tracking * em
            boxes.append((x, y, x + glyph.mask.shape[1], y + glyph.mask.shape[0]))
        glyphs.append(glyph)
        corners.append((x, y))
        before = char
    return glyphs, corners, _with_gaps(text, np.array(boxes, np.float32))


_EMPTY = Glyph(np.zeros((0, 0), np.uint8), 0, 0, 0.0)


def _on_base(mark: Glyph, base: tuple[float, float, float, float], *, below: bool) -> tuple[int, int]:
    """Return the upper left corner that sets a mark over (or under) the ink of its base."""
    rows, columns = mark.mask.shape
    y = max(mark.top, round(base[3])) if below else min(mark.top, round(base[1]) - rows - 1)
    return round((base[0] + base[2] - columns) / 2), y


def _with_gaps(text: str, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Widen the boxes of spaces to the gap between their neighbours' ink."""
    for place, char in enumerate(text):
        if char == " " and 0 < place < len(text) - 1:
            left, right = boxes[place - 1, 2], boxes[place + 1, 0]
            boxes[place, 0], boxes[place, 2] = (left, right) if right > left + 1 else (left - 1, left + 1)
    return boxes


def _jitter(glyph: Glyph, drift: NDArray[np.float64]) -> Glyph:
    """Turn, scale and shift one glyph as a hand would: drift is angle (radians), scale, dx and dy (px)."""
    rows, columns = glyph.mask.shape
    if not rows:
        return glyph
    angle, scale, dx, dy = drift.tolist()
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    width, height = (
        math.ceil(columns * cos + rows * abs(sin)) + 2,
        math.ceil(rows * cos + columns * abs(sin)) + 2,
    )
    to_middle = np.array(
        [
            [cos, -sin, (width - cos * columns + sin * rows) / 2],
            [sin, cos, (height - sin * columns - cos * rows) / 2],
        ]
    )
    mask = cv2.warpAffine(glyph.mask, to_middle, (width, height))
    x, y, inked_width, inked_height = cv2.boundingRect(mask)
    left = glyph.left * scale + (columns * scale - width) / 2 + x + dx
    top = glyph.top * scale + (rows * scale - height) / 2 + y + dy
    ink = np.asarray(mask[y : y + inked_height, x : x + inked_width], np.uint8)
    return Glyph(ink, round(left), round(top), glyph.advance * scale)


def _compose(
    glyphs: list[Glyph], corners: list[tuple[int, int]], boxes: NDArray[np.float32], *, setting: Setting
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Lay the glyphs' ink together, darker over lighter: the canvas, and the line's start on it."""
    room = _PAD + round(setting.em * (setting.neighbours * 1.6 or 0.3))
    left, top = -int(boxes[:, 0].min()) + _PAD, -int(boxes[:, 1].min()) + room
    right, bottom = int(boxes[:, 2].max()) + left + _PAD, int(boxes[:, 3].max()) + top + room
    canvas = np.zeros((bottom, right), np.uint8)
    for glyph, (x, y) in zip(glyphs, corners, strict=True):
        rows, columns = glyph.mask.shape
        y0, x0 = max(0, y + top), max(0, x + left)  # a mark's ink may reach beyond the boxes
        region = canvas[y0 : y + top + rows, x0 : x + left + columns]
        ink = glyph.mask[y0 - y - top :, x0 - x - left :][: region.shape[0], : region.shape[1]]
        np.maximum(region, ink, out=region)
    if setting.neighbours:
        _add_neighbours(canvas, pitch=round(setting.neighbours * setting.em))
    return canvas, (left, top)


def _add_neighbours(canvas: NDArray[np.uint8], *, pitch: int) -> None:
    """Let lines above and below show: the line's own ink, moved along and one pitch up and down."""
    ink = np.roll(canvas, canvas.shape[1] // 3, axis=1)
    np.maximum(canvas[:-pitch], ink[pitch:], out=canvas[:-pitch])
    np.maximum(canvas[pitch:], ink[:-pitch], out=canvas[pitch:])


def _rule(
    canvas: NDArray[np.uint8], boxes: NDArray[np.float32], *, baseline: int, setting: Setting, x_height: float
) -> None:
    """Draw the rule of the setting: a line under or through the text, dots, or a border around it."""
    if not setting.rule:
        return
    thick = max(1, round(setting.rule_width * setting.em))
    below = baseline + round(setting.rule_drop * setting.em)
    last = canvas.shape[1] - 1
    if setting.rule == "border":
        top, bottom = max(0, int(boxes[:, 1].min()) - 3 * thick), int(boxes[:, 3].max()) + 3 * thick
        cv2.rectangle(canvas, (1, top), (last - 1, min(bottom, canvas.shape[0] - 1)), 255, thick)
    elif setting.rule == "dots":
        canvas[below : below + thick, :: thick * 3] = 255
    else:
        y = baseline - round(x_height / 2) if setting.rule == "strike" else below
        canvas[max(0, y) : max(0, y) + thick] = 255


def _weigh(
    canvas: NDArray[np.uint8], boxes: NDArray[np.float32], setting: Setting
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Make the strokes heavier (px > 0) or thinner (px < 0)."""
    if not setting.weight:
        return canvas, boxes
    size = abs(setting.weight) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    change = cv2.dilate if setting.weight > 0 else cv2.erode
    half = setting.weight / 2
    return np.asarray(change(canvas, kernel), np.uint8), boxes + np.array(
        [-half, -half, half, half], np.float32
    )


def _frame(
    boxes: NDArray[np.float32], *, baseline: int, face: Face, setting: Setting
) -> tuple[float, float, float, float]:
    """Return the part of the canvas to cut out, x0 y0 x1 y1: round the ink, or the whole line's height."""
    x0, y0, _, _ = boxes.min(axis=0).tolist()
    _, _, x1, y1 = boxes.max(axis=0).tolist()
    if setting.framing == "line":
        high, low = face.line_span
        top, bottom = baseline + high * setting.em, baseline + low * setting.em
        if not setting.clips:
            top, bottom = min(top, y0), max(bottom, y1)
    else:
        top, bottom = min(y0, baseline - face.x_height * setting.em), max(y1, baseline)
    tall = bottom - top
    left, up, right, down = (margin * tall for margin in setting.margins)
    return x0 - left, top - up, x1 + right, bottom + down


@dataclass(frozen=True)
class _Transform:
    """Canvas px to strip px: x' = across (x + lean (baseline - y) - left), y' = scale (y - top)."""

    across: float
    scale: float
    left: float
    top: float
    baseline: float
    width: int


def _transform(
    frame: tuple[float, float, float, float], *, baseline: int, setting: Setting, height: int, max_width: int
) -> _Transform:
    x0, y0, x1, y1 = frame
    leans = (setting.slant * (baseline - y0), setting.slant * (baseline - y1))
    x0, x1 = x0 + 0.8 * min(0.0, *leans), x1 + 0.8 * max(0.0, *leans)
    scale = height / (y1 - y0)
    across = min(scale * setting.stretch, max_width / (x1 - x0))
    width = min(max_width, max(4, math.ceil((x1 - x0) * across)))
    return _Transform(across, scale, x0, y0, baseline, width)


def _cut(
    canvas: NDArray[np.uint8], boxes: NDArray[np.float32], to: _Transform, *, height: int, lean: float
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Cut the frame out, slanted and scaled in one resampling; the boxes move with it."""
    affine = np.array(
        [
            [to.across, -lean * to.across, (lean * to.baseline - to.left) * to.across],
            [0.0, to.scale, -to.top * to.scale],
        ]
    )
    if to.across < 0.6:  # bilinear sampling would skip columns, so average them first
        canvas = np.asarray(cv2.resize(canvas, None, fx=0.5, fy=1.0, interpolation=cv2.INTER_AREA), np.uint8)
        affine[0, 0] *= 2
    mask = np.asarray(cv2.warpAffine(canvas, affine, (to.width, height), flags=cv2.INTER_LINEAR), np.uint8)
    middle, tall = (boxes[:, 1] + boxes[:, 3]) / 2, boxes[:, 3] - boxes[:, 1]
    shift, spread = lean * (to.baseline - middle) - to.left, abs(lean) * tall * 0.3
    edges = (
        (boxes[:, 0] + shift - spread) * to.across,
        (boxes[:, 1] - to.top) * to.scale,
        (boxes[:, 2] + shift + spread) * to.across,
        (boxes[:, 3] - to.top) * to.scale,
    )
    moved = np.stack(edges, axis=1).astype(np.float32)
    np.clip(moved, 0, np.array([to.width, height, to.width, height], np.float32), out=moved)
    return mask, moved
