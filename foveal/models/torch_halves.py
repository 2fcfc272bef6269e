"""Models under torch, read with as reading reads: over modules instead of graphs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.models.export import FixateGraph, GlanceGraph
from foveal.models.export_steps import in_torch
from foveal.models.line import LineModel
from foveal.models.parity import Half
from foveal.models.recogniser import Fixating
from foveal.models.run_file import open_run
from foveal.reading.context import Context
from foveal.reading.line_graphs import LineGraphs
from foveal.reading.recognisers import Reads, Recognised
from foveal.reading.transcribe import Transcriber
from foveal.reading.words import Words


def transcriber(
    model: LineModel, alphabet: Alphabet, words: Words | None = None, context: Context | None = None
) -> Transcriber:
    """Return what reads strips with a model as it is at each moment, without fitted confidences."""
    glance, fixate = Half(GlanceGraph(model)), Half(FixateGraph(model))
    return Transcriber(glance, fixate, alphabet=alphabet, words=words, context=context)


def texts(reads: Reads, images: list[NDArray[np.uint8]]) -> list[str]:
    """Return the text of each image of a line "h w 3"."""
    return [" ".join(word.text for word in reading.words) for reading in reads.read(images)]


def load_run(path: str, threads: int) -> LineGraphs | Recognised:
    """Return what a training run's weights answer to those who read, by torch with so many threads.

    Raises what `open_run` does.
    """
    torch.set_num_threads(threads)
    run = open_run(Path(path))
    if not isinstance(run.model, Fixating):
        return Recognised(in_torch(run.model), run.alphabet)
    glance, fixate = Half(GlanceGraph(run.model)), Half(FixateGraph(run.model))
    words, context = Words(run.alphabet), Context()
    return LineGraphs(glance, fixate, run.alphabet, words, context, in_context=False, trust="")
