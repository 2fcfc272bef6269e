"""A line model in one ONNX file: what reading opens, and what training goes on from.

The file holds both graphs (models/export.py); what the fixations take and give is named `fixate/…`. Beside
them it says what it is: "size" (a name in SIZES, or the fields of a LineSize as JSON) or "recipe" (that of
the training run it came from, as JSON), "characters" (the alphabet in the order of its ids), "words",
"texts", "context" and "trust" (see reading/line_graphs.py; all of them may be missing).
Parameters keep their torch names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import helper

from foveal.alphabet import ALPHABET, Alphabet
from foveal.errors import ConfigError, OutputFailed
from foveal.models.graphs import Storage, compact, expand, set_parameters, values_of
from foveal.models.line import SIZES, LineModel, size_of
from foveal.models.run_file import fixating
from foveal.reading.beside import Adapter, files, read_adapter
from foveal.reading.context import Context
from foveal.reading.line_graphs import (
    MARK,
    RECOGNISERS,
    SECOND,
    check,
    context_of,
    is_adapter,
    is_file,
    said_context,
    words_of,
)
from foveal.reading.words import Words


@dataclass(eq=False)
class LineFile:
    """A line model as torch and as the graph it came from, with its alphabet and what the file says of it."""

    model: LineModel
    alphabet: Alphabet
    graph: onnx.ModelProto
    facts: dict[str, str]

    @property
    def words(self) -> Words | None:
        """The words that the model reads with: of languages, and its own if the file has any; or none."""
        return words_of(self.facts, self.alphabet)

    @property
    def context(self) -> Context | None:
        """What the model reads lines in doubt again by, if it does."""
        context, used = context_of(self.facts, self.alphabet)
        return context if used else None


def join(glance: onnx.ModelProto, fixate: onnx.ModelProto, facts: Mapping[str, str]) -> onnx.ModelProto:
    """Return one graph that holds both, and what is to be said of it."""
    whole, second = onnx.ModelProto(), onnx.ModelProto()
    whole.CopyFrom(glance)
    second.CopyFrom(fixate)
    kept = {"", *(initializer.name.partition(":")[0] for initializer in second.graph.initializer)}

    def renamed(name: str) -> str:  # but parameters, however they are stored
        return name if name.partition(":")[0] in kept else SECOND + name

    for node in second.graph.node:
        node.name = renamed(node.name)
        node.input[:] = map(renamed, node.input)
        node.output[:] = map(renamed, node.output)
    for put in (*second.graph.input, *second.graph.output):
        put.name = SECOND + put.name
    for part in ("node", "initializer", "input", "output"):
        getattr(whole.graph, part).extend(getattr(second.graph, part))
    helper.set_model_props(whole, {MARK: "line", **facts})
    return whole


def open_line(source: str) -> LineFile:
    """Return an embedded model ("fast", "accurate") or that of a file, ready to be trained on.

    An adapter is put into the model it belongs to. Raises ConfigError and InputMissing as `load_line` does.
    """
    check(source)
    if is_adapter(source):
        return _adapted(read_adapter(Path(source)))
    if is_file(source):
        graph = expand(_load(source))
    else:
        glance, fixate = (expand(onnx.load(path)) for path in files(source))
        graph = join(glance, fixate, facts_of(source))
    facts = {entry.key: entry.value for entry in graph.metadata_props}
    alphabet = Alphabet(facts["characters"])
    if "recipe" in facts:
        model: LineModel = fixating(facts["recipe"], len(alphabet))
    else:
        _check_positions(source, graph, facts["size"])
        model = LineModel(size_of(facts["size"]), len(alphabet))
    fill(model, values_of(graph))
    return LineFile(model.eval(), alphabet, graph, facts)


def facts_of(source: str) -> dict[str, str]:
    """Return what a file says that holds an embedded model."""
    return {"size": source, "characters": ALPHABET, "trust": source, "context": said_context(source)}


def _adapted(adapter: Adapter) -> LineFile:
    line = open_line(adapter.model)
    state = line.model.state_dict()
    with torch.no_grad():
        for name in adapter.matrices:
            state[name] += torch.from_numpy(adapter.change(name))
        for name in adapter.vectors:
            state[name].copy_(torch.from_numpy(adapter.parameters[name]))
    return replace(line, facts=line.facts | dict(adapter.facts))


def _load(path: str) -> onnx.ModelProto:
    wrong = ConfigError(
        f"{path}: not a line model of foveal", remedy="foveal adapt, finetune and export make them"
    )
    try:
        graph = onnx.load(path)
    except DecodeError as error:
        raise wrong from error
    marks = [entry.value for entry in graph.metadata_props if entry.key == MARK]
    if marks and marks[0] in RECOGNISERS:
        raise ConfigError(
            f"{path}: a recogniser without fixations is not trained on from its file",
            remedy="go on with foveal train",
        )
    if marks != ["line"]:
        raise wrong
    return graph


def _check_positions(source: str, graph: onnx.ModelProto, said: str) -> None:
    """Raise ConfigError for a file of a size that had other positions when it was made."""
    turns = any(node.op_type == "Cos" and not node.output[0].startswith(SECOND) for node in graph.graph.node)
    if said in SIZES and turns != (SIZES[said].position is not None):
        raise ConfigError(
            f"{source}: its encoder is that of an earlier '{said}', which is not trained on any more",
            remedy="adapt or finetune the embedded model again; reading with the file goes on as before",
        )


def fill(model: LineModel, values: Mapping[str, NDArray[np.float32]]) -> None:
    """Give a model the parameters and buffers of a graph, by name; names it does not know are the graph's."""
    state = model.state_dict()
    known = {name: torch.from_numpy(value) for name, value in values.items() if name in state}
    model.load_state_dict(state | known)


def check_output(path: Path, *, adapter: bool = False) -> None:
    """Raise ConfigError or OutputFailed, before any work, if a model cannot be written there.

    adapter: whether it may be an adapter's file as well.
    """
    if not is_file(str(path)) or (is_adapter(str(path)) and not adapter):
        raise ConfigError(
            f"{path}: a model's file ends in .onnx", remedy=f"write {path.with_suffix('.onnx')}"
        )
    if path.is_dir():
        raise OutputFailed(f"{path}: is a folder", remedy="choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputFailed(f"{path}: {error.strerror}", remedy="choose another place") from error


def save(line: LineFile, path: Path, *, storage: Storage = "integer") -> None:
    """Write a line model whole: its graph, with the parameters as they are now. Raises OutputFailed."""
    graph = onnx.ModelProto()
    graph.CopyFrom(line.graph)
    set_parameters(graph, {name: value.numpy() for name, value in line.model.state_dict().items()})
    helper.set_model_props(graph, line.facts | {MARK: "line", "characters": line.alphabet.characters})
    write(graph, path, storage)


def write(graph: onnx.ModelProto, path: Path, storage: Storage) -> None:
    """Write a graph whole, its parameters stored as asked for. Raises OutputFailed."""
    unfinished = path.with_suffix(".part")
    check_output(path)
    try:
        unfinished.write_bytes(compact(graph, storage).SerializeToString())
        unfinished.replace(path)
    except OSError as error:
        raise OutputFailed(f"{path}: {error.strerror}", remedy="choose another place") from error
