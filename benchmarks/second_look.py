"""Which second looks pay: every word is read in every view, then sets of views are compared.

    python benchmarks/second_look.py SET… [--model accurate] [--most 3]

A reading less sure than SURE is replaced by the surest of the views. Prints, for sets of up to `--most`
views, the accuracy over a–z0–9 in % on each set of scene words, the best sum first.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal import Reader
from foveal.images import pages
from foveal.measure.sets import read_crops
from foveal.measure.text import alphanumeric
from foveal.reading.second_look import SURE

Pixels = NDArray[np.uint8]


def trimmed(image: Pixels, top: float, bottom: float) -> Pixels:
    return image[round(top * len(image)) : len(image) - round(bottom * len(image))]


def scaled(image: Pixels, factor: float) -> Pixels:
    return np.asarray(cv2.resize(image, (max(4, round(image.shape[1] * factor)), len(image))), np.uint8)


def framed(image: Pixels, share: float) -> Pixels:
    edge = round(share * len(image))
    return np.asarray(cv2.copyMakeBorder(image, edge, edge, 0, 0, cv2.BORDER_REPLICATE), np.uint8)


def stretched(image: Pixels) -> Pixels:
    low, high = np.percentile(image, (1, 99))
    return np.clip((image - low) * (255 / max(high - low, 16)), 0, 255).astype(np.uint8)


VIEWS: dict[str, Callable[[Pixels], Pixels]] = {
    "once": lambda image: image,
    "no top": lambda image: trimmed(image, 0.1, 0),
    "no bottom": lambda image: trimmed(image, 0, 0.1),
    "trimmed": lambda image: trimmed(image, 0.05, 0.05),
    "framed": lambda image: framed(image, 0.06),
    "negative": lambda image: 255 - image,
    "contrast": stretched,
    "narrow": lambda image: scaled(image, 0.87),
    "wide": lambda image: scaled(image, 1.15),
}


def tried(reader: Reader, folder: Path) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return whether each view of each word was read rightly, and how sure: "words views"."""
    crops = read_crops(folder)
    images = [next(iter(pages(crop.image))).pixels for crop in crops]
    right, sure = [], []
    transcriber = reader._transcriber  # reads once: what Reader.transcribe adds is what is tried here
    for view in VIEWS.values():
        seen = transcriber.observe([np.ascontiguousarray(view(image)) for image in images])
        readings = [transcriber.decide(one) for one in seen]
        right.append(
            [alphanumeric(r.text) == alphanumeric(c.text) for r, c in zip(readings, crops, strict=True)]
        )
        sure.append([reading.confidence for reading in readings])
    return np.array(right).T, np.array(sure).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--model", default="accurate")
    parser.add_argument("--most", type=int, default=3)
    asked = parser.parse_args()
    figures = [tried(Reader(asked.model), folder) for folder in asked.sets]
    names = list(VIEWS)
    table = []
    for count in range(asked.most + 1):
        for others in combinations(range(1, len(names)), count):
            row = []
            for right, sure in figures:
                places = np.array([0, *others])
                best = np.where(sure[:, 0] >= SURE, 0, places[sure[:, places].argmax(1)])
                row.append(100 * float(right[np.arange(len(right)), best].mean()))
            table.append((row, ", ".join(names[i] for i in others) or "once"))
    print("".join(f"{folder.name:>26}" for folder in asked.sets))
    for row, views in [table[0], *sorted(table[1:], key=lambda entry: -sum(entry[0]))[:15]]:
        print("".join(f"{figure:26.2f}" for figure in row), " ", views)


if __name__ == "__main__":
    main()
