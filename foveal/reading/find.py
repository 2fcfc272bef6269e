"""Maps of the page model to line outlines, page rotation and regions, in page pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.geometry import Transform, bounds, box
from foveal.reading.direction import settle_directions, turned
from foveal.reading.engine import Session
from foveal.reading.found import Found, FoundLine, Region
from foveal.reading.gutters import part
from foveal.reading.outlines import KINDS, Cores, outlines

FIRST_LOOK = 1280
"""Longest side of the first look at a page, in pixels."""

FINEST_LOOK = 2240
"""Longest side of the second look, which pages with tiny text get."""

COARSE_LOOK = 480
"""Longest side of the look from afar, which sees letters too large for the others as a whole."""

LARGE = 28.0
"""Lines from afar count if they are at least this many of its pixels high."""

ASKEW = 6.0
"""A page whose text lies askew by more degrees, or is turned, is looked at again upright."""

TINY = 9.0
"""A page whose lines are lower than this many pixels in the first look is looked at again, larger."""

CORE_LEVEL = 0.35

_LEAST = 3  # places of a core


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

    A page that lies turned or askew is found again upright.
    """
    found = _found(page, session)
    if not found.rotation and abs(found.skew) <= ASKEW:
        return found
    straight, way = _upright(page, found)
    again = _found(straight, session)
    lines, afar = ([line.back(way) for line in some] for some in (again.lines, again.afar))
    regions = [Region(way.back(region.polygon), region.kind) for region in again.regions]
    return Found(lines, regions, *turned(lines), afar) if lines else found


def _upright(page: NDArray[np.uint8], found: Found) -> tuple[NDArray[np.uint8], Transform]:
    """Return the page with its text upright, and the way there."""
    high, wide = page.shape[:2]
    if abs(found.skew) <= ASKEW:
        turns = -found.rotation // 90
        return np.ascontiguousarray(np.rot90(page, -turns)), Transform.quarter_turns(turns, wide, high)
    way = found.upright(wide, high)
    left, top, right, bottom = bounds(way.to(box(0, 0, wide, high)))
    way = way.then(Transform.shift(-left, -top))
    size = (int(np.ceil(right - left)), int(np.ceil(bottom - top)))
    flags, edge = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpPerspective(page, way.matrix, size, flags=flags, borderMode=edge)), way


def _found(page: NDArray[np.uint8], session: Session) -> Found:
    """One look at 1,280 px; a second, larger one if the text turns out tiny and the page has more pixels."""
    longest = max(page.shape[:2])
    maps = look(page, session, longest=min(longest, FIRST_LOOK))
    lines = trace(maps)
    if longest > FIRST_LOOK * 1.1 and lines:
        low = float(np.quantile([line.height for line in lines], 0.25)) * float(maps.scale.mean())
        if low < TINY:
            finer = min(longest, FINEST_LOOK, round(FIRST_LOOK * 13 / low))
            maps = look(page, session, longest=finer)
            lines = trace(maps)
    lines = part(settle_directions(lines), page)
    return Found(lines, regions_of(maps), *turned(lines), _from_afar(page, session))


def _from_afar(page: NDArray[np.uint8], session: Session) -> list[FoundLine]:
    maps = look(page, session, longest=min(COARSE_LOOK, -(-max(page.shape[:2]) // 2)))
    return trace(maps, least=LARGE)


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


def trace(maps: Maps, *, least: float = 0.0) -> list[FoundLine]:
    """Turn every connected core into a line; those lower than `least` input pixels are left out."""
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
    sizes = np.bincount(of)
    places = np.stack([x, y], axis=1).astype(np.float64) * 2 + 1
    return outlines(Cores(places, seen, sizes).pick(sizes >= _LEAST), maps.scale, least=least)


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
