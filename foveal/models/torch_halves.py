"""The line model under torch, read as reading reads: a Transcriber over torch modules instead of graphs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.models.export import FixateGraph, GlanceGraph
from foveal.models.line import LineModel
from foveal.models.parity import Half
from foveal.reading.context import Context
from foveal.reading.transcribe import Transcriber
from foveal.reading.words import Words


def transcriber(
    model: LineModel, alphabet: Alphabet, words: Words | None = None, context: Context | None = None
) -> Transcriber:
    """Return what reads strips with a model as it is at each moment, without fitted confidences."""
    glance, fixate = Half(GlanceGraph(model)), Half(FixateGraph(model))
    return Transcriber(glance, fixate, alphabet=alphabet, words=words, context=context)


def texts(reads: Transcriber, images: list[NDArray[np.uint8]]) -> list[str]:
    """Return the text of each image of a line "h w 3"."""
    return [" ".join(word.text for word in reading.words) for reading in reads.read(images)]
