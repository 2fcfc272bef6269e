"""A quick look at real crops while training: what the glance and the fixations read of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foveal.alphabet import Alphabet
from foveal.models.line import STRIDE, Glance, LineModel
from foveal.train.crops import Crops

_LONGEST_WORD = 32


def distance(ours: str, truth: str) -> int:
    """Return the edit distance (Levenshtein, 1966)."""
    row = list(range(len(truth) + 1))
    for i, mine in enumerate(ours, start=1):
        before, row[0] = row[0], i
        for j, wanted in enumerate(truth, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (mine != wanted))
    return row[-1]


def plain(text: str) -> str:
    """Return a–z0–9 of `text`, as scene words are scored."""
    return "".join(c for c in text.lower() if c.isascii() and c.isalnum())


def strip(image: NDArray[np.uint8], height: int = 32) -> Tensor:
    """Return one image as "3 32 w" in [0, 1], w a multiple of the stride."""
    width = max(STRIDE, STRIDE * round(image.shape[1] * height / image.shape[0] / STRIDE))
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small).permute(2, 0, 1).float() / 255


def greedy(ids: Sequence[int], alphabet: Alphabet) -> str:
    """Return the text of CTC's best path."""
    return alphabet.decode(i for i, previous in zip(ids, [0, *ids[:-1]], strict=True) if i != previous)


def word_by_fixation(model: LineModel, glance: Glance, alphabet: Alphabet) -> str:
    """Return one word as the fixations read it, over the whole strip."""
    device, n = glance.features.device, glance.features.shape[1]
    mass = glance.density.sum()
    length = mass.round().clamp(min=1)
    steps = torch.arange(min(_LONGEST_WORD, int(length) + 2), device=device)[None]
    window = torch.tensor([0, n], device=device).expand(1, steps.shape[1], 2)
    places = (steps + 0.5) * mass / length
    seen = model.fixate(glance.features, glance.count, places, torch.zeros_like(steps), window)
    ids = seen.logits.argmax(-1)[0].tolist()
    return alphabet.decode(ids[: ids.index(0)] if 0 in ids else ids)


@torch.no_grad()
def validate(model: LineModel, dev: Path, device: torch.device, *, limit: int) -> dict[str, float]:
    """Return word accuracy (glance, fixations) of sets of words, and CER (glance) of sets of lines."""
    crops, alphabet = Crops(dev), Alphabet()
    figures: dict[str, float] = {}
    for name, found in crops.by_set().items():
        words = name.startswith("scene_words")
        errors = [0, 0]
        for crop in found[:limit]:
            glance = model.glance(strip(crops.image(crop))[None].to(device))
            read = [greedy(glance.logits.argmax(-1)[0].tolist(), alphabet)]
            read += [word_by_fixation(model, glance, alphabet)] if words else []
            for index, text in enumerate(read):
                errors[index] += plain(text) != plain(crop.text) if words else distance(text, crop.text)
        total = len(found[:limit]) if words else sum(len(crop.text) for crop in found[:limit])
        figures[f"{name}.glance"] = round(1 - errors[0] / total if words else errors[0] / total, 4)
        if words:
            figures[f"{name}.fixate"] = round(1 - errors[1] / total, 4)
    return figures
