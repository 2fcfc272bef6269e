"""A handful of lines as training data: read from a folder, cut into words, put together anew, augmented.

Words are cut where the model itself finds the spaces (CTC's best path for the text that is known), so a line
can be made of words of several lines: fifty lines then give thousands that nobody wrote.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from foveal.alphabet import Alphabet, normalise
from foveal.errors import InputMissing
from foveal.images import pages
from foveal.measure.sets import read_crops
from foveal.models.line import STRIDE, LineModel
from foveal.reading.transcribe import to_strip
from foveal.synth import style
from foveal.train.alignment import align
from foveal.train.crops import HEIGHT, fit, joined
from foveal.train.objective import Question
from foveal.train.queries import ask

_LIKELY = -1.5
"""A line is cut into words if its text fits the glance so well (mean log-probability a column)."""
_LONGEST = 7
"""Words in a line put together anew, at the most."""
_AHEAD = 4
"""Batches that are drawn together and sorted by width, so that little is padded."""
_MOST = 12 * 768
"""Strip pixels in the widths of the lines of a batch together, at the most: bounds the memory."""


@dataclass(frozen=True)
class TextLine:
    """The image of a line "h w 3" (RGB) and what is written there, in the normal form."""

    image: NDArray[np.uint8]
    text: str

    @property
    def ratio(self) -> float:
        """Width in heights."""
        return float(self.image.shape[1] / self.image.shape[0])


@dataclass(frozen=True)
class CutLine:
    """A line, its words, and the edges of each in image pixels: one more than there are words."""

    line: TextLine
    words: list[str]
    edges: list[int]

    def part(self, first: int, count: int) -> TextLine:
        """Return some of its words as a line."""
        low, high = self.edges[first], self.edges[first + count]
        return TextLine(self.line.image[:, low:high], " ".join(self.words[first : first + count]))


def read_lines(folder: Path, *, small: bool = False) -> list[TextLine]:
    """Return the lines of a folder of crops (`labels.tsv`, `images/…`) that hold any text.

    small: keep them no higher than training needs, HEIGHT, for folders of thousands. Raises InputMissing and
    UnreadableImage.
    """
    if not (folder / "labels.tsv").is_file():
        remedy = "give a folder with images/ and labels.tsv: a path, a tab and the text on each line"
        raise InputMissing(f"{folder}: no labels.tsv", remedy=remedy)
    crops = [(crop, normalise(crop.text)) for crop in read_crops(folder)]
    return [TextLine(_image(crop.image, small=small), text) for crop, text in crops if text]


def _image(path: Path, *, small: bool) -> NDArray[np.uint8]:
    image = next(iter(pages(path, select=[1]))).pixels
    if not small or image.shape[0] <= HEIGHT:
        return image
    width = max(1, round(image.shape[1] * HEIGHT / image.shape[0]))
    return np.asarray(cv2.resize(image, (width, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def cut(model: LineModel, lines: Sequence[TextLine], alphabet: Alphabet) -> list[CutLine]:
    """Return the lines whose text the model can find on them, with the places of their words."""
    return [found for line in lines if (found := _cut(model, line, alphabet)) is not None]


@torch.no_grad()
def _cut(model: LineModel, line: TextLine, alphabet: Alphabet) -> CutLine | None:
    strip = torch.from_numpy(to_strip(line.image)).permute(2, 0, 1)[None].float() / 255
    log_probs = model.glance(strip).logits.log_softmax(-1)
    columns = log_probs.shape[1]
    ids = torch.tensor([alphabet.encode(line.text)])
    first, last, score = align(log_probs, ids, torch.tensor([ids.shape[1]]), torch.tensor([columns]))
    if score.item() < _LIKELY:
        return None
    spaces = [place for place, sign in enumerate(line.text) if sign == " "]
    cell, width = line.image.shape[1] / columns, line.image.shape[1]
    gaps = [round((first[0, i].item() + last[0, i].item() + 1) / 2 * cell) for i in spaces]
    edges = [0, *gaps, width]
    wide = min(high - low for low, high in pairwise(edges)) > cell
    return CutLine(line, line.text.split(" "), edges) if wide else None


@dataclass(frozen=True)
class Drawing:
    """How lines are drawn.

    batch: lines a step, fewer where they are long; anew: share put together anew; strength: of augmentation.
    """

    batch: int = 12
    anew: float = 0.5
    strength: float = 0.8


def batches(
    lines: Sequence[TextLine], cuts: Sequence[CutLine], alphabet: Alphabet, *, drawing: Drawing, seed: int
) -> Iterator[Question]:
    """Yield augmented lines, as they are or put together anew, without end; those of a batch are as wide."""
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    while True:
        drawn = [
            _anew(cuts, rng) if cuts and rng.random() < drawing.anew else lines[int(rng.integers(len(lines)))]
            for _ in range(drawing.batch * _AHEAD)
        ]
        groups = by_width(drawn, drawing.batch)
        for group in rng.permutation(len(groups)):
            yield question(groups[group], alphabet, rng, generator=generator, strength=drawing.strength)


def by_width(lines: Sequence[TextLine], batch: int) -> list[list[TextLine]]:
    """Return lines in groups of similar width, `batch` in each, or as many as fit."""
    groups: list[list[TextLine]] = [[]]
    for line in sorted(lines, key=lambda line: line.ratio):
        size = len(groups[-1])
        if size == batch or (size and (size + 1) * line.ratio * 32 > _MOST):
            groups.append([])
        groups[-1].append(line)
    return groups


def _anew(cuts: Sequence[CutLine], rng: np.random.Generator) -> TextLine:
    """Return a line of a few words, each run of one to three from some line."""
    parts: list[TextLine] = []
    missing = int(rng.integers(1, _LONGEST + 1))
    while missing > 0:
        source = cuts[int(rng.integers(len(cuts)))]
        count = min(len(source.words), missing, int(rng.integers(1, 4)))
        parts.append(source.part(int(rng.integers(len(source.words) - count + 1)), count))
        missing -= count
    return TextLine(joined([part.image for part in parts]), " ".join(part.text for part in parts))


def question(
    lines: Sequence[TextLine],
    alphabet: Alphabet,
    rng: np.random.Generator,
    *,
    generator: torch.Generator,
    strength: float,
) -> Question:
    """Return augmented strips of lines and what is asked of them."""
    widest = max(line.ratio for line in lines) * 32 * 1.08  # augmentation may stretch a line
    width = 4 * STRIDE * math.ceil(widest / (4 * STRIDE))
    fitted = [fit(line.image, width * HEIGHT // 32) for line in lines]
    images = torch.from_numpy(np.stack([image for image, _ in fitted])).permute(0, 3, 1, 2).float() / 255
    widths = torch.tensor([used for _, used in fitted])
    strips = style.augment(images, widths, width=width, generator=generator, strength=strength)
    texts = [line.text for line in lines]
    longest = max(map(len, texts))
    asked = ask(texts, alphabet, rng, characters=longest, fixations=2 * longest + 3).tensors()
    used = int((asked["target"] >= 0).any(0).sum())
    trimmed = {
        name: value if name in ("ids", "lengths") else value[:, :used] for name, value in asked.items()
    }
    return Question(strips.images, strips.widths, trimmed, None, None)
