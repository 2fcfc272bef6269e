"""Sets with truth, as folders: crops (`labels.tsv`) and pages (`pages.jsonl`), cleaned of editors' signs.

Crops: `images/…` and `labels.tsv`, one "path TAB text" a line, UTF-8; where characters were located by hand
also `charboxes.jsonl` (`image, text, boxes_xywh`) or `charcuts.jsonl` (`image, text, width, cuts_x`).
Pages: `images/…` and `pages.jsonl`, one object a page with `image` and any of `text`, `lines`, `words`,
`glyphs` (each a list of `{polygon, text}`, text null where it is not known). Polygons and boxes are in pixels
of the image as stored.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foveal.document import Polygon
from foveal.errors import InputMissing
from foveal.measure.markup import clean

Box = tuple[float, float, float, float]
"""Left, top, right, bottom. Where only cuts between characters are known, top and bottom are infinite."""


@dataclass(frozen=True)
class Crop:
    """An image of one word or line, its text, and the box of every character where they are known."""

    image: Path
    text: str
    chars: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Place:
    """A text and where it stands. `text` is None where the truth does not say what is written there."""

    polygon: Polygon
    text: str | None


@dataclass(frozen=True)
class TruePage:
    """A page image and what is known of it; `places` are its lines, or its words where it has no lines.

    `flows`: whether `text` is the page's own, in reading order, and not put together from its places.
    """

    image: Path
    text: str
    flows: bool
    places: tuple[Place, ...] = ()
    level: str = "line"
    glyphs: tuple[Place, ...] = field(default=(), repr=False)


def is_pages(folder: Path) -> bool:
    """Tell whether a folder holds pages (True) or crops (False); raises InputMissing if it holds neither."""
    if (folder / "pages.jsonl").is_file():
        return True
    if (folder / "labels.tsv").is_file():
        return False
    raise InputMissing(f"{folder}: no labels.tsv and no pages.jsonl", remedy="give the folder of a set")


def read_crops(folder: Path) -> list[Crop]:
    """Return the crops of a set; those whose label does not say what is written are left out."""
    boxes = dict(_boxes(folder)) | dict(_cuts(folder))
    rows = (row.split("\t", 1) for row in _rows(folder / "labels.tsv"))
    labels = [(image, clean(label, folder.name)) for image, label in rows]
    return [Crop(folder / image, text, boxes.get(image, ())) for image, text in labels if text is not None]


def read_pages(folder: Path) -> list[TruePage]:
    """Return the pages of a set; a page without a text of its own has that of its lines or words."""
    return [_page(json.loads(row), folder) for row in _rows(folder / "pages.jsonl")]


def _page(record: Mapping[str, Any], folder: Path) -> TruePage:
    level = "line" if record.get("lines") else "word"
    places = _places(record.get("lines") or record.get("words") or (), folder.name)
    joined = "\n".join(place.text for place in places if place.text is not None)
    flows = "text" in record
    text = clean_page(record["text"], folder.name) if flows else joined
    glyphs = _places(record.get("glyphs") or (), folder.name)
    return TruePage(folder / record["image"], text, flows, places, level, glyphs)


def clean_page(text: str, set_name: str) -> str:
    """Return a page's text with every line cleaned by `markup.clean`; lines without a label become empty."""
    return "\n".join(clean(line, set_name) or "" for line in text.split("\n"))


def _places(items: Any, set_name: str) -> tuple[Place, ...]:
    return tuple(
        Place(tuple((float(x), float(y)) for x, y in item["polygon"]), clean(item["text"] or "", set_name))
        for item in items
    )


def _boxes(folder: Path) -> Iterator[tuple[str, tuple[Box, ...]]]:
    for record in map(json.loads, _rows(folder / "charboxes.jsonl")):
        yield record["image"], tuple((x, y, x + w, y + h) for x, y, w, h in record["boxes_xywh"])


def _cuts(folder: Path) -> Iterator[tuple[str, tuple[Box, ...]]]:
    for record in map(json.loads, _rows(folder / "charcuts.jsonl")):
        edges = [0.0, *record["cuts_x"], float(record["width"])]
        spans = itertools.pairwise(edges)
        yield record["image"], tuple((left, -math.inf, right, math.inf) for left, right in spans)


def _rows(file: Path) -> list[str]:
    if not file.is_file():
        return []
    # not splitlines: a label may hold U+2028 and its like
    return [row.removesuffix("\r") for row in file.read_text(encoding="utf-8-sig").split("\n") if row.strip()]
