"""A recogniser without fixations as one ONNX file: CTC alone, or a decoder that spells.

The file says what it is ("ctc" or "spelling"), "characters" and "recipe". Its graph is that of CTC, or a
decoder's beginning; then it holds the graph of a step as bytes, an initializer that no node asks for. Both in
one graph would all be run for each character (reading/recognisers.py opens them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from foveal.alphabet import Alphabet
from foveal.models.export import glance_inputs, noise
from foveal.models.export_steps import GlanceAlone, alone_programs, in_torch
from foveal.models.graphs import Storage, compact
from foveal.models.one_file import write
from foveal.models.parity import Asked, Half, largest_difference, session, step_difference
from foveal.models.recogniser import Glancing, Spelling
from foveal.reading.line_graphs import MARK
from foveal.reading.recognisers import STEP, Recognised, of_file
from foveal.reading.scribe import Scribe
from foveal.reading.steps import Spells
from foveal.reading.transcribe import to_strip

Image = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Alone:
    """What is exported: a recogniser in torch, the alphabet it writes in, and its recipe as JSON."""

    model: Glancing | Spelling
    alphabet: Alphabet
    recipe: str

    def reads(self) -> Scribe:
        """Return what reads strips with the model as it is at each moment."""
        return Scribe(in_torch(self.model), self.alphabet)

    def write(self, path: Path, storage: Storage) -> None:
        """Write the file. Raises OutputFailed."""
        facts = {"characters": self.alphabet.characters, "recipe": self.recipe}
        graphs = alone_programs(self.model)
        facts[MARK] = "ctc" if len(graphs) == 1 else "spelling"
        for step in graphs[1:]:
            stored = np.frombuffer(compact(step, storage).SerializeToString(), np.uint8)
            graphs[0].graph.initializer.append(numpy_helper.from_array(stored, STEP))
        helper.set_model_props(graphs[0], facts)
        write(graphs[0], path, storage)

    def difference(self, path: Path, images: Sequence[Image]) -> float:
        """Return how far a file is from torch, on noise and on images of lines. Raises FovealError."""
        strips = [*noise(), *(torch.from_numpy(to_strip(image))[None] for image in images)]
        if isinstance(self.model, Glancing):
            graph = session(onnx.load(path).SerializeToString())
            inputs = list(map(glance_inputs, strips))
            return largest_difference(Asked(Half(GlanceAlone(self.model)), graph, inputs, 0))
        single = [strip for several in strips for strip in several.numpy()]
        ours, found = in_torch(self.model), of_file(str(path))
        assert isinstance(ours, Spells)
        assert isinstance(found, Recognised)
        assert isinstance(found.recogniser, Spells)
        return step_difference(ours, found.recogniser, single, first=len(self.alphabet))
