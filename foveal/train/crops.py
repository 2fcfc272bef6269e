"""Real crops for training: one zip of line and word images with their texts, and endless batches of it.

The zip holds `images/…` and `labels.tsv`: path, set name, "1" if the labels do not know case, text.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.errors import InputMissing

HEIGHT = 48
"""Height in pixels that crops are kept and batched at; augmentation brings them to the strip's height."""


@dataclass(frozen=True)
class Crop:
    """One labelled image in the zip. `caseless`: its label says nothing about upper and lower case."""

    path: str
    set_name: str
    caseless: bool
    text: str


@dataclass(frozen=True)
class CropBatch:
    """images: uint8 "b 48 w 3", grey right of `widths`; widths: "b"; texts; caseless: bool "b"."""

    images: NDArray[np.uint8]
    widths: NDArray[np.int32]
    texts: list[str]
    caseless: NDArray[np.bool_]


class Crops:
    """The crops of one zip. Reading an image costs about a millisecond."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise InputMissing(f"{path}: no such file", remedy="make it with tools/pack_crops.py")
        self._zip = zipfile.ZipFile(path)
        table = io.TextIOWrapper(self._zip.open("labels.tsv"), encoding="utf-8", newline="")
        rows = csv.reader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        self.crops = [Crop(path, name, caseless == "1", text) for path, name, caseless, text in rows]

    def image(self, crop: Crop) -> NDArray[np.uint8]:
        """Return a crop as RGB "h w 3"."""
        data = np.frombuffer(self._zip.read(crop.path), np.uint8)
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8)

    def by_set(self) -> dict[str, list[Crop]]:
        """Return the crops of each set."""
        sets: dict[str, list[Crop]] = {}
        for crop in self.crops:
            sets.setdefault(crop.set_name, []).append(crop)
        return sets


def fit(image: NDArray[np.uint8], width: int) -> tuple[NDArray[np.uint8], int]:
    """Return `image` at HEIGHT on a grey canvas `width` wide, squeezed to fit, and the width it fills."""
    natural = max(4, round(image.shape[1] * HEIGHT / image.shape[0]))
    used = min(natural, width)
    how = cv2.INTER_AREA if image.shape[0] > HEIGHT else cv2.INTER_LINEAR
    canvas = np.full((HEIGHT, width, 3), 128, np.uint8)
    canvas[:, :used] = cv2.resize(image, (used, HEIGHT), interpolation=how)
    return canvas, used


def stream(
    path: Path, weights: Mapping[str, float], *, batch: int, width: int, longest: int, seed: int
) -> Iterator[CropBatch]:
    """Yield batches without end, drawn from the sets named in `weights` in those shares.

    width: that of the final strip; longest: texts with more characters are not drawn.
    """
    crops, alphabet = Crops(path), Alphabet()
    rng = np.random.default_rng(seed)
    sets = {
        name: [c for c in found if len(c.text) <= longest and not alphabet.unwritable(c.text)]
        for name, found in crops.by_set().items()
        if weights.get(name, 0) > 0
    }
    names = [name for name, found in sets.items() if found]
    shares = np.array([weights[name] for name in names])
    while True:
        picked = [
            sets[name][rng.integers(len(sets[name]))]
            for name in rng.choice(names, size=batch, p=shares / shares.sum())
        ]
        fitted = [fit(crops.image(crop), width * HEIGHT // 32) for crop in picked]
        yield CropBatch(
            np.stack([image for image, _ in fitted]),
            np.array([used for _, used in fitted], np.int32),
            [crop.text for crop in picked],
            np.array([crop.caseless for crop in picked]),
        )
