"""A recogniser in torch as a reader of crops: what `foveal.evaluate.evaluate` asks for."""

from __future__ import annotations

from collections.abc import Sequence
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
from foveal.models.export_steps import in_torch
from foveal.models.recogniser import Fixating, Recogniser
from foveal.reading.compose import compose_line
from foveal.reading.readings import Reading
from foveal.reading.scribe import Scribe
from foveal.reading.search import Search
from foveal.reading.transcribe import Transcriber

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
        return Scribe(in_torch(self.model), self.alphabet, search=self.search).read(images, looks=looks)


def opened(path: Path) -> Image:
    """Return an image file as RGB "h w 3"."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise UnreadableImage(f"{path}: not an image")
    return np.asarray(image, np.uint8)


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
