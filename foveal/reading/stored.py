"""Parameters as a graph's file stores them, found and changed in its bytes: reading has no onnx package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

LEVELS = 64
"""The largest weight of a channel as an integer, where products are of integers (models/integers.py)."""
_FEW = 8
_GRAPH, _INITIALIZER, _NAME, _DATA = 7, 5, 8, 9  # fields of ModelProto, GraphProto, TensorProto
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5  # kinds of fields


def in_products(dims: Sequence[int]) -> bool:
    """Tell whether a parameter of this shape is multiplied as integers.

    Not by so few outputs as the density: they cost nothing, and their errors would add up along the line.
    """
    return len(dims) == 2 and min(dims) >= _FEW


def in_bytes(values: NDArray[np.float32], levels: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return int8, `levels` at the most, and one scale an output channel (the first axis)."""
    axes = tuple(range(1, values.ndim))
    scale = (np.maximum(np.abs(values).max(axes, keepdims=True), 1e-12) / levels).astype(np.float32)
    return np.rint(values / scale).astype(np.int8), scale


def raw_data(graph: bytes) -> dict[str, slice]:
    """Return where in the bytes of an ONNX file the numbers of each initializer are, by name."""
    found = {}
    for start, end in _within(graph, 0, len(graph), _GRAPH):
        for first, last in _within(graph, start, end, _INITIALIZER):
            parts = {number: slice(*where) for number, *where in _fields(graph, first, last)}
            if _DATA in parts:
                found[graph[parts[_NAME]].decode()] = parts[_DATA]
    return found


def _within(data: bytes, start: int, end: int, wanted: int) -> Iterator[tuple[int, int]]:
    """Yield where each field of one number begins and ends."""
    for number, first, last in _fields(data, start, end):
        if number == wanted:
            yield first, last


def _fields(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the number, start and end of each field of a protobuf message (protobuf.dev, "Encoding")."""
    while start < end:
        key, start = _varint(data, start)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            _, stop = _varint(data, start)
        elif kind == _BYTES:
            size, start = _varint(data, start)
            stop = start + size
        elif kind in (_EIGHT, _FOUR):
            stop = start + (8 if kind == _EIGHT else 4)
        else:
            raise ValueError(f"a field of kind {kind}")
        yield number, start, stop
        start = stop


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at a place, and the place behind it."""
    value = shift = 0
    while data[at] & 0x80:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1
