"""A recogniser in torch as a reader of crops: what `foveal.evaluate.evaluate` asks for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from foveal.alphabet import Alphabet
from foveal.document import Document, Line
from foveal.errors import ConfigError, UnreadableImage
from foveal.geometry import points
from foveal.models.export import FixateGraph, GlanceGraph
from foveal.models.export_steps import TorchSteps
from foveal.models.recogniser import Fixating, Glancing, Recogniser, Spelling
from foveal.reading.compose import compose_line
from foveal.reading.decode import Floats, Symbol, best_path
from foveal.reading.readings import ReadChar, Reading, ReadWord
from foveal.reading.search import CtcSteps, Search, Spelt, spell
from foveal.reading.transcribe import STRIDE, Transcriber, to_strip

Image = NDArray[np.uint8]


class TorchReader:
    """Reads images of lines or words with a recogniser, each by itself. search: how texts are looked for."""

    def __init__(self, model: Recogniser, alphabet: Alphabet, *, search: Search | None = None) -> None:
        self.model, self.alphabet = model.eval(), alphabet
        self.search = Search() if search is None else search

    def transcribe(self, strips: Sequence[Path | Image], *, looks: bool = False) -> list[Line]:
        """Return one Line for each image (a path, or RGB "h w 3"), in their order.

        looks: keep the look of every character, if the recogniser looks.
        """
        images = [opened(one) if isinstance(one, Path) else one for one in strips]
        sizes = [(image.shape[1], image.shape[0]) for image in images]
        readings = self._readings(images, looks=looks)
        return [compose_line(r, size=size, to_page=points) for r, size in zip(readings, sizes, strict=True)]

    def read(self, source: Path) -> Document:
        """Refuse a page: a recogniser by itself finds no lines."""
        remedy = "give sets of crops: images and labels.tsv"
        raise ConfigError(f"{source}: a recogniser reads lines, not pages", remedy=remedy)

    def _readings(self, images: list[Image], *, looks: bool) -> list[Reading]:
        if isinstance(self.model, Fixating):
            glance, fixate = _Session(GlanceGraph(self.model)), _Session(FixateGraph(self.model))
            own = Transcriber(glance, fixate, alphabet=self.alphabet)
            return own.read(images, looks=looks, again=False)
        return [self._reading(image, looks=looks) for image in images]

    def _reading(self, image: Image, *, looks: bool) -> Reading:
        strip = to_strip(image)
        cell = image.shape[1] * STRIDE / strip.shape[1]
        if isinstance(self.model, Glancing):
            chars = [self._char(symbol.id, symbol.probability, symbol.first * cell, (symbol.last + 1) * cell)
                     for symbol in self._glanced(self.model, strip)]  # fmt: skip
            return Reading(by_words(chars), cell)
        assert isinstance(self.model, Spelling)
        steps = TorchSteps(self.model)
        search, first = self.search, self.model.decoder.classes
        found = spell(steps, steps.start(strip), search, lines=1, first=first)[0]
        edges = places(found, image.shape[1], cell)
        kept = found.looks if looks and found.looks is not None else [None] * len(found.ids)
        parts = zip(found.ids, found.probabilities, edges[:-1], edges[1:], kept, strict=True)
        return Reading(by_words([self._char(*part) for part in parts]), cell)

    def _glanced(self, model: Glancing, strip: Image) -> list[Symbol]:
        """Return the best path, or what the search finds by summing over paths, if it is asked to."""
        pixels = torch.from_numpy(strip)[None].to(next(model.parameters()).device)
        with torch.no_grad():
            logits = model(pixels.permute(0, 3, 1, 2).float() / 255)[0]
        log_probs = logits.float().log_softmax(-1).cpu().numpy()
        if self.search.beam == 1 and self.search.language is None:
            return best_path(log_probs)
        steps = CtcSteps(log_probs)
        found = spell(steps, steps.start(), self.search, lines=1, first=log_probs.shape[1])[0]
        ends = np.linspace(0, len(log_probs), len(found.ids) + 1).astype(int)
        parts = zip(found.ids, found.probabilities, ends[:-1], ends[1:], strict=True)
        return [Symbol(one, int(a), int(b) - 1, chance) for one, chance, a, b in parts]

    def _char(self, one: int, chance: float, x0: float, x1: float, look: Floats | None = None) -> ReadChar:
        return ReadChar(self.alphabet.decode([one]), x0, x1, chance, (), look)


def opened(path: Path) -> Image:
    """Return an image file as RGB "h w 3"."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise UnreadableImage(f"{path}: not an image")
    return np.asarray(image, np.uint8)


def places(found: Spelt, width: int, cell: float) -> list[float]:
    """Return the edges between characters, midway between looks; evenly spread if there are none."""
    count = len(found.ids)
    if found.looks is None or count == 0:
        return [float(x) for x in np.linspace(0, width, count + 1)]
    middles = (found.looks.argmax(-1) + 0.5) * cell
    between = (middles[1:] + middles[:-1]) / 2
    return [float(x) for x in np.sort(np.concatenate(([0.0], between, [width])))]


def by_words(chars: Sequence[ReadChar]) -> tuple[ReadWord, ...]:
    """Return characters as words, parted at spaces."""
    parts = groupby(chars, key=lambda char: char.text == " ")
    return tuple(ReadWord(tuple(word)) for space, word in parts if not space)


class _Session:
    """A module as the transcriber asks it: arrays in by name, arrays out."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module.eval()
        self._device = next(module.parameters()).device

    @torch.no_grad()
    def run(self, outputs: list[str] | None, inputs: dict[str, NDArray[Any]], /) -> list[NDArray[Any]]:  # noqa: ARG002
        """Return every output."""
        given = {name: torch.from_numpy(value).to(self._device) for name, value in inputs.items()}
        return [out.float().cpu().numpy() for out in self._module(**given)]
