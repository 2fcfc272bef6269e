"""Rendered pages with the place of every line and block: documents, receipts, signs, screens, notes.

A page is made in two steps: `render_page` lays out a flat sheet and photographs it on a CPU worker;
`pages_light.expose` adds light, blur, noise, bilevel scanning and bleed-through to a batch on the device.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveal.synth import pages_documents, pages_scenes, pages_scraps
from foveal.synth.pages_layout import Kit, Stock
from foveal.synth.pages_sheet import PageLine, PageRegion, Sheet
from foveal.synth.pages_view import draw_view, quarter_turned, seen

Rng = np.random.Generator


@dataclass
class RenderedPage:
    """A square picture "side side 3" and what is on it; `look`, of synth.looks.LOOKS, is how to expose it."""

    image: NDArray[np.uint8]
    lines: list[PageLine]
    regions: list[PageRegion]
    look: str


@dataclass(frozen=True)
class Sort:
    """A sort of page: layout, share of all pages, how hand-held the view is, and the looks it may have."""

    layout: Callable[[Kit], Sheet]
    share: float
    strength: float
    looks: tuple[str, ...]


SORTS = {
    "article": Sort(pages_documents.article, 0.30, 0.1, ("clean", "clean", "scan", "scan", "old")),
    "letter": Sort(pages_documents.letter, 0.10, 0.1, ("clean", "scan", "scan", "old")),
    "table": Sort(pages_documents.table_page, 0.07, 0.1, ("clean", "scan", "old")),
    "form": Sort(pages_documents.form, 0.07, 0.2, ("clean", "scan", "pen")),
    "note": Sort(pages_documents.note, 0.10, 0.25, ("pen", "scan", "old")),
    "scraps": Sort(pages_scraps.scrapbook, 0.08, 0.2, ("pen", "old", "scan")),
    "receipt": Sort(pages_scenes.receipt, 0.13, 0.5, ("receipt", "receipt", "scan")),
    "signs": Sort(pages_scenes.signs, 0.15, 0.8, ("scene",)),
    "screen": Sort(pages_scenes.screen, 0.05, 0.15, ("screen", "scene")),
    "bare": Sort(pages_scenes.bare, 0.03, 0.3, ("scene", "scan")),
}


def render_page(rng: Rng, stock: Stock, *, side: int = 640, sort: str | None = None) -> RenderedPage:
    """Render one page of a random sort, or of the one named in SORTS."""
    names = list(SORTS)
    shares = np.array([SORTS[name].share for name in names])
    chosen = SORTS[sort or str(rng.choice(names, p=shares / shares.sum()))]
    width = int(side * rng.uniform(1.0, 1.4))
    height = int(side * rng.uniform(1.0, 1.4))
    kit = Kit(rng, stock, width, height)
    sheet = chosen.layout(kit)
    if kit.chance(0.12):
        pages_scenes.stroke_noise(kit, sheet)
    strength = chosen.strength if kit.chance(0.6) else chosen.strength * 0.2
    view = draw_view(rng, width, height, side=side, strength=strength)
    dark = kit.chance(0.3)
    outside = (int(rng.integers(0, 40)),) * 3 if dark else (int(rng.integers(0, 256)),) * 3
    picture = view.picture(sheet.image, outside=outside)
    lines, regions = seen(view, sheet)
    return _turned(
        rng, picture, RenderedPage(np.empty(0, np.uint8), lines, regions, str(rng.choice(chosen.looks)))
    )


def _turned(rng: Rng, picture: Image.Image, page: RenderedPage) -> RenderedPage:
    """Turn a fifth of the pages by quarters, code a third as JPEG, and fill in the pixels."""
    if rng.random() < 0.3:
        kept = io.BytesIO()
        picture.save(kept, "JPEG", quality=int(rng.integers(18, 92)))
        picture = Image.open(kept)
    pixels = np.asarray(picture)
    if rng.random() < 0.22:
        turns = int(rng.integers(1, 4))
        quarter_turned(page.lines, page.regions, turns, side=pixels.shape[0])
        pixels = np.rot90(pixels, -turns)
    page.image = np.ascontiguousarray(pixels)
    return page
