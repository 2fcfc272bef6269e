"""A line model as one ONNX file, its parameters stored as asked for: the body of `foveal export`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.config import nearest
from foveal.errors import ConfigError
from foveal.images import expand, pages
from foveal.models import checkpoint
from foveal.models.export import NAMES, FixateGraph, GlanceGraph, inputs_for, noise, programs, rounded
from foveal.models.graphs import Storage
from foveal.models.line import SIZES, LineModel
from foveal.models.one_file import LineFile, check_output, join, open_line, save
from foveal.models.parity import Asked, Half, largest_difference, mean_move
from foveal.models.torch_halves import texts, transcriber
from foveal.reading.line_graphs import load_line
from foveal.reading.transcribe import load_transcriber, to_strip

STORAGE: dict[str, Storage] = {"fp32": "float", "fp16": "half", "int8": "byte", "integer": "integer"}
"""How parameters are kept, by the usual names. When the file is opened they are float32 again, but as integer
products are computed with the int8 themselves."""


@dataclass(frozen=True)
class Parity:
    """How a written file compares with torch on real strips.

    difference: the largest in log-probability, both with the parameters that were written and products of
    floats; moved: the share of probability that products of integers move;
    same: strips read as by the model before its parameters were rounded.
    """

    difference: float
    strips: int
    same: int = 0
    moved: float = 0.0

    def to_text(self) -> str:
        """Return one line for people."""
        moved = f"; products of integers move {self.moved:.1%} of the probability" if self.moved else ""
        read = f"; {self.same} of {self.strips} strips read as before rounding" if self.strips else ""
        return f"differs from torch by {self.difference:.1e} at most{moved}{read}"


def export_file(source: str, output: Path, *, storage: str = "fp16", strips: Path | None = None) -> Parity:
    """Write a line model into one file that `foveal.load` reads; return how it compares.

    source: an embedded model's name, a file of foveal's, or safetensors of a training run. strips: a folder
    of images of lines to compare on, besides noise. Raises FovealError, and writes nothing, if the graph
    differs from torch by more than models/parity.py allows; ConfigError for a storage that does not exist.
    """
    if storage not in STORAGE:
        raise ConfigError(f"there is no storage '{storage}'", remedy=nearest(storage, STORAGE))
    check_output(output)
    images = [] if strips is None else _images(strips)
    line = open_line(source) if not source.endswith(".safetensors") else from_checkpoint(Path(source))
    before = texts(transcriber(line.model, line.alphabet, line.words, line.context), images)
    rounded(line.model, STORAGE[storage])
    unfinished = output.with_suffix(".part.onnx")
    save(line, unfinished, storage=STORAGE[storage])
    try:
        parity = _compare(line, unfinished, images, STORAGE[storage])
        after = texts(load_transcriber(str(unfinished)), images)
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
    same = sum(one == other for one, other in zip(before, after, strict=True))
    return replace(parity, same=same)


def from_checkpoint(path: Path) -> LineFile:
    """Return the model of a training run's safetensors, its graph made by torch's exporter.

    Raises ConfigError for one that does not say its size.
    """
    facts = checkpoint.facts(path)
    if "size" not in facts:
        raise ConfigError(f"{path}: not the weights of a line model", remedy="give those of foveal train")
    alphabet = Alphabet()
    size = checkpoint.built(facts)
    model = LineModel(size, len(alphabet)).eval()
    checkpoint.load(model, path)
    named = size == SIZES.get(facts["size"])
    return as_file(model, alphabet, size=facts["size"] if named else json.dumps(asdict(size)))


def as_file(model: LineModel, alphabet: Alphabet, *, size: str, trust: str = "") -> LineFile:
    """Return a model with a graph made by torch's exporter; `size` and `trust`: see one_file.py."""
    facts = {"size": size, "characters": alphabet.characters, "trust": trust}
    graphs = programs(model)
    return LineFile(model, alphabet, join(graphs["glance"], graphs["fixate"], facts), facts)


def _images(folder: Path) -> list[NDArray[np.uint8]]:
    return [page.pixels for file in expand(folder) for page in pages(file)]


def _compare(line: LineFile, path: Path, images: Sequence[NDArray[np.uint8]], storage: Storage) -> Parity:
    """Return how a written file compares, `same` left out. Raises FovealError: see models/parity.py."""
    strips = [torch.from_numpy(to_strip(image))[None] for image in images]
    inputs = inputs_for(line.model, [*noise(), *strips])
    halves = Half(GlanceGraph(line.model)), Half(FixateGraph(line.model))

    def asked(file: Path) -> list[Asked]:
        graphs = load_line(str(file))
        parts = zip(halves, (graphs.glance, graphs.fixate), inputs, NAMES.values(), strict=True)
        return [Asked(*part) for part in parts]

    if storage != "integer":
        return Parity(max(map(largest_difference, asked(path))), len(images))
    floats = path.with_suffix(".floats.onnx")
    try:
        save(open_line(str(path)), floats, storage="float")
        difference = max(map(largest_difference, asked(floats)))
    finally:
        floats.unlink(missing_ok=True)
    return Parity(difference, len(images), moved=max(map(mean_move, asked(path))))
