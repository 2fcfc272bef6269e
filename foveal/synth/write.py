"""Rendered words, lines and pages on disk, as the sets that training and `foveal evaluate` read.

Crops: `images/…`, `labels.tsv`, `charboxes.jsonl`. Pages: `images/…`, `pages.jsonl`. See `measure.sets`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from foveal.config import nearest
from foveal.errors import ConfigError, OutputFailed
from foveal.synth.batches import stream
from foveal.synth.fonts import Faces
from foveal.synth.looks import KINDS as FACES
from foveal.synth.looks import LOOKS, Dice
from foveal.synth.pages import RenderedPage, render_page
from foveal.synth.pages_layout import Stock
from foveal.synth.pages_light import expose
from foveal.synth.pages_sheet import PageLine
from foveal.synth.style import render

Kind = Literal["word", "line", "page"]
WIDTHS: dict[str, int] = {"word": 160, "line": 768, "page": 640}
"""Pixels: the room for a word or a line at 32 px height, the side of a page."""

_SCENES = {"word": 0.7, "line": 0.08}  # share of crops that look like a photographed sign, as in training
_BATCH = {"word": 64, "line": 16, "page": 4}

Sample = tuple[NDArray[np.uint8], dict[str, object]]
"""An image "h w 3" and what is on it: a row of the set's table, all but its image."""


@dataclass(frozen=True)
class Source:
    """Where samples come from: a pack of fonts; `width` in pixels; `batch`: how many are drawn at a time."""

    fonts: Path
    seed: int
    width: int
    batch: int


def write(
    folder: Path, *, kind: str, count: int, fonts: Path, seed: int = 0, width: int | None = None
) -> None:
    """Write a set of `count` rendered words, lines or pages; the same arguments give the same set.

    `fonts`: a pack made by tools/fetch_fonts.py. `width`: see WIDTHS. Raises ConfigError for what cannot be
    drawn, OutputFailed if a file cannot be written or the folder holds a set already.
    """
    if kind not in get_args(Kind):
        raise ConfigError(f"there is no kind '{kind}'", remedy=nearest(kind, get_args(Kind)))
    width = WIDTHS[kind] if width is None else width
    if count < 1 or not 32 <= width <= 4096:
        raise ConfigError(f"{count} of {width} px cannot be drawn", remedy="give 1 or more of 32 to 4,096 px")
    for table in ("labels.tsv", "pages.jsonl"):
        if (folder / table).exists():
            raise OutputFailed(f"{folder} holds a set already", remedy="give another folder")
    batch = min(count, _BATCH[kind])
    source = Source(fonts, seed, width, batch)
    samples = _pages(source) if kind == "page" else _crops(source, kind)
    try:
        (folder / "images").mkdir(parents=True, exist_ok=True)
        for number, (image, row) in enumerate(islice(samples, count)):
            _add(folder, f"images/{number:06}.png", image, row)
    except OSError as error:
        raise OutputFailed(f"{folder}: {error.strerror}", remedy="what was written is whole") from error


def _add(folder: Path, name: str, image: NDArray[np.uint8], row: dict[str, object]) -> None:
    Image.fromarray(image).save(folder / name)
    crop = "boxes_xywh" in row
    if crop:
        with (folder / "labels.tsv").open("a", encoding="utf-8", newline="") as labels:
            labels.write(f"{name}\t{row['text']}\n")
    with (folder / ("charboxes.jsonl" if crop else "pages.jsonl")).open("a", encoding="utf-8") as table:
        table.write(json.dumps({"image": name, **row}, ensure_ascii=False) + "\n")


def _crops(source: Source, kind: str) -> Iterator[Sample]:
    seed, width, batch = source.seed, source.width, source.batch
    generator = torch.Generator().manual_seed(seed)
    sort: Literal["word", "line"] = "word" if kind == "word" else "line"
    for drawn in stream(source.fonts, kind=sort, batch=batch, width=width, seed=seed):
        faces = torch.tensor([FACES.index(face) for face in drawn.kinds])
        masks, widths, boxes = (torch.from_numpy(part) for part in (drawn.masks, drawn.widths, drawn.boxes))
        strips = render(masks, widths, boxes, faces, width=width, generator=generator, scene=_SCENES[kind])
        pixels = _pixels((strips.images * 255).round())
        for image, across, places, text in zip(pixels, strips.widths, strips.boxes, drawn.texts, strict=True):
            corners = [[round(edge, 2) for edge in box] for box in places[: len(text)].tolist()]
            boxed = [[x0, y0, round(x1 - x0, 2), round(y1 - y0, 2)] for x0, y0, x1, y1 in corners]
            yield image[:, : int(across)], {"text": text, "boxes_xywh": boxed}


def _pages(source: Source) -> Iterator[Sample]:
    generator, rng = torch.Generator().manual_seed(source.seed), np.random.default_rng(source.seed)
    stock, side = Stock(Faces(source.fonts)), source.width
    while True:
        pages = [render_page(rng, stock, side=side) for _ in range(source.batch)]
        images = torch.from_numpy(np.stack([page.image for page in pages])).permute(0, 3, 1, 2)
        looks = torch.tensor([LOOKS.index(page.look) for page in pages])
        exposed = expose(images, looks, Dice(generator, batch=source.batch))
        yield from zip(_pixels(exposed), (_page_row(page, side) for page in pages), strict=True)


def _pixels(images: Tensor) -> NDArray[np.uint8]:
    """Return images "b 3 h w" of 0 to 255 as arrays "b h w 3"."""
    return np.ascontiguousarray(images.to(torch.uint8).permute(0, 2, 3, 1).numpy())


def _page_row(page: RenderedPage, side: int) -> dict[str, object]:
    lines = [
        {"polygon": line.polygon.round(2).tolist(), "text": line.text if _is_whole(line, side) else None}
        for line in page.lines
    ]
    regions = [{"polygon": region.polygon.round(2).tolist(), "label": region.kind} for region in page.regions]
    return {"width": side, "height": side, "lines": lines, "regions": regions}


def _is_whole(line: PageLine, side: int) -> bool:
    """Tell whether a line can be read whole: it says something, and no edge of the picture cuts it."""
    corners = line.polygon
    return bool(line.sure and line.text.strip() and (corners > -1).all() and (corners < side + 1).all())
