"""What every recipe costs, by weights fresh from the draw: how fast it is does not hang on what it learnt."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from foveal.alphabet import Alphabet
from foveal.laboratory.cost import Image, costs_of
from foveal.models.recogniser import Glancing, Recogniser, Spelling
from foveal.reading.search import Search
from foveal.train.dry_run import dry_run
from foveal.train.recipe import Recipe
from foveal.train.run import Run
from foveal.train.strips import Sources
from foveal.train.torch_reader import TorchReader

CHARACTERS, WIDTH = 6, 96
"""A word as it is read to measure costs, and its strip's pixels."""

_STEPS = 6
_NEVER = 1e4


def fresh_costs(recipe: Recipe, fonts: Path, *, batch: int, device: str = "auto") -> dict[str, Any]:
    """Return what learning and reading cost. fonts: a pack to draw the one batch with that is learnt from.

    Reading: strips of noise with as many characters as a word has. Nothing else should run meanwhile.
    """
    on_gpu = torch.cuda.is_available() and device != "cpu"
    learnt = replace(recipe, data=replace(recipe.data, batch=batch, echo=10**9))
    gc.collect()  # what the recipe before has left would count as memory of this one
    torch.cuda.empty_cache()
    with TemporaryDirectory() as folder:
        step = dry_run(
            Run(learnt, Sources(fonts=fonts), Path(folder), device=device), steps=_STEPS, warm_up=2
        )
    learning: dict[str, Any] = {"images_s": batch / step.seconds}
    if on_gpu:
        learning["training_bytes"] = step.peak
    reader = reader_of_words(recipe)
    reader.model.to("cuda" if on_gpu else "cpu")
    return learning | costs_of(reader, _noise(4))


def reader_of_words(recipe: Recipe) -> TorchReader:
    """Return a reader with random weights whose texts are as long as words."""
    return untrained(recipe, characters=CHARACTERS, width=WIDTH)


def untrained(recipe: Recipe, *, characters: int, width: int) -> TorchReader:
    """Return a reader with random weights that writes so many characters of a strip so wide."""
    torch.manual_seed(0)
    model, alphabet = recipe.model().eval().requires_grad_(False), Alphabet(recipe.alphabet)
    reader = TorchReader(model, alphabet, search=Search(longest=characters + 1))
    if isinstance(model, Spelling):
        _bias(model)[0] -= _NEVER  # no text ends before it is cut off
    else:
        _spell(reader, characters, _noise(2, width))
    return reader


def _bias(model: Recogniser) -> torch.Tensor:
    layer = model.decoder.name if isinstance(model, Spelling) else model.read
    assert isinstance(layer, torch.nn.Linear)
    return layer.bias.data


def _spell(reader: TorchReader, characters: int, images: list[Image]) -> None:
    """Make columns differ in what they name, and "nothing" as likely as it takes for texts of this length."""
    model, bias = reader.model, _bias(reader.model)
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
    assert not isinstance(model, Spelling)
    seen = model.encode(pixels) if isinstance(model, Glancing) else model.glance(pixels).features
    bias -= (model.read(seen)).mean((0, 1))
    first, low, high = float(bias[0]), -4.0, 4.0
    for _ in range(16):
        middle = (low + high) / 2
        bias[0] = first + middle
        written = sum(len(line.text) for line in reader.transcribe(images)) / len(images)
        low, high = (middle, high) if written > characters else (low, middle)


def _noise(count: int, width: int = WIDTH) -> list[Image]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (32, width, 3), dtype=np.uint8) for _ in range(count)]
