"""Batches for the page model: rendered pages and crops of real ones, with targets, from CPU workers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from foveal.geometry import Transform, points
from foveal.synth.looks import LOOKS
from foveal.synth.pages import render_page
from foveal.synth.pages_layout import Stock
from foveal.synth.pages_sheet import PageLine, PageRegion, Sheet
from foveal.synth.pages_view import Bend, View, quarter_turned, seen
from foveal.train.page_targets import Targets, draw_targets

Rng = np.random.Generator
FACES_A_WORKER = 160


@dataclass(frozen=True)
class RealPage:
    """A page with known lines; regions None = kinds unknown."""

    image: NDArray[np.uint8]
    name: str
    lines: list[PageLine]
    regions: list[PageRegion] | None


def load_pages(folder: Path) -> list[RealPage]:
    """Read what tools/pack_pages.py wrote; all pictures are kept in memory."""
    pages = []
    for text in (folder / "pages.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(text)
        image = np.asarray(Image.open(folder / row["image"]).convert("RGB"))
        lines = []
        for line in row["lines"]:
            corners = points(line["polygon"])[:4]
            lines.append(PageLine(corners[:2], corners[[3, 2]], sure=not line["ignore"]))
        regions = row["regions"]
        if regions is not None:
            regions = [PageRegion(points(region["polygon"]), region["kind"]) for region in regions]
        pages.append(RealPage(image, row["set"], lines, regions))
    return pages


def text_free(rng: Rng, pages: list[RealPage], *, tries: int = 12) -> list[NDArray[np.uint8]]:
    """Return pieces of photographs on which no word is marked: backgrounds for rendered signs."""
    pieces = []
    for page in pages:
        high, wide = page.image.shape[:2]
        for _ in range(tries if page.name.startswith("scene") else 0):
            w, h = (int(n * rng.uniform(0.25, 0.6)) for n in (wide, high))
            x, y = int(rng.integers(0, wide - w + 1)), int(rng.integers(0, high - h + 1))
            if all(_apart(line, (x, y, x + w, y + h)) for line in page.lines):
                pieces.append(page.image[y : y + h, x : x + w])
                break
    return pieces


def _apart(line: PageLine, place: tuple[int, int, int, int]) -> bool:
    low, high = line.polygon.min(axis=0), line.polygon.max(axis=0)
    return bool(high[0] < place[0] or low[0] > place[2] or high[1] < place[1] or low[1] > place[3])


def crop_real(rng: Rng, page: RealPage, *, side: int) -> tuple[NDArray[np.uint8], Targets]:
    """Return a square view of a real page: scaled 0.4 to 2 times, turned a little, sometimes by quarters."""
    high, wide = page.image.shape[:2]
    scale = float(np.exp(rng.uniform(np.log(0.4), np.log(1.8))))
    if rng.random() < 0.3:
        scale = side / max(high, wide) * float(rng.uniform(0.9, 1.4))
    sheet = Sheet(Image.fromarray(page.image), page.lines, page.regions or [])
    coarse = 2 if scale < 0.6 else 1
    angle = float(rng.normal(0, 4)) if rng.random() < 0.5 else 0.0
    room = np.array([wide, high]) * scale - side
    offset = rng.uniform(np.minimum(0, room), np.maximum(0, room))
    lens = Transform.turn(angle, (wide / 2, high / 2)).then(Transform.scale(scale, scale))
    view = View(Bend(), lens.then(Transform.shift(-offset[0], -offset[1])), side)
    small = Transform.scale(coarse, coarse).then(view.lens)
    grey = (int(rng.integers(0, 256)),) * 3
    picture = View(Bend(), small, side).picture(sheet.image.reduce(coarse), outside=grey)
    lines, regions = seen(view, sheet)
    turns = int(rng.integers(1, 4)) if rng.random() < 0.2 else 0
    quarter_turned(lines, regions, turns, side=side)
    pixels = np.ascontiguousarray(np.rot90(np.asarray(picture), -turns))
    return pixels, draw_targets(lines, None if page.regions is None else regions, side=side)


@dataclass(frozen=True)
class Source:
    """Where pages come from: stock for rendering, real pages, and the share of real ones by set."""

    stock: Stock
    real: list[RealPage]
    shares: dict[str, float]

    def describe(self) -> str:
        """Say how much there is."""
        backgrounds, scraps = len(self.stock.photos), len(self.stock.scraps)
        return f"{len(self.real)} real pages, {backgrounds} backgrounds, {scraps} sets of lines"

    def sample(self, rng: Rng, *, side: int) -> tuple[NDArray[np.uint8], Targets, int]:
        """Return pixels "side side 3", targets, and the look's index, -1 for a real page."""
        draw = rng.random()
        for name, share in self.shares.items():
            draw -= share
            if draw < 0:
                pages = [page for page in self.real if page.name == name]
                pixels, targets = crop_real(rng, pages[rng.integers(len(pages))], side=side)
                return pixels, targets, -1
        page = render_page(rng, self.stock, side=side)
        return page.image, draw_targets(page.lines, page.regions, side=side), LOOKS.index(page.look)


class PageBatches(IterableDataset[dict[str, Tensor]]):
    """Endless batches; each worker draws its own pages with its own share of the faces."""

    def __init__(self, source: Source, *, batch: int, side: int, seed: int) -> None:
        super().__init__()
        self.source, self.batch, self.side, self.seed = source, batch, side, seed

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        """Yield dicts of "b ..." tensors: page, look and the fields of Targets."""
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        self._keep_some_faces(rng)
        while True:
            yield collate([self._sample(rng) for _ in range(self.batch)])

    def _sample(self, rng: Rng) -> tuple[NDArray[np.uint8], Targets, int]:
        """Draw until a page succeeds: some faces hold glyphs that FreeType refuses at some sizes."""
        while True:
            try:
                return self.source.sample(rng, side=self.side)
            except (OSError, ValueError, ArithmeticError, IndexError, TypeError) as error:
                print(f"a page could not be rendered and is drawn anew: {error!r}", file=sys.stderr)

    def _keep_some_faces(self, rng: Rng) -> None:
        """Keep FACES_A_WORKER faces in this worker's copy of the stock: each stays open at many sizes."""
        faces = self.source.stock.faces
        kept = {face.path for face in rng.permutation(np.array(faces.all, dtype=object))[:FACES_A_WORKER]}
        for kind, every in faces.by_kind.items():
            faces.by_kind[kind] = tuple(face for face in every if face.path in kept) or every


def collate(samples: list[tuple[NDArray[np.uint8], Targets, int]]) -> dict[str, Tensor]:
    """Stack samples into tensors; the page becomes "b 3 h w"."""
    batch = {"page": torch.from_numpy(np.stack([s[0] for s in samples])).permute(0, 3, 1, 2)}
    for name in Targets.__dataclass_fields__:
        batch[name] = torch.from_numpy(np.stack([getattr(s[1], name) for s in samples]))
    batch["look"] = torch.tensor([s[2] for s in samples])
    return batch
