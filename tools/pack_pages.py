"""Pack the real pages the page model is trained on into one small folder: images/ and pages.jsonl.

    python tools/pack_pages.py DATA OUT

DATA holds `train/receipts_sroie`, `train/scene_pages_icdar2003` and `train/layout_docbank`. Words are joined
into lines where the gap is below one line height; pages are shrunk to 832 px.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

LONGEST = 832
SETS = ("receipts_sroie", "scene_pages_icdar2003", "layout_docbank")
KIND_OF = {
    "title": "title", "section": "title", "list": "list", "table": "table", "figure": "figure",
}  # fmt: skip
"""DocBank's labels; every other one is text."""

Box = list[float]


def lines_of(words: list[dict[str, Any]], *, gap: float) -> list[dict[str, Any]]:
    """Join words that stand side by side, `gap` line heights apart at most, into lines."""
    boxes = [(*np.min(w["polygon"], axis=0), *np.max(w["polygon"], axis=0)) for w in words]
    order = np.argsort([b[0] for b in boxes]) if boxes else []
    lines: list[dict[str, Any]] = []
    for i in order:
        left, top, right, bottom = (float(v) for v in boxes[i])
        ignore = bool(words[i].get("ignore"))
        for line in lines:
            _, t, r, b = line["last"]
            tall = min(b - t, bottom - top)
            beside = min(b, bottom) - max(t, top) > 0.6 * tall and max(b - t, bottom - top) < 1.8 * tall
            if beside and -0.3 * tall < left - r < gap * tall and line["ignore"] == ignore:
                line["box"] = [min(line["box"][0], left), min(line["box"][1], top),
                               max(line["box"][2], right), max(line["box"][3], bottom)]  # fmt: skip
                line["last"] = (left, top, right, bottom)
                break
        else:
            box = [left, top, right, bottom]
            lines.append({"box": box, "last": tuple(box), "ignore": ignore})
    return [{"polygon": corners(line["box"]), "ignore": line["ignore"]} for line in lines]


def corners(box: Box) -> list[Box]:
    """Return a box as four corners."""
    left, top, right, bottom = box
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def outlines(page: dict[str, Any], name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]] | None]:
    """Return the lines and the regions (None = not known) of a page of one of SETS."""
    if name == "receipts_sroie":
        return [{"polygon": line["polygon"], "ignore": False} for line in page["lines"]], None
    lines = lines_of(page["words"], gap=1.0)
    if name == "scene_pages_icdar2003":
        return lines, None
    shown = [{"polygon": r["polygon"], "kind": KIND_OF.get(r["label"], "text")} for r in page["regions"]]
    return lines, shown


def pack(data: Path, out: Path, *, quality: int) -> None:
    """Write images and one pages.jsonl for all SETS."""
    (out / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for name in SETS:
        folder = data / "train" / name
        for text in (folder / "pages.jsonl").read_text(encoding="utf-8").splitlines():
            page = json.loads(text)
            image = Image.open(folder / page["image"]).convert("RGB")
            scale = min(1.0, LONGEST / max(image.size))
            small = image.resize(
                (round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS
            )
            file = f"images/{name}_{Path(page['image']).stem}.webp"
            small.save(out / file, quality=quality)
            lines, regions = outlines(page, name)
            for item in [*lines, *(regions or [])]:
                item["polygon"] = (np.asarray(item["polygon"]) * scale).round(1).tolist()
            rows.append({"image": file, "set": name, "lines": lines, "regions": regions})
    (out / "pages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def main() -> None:
    """Read the folders' names, pack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--quality", type=int, default=25)
    options = parser.parse_args()
    pack(options.data, options.out, quality=options.quality)


if __name__ == "__main__":
    main()
