"""Draw rendered words or lines beside real crops: if you can tell which is real, fix the renderer first.

    python tools/sample_sheet.py --fonts DIR --output sheet.png [--real labels.tsv pages.jsonl …]
        [--photos DIR] [--kind line] [--count 96] [--scene 0.5] [--seed 0] [--boxes] [--augment]

`--fonts` is a pack made by tools/fetch_fonts.py. Real crops come from labels.tsv (path TAB text) or, cut
along their lines, from pages.jsonl. Rendered strips are left, real ones right, 32 px high, drawn
twice as large. `--boxes` outlines the characters; `--augment` shows the real crops as training sees them.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from foveal.synth.batches import stream
from foveal.synth.photos import load_photos
from foveal.synth.style import KINDS, Strips, augment, render

HEIGHT, GAP, ZOOM = 32, 6, 2
WIDTHS = {"word": 160, "line": 640}
BACKGROUND = (90, 40, 140)


def rendered(fonts: Path, *, kind: str, count: int, scene: float, seed: int, photos: Path | None) -> Strips:
    """Render one batch of words or lines."""
    batch = next(stream(fonts, kind=kind, batch=count, width=WIDTHS[kind], seed=seed))  # type: ignore[arg-type]
    kinds = torch.tensor([KINDS.index(name) for name in batch.kinds])
    masks, widths, boxes = (torch.from_numpy(part) for part in (batch.masks, batch.widths, batch.boxes))
    generator = torch.Generator().manual_seed(seed)
    surfaces = load_photos(photos, most=300, seed=seed) if photos else None
    return render(
        masks, widths, boxes, kinds, width=WIDTHS[kind], generator=generator, scene=scene, photos=surfaces
    )


def pictures(strips: Strips, *, boxes: bool) -> list[Image.Image]:
    """Strips as images of their content, with boxes of characters if asked."""
    arrays = (strips.images.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    shown = []
    for array, width, places in zip(arrays, strips.widths.tolist(), strips.boxes.tolist(), strict=True):
        shown.append(Image.fromarray(array[:, :width]))
        for x0, y0, x1, y1 in places if boxes else []:
            if x1 > x0:
                ImageDraw.Draw(shown[-1]).rectangle((x0, y0, x1, y1), outline=(255, 0, 0))
    return shown


def real(paths: list[Path], *, count: int, seed: int) -> list[Image.Image]:
    """Crops drawn evenly from the sets."""
    chance = random.Random(seed)
    sets = [crops_of(path, chance, count=-(-count // len(paths))) for path in paths]
    return [image.convert("RGB") for images in sets for image in images][:count]


def crops_of(path: Path, chance: random.Random, *, count: int) -> list[Image.Image]:
    """Random crops of labels.tsv, or random lines of the pages of pages.jsonl."""
    rows = path.read_text(encoding="utf-8").splitlines()
    if path.suffix == ".tsv":
        return [
            Image.open(path.parent / row.split("\t")[0]) for row in chance.sample(rows, min(count, len(rows)))
        ]
    pages = [json.loads(row) for row in chance.choices(rows, k=count)]
    return [
        cut(Image.open(path.parent / page["image"]), chance.choice(page["lines"])["polygon"])
        for page in pages
    ]


def cut(page: Image.Image, polygon: list[list[float]]) -> Image.Image:
    """The upright box around a polygon."""
    xs, ys = zip(*polygon, strict=True)
    return page.crop((int(min(xs)), int(min(ys)), int(max(xs)) + 1, int(max(ys)) + 1))


def scaled(image: Image.Image, *, height: int, width: int) -> Image.Image:
    """An image at a height, cut off at a width."""
    across = max(4, round(image.width * height / image.height))
    sized = image.resize((across, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return sized.crop((0, 0, min(across, width), height))


def augmented(images: list[Image.Image], *, width: int, seed: int) -> list[Image.Image]:
    """Real crops as they are varied for training."""
    tall, wide = HEIGHT * 3 // 2, width * 3 // 2
    batch, widths = np.zeros((len(images), 3, tall, wide), np.float32), []
    for place, image in enumerate(images):
        array = np.asarray(scaled(image, height=tall, width=wide), np.float32) / 255
        batch[place, :, :, : array.shape[1]] = array.transpose(2, 0, 1)
        widths.append(array.shape[1])
    generator = torch.Generator().manual_seed(seed)
    strips = augment(torch.from_numpy(batch), torch.tensor(widths), width=width, generator=generator)
    return pictures(strips, boxes=False)


def column(images: list[Image.Image], *, width: int) -> Image.Image:
    """Images in rows, as many in a row as fit."""
    places, x, y = [], 0, 0
    for image in images:
        if x + image.width > width:
            x, y = 0, y + HEIGHT + GAP
        places.append((x, y))
        x += image.width + GAP
    sheet = Image.new("RGB", (width, y + HEIGHT), BACKGROUND)
    for image, place in zip(images, places, strict=True):
        sheet.paste(image, place)
    return sheet


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Two columns, enlarged without smoothing."""
    size = (left.width + right.width + 4 * GAP, max(left.height, right.height))
    sheet = Image.new("RGB", size, (255, 255, 255))
    sheet.paste(left, (0, 0))
    sheet.paste(right, (left.width + 4 * GAP, 0))
    return sheet.resize((size[0] * ZOOM, size[1] * ZOOM), Image.Resampling.NEAREST)


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fonts", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--photos", type=Path, help="folder of photographs with pages.jsonl")
    parser.add_argument("--real", type=Path, nargs="*", default=[])
    parser.add_argument("--kind", choices=tuple(WIDTHS), default="word")
    parser.add_argument("--count", type=int, default=96)
    parser.add_argument("--scene", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--boxes", action="store_true")
    parser.add_argument("--augment", action="store_true")
    asked = parser.parse_args()
    width = WIDTHS[asked.kind]
    strips = rendered(
        asked.fonts,
        kind=asked.kind,
        count=asked.count,
        scene=asked.scene,
        seed=asked.seed,
        photos=asked.photos,
    )
    sheet = column(pictures(strips, boxes=asked.boxes), width=max(480, width))
    if asked.real:
        crops = real(asked.real, count=asked.count, seed=asked.seed)
        vary = augmented(crops, width=width, seed=asked.seed) if asked.augment else None
        shown = vary or [scaled(crop, height=HEIGHT, width=width) for crop in crops]
        sheet = beside(sheet, column(shown, width=max(480, width)))
    sheet.save(asked.output)


if __name__ == "__main__":
    main()
