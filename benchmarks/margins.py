"""How much the reading of a crop hangs on its framing and contrast: images are changed, then read.

    python benchmarks/margins.py SET… [--model accurate] [--limit 300]

Scene words: accuracy over a–z0–9; lines: CER; both in %.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal import Reader
from foveal.images import pages
from foveal.measure.rules import rule_of
from foveal.measure.sets import read_crops
from foveal.measure.text import accuracy, alphanumeric, cer

Pixels = NDArray[np.uint8]


def cropped(image: Pixels) -> Pixels:
    edge = int(image.shape[0] * 0.06)
    return np.ascontiguousarray(image[edge : image.shape[0] - edge])


def framed(image: Pixels) -> Pixels:
    edge = int(image.shape[0] * 0.1)
    return np.asarray(cv2.copyMakeBorder(image, edge, edge, edge, edge, cv2.BORDER_REPLICATE), np.uint8)


def widened(image: Pixels) -> Pixels:
    return np.asarray(cv2.resize(image, (int(image.shape[1] * 1.25), image.shape[0])), np.uint8)


def stretched(image: Pixels) -> Pixels:
    low, high = np.percentile(image, [1, 99])
    gain = min(4, 255 / max(1, high - low))
    return np.clip((image.astype(np.float32) - (low + high) / 2) * gain + 127.5, 0, 255).astype(np.uint8)


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "as it is": lambda image: image,
    "6 % cut off": cropped,
    "10 % added": framed,
    "1.25 wide": widened,
    "contrast": stretched,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--model", default="accurate")
    parser.add_argument("--limit", type=int)
    asked = parser.parse_args()
    reader = Reader(asked.model)
    print(f"{asked.model:32}" + "".join(f"{name:>13}" for name in CHANGES))
    for folder in asked.sets:
        crops = read_crops(folder)[: asked.limit]
        images = [next(iter(pages(crop.image))).pixels for crop in crops]
        figures = []
        for change in CHANGES.values():
            lines = reader.transcribe([change(image) for image in images])
            pairs = [(line.text, crop.text) for line, crop in zip(lines, crops, strict=True)]
            words = rule_of(folder) == "alphanumeric"
            folded = [(alphanumeric(a), alphanumeric(b)) for a, b in pairs]
            figures.append(accuracy(folded) if words else cer(pairs))
        print(f"{folder.name:32}" + "".join(f"{100 * figure:13.2f}" for figure in figures), flush=True)


if __name__ == "__main__":
    main()
