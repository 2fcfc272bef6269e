"""The line model under torch, read as reading reads: a Transcriber over torch modules instead of graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from foveal.alphabet import Alphabet
from foveal.models.export import FixateGraph, GlanceGraph
from foveal.models.line import LineModel
from foveal.reading.transcribe import Transcriber
from foveal.reading.words import Words


class Half:
    """A torch module asked as a session is; its inputs are named as its arguments."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module.eval()

    def run(self, outputs: list[str] | None, inputs: dict[str, NDArray[Any]], /) -> list[NDArray[Any]]:
        """Return every output; reading never asks for some only."""
        assert outputs is None
        with torch.inference_mode():
            given = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in inputs.items()}
            return [value.numpy() for value in self._module(**given)]


def transcriber(model: LineModel, alphabet: Alphabet, words: Words | None = None) -> Transcriber:
    """Return what reads strips with a model as it is at each moment, without fitted confidences."""
    glance, fixate = Half(GlanceGraph(model)), Half(FixateGraph(model))
    return Transcriber(glance, fixate, alphabet=alphabet, words=words)


def texts(reads: Transcriber, images: list[NDArray[np.uint8]]) -> list[str]:
    """Return the text of each image of a line "h w 3"."""
    return [" ".join(word.text for word in reading.words) for reading in reads.read(images)]
