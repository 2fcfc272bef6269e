"""From a flat sheet to what a camera or scanner sees of it: turn, perspective, bend, crop."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveal.geometry import Points, Transform, box, points
from foveal.synth.pages_sheet import PageLine, PageRegion, Sheet, dense_edges

Rng = np.random.Generator
CELLS = 16


@dataclass(frozen=True)
class Bend:
    """Waves that lift the sheet: y moves with x, then x with y. Amplitudes and period in px, phase in rad."""

    rise: float = 0.0
    period: float = 500.0
    phase: float = 0.0
    sway: float = 0.0

    def to(self, values: Points) -> Points:
        """Bend points."""
        x, y = values.T
        y = y + self.rise * np.sin(2 * np.pi * x / self.period + self.phase)
        return np.stack([x + self.sway * np.sin(2 * np.pi * y / self.period + self.phase), y], axis=1)

    def back(self, values: Points) -> Points:
        """Flatten points."""
        x, y = values.T
        x = x - self.sway * np.sin(2 * np.pi * y / self.period + self.phase)
        return np.stack([x, y - self.rise * np.sin(2 * np.pi * x / self.period + self.phase)], axis=1)


@dataclass(frozen=True)
class View:
    """The way from sheet to picture: bend, then a homography; the picture has side × side pixels."""

    bend: Bend
    lens: Transform
    side: int

    def to(self, values: Points) -> Points:
        """Move points from the sheet to the picture."""
        return self.lens.to(self.bend.to(values))

    def back(self, values: Points) -> Points:
        """Move points from the picture to the sheet."""
        return self.bend.back(self.lens.back(values))

    def picture(self, sheet: Image.Image, *, outside: tuple[int, int, int]) -> Image.Image:
        """Resample the sheet; where to is worked out on a grid of CELLS × CELLS and interpolated."""
        edges = np.linspace(0, self.side, CELLS + 1)
        corners = np.stack(np.meshgrid(edges, edges), axis=-1)
        coarse = self.back(points(corners)).reshape(CELLS + 1, CELLS + 1, 2)
        share = (np.arange(self.side) + 0.5) * CELLS / self.side
        across, down = np.meshgrid(share.astype(np.float32), share.astype(np.float32))
        source = cv2.remap(coarse.astype(np.float32), across, down, cv2.INTER_LINEAR) - 0.5
        pixels = np.asarray(sheet.convert("RGB"), np.uint8)
        x, y = np.float32(source[..., 0]), np.float32(source[..., 1])
        seen = cv2.remap(
            pixels, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=outside
        )
        return Image.fromarray(np.asarray(seen, np.uint8))


def draw_view(rng: Rng, width: int, height: int, *, side: int, strength: float) -> View:
    """Draw a view of a sheet of width × height; strength 0 is a scanner, 1 a hand-held camera."""
    centre = (width / 2, height / 2)
    scale = side / min(width, height) * float(rng.uniform(1.0, 1.2))
    angle = (
        float(np.clip(rng.normal(0, 1.2 + 5 * strength), -16, 16))
        if rng.random() < 0.85
        else rng.uniform(-16, 16)
    )
    lens = Transform.turn(float(angle), centre).then(Transform.scale(scale, scale))
    middle = np.array(centre) * scale - side / 2
    lens = lens.then(Transform.shift(-middle[0], -middle[1]))
    square = box(0, 0, side, side)
    pull = rng.uniform(-0.5, 0.5, (4, 2)) * side * 0.32 * strength * (rng.random() < 0.6)
    lens = lens.then(Transform.between(square, square + pull))
    bend = Bend()
    if rng.random() < 0.12 + 0.3 * strength:
        period = float(rng.uniform(0.8, 3)) * width
        rise, sway = rng.uniform(0, 0.03, 2) * period * (1, 0.5)
        bend = Bend(float(rise), period, float(rng.uniform(0, 6.3)), float(sway))
    return View(bend, lens, side)


def seen(view: View, sheet: Sheet) -> tuple[list[PageLine], list[PageRegion]]:
    """Return lines and regions as they lie in the picture; what lies wholly outside is left out."""
    lines = []
    for line in sheet.lines:
        dense = dense_edges(line, 40)
        moved = PageLine(view.to(dense.upper), view.to(dense.lower), line.text, line.sure)
        if _touches(moved.polygon, view.side):
            lines.append(moved)
    regions = [PageRegion(view.to(_dense_box(r.polygon)), r.kind) for r in sheet.regions]
    return lines, [region for region in regions if _touches(region.polygon, view.side)]


def _touches(polygon: Points, side: int) -> bool:
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    return bool((high > 0).all() and (low < side).all() and (high - low > 0.5).all())


def _dense_box(polygon: Points) -> Points:
    share: NDArray[np.float64] = np.linspace(0, 1, 6)[:-1, None]
    sides = [a + (b - a) * share for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True)]
    return np.concatenate(sides)


def quarter_turned(lines: list[PageLine], regions: list[PageRegion], turns: int, *, side: int) -> None:
    """Turn lines and regions of a square picture by turns × 90° clockwise, in place."""
    turn = Transform.quarter_turns(turns, side, side)
    for line in lines:
        line.upper, line.lower = turn.to(line.upper), turn.to(line.lower)
    for region in regions:
        region.polygon = turn.to(region.polygon)
