"""Pages put together from pictures of real lines: hands and old presses that no font has."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from foveal.geometry import box
from foveal.synth.pages_layout import Kit
from foveal.synth.pages_paper import paper
from foveal.synth.pages_sheet import Sheet

Rng = np.random.Generator
Scrap = NDArray[np.uint8]


def load_scraps(packed: Path, sets: tuple[str, ...], *, rng: Rng, most: int) -> dict[str, list[Scrap]]:
    """Read up to `most` line pictures of each set (names' beginnings) from a zip with images and labels.tsv.

    Each comes back grey with its paper made white, cut to the rows that hold ink.
    """
    scraps: dict[str, list[Scrap]] = {}
    with zipfile.ZipFile(packed) as pack:
        listing = io.StringIO(pack.read("labels.tsv").decode("utf-8"))
        rows = list(csv.reader(listing, delimiter="\t", quoting=csv.QUOTE_NONE))
        files = [(row[0], row[1]) for row in rows if row[1].startswith(sets)]
        for index in rng.permutation(len(files)):
            file, name = files[index]
            kept = scraps.setdefault(name, [])
            if len(kept) < most:
                scrap = _cleaned(np.asarray(Image.open(io.BytesIO(pack.read(file))).convert("L")))
                if scrap is not None:
                    kept.append(scrap)
    return scraps


def _cleaned(grey: Scrap) -> Scrap | None:
    paper = np.percentile(grey, 80)
    white = np.clip(grey / max(paper * 0.92, 1) * 255, 0, 255)
    ink = 255 - white
    rows = np.flatnonzero(ink.sum(axis=1) > 0.15 * np.percentile(ink.sum(axis=1), 90))
    columns = np.flatnonzero(ink.max(axis=0) > 90)
    if len(rows) < 12 or len(columns) < 24:
        return None
    return white[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint8)


def scrapbook(kit: Kit) -> Sheet:
    """Set the lines of one collection under each other on paper, as one hand or press left them."""
    sheet = Sheet(paper(kit.rng, kit.width, kit.height))
    if not kit.stock.scraps:
        return sheet
    rng = kit.rng
    names = sorted(kit.stock.scraps)
    scraps = kit.stock.scraps[names[int(rng.integers(len(names)))]]
    tall, y = kit.size(10, 56), float(rng.uniform(-10, 60))
    step, margin = tall * float(rng.uniform(0.95, 1.7)), float(rng.uniform(-0.08, 0.12)) * kit.width
    first = int(rng.integers(len(scraps)))
    for index in range(first, first + 90):
        scrap = Image.fromarray(scraps[index % len(scraps)])
        share = tall * float(rng.uniform(0.85, 1.15)) / scrap.height
        size = (max(round(scrap.width * share), 4), max(round(scrap.height * share), 4))
        x = margin + (float(rng.uniform(0, 0.3)) * kit.width if kit.chance(0.15) else float(rng.normal(0, 3)))
        _lay(sheet, scrap.resize(size, Image.Resampling.BILINEAR), (int(x), int(y)))
        y += step if kit.chance(0.93) else step * 2
        if y > kit.height:
            break
    sheet.region("text", margin, 0, kit.width - max(margin, 0), kit.height)
    return sheet


def _lay(sheet: Sheet, scrap: Image.Image, corner: tuple[int, int]) -> None:
    """Multiply a scrap into the sheet and record its line."""
    place = (corner[0], corner[1], corner[0] + scrap.width, corner[1] + scrap.height)
    under = sheet.image.crop(place)
    sheet.image.paste(ImageChops.multiply(under, scrap.convert("RGB")), corner)
    sheet.record("", box(*place))
