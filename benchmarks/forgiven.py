"""What the words of pages would count if differences of a kind were forgiven.

    python benchmarks/forgiven.py DATA/receipts_sroie --model fast [--limit 70]

Prints the F1 of words as bags, capitals folded: as it is, and with each kind of difference taken out of truth
and reading: the length of dashes, the shape of brackets and quotes, letters and figures that look alike,
whether spaces stand around brackets and colons, marks between letters, every sign but letters and figures.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path

import foveal
from foveal.measure.text import bag_of_words

KINDS: dict[str, Callable[[str], str]] = {
    "nothing": str,
    "dashes": lambda text: re.sub("[–—]", "-", text),
    "brackets and quotes": lambda text: text.translate(str.maketrans("{}[]“”„’‘", "()()\"\"\"''")),
    "letters like figures": lambda text: text.translate(str.maketrans("OQIL|SBZG", "001115826")),
    "spaces at brackets and colons": lambda text: re.sub(r"\s*([(:)])\s*", r" \1 ", text),
    "stops, commas, colons": lambda text: re.sub("[.,:;]", " ", text),
    "all signs": lambda text: re.sub("[^A-Z0-9]+", " ", text),
}


def pairs_of(folder: Path, model: str, limit: int) -> list[tuple[str, str]]:
    """Return what was read on each page, and its truth, in capitals."""
    reader, pairs = foveal.load(model), []
    with (folder / "pages.jsonl").open(encoding="utf-8") as file:
        for _, line in zip(range(limit), file, strict=False):
            page = json.loads(line)
            truth = " ".join(place.get("text") or "" for place in page.get("lines", [])) or page["text"]
            pairs.append((reader.read(folder / page["image"]).pages[0].text.upper(), truth.upper()))
    return pairs


def main() -> None:
    """Print one row a kind."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--limit", type=int, default=1000)
    asked = parser.parse_args()
    pairs = pairs_of(asked.folder, asked.model, asked.limit)
    print("| forgiven | F1 |\n|---|--:|")
    for kind, folded in KINDS.items():
        print(f"| {kind} | {bag_of_words([(folded(read), folded(truth)) for read, truth in pairs]):.4f} |")


if __name__ == "__main__":
    main()
