"""Pack real crops for training: `python tools/pack_crops.py SET… --output crops.zip [--limit N]`.

SET is a folder with labels.tsv (crops) or pages.jsonl (pages, whose lines are cut out). Images are brought to
the training height; editors' marks in the labels are cleaned as for scoring.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from foveal.alphabet import normalise
from foveal.measure.markup import clean
from foveal.train.crops import HEIGHT

CASELESS = ("receipts",)


def crops(folder: Path) -> Iterator[tuple[str, np.ndarray, str]]:
    """Yield name, image (BGR) and text of every crop of a set."""
    if (labels := folder / "labels.tsv").exists():
        for row in labels.read_text(encoding="utf-8").splitlines():
            path, _, text = row.partition("\t")
            yield Path(path).stem, cv2.imread(str(folder / path)), text
        return
    for row in (folder / "pages.jsonl").read_text(encoding="utf-8").splitlines():
        page = json.loads(row)
        image = cv2.imread(str(folder / page["image"]))
        for number, line in enumerate(page.get("lines", [])):
            (x0, y0), (x1, y1) = np.min(line["polygon"], 0), np.max(line["polygon"], 0)
            cut = image[max(0, int(y0)) : int(y1) + 1, max(0, int(x0)) : int(x1) + 1]
            if min(cut.shape[:2]) > 4:
                yield f"{Path(page['image']).stem}_{number}", cut, line["text"]


def pack(folders: list[Path], output: Path, *, limit: int, quality: int) -> None:
    """Write the zip."""
    rows: list[str] = []
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
        for folder in folders:
            kept = 0
            for name, image, label in crops(folder):
                text = clean(label, folder.name)
                if not text or not (text := normalise(text)) or kept == limit:
                    continue
                scale = HEIGHT / image.shape[0]
                if scale < 1:
                    size = (max(4, round(image.shape[1] * scale)), HEIGHT)
                    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
                path = f"images/{folder.name}/{name}.webp"
                archive.writestr(path, cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])[1])
                rows.append(f"{path}\t{folder.name}\t{int(folder.name.startswith(CASELESS))}\t{text}")
                kept += 1
            print(folder.name, kept)
        archive.writestr("labels.tsv", "\n".join(rows) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=10**9)
    parser.add_argument("--quality", type=int, default=70)
    arguments = parser.parse_args()
    pack(arguments.folders, arguments.output, limit=arguments.limit, quality=arguments.quality)
