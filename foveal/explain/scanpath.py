"""A trajectory drawn: as a picture, as an animation (GIF), and as vectors that move (SVG)."""

from __future__ import annotations

import base64
import io
import math
from xml.sax.saxutils import escape

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw

from foveal.document import Char, Line
from foveal.explain.colours import face, table, tinted, written
from foveal.explain.maps import View, heat, line_height, view
from foveal.explain.trajectory import JUMP, Fixation, Trajectory, columns
from foveal.geometry import points

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

_STEP: Colour = (31, 119, 180)
_ODD: Colour = (214, 39, 40)  # jumps and back-steps
_WIDE = 1200  # a picture is at most so wide
_FILM_WIDE = 800
_TALL = 72  # and a line at most so high
_ROW = 15  # height of a row of the matrix
_LABEL = 96  # room for the characters left of the matrix
_EACH = 220  # milliseconds for a fixation that is looked at once
_END = 1500  # milliseconds for the last frame


def line_view(page: Image, line: Line, *, width: int = _WIDE) -> View:
    """Return the page "h w 3" around a line, at most so wide, as trajectories are drawn on it."""
    tall = line_height(line.polygon)
    corners = points(line.polygon)
    long = float(np.ptp(corners, axis=0).max()) + 1.2 * tall
    return view(page, [line.polygon], margin=0.6 * tall, scale=min(_TALL / tall, width / long))


def path_picture(page: Image, path: Trajectory) -> Image:
    """Return the line with its fixations "h w 3", and below it the matrix of its looks.

    On the line: a dot for each fixation, as large as its dwell, joined in order; jumps and back-steps red.
    In the matrix: a row for each character, a column for each column of the strip.
    """
    seen = line_view(page, path.line)
    above = _dotted(seen, path)
    if not path.fixations:
        return above
    below = _matrix(path)
    width = max(above.shape[1], below.shape[1])
    gap = np.full((8, width, 3), 255, np.uint8)
    return np.concatenate([_padded(above, width), gap, _padded(below, width)])


def frames(page: Image, path: Trajectory) -> tuple[list[Image], list[int]]:
    """Return one picture "h w 3" for each look, over the page and with the text read so far, and how long.

    A fixation stands as long as its dwell says, 220 ms for one that was looked at once.
    """
    seen = line_view(page, path.line, width=_FILM_WIDE)
    if not path.fixations:
        return [seen.image], [_END]
    top = max(float(one.look.weights.max()) for one in path.fixations)
    shown, text = [], ""
    for before, one in zip((None, *path.fixations[:-1]), path.fixations, strict=True):
        text += (" " if before and before.word != one.word else "") + one.char.text
        drawn = tinted(seen.image, heat([one.look], path.strip.way, seen), top=top)
        shown.append(np.concatenate([drawn, _typed(text, drawn.shape[1])]))
    times = [round(_EACH * min(max(one.dwell, 0.5), 2.0)) for one in path.fixations]
    return shown, [*times[:-1], _END]


def animation(page: Image, path: Trajectory) -> bytes:
    """Return the frames of a trajectory as a GIF that repeats for ever."""
    return _gif(*frames(page, path))


def vectors(page: Image, path: Trajectory) -> str:
    """Return an SVG of the line with its fixations; a ring goes from one to the next.

    Every dot has a title: the character, its confidence, step and dwell. Without animation all of it is seen.
    """
    seen = line_view(page, path.line)
    height, width = seen.image.shape[:2]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">',
        f"<title>{escape(path.line.text)}</title>",
        f'<image width="{width}" height="{height}" href="{data_uri(seen.image)}"/>',
    ]
    places = seen.way.to([one.point for one in path.fixations]) if path.fixations else np.zeros((0, 2))
    for start, end, one in zip(places, places[1:], path.fixations[1:], strict=False):
        parts.append(
            f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
            f'stroke="{_css(_step_colour(one))}" stroke-width="2" stroke-opacity="0.7"/>'
        )
    for (x, y), one in zip(places, path.fixations, strict=True):
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_radius(one)}" fill="{_css(_step_colour(one))}" '
            f'fill-opacity="0.6"><title>{escape(_told(one))}</title></circle>'
        )
    return "\n".join([*parts, *_ring(places), "</svg>"]) + "\n"


def data_uri(image: Image, *, quality: int = 80) -> str:
    """Return a picture "h w 3" as a JPEG that can stand in a page by itself."""
    file = io.BytesIO()
    Pictures.fromarray(image).save(file, "JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _dotted(seen: View, path: Trajectory) -> Image:
    drawn = seen.image.copy()
    places = seen.way.to([one.point for one in path.fixations]) if path.fixations else np.zeros((0, 2))
    dots = [(round(float(x)), round(float(y))) for x, y in places]
    for start, end, one in zip(dots, dots[1:], path.fixations[1:], strict=False):
        cv2.line(drawn, start, end, _step_colour(one), 2, cv2.LINE_AA)
    for dot, one in zip(dots, path.fixations, strict=True):
        cv2.circle(drawn, dot, _radius(one), _step_colour(one), -1, cv2.LINE_AA)
    return np.asarray(cv2.addWeighted(drawn, 0.7, seen.image, 0.3, 0), np.uint8)


def _matrix(path: Trajectory) -> Image:
    """Draw the looks as rows under the strip, its columns with ink marked: red where not covered."""
    looks = np.stack([columns(one.look) for one in path.fixations])
    long = _WIDE - _LABEL
    strip = path.strip.image
    tall = min(round(len(strip) * long / strip.shape[1]), 2 * _TALL)
    shown = np.asarray(cv2.resize(strip, (long, tall), interpolation=cv2.INTER_CUBIC))
    shade = table("viridis")[(255 * looks / looks.max()).astype(np.uint8)]
    drawn = np.repeat(
        np.asarray(cv2.resize(shade, (long, len(looks)), interpolation=cv2.INTER_NEAREST)), _ROW, 0
    )
    covered = path.ink & path.covered
    marks = np.where(covered, 60, 255).astype(np.uint8)[:, None].repeat(3, axis=1)
    marks[path.ink & ~path.covered] = _ODD
    bar = np.asarray(cv2.resize(marks[None], (long, 1), interpolation=cv2.INTER_NEAREST)).repeat(8, axis=0)
    sheet = np.concatenate([shown, bar, np.full((3, long, 3), 255, np.uint8), drawn])
    return np.concatenate([_labels([one.char for one in path.fixations], top=tall + 11), sheet], axis=1)


def _labels(chars: list[Char], *, top: int) -> Image:
    sheet = Pictures.new("RGB", (_LABEL, top + _ROW * len(chars)), (255, 255, 255))
    draw, font = ImageDraw.Draw(sheet), face(13)
    draw.text((_LABEL - 6, top), "ink", fill=(90, 90, 90), font=face(10), anchor="rs")
    for row, char in enumerate(chars):
        said = f"{written(char.text)}  {100 * char.confidence:3.0f}"
        fill = (20, 20, 20) if char.confidence >= 0.8 else _ODD
        draw.text((_LABEL - 6, top + _ROW * row + 12), said, fill=fill, font=font, anchor="rs")
    return np.asarray(sheet)


def _typed(text: str, width: int) -> Image:
    """Return a row "h width 3" with the end of a text that has room in it."""
    sheet, font = Pictures.new("RGB", (width, 34), (255, 255, 255)), face(22)
    shown = written(text)
    over = max(font.getlength(shown) - width + 20, 0)
    ImageDraw.Draw(sheet).text((10 - over, 25), shown, fill=(20, 20, 20), font=font, anchor="ls")
    return np.asarray(sheet)


def _gif(frames: list[Image], milliseconds: list[int]) -> bytes:
    file = io.BytesIO()
    sheets = (Pictures.fromarray(frame) for frame in frames)
    first, *rest = [
        sheet.quantize(64, Pictures.Quantize.FASTOCTREE, dither=Pictures.Dither.NONE) for sheet in sheets
    ]
    first.save(file, "GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0)
    return file.getvalue()


def _ring(places: NDArray[np.float64]) -> list[str]:
    """Return the ring that stands at one place after the other, or nothing where there is nowhere to go."""
    if len(places) < 2:
        return []
    shown = ";".join(f"{x:.1f} {y:.1f}" for x, y in places)
    return [
        f'<circle r="16" fill="none" stroke="#222" stroke-width="2"><animateTransform '
        f'attributeName="transform" type="translate" calcMode="discrete" values="{shown}" '
        f'dur="{len(places) * _EACH / 1000:.2f}s" '
        'repeatCount="indefinite"/></circle>'
    ]


def _step_colour(one: Fixation) -> Colour:
    return _ODD if one.is_jump or one.is_back_step else _STEP


def _radius(one: Fixation) -> int:
    return round(7 * math.sqrt(min(max(one.dwell, 0.2), 3.0)))


def _told(one: Fixation) -> str:
    return (
        f"{one.number}: “{one.char.text}” {one.char.confidence:.0%}, "
        f"step {one.step:+.1f} (jump above {JUMP:g}), dwell {one.dwell:.2f}"
    )


def _css(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _padded(picture: Image, width: int) -> Image:
    return np.pad(picture, ((0, 0), (0, width - picture.shape[1]), (0, 0)), constant_values=255)
