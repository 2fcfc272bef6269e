"""ONNX graphs as the place where weights are kept: small on disk, and good to go on training from.

A parameter keeps its torch name. Stored as half, it is `NAME:half` behind a Cast; stored as byte, it is
`NAME:byte` · `NAME:scale` with one scale an output channel. The runtime folds both back when it loads; but
as integer, products are computed with the bytes themselves (integers.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from foveal.models.integers import to_floats, to_integers
from foveal.reading.stored import LEVELS, in_bytes, in_products

Storage = Literal["float", "half", "byte", "integer"]
_SMALL = 64
"""Parameters with fewer numbers stay float32."""


def own_names(graph: onnx.ModelProto) -> None:
    """Name the parameters of an exported wrapper as its inner model (`self.model`) names them."""
    for initializer in graph.graph.initializer:
        initializer.name = initializer.name.removeprefix("model.")
    for node in graph.graph.node:
        node.input[:] = [name.removeprefix("model.") for name in node.input]


def compact(graph: onnx.ModelProto, storage: Storage) -> onnx.ModelProto:
    """Return the graph with its float32 parameters stored smaller and the exporter's notes left out.

    float: as they are. half: float16. byte: matrices as int8 (a channel's largest weight is 127), vectors as
    float16. integer: the same, and products of integers (with 7 bits). What is stored smaller already stays
    as it is: see `expand`.
    """
    if storage == "integer":
        to_integers(graph)
    asked = {name for node in graph.graph.node for name in node.input}
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del graph.graph.value_info[:]
    for initializer in list(graph.graph.initializer):
        small = initializer.name.endswith(":scale") or np.prod(initializer.dims) < _SMALL
        if storage == "float" or small or initializer.data_type != TensorProto.FLOAT:
            continue
        name, values = initializer.name, numpy_helper.to_array(initializer)
        graph.graph.initializer.remove(initializer)
        if _as_bytes(values, storage):
            _store_bytes(graph.graph, name, *_bytes(values, storage), whole=name in asked)
        else:
            half = numpy_helper.from_array(values.astype(np.float16), f"{name}:half")
            graph.graph.initializer.append(half)
            cast = helper.make_node("Cast", [f"{name}:half"], [name], to=TensorProto.FLOAT)
            graph.graph.node.insert(0, cast)
    return graph


def _as_bytes(values: NDArray[np.float32], storage: Storage) -> bool:
    return storage in ("byte", "integer") and values.ndim >= 2


def _bytes(values: NDArray[np.float32], storage: Storage) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return int8 and one scale an output channel (the first axis)."""
    return in_bytes(values, LEVELS if storage == "integer" and in_products(values.shape) else 127)


def snap(values: NDArray[np.float32], storage: Storage) -> NDArray[np.float32]:
    """Return what is left of a parameter after it was stored."""
    if storage == "float" or values.size < _SMALL:
        return values
    if _as_bytes(values, storage):
        rounded, scale = _bytes(values, storage)
        return rounded * scale
    return values.astype(np.float16).astype(np.float32)


def _store_bytes(
    graph: onnx.GraphProto, name: str, rounded: NDArray[np.int8], scale: NDArray[np.float32], *, whole: bool
) -> None:
    """Store a parameter as int8; whole: some node asks for it as float32."""
    graph.initializer.append(numpy_helper.from_array(rounded, f"{name}:byte"))
    graph.initializer.append(numpy_helper.from_array(scale, f"{name}:scale"))
    if whole:
        integers = f"{name}:whole"
        graph.node.insert(0, helper.make_node("Mul", [integers, f"{name}:scale"], [name]))
        graph.node.insert(0, helper.make_node("Cast", [f"{name}:byte"], [integers], to=TensorProto.FLOAT))


def parameters(paths: Sequence[Path]) -> dict[str, NDArray[np.float32]]:
    """Return the parameters kept in the graphs of files, by torch name, as float32."""
    found: dict[str, NDArray[np.float32]] = {}
    for path in paths:
        found |= values_of(onnx.load(path))
    return found


def expand(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Undo `compact`: return the graph with every parameter as float32 under its own name."""
    values = values_of(graph)
    to_floats(graph)
    nodes = [node for node in graph.graph.node if node.output[0].removesuffix(":whole") not in values]
    initializers = [one for one in graph.graph.initializer if ":" not in one.name and one.name not in values]
    for field, kept in (("node", nodes), ("initializer", initializers)):
        graph.graph.ClearField(field)
        getattr(graph.graph, field).extend(kept)
    graph.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in values.items())
    return graph


def set_parameters(graph: onnx.ModelProto, values: Mapping[str, NDArray[np.float32]]) -> None:
    """Give an expanded graph other parameters by name; those it does not have are left out."""
    for initializer in graph.graph.initializer:
        if initializer.name in values:
            initializer.CopyFrom(numpy_helper.from_array(values[initializer.name], initializer.name))


def values_of(graph: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
    """Return the parameters kept in a graph, by torch name, as float32."""
    stored = {one.name: numpy_helper.to_array(one) for one in graph.graph.initializer}
    found: dict[str, NDArray[np.float32]] = {}
    for name, values in stored.items():
        plain, _, how = name.partition(":")
        if how == "byte":
            found[plain] = values.astype(np.float32) * stored[f"{plain}:scale"]
        elif how in ("", "half") and np.issubdtype(values.dtype, np.floating):
            found[plain] = values.astype(np.float32)
    return found
