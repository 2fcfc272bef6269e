"""An adapter beside an embedded model: what `foveal adapt -o mine.npz` learnt, and nothing else.

The file is a NumPy archive without pickles. Of each matrix or kernel it holds what was added, as graphs hold
parameters: `NAME:byte` · `NAME:scale`, integers and one scale an output channel; each vector whole under its
name; and "facts", JSON as bytes: the model it belongs to ("model", "print"), its words and texts
(line_graphs.py).
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveal.errors import ConfigError
from foveal.reading.engine import WEIGHTS
from foveal.reading.stored import LEVELS, in_bytes, in_products, raw_data

HALVES = ("glance", "fixate")
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Adapter:
    """An adapter that was read. model: the embedded model it belongs to; facts: what else it says."""

    model: str
    parameters: Mapping[str, NDArray[Any]]
    facts: Mapping[str, str]

    @property
    def matrices(self) -> list[str]:
        """The names of the matrices that it changes."""
        return [name.removesuffix(":byte") for name in self.parameters if name.endswith(":byte")]

    @property
    def vectors(self) -> list[str]:
        """The names of the vectors that it replaces."""
        return [name for name in self.parameters if ":" not in name]

    def change(self, name: str) -> Floats:
        """Return what is added to a matrix, "out …"."""
        return np.asarray(self.parameters[f"{name}:byte"] * self.parameters[f"{name}:scale"], np.float32)

    def graphs(self) -> tuple[bytes, bytes]:
        """Return the model's two graphs with the adapter in them, as bytes of ONNX files."""
        glance, fixate = (self._changed(path.read_bytes()) for path in files(self.model))
        return glance, fixate

    def _changed(self, graph: bytes) -> bytes:
        data, places = bytearray(graph), raw_data(graph)
        for name in self.matrices:
            byte, scale = (places.get(f"{name}:{part}") for part in ("byte", "scale"))
            if byte is not None and scale is not None:
                change = self.change(name)
                whole = np.frombuffer(graph[byte], np.int8).reshape(change.shape).astype(np.float32)
                steps = np.frombuffer(graph[scale], np.float32).reshape(-1, *[1] * (change.ndim - 1))
                levels = LEVELS if in_products(change.shape) else 127
                rounded, steps = in_bytes(whole * steps + change, levels)
                data[byte], data[scale] = rounded.tobytes(), steps.tobytes()
        for name in self.vectors:
            for stored, kind in ((f"{name}:half", np.float16), (name, np.float32)):
                if stored in places:
                    data[places[stored]] = self.parameters[name].astype(kind).tobytes()
        return bytes(data)


def files(model: str) -> list[Path]:
    """Return the files of an embedded model's two graphs."""
    return [WEIGHTS / f"line-{model}-{half}.onnx" for half in HALVES]


def fingerprint(model: str) -> str:
    """Return what tells an embedded model's weights from all others."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in files(model))).hexdigest()[:32]


def read_adapter(path: Path) -> Adapter:
    """Return the adapter in a file. Raises ConfigError for another file, and for other weights' adapter."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        facts = json.loads(arrays.pop("facts").tobytes())
        model, made_for = facts.pop("model"), facts.pop("print")
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, TypeError) as error:
        raise ConfigError(f"{path}: not an adapter of foveal", remedy="foveal adapt makes them") from error
    if not all(file.is_file() for file in files(model)) or fingerprint(model) != made_for:
        raise ConfigError(
            f"{path}: made for other weights of '{model}' than these",
            remedy="adapt again, or use the version of foveal that it was made with",
        )
    return Adapter(model, arrays, facts)


def write_adapter(path: Path, adapter: Adapter) -> None:
    """Write an adapter; it appears whole or not at all. Raises OSError."""
    facts = {**adapter.facts, "model": adapter.model, "print": fingerprint(adapter.model)}
    said = np.frombuffer(json.dumps(facts, ensure_ascii=False).encode(), np.uint8)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez_compressed(file, facts=said, **adapter.parameters)  # type: ignore[arg-type]
    unfinished.replace(path)
