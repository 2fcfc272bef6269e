"""Say where the words of packed lines stand: `python tools/cut_words.py crops.zip OUT.zip [--sets NAMES]`.

Each line is read by an embedded model. Where it reads as many words as the label has, every word whose
letters it got mostly right is cut from the middle of one gap to that of the next. OUT is the zip with
`words.tsv` besides: path, low and high as shares of the width, text.
"""

from __future__ import annotations

import argparse
import shutil
import zipfile
from itertools import pairwise
from pathlib import Path

from foveal import Reader
from foveal.document import Line
from foveal.measure.text import edit_distance
from foveal.train.crops import Crops

AT_ONCE = 64
WRONG = 0.34
"""The greatest share of a word's letters that may be read wrongly."""


def cuts(line: Line, text: str, width: int) -> list[tuple[float, float, str]]:
    """Return low, high and text of the words that were found, in shares of the strip's width."""
    words = text.split(" ")
    if len(line.words) != len(words) or len(words) < 2:
        return []
    spans = [(min(x for x, _ in word.polygon), max(x for x, _ in word.polygon)) for word in line.words]
    gaps = [(left[1] + right[0]) / 2 for left, right in pairwise(spans)]
    edges = [0.0, *gaps, float(width)]
    return [
        (edges[i] / width, edges[i + 1] / width, word)
        for i, word in enumerate(words)
        if edit_distance(line.words[i].text, word) <= WRONG * len(word) and edges[i + 1] > edges[i]
    ]


def main() -> None:
    """Read the lines and write the zip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packed", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--sets", nargs="+", default=["handwriting_", "printed_lines_"])
    parser.add_argument("--model", default="fast")
    asked = parser.parse_args()
    crops, reader = Crops(asked.packed), Reader(asked.model)
    lines = [crop for crop in crops.crops if crop.set_name.startswith(tuple(asked.sets))]
    rows: list[str] = []
    for start in range(0, len(lines), AT_ONCE):
        some = lines[start : start + AT_ONCE]
        images = [crops.image(crop) for crop in some]
        for crop, image, line in zip(some, images, reader.transcribe(images), strict=True):
            found = cuts(line, crop.text, image.shape[1])
            rows += [f"{crop.path}\t{low:.4f}\t{high:.4f}\t{word}" for low, high, word in found]
        print(f"{start + len(some)} of {len(lines)} lines, {len(rows)} words", end="\r", flush=True)
    shutil.copyfile(asked.packed, asked.output)
    with zipfile.ZipFile(asked.output, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("words.tsv", "\n".join(rows) + "\n")
    print(f"\n{asked.output}: {len(rows)} words of {len(lines)} lines")


if __name__ == "__main__":
    main()
