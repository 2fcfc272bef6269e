"""The line model's two graphs: an embedded model's, or those of a file by adapt, finetune or export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import ALPHABET, Alphabet
from foveal.config import nearest
from foveal.errors import ConfigError, InputMissing
from foveal.reading.beside import read_adapter
from foveal.reading.context import Context
from foveal.reading.engine import Session, load_session, open_session
from foveal.reading.vocabulary import Vocabulary
from foveal.reading.words import Words

MODELS = ("fast", "accurate")
"""The embedded line models."""

IN_CONTEXT = ("accurate",)
"""Those that read lines in doubt again by what usually follows what, unless told otherwise."""

SECOND = "fixate/"
"""In a file, what the fixations take and give begins with this; what the glance takes and gives does not."""

MARK = "foveal"
"""The key of a file's description that says what it holds: "line", a line model; "ctc" or "spelling", a
recogniser without fixations (reading/recognisers.py)."""

RECOGNISERS = ("ctc", "spelling")
"""What a file is marked with that holds a recogniser without fixations."""

PRODUCTS = "products"
"""The key of a graph's description that says how it multiplies, if its value is "integer"."""


@dataclass(frozen=True, eq=False)
class LineGraphs:
    """Both graphs (their inputs and outputs: models/export.py) and the alphabet they write in.

    words: of languages and its own, held against what was seen, if any are; context: what lines in doubt are
    read again by, used unless told otherwise if in_context; trust: the embedded model whose fitted chances
    of being right are used; "" if there are none.
    """

    glance: Session
    fixate: Session
    alphabet: Alphabet
    words: Words | None
    context: Context
    in_context: bool
    trust: str


def is_file(model: str) -> bool:
    """Tell whether a model is named by its file: the whole of it, or an adapter."""
    return model.endswith(".onnx") or is_adapter(model)


def is_adapter(model: str) -> bool:
    """Tell whether a model is named by the file of an adapter (beside.py)."""
    return model.endswith(".npz")


def is_run(model: str) -> bool:
    """Tell whether a model is named by the weights of a training run, which are read with by torch."""
    return model.endswith(".safetensors")


def check(model: str) -> None:
    """Raise ConfigError for a name that no embedded model has, InputMissing for a file that is not there."""
    if is_file(model) or is_run(model):
        if not Path(model).is_file():
            raise InputMissing(f"{model}: no such file", remedy="check the path")
    elif model not in MODELS:
        said = "a model's file ends in .onnx, an adapter's in .npz, a training run's in .safetensors"
        remedy = said if Path(model).suffix else nearest(model, MODELS)
        raise ConfigError(f"there is no model '{model}'", remedy=remedy)


def load_line(model: str, threads: int = 1) -> LineGraphs:
    """Return the graphs of a line model: "fast", "accurate", or a file (.onnx, or an adapter's .npz).

    Each is opened once for each number of threads, and again when its file has changed. Raises ConfigError
    or InputMissing: see `check`; and ConfigError for a file that is no line model of foveal's.
    """
    check(model)
    if is_run(model):
        raise ConfigError(
            f"{model}: of a training run only texts are read", remedy="write its file first: foveal export"
        )
    if is_file(model):
        load = _load_adapted if is_adapter(model) else _load_file
        return load(model, Path(model).stat().st_mtime_ns, threads)
    glance, fixate = (_alone(load_session(f"line-{model}-{step}", threads)) for step in ("glance", "fixate"))
    return LineGraphs(glance, fixate, Alphabet(), Words(Alphabet()), Context(), model in IN_CONTEXT, model)


@lru_cache(maxsize=8)
def opened(path: str, changed: int, threads: int) -> Any:  # noqa: ARG001  # part of the key
    """Return the session of a file. Raises ConfigError for one that holds no model of foveal's."""
    session = open_session(Path(path), threads)
    if session.get_modelmeta().custom_metadata_map.get(MARK) not in ("line", *RECOGNISERS):
        raise ConfigError(
            f"{path}: not a line model of foveal",
            remedy="foveal adapt, finetune and export make them",
        )
    return session


@lru_cache(maxsize=8)
def _load_file(path: str, changed: int, threads: int) -> LineGraphs:
    session = opened(path, changed, threads)
    facts = session.get_modelmeta().custom_metadata_map
    if facts[MARK] in RECOGNISERS:
        raise ConfigError(
            f"{path}: a recogniser without fixations gives texts only",
            remedy="foveal read, evaluate and transcribe take it",
        )
    alphabet = Alphabet(facts.get("characters", ALPHABET))
    one, other = (_alone(_Half(session, prefix)) for prefix in ("", SECOND))
    context, in_context = context_of(facts, alphabet)
    return LineGraphs(
        one, other, alphabet, words_of(facts, alphabet), context, in_context, facts.get("trust", "")
    )


@lru_cache(maxsize=8)
def _load_adapted(path: str, changed: int, threads: int) -> LineGraphs:  # noqa: ARG001  # part of the key
    adapter, alphabet = read_adapter(Path(path)), Alphabet()
    one, other = (_alone(open_session(graph, threads)) for graph in adapter.graphs())
    facts = {"context": said_context(adapter.model), **adapter.facts}
    context, in_context = context_of(facts, alphabet)
    return LineGraphs(one, other, alphabet, words_of(facts, alphabet), context, in_context, adapter.model)


def words_of(facts: Mapping[str, str], alphabet: Alphabet) -> Words | None:
    """Return the words that a file reads with: of languages, its own besides if it has any; or none."""
    if facts.get("language") == "none":
        return None
    return Words(alphabet, own=Vocabulary.from_text(facts["words"]) if facts.get("words") else None)


def said_context(model: str) -> str:
    """Return what a file that was made from an embedded model says of context unless it learnt otherwise."""
    return "yes" if model in IN_CONTEXT else "no"


def context_of(facts: Mapping[str, str], alphabet: Alphabet) -> tuple[Context, bool]:
    """Return what a file's lines in doubt are read again by, with its own texts, and whether they are."""
    texts = facts.get("texts", "").splitlines()
    own = tuple(tuple(alphabet.encode(text)) for text in texts if not alphabet.unwritable(text))
    return Context(own=own), facts.get("context") == "yes"


class _Half:
    """The glance or the fixations of a file: of its graph only what leads to their outputs is run."""

    def __init__(self, session: Any, prefix: str) -> None:
        self._session, self._prefix = session, prefix
        self._unused = {put.name: _nothing(put) for put in session.get_inputs()}
        self.get_modelmeta = session.get_modelmeta
        names = [out.name for out in session.get_outputs()]
        self._outputs = [name for name in names if name.startswith(SECOND) == (prefix == SECOND)]

    def run(self, outputs: list[str] | None, inputs: dict[str, NDArray[Any]], /) -> list[NDArray[Any]]:
        """Run this half; None asks for every output."""
        from onnxruntime import RunOptions  # type: ignore[import-untyped]

        options = RunOptions()
        options.only_execute_path_to_fetches = True
        asked = self._outputs if outputs is None else [self._prefix + name for name in outputs]
        given = {self._prefix + name: value for name, value in inputs.items()}
        found: list[NDArray[Any]] = self._session.run(asked, self._unused | given, options)
        return found


def _nothing(put: Any) -> NDArray[Any]:
    """Return the smallest array that an input takes: ONNX Runtime wants them all, used or not."""
    types = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(uint8)": np.uint8}
    return np.zeros([size if isinstance(size, int) else 1 for size in put.shape], types[put.type])


def _alone(session: Any) -> Session:
    """Return a session in which strips do not change each other: as it is, unless it multiplies integers."""
    described = session.get_modelmeta().custom_metadata_map
    return Alone(session) if described.get(PRODUCTS) == "integer" else session


class Alone:
    """A session given one strip at a time, without padding: a product of integers has one scale for all."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def run(self, outputs: list[str] | None, inputs: dict[str, NDArray[Any]], /) -> list[NDArray[Any]]:
        """Run the graph for each strip; the answers to padding (words of -1, at the end) are zeros."""
        count = len(next(iter(inputs.values())))
        rows = [self._row(outputs, {k: v[i : i + 1] for k, v in inputs.items()}) for i in range(count)]
        return [np.concatenate(one) for one in zip(*rows, strict=True)] if count > 1 else rows[0]

    def _row(self, outputs: list[str] | None, inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        if "words" not in inputs:
            return self._session.run(outputs, inputs)
        padded = inputs["words"].shape[1]
        asked = 1 + int(np.flatnonzero(inputs["words"][0] >= 0).max(initial=0))
        short = {name: inputs[name][:, :asked] for name in ("positions", "words", "window")}
        found = self._session.run(outputs, inputs | short)
        return [np.pad(one, ((0, 0), (0, padded - asked), (0, 0))) for one in found]
