"""Real crops for training: one zip of line and word images with their texts, and endless batches of it.

The zip holds `images/…` and `labels.tsv`: path, set name, "1" if the labels do not know case, text. Where it
holds `words.tsv` too (tools/cut_words.py), lines are also put together anew from the words of one page: hands
seen on a few hundred pages then write texts that nobody has copied.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.errors import InputMissing

HELD = 12
"""One crop in so many is held out."""

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


@dataclass(frozen=True)
class Piece:
    """A word's part of a line's image, from the middle of one gap to the next: shares of the width."""

    crop: Crop
    text: str
    low: float
    high: float


class Crops:
    """The crops of one zip. Reading an image costs about a millisecond."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise InputMissing(f"{path}: no such file", remedy="make it with tools/pack_crops.py")
        self._zip = zipfile.ZipFile(path)
        table = io.TextIOWrapper(self._zip.open("labels.tsv"), encoding="utf-8", newline="")
        rows = csv.reader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        self.crops = [Crop(path, name, caseless == "1", text) for path, name, caseless, text in rows]

    def pieces(self) -> dict[str, list[Piece]]:
        """Return the words that were cut, by the page they stand on; none if the zip holds no cuts."""
        if "words.tsv" not in self._zip.namelist():
            return {}
        crops = {crop.path: crop for crop in self.crops}
        pages: dict[str, list[Piece]] = {}
        for row in self._zip.read("words.tsv").decode("utf-8").splitlines():
            path, low, high, text = row.split("\t")
            pages.setdefault(page_of(path), []).append(Piece(crops[path], text, float(low), float(high)))
        return pages

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

    def to_train_on(self) -> dict[str, list[Crop]]:
        """Return the crops of each set but those that are held out."""
        sets = self.by_set()
        held = {name: held_out(Path(crop.path).stem for crop in found) for name, found in sets.items()}
        return {
            name: [crop for crop in found if Path(crop.path).stem not in held[name]]
            for name, found in sets.items()
        }


def page_of(path: str) -> str:
    """Return the name of the page that a line's image was cut from: its own without the line's number."""
    return path.rpartition("_")[0]


def held_out(names: Iterable[str]) -> set[str]:
    """Return which crops of a set are never trained on, so that confidences can be fitted to them.

    names: of files, without endings. Whole pages by chance, a twelfth of all crops at most; single crops
    where pages (or books) are larger than that.
    """
    pages: dict[str, list[str]] = {}
    for name in names:
        pages.setdefault(page_of(name), []).append(name)
    room = sum(map(len, pages.values())) // HELD
    found: set[str] = set()
    for page in sorted(pages, key=lambda page: crc32(page.encode())):
        if len(pages[page]) <= room - len(found):
            found.update(pages[page])
    every = sorted((name for held in pages.values() for name in held), key=lambda name: crc32(name.encode()))
    return found or set(every[:room])


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

    width: that of the final strip; longest: texts with more characters are not drawn. Half of the lines whose
    page was cut into words are put together anew. What is held out is not drawn.
    """
    crops, alphabet = Crops(path), Alphabet()
    rng = np.random.default_rng(seed)
    sets = {
        name: [c for c in found if len(c.text) <= longest and not alphabet.unwritable(c.text)]
        for name, found in crops.to_train_on().items()
        if weights.get(name, 0) > 0
    }
    drawn = {crop.path for found in sets.values() for crop in found}
    pages = {
        page: [piece for piece in pieces if piece.crop.path in drawn]
        for page, pieces in crops.pieces().items()
    }
    names = [name for name, found in sets.items() if found]
    shares = np.array([weights[name] for name in names])
    while True:
        picked = [
            sets[name][rng.integers(len(sets[name]))]
            for name in rng.choice(names, size=batch, p=shares / shares.sum())
        ]
        made = [_anew(crops, crop, pages, rng, longest=longest) for crop in picked]
        fitted = [fit(image, width * HEIGHT // 32) for image, _ in made]
        yield CropBatch(
            np.stack([image for image, _ in fitted]),
            np.array([used for _, used in fitted], np.int32),
            [text for _, text in made],
            np.array([crop.caseless for crop in picked]),
        )


def _anew(
    crops: Crops, crop: Crop, pages: Mapping[str, list[Piece]], rng: np.random.Generator, *, longest: int
) -> tuple[NDArray[np.uint8], str]:
    """Return a crop's image and text or, half of the time, about as many words of its page in any order."""
    pieces = pages.get(page_of(crop.path), [])
    words = max(2, len(crop.text.split()) + int(rng.integers(-2, 3)))
    if len(pieces) < words or rng.random() < 0.5:
        return crops.image(crop), crop.text
    drawn = [pieces[i] for i in rng.choice(len(pieces), size=words, replace=False)]
    while len(text := " ".join(piece.text for piece in drawn)) > longest:
        drawn.pop()
    return joined([_cut(crops.image(piece.crop), piece) for piece in drawn]), text


def _cut(image: NDArray[np.uint8], piece: Piece) -> NDArray[np.uint8]:
    wide = image.shape[1]
    low, high = round(piece.low * wide), round(piece.high * wide)
    return image[:, low : max(high, low + 1)]


def joined(images: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return images side by side at HEIGHT, their paper brought to the brightness of the first one's."""
    paper = _paper(images[0])
    parts = []
    for image in images:
        size = (max(1, round(image.shape[1] * HEIGHT / image.shape[0])), HEIGHT)
        scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        parts.append(scaled * (paper / np.maximum(_paper(scaled), 1)))
    return np.concatenate(parts, axis=1).clip(0, 255).astype(np.uint8)


def _paper(image: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the colour of the paper: brighter than four pixels of five, of every third row and column."""
    return np.asarray(np.percentile(image[::3, ::3], 80, axis=(0, 1)), np.float64)
