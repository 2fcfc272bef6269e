"""A model as one ONNX file, its parameters stored as asked for: the body of `foveal export`."""

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
from foveal.models import checkpoint
from foveal.models.export import NAMES, FixateGraph, GlanceGraph, inputs_for, noise, programs, rounded
from foveal.models.export_alone import Alone
from foveal.models.graphs import Storage
from foveal.models.line import SIZES, LineModel
from foveal.models.one_file import LineFile, check_output, join, open_line, save
from foveal.models.parity import Asked, Half, largest_difference, mean_move
from foveal.models.real_strips import real_strips
from foveal.models.recogniser import Fixating
from foveal.models.run_file import open_run
from foveal.models.torch_halves import texts, transcriber
from foveal.reading.line_graphs import is_run, load_line
from foveal.reading.recognisers import load_reads
from foveal.reading.transcribe import to_strip

STORAGE: dict[str, Storage] = {"fp32": "float", "fp16": "half", "int8": "byte", "integer": "integer"}
"""How parameters are kept, by the usual names. When the file is opened they are float32 again, but as integer
products are computed with the int8 themselves."""


@dataclass(frozen=True)
class Parity:
    """How a written file compares with torch on real strips.

    difference: the largest in log-probability, both with the parameters that were written and products of
    floats; moved: the share of probability that products of integers move;
    same: strips read as by the model before its parameters were rounded; where: what the strips are.
    """

    difference: float
    strips: int
    same: int = 0
    moved: float = 0.0
    where: str = ""

    def to_text(self) -> str:
        """Return one line for people."""
        moved = f"; products of integers move {self.moved:.1%} of the probability" if self.moved else ""
        read = f"{self.same} of {self.strips} strips of {self.where} read as before rounding"
        none = "no real strips were found to compare on, only noise: --strips names a folder of them"
        return f"differs from torch by {self.difference:.1e} at most{moved}; {read if self.strips else none}"


def export_file(source: str, output: Path, *, storage: str = "fp16", strips: Path | None = None) -> Parity:
    """Write a model into one file that `foveal.load` reads; return how it compares.

    source: an embedded model's name, a file of foveal's, or safetensors of a training run, of any recipe.
    strips: a folder of images of lines to compare on, besides noise; those of models/real_strips.py unless
    given. Raises FovealError, and writes nothing, if the graph differs from torch by more than
    models/parity.py allows; ConfigError for a storage that does not exist, or not for this kind of model.
    """
    if storage not in STORAGE:
        raise ConfigError(f"there is no storage '{storage}'", remedy=nearest(storage, STORAGE))
    check_output(output)
    found = open_source(source)
    if isinstance(found, Alone) and storage == "integer":
        raise ConfigError(
            "products of integers are for glance and fixations only", remedy="--storage int8 is as small"
        )
    strips_found = real_strips(source, strips)
    images = strips_found.images
    before = _texts(found, images)
    rounded(found.model, STORAGE[storage])
    unfinished = output.with_suffix(".part.onnx")
    try:
        if isinstance(found, Alone):
            found.write(unfinished, STORAGE[storage])
            parity = Parity(found.difference(unfinished, images), len(images))
        else:
            save(found, unfinished, storage=STORAGE[storage])
            parity = _compare(found, unfinished, images, STORAGE[storage])
        after = texts(load_reads(str(unfinished)), images)
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
    same = sum(one == other for one, other in zip(before, after, strict=True))
    return replace(parity, same=same, where=strips_found.where)


def open_source(source: str) -> LineFile | Alone:
    """Return the model of a name, a file, or a training run. Raises ConfigError and InputMissing."""
    if not is_run(source):
        return open_line(source)
    facts = checkpoint.facts(Path(source))
    if "size" in facts:
        return _of_size(Path(source), facts)
    run = open_run(Path(source))
    if isinstance(run.model, Fixating):
        return as_file(run.model, run.alphabet, recipe=run.recipe)
    return Alone(run.model, run.alphabet, run.recipe)


def _texts(found: LineFile | Alone, images: list[NDArray[np.uint8]]) -> list[str]:
    if isinstance(found, Alone):
        return texts(found.reads(), images)
    return texts(transcriber(found.model, found.alphabet, found.words, found.context), images)


def _of_size(path: Path, facts: dict[str, str]) -> LineFile:
    """Return the line model that foveal/train/line.py wrote, its graph made by torch's exporter."""
    alphabet, size = Alphabet(), checkpoint.built(facts)
    model = LineModel(size, len(alphabet)).eval()
    checkpoint.load(model, path)
    named = size == SIZES.get(facts["size"])
    return as_file(model, alphabet, size=facts["size"] if named else json.dumps(asdict(size)))


def as_file(model: LineModel, alphabet: Alphabet, **said: str) -> LineFile:
    """Return a model with a graph made by torch's exporter; said: its size or recipe, see one_file.py."""
    facts = {"characters": alphabet.characters, "trust": ""} | said
    graphs = programs(model)
    return LineFile(model, alphabet, join(graphs["glance"], graphs["fixate"], facts), facts)


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
