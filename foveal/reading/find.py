"""Maps of the page model to line outlines, page rotation and regions, in page pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.geometry import Points, box
from foveal.reading.engine import Session

KINDS = ("background", "text", "title", "list", "table", "figure")
"""The page model's kind channels."""

FIRST_LOOK = 1280
"""Longest side of the first look at a page, in pixels."""

FINEST_LOOK = 2240
"""Longest side of the second look, which pages with tiny text get."""

COARSE_LOOK = 480
"""Longest side of the look from afar, which sees letters too large for the others as a whole."""

LARGE = 28.0
"""Lines from afar count if they are at least this many of its pixels high."""

TINY = 9.0
"""A page whose lines are lower than this many pixels in the first look is looked at again, larger."""

CORE_LEVEL = 0.35
CORE_SHARE = 0.5
HEIGHT_UNIT = 16.0
LEAST_SURE = 0.55


@dataclass(frozen=True)
class FoundLine:
    """One line: upper and lower edge "k 2" in reading direction, k ≥ 2, in page pixels.

    `height` in page pixels; `sure` is the mean core probability, 0 to 1; `kind` is one of KINDS.
    """

    upper: Points
    lower: Points
    height: float
    sure: float
    kind: str = "text"

    @property
    def polygon(self) -> Points:
        """The outline "2k 2", clockwise from the upper start."""
        return np.concatenate([self.upper, self.lower[::-1]])

    @property
    def angle(self) -> float:
        """Direction the line is read in, degrees clockwise from the right."""
        along = self.upper[-1] + self.lower[-1] - self.upper[0] - self.lower[0]
        return float(np.degrees(np.arctan2(along[1], along[0])))


@dataclass(frozen=True)
class Region:
    """An area of one kind ("table" or "figure"), in page pixels."""

    polygon: Points
    kind: str


@dataclass(frozen=True)
class Found:
    """What is on a page: lines in no order, regions, and how the page is turned.

    `rotation`: 0, 90, 180 or 270, clockwise degrees by which the text lies on the page; `skew`: the rest, in
    degrees clockwise. `afar`: large lines seen from afar; where one lies on `lines`, what reads better is
    right.
    """

    lines: list[FoundLine] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    rotation: int = 0
    skew: float = 0.0
    afar: list[FoundLine] = field(default_factory=list)


@dataclass(frozen=True)
class Maps:
    """Maps of a page at a scale: core "h2 w2" in 0..1, height "h4 w4", direction "2 h4 w4", kind "k h4 w4".

    `scale` "2": input pixels a page pixel, in x and y.
    """

    core: NDArray[np.float32]
    height: NDArray[np.float32]
    direction: NDArray[np.float32]
    kind: NDArray[np.float32]
    scale: NDArray[np.float64]


def find(page: NDArray[np.uint8], session: Session) -> Found:
    """Find the lines of a page image "h w 3" (RGB) with the page model's session.

    One look at 1,280 px; a second, larger one if the text turns out tiny and the page has more pixels.
    """
    longest = max(page.shape[:2])
    maps = look(page, session, longest=min(longest, FIRST_LOOK))
    lines = trace(maps)
    if longest > FIRST_LOOK * 1.1 and lines:
        low = float(np.quantile([line.height for line in lines], 0.25)) * float(maps.scale.mean())
        if low < TINY:
            finer = min(longest, FINEST_LOOK, round(FIRST_LOOK * 13 / low))
            maps = look(page, session, longest=finer)
            lines = trace(maps)
    lines = settle_directions(lines)
    rotation, skew = turned(lines)
    return Found(lines, regions_of(maps), rotation, skew, _from_afar(page, session))


def _from_afar(page: NDArray[np.uint8], session: Session) -> list[FoundLine]:
    maps = look(page, session, longest=min(COARSE_LOOK, -(-max(page.shape[:2]) // 2)))
    return [line for line in trace(maps) if line.height * float(maps.scale.mean()) >= LARGE]


def shared(one: FoundLine, other: FoundLine) -> float:
    """Return the area two lines share over that of the smaller."""
    a, b = (cv2.convexHull(line.polygon.astype(np.float32)) for line in (one, other))
    least = min(cv2.contourArea(a), cv2.contourArea(b))
    return float(cv2.intersectConvexConvex(a, b)[0]) / max(float(least), 1e-6)


def look(page: NDArray[np.uint8], session: Session, *, longest: int) -> Maps:
    """Run the page model on the page with its longest side at `longest` pixels."""
    high, wide = page.shape[:2]
    scale = longest / max(high, wide)
    h, w = max(round(high * scale), 1), max(round(wide * scale), 1)
    small = page if (h, w) == (high, wide) else _resized(page, w, h)
    padded = cv2.copyMakeBorder(small, 0, -h % 32, 0, -w % 32, cv2.BORDER_REPLICATE)
    batch = np.ascontiguousarray(padded.transpose(2, 0, 1)[None])
    core, height, direction, kind = (m[0] for m in session.run(None, {"page": batch}))
    core = core[0, : -(-h // 2), : -(-w // 2)]
    quarter = (slice(None), slice(-(-h // 4)), slice(-(-w // 4)))
    return Maps(core, height[quarter][0], direction[quarter], kind[quarter], np.array([w / wide, h / high]))


def _resized(page: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    shrinks = width < page.shape[1]
    return np.asarray(
        cv2.resize(page, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    )


def trace(maps: Maps) -> list[FoundLine]:
    """Turn every connected core into a line."""
    binary = (maps.core > CORE_LEVEL).astype(np.uint8)
    count, labels = cv2.connectedComponents(binary, connectivity=4, ltype=cv2.CV_32S)
    if count < 2:
        return []
    y, x = np.nonzero(binary)
    of = labels[y, x] - 1
    order = np.argsort(of, kind="stable")
    y, x, of = y[order], x[order], of[order]
    y4 = np.minimum(y // 2, maps.height.shape[0] - 1)
    x4 = np.minimum(x // 2, maps.height.shape[1] - 1)
    seen = np.stack([maps.core[y, x], maps.height[y4, x4], *maps.direction[:, y4, x4], *maps.kind[:, y4, x4]])
    starts = np.searchsorted(of, np.arange(count))
    places = np.stack([x, y], axis=1).astype(np.float64) * 2 + 1
    lines = []
    for first, last in pairwise(starts):
        line = _line(places[first:last], seen[:, first:last], maps.scale)
        if line is not None:
            lines.append(line)
    return lines


def _line(places: Points, seen: NDArray[np.float32], scale: NDArray[np.float64]) -> FoundLine | None:
    """Fit one line to its core's places "n 2" (input pixels) with the maps "c n" there."""
    sure = float(seen[0].mean())
    if len(places) < 3 or sure < LEAST_SURE:
        return None
    tall = float(np.exp2(np.median(seen[1])) * HEIGHT_UNIT)
    along = _axis(places, seen[2:4].mean(axis=1), tall)
    across = np.array([-along[1], along[0]])
    centre = places.mean(axis=0)
    t, u = (places - centre) @ along, (places - centre) @ across
    ends = np.array([t.min() - 1, t.max() + 1]) + np.array([-1, 1]) * tall * (1 - CORE_SHARE) / 2
    stops = np.linspace(float(ends[0]), float(ends[1]), _stops(t, u, tall))
    middle = _smooth(t, u, stops, degree=0 if len(stops) < 2 else 1 if len(stops) == 2 else 2)
    half = np.exp2(_smooth(t, seen[1], stops, degree=1 if np.ptp(t) > 3 * tall else 0)) * HEIGHT_UNIT / 2
    half = np.clip(half, tall / 3, tall * 3 / 4)
    path = centre + stops[:, None] * along + middle[:, None] * across
    normal = across[None] * half[:, None]
    kind = KINDS[1 + int(seen[5:].mean(axis=1).argmax())]
    size = tall / float(scale.mean())
    return FoundLine((path - normal) / scale, (path + normal) / scale, size, sure, kind)


def _axis(places: Points, said: NDArray[np.float32], tall: float) -> NDArray[np.float64]:
    """Unit vector along a core: its long axis signed as the model says, or the model's own if it is short."""
    way = said.astype(np.float64) / max(float(np.linalg.norm(said)), 1e-6)
    spread = places - places.mean(axis=0)
    values, vectors = np.linalg.eigh(spread.T @ spread / len(places))
    long = np.asarray(vectors[:, 1], dtype=np.float64)
    if values[1] < (1.2 * tall) ** 2 / 12 or values[1] < 6 * values[0]:
        return way
    return long if long @ way >= 0 else -long


def _stops(t: NDArray[np.float64], u: NDArray[np.float64], tall: float) -> int:
    """How many points an edge needs: 2 if the core is straight to a tenth of its height, else up to 9."""
    if np.ptp(t) < 3 * tall:
        return 2
    bend = abs(float(np.polyfit(t, u, 2)[0])) * float(np.ptp(t)) ** 2 / 4
    return 2 if bend < 0.12 * tall else int(np.clip(np.ptp(t) / (2 * tall), 4, 9))


def _smooth(
    t: NDArray[np.float64], values: NDArray[np.floating], stops: NDArray[np.float64], *, degree: int
) -> NDArray[np.float64]:
    if degree == 0 or np.ptp(t) < 2:
        return np.full(len(stops), float(np.mean(values)))
    return np.asarray(np.polyval(np.polyfit(t, values, degree), stops), dtype=np.float64)


def settle_directions(lines: list[FoundLine]) -> list[FoundLine]:
    """Turn the short lines that disagree with a page whose long lines agree."""
    if len(lines) < 3:
        return lines
    angles = np.radians([line.angle for line in lines])
    weights = np.array([_length(line) for line in lines])
    mean = (weights * np.exp(1j * angles)).sum() / weights.sum()
    if abs(mean) < 0.8:
        return lines
    main = np.degrees(np.angle(mean))
    return [_agreeing(line, float(main)) for line in lines]


def _agreeing(line: FoundLine, main: float) -> FoundLine:
    off = (line.angle - main + 180) % 360 - 180
    long = _length(line) / line.height
    if abs(off) > 150 and long < 8:
        return FoundLine(line.lower[::-1], line.upper[::-1], line.height, line.sure, line.kind)
    if abs(off) < 12 or long > 1.7:
        return line
    return _upright(line, main)


def _upright(line: FoundLine, angle: float) -> FoundLine:
    """Box a short line anew along an angle."""
    along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    frame = np.stack([along, [-along[1], along[0]]], axis=1)
    low, high = (line.polygon @ frame).min(axis=0), (line.polygon @ frame).max(axis=0)
    corners = box(low[0], low[1], high[0], high[1]) @ frame.T
    return FoundLine(corners[:2], corners[[3, 2]], float(high[1] - low[1]), line.sure, line.kind)


def _length(line: FoundLine) -> float:
    return float(np.linalg.norm(line.upper[-1] - line.upper[0]))


def turned(lines: list[FoundLine]) -> tuple[int, float]:
    """Return rotation (0, 90, 180, 270) and skew of a page: the direction most of its text is read in."""
    if not lines:
        return 0, 0.0
    angles = np.array([line.angle for line in lines])
    weights = np.array([_length(line) for line in lines])
    quarters = np.round(angles / 90).astype(int) % 4
    rotation = int(np.bincount(quarters, weights, minlength=4).argmax())
    rest = (angles - 90 * rotation + 180) % 360 - 180
    near = np.abs(rest) <= 45
    order = np.argsort(rest[near])
    share = weights[near][order].cumsum() / weights[near].sum()
    return rotation * 90, float(rest[near][order][np.searchsorted(share, 0.5)])


def regions_of(maps: Maps) -> list[Region]:
    """Return what the model holds for tables and figures, as upright boxes of 24 input px a side or more."""
    kinds = maps.kind.argmax(axis=0)
    found = []
    for kind in ("table", "figure"):
        mask = (kinds == KINDS.index(kind)).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
        for left, top, width, height, inside in stats[1:]:
            if min(width, height) >= 6 and inside > 0.5 * width * height:
                corners = box(left, top, left + width, top + height) * 4 / maps.scale
                found.append(Region(corners, kind))
    return found
