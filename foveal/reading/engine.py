"""The embedded models as ONNX Runtime sessions on the CPU: no spinning threads, a small peak of memory."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from foveal.config import nearest
from foveal.errors import ConfigError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, SessionOptions  # type: ignore[import-untyped]


class Session(Protocol):
    """What is used of ONNX Runtime's InferenceSession: arrays in by name, arrays out in the graph's order."""

    def run(self, outputs: list[str] | None, inputs: dict[str, NDArray[Any]], /) -> list[NDArray[Any]]:
        """Run the graph; None asks for every output."""


WEIGHTS = Path(__file__).parent.parent / "weights"
"""The folder of the embedded models: NAME.onnx."""

_MOST_THREADS = 8  # a page's matrices are too small to feed more


def embedded() -> dict[str, Path]:
    """Return the embedded models: the file of each name."""
    return {path.stem: path for path in sorted(WEIGHTS.glob("*.onnx"))}


def threads_here() -> int:
    """Return how many threads are used unless told: the cores this process may run on, 8 at most."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(allowed or 1, _MOST_THREADS)


@lru_cache(maxsize=16)
def load_session(name: str, threads: int) -> Session:
    """Return the session of an embedded model, made once for each number of threads.

    A session may be run from several threads at a time. Raises ConfigError for a name without weights.
    """
    models = embedded()
    if name not in models:
        raise ConfigError(f"no model '{name}' is embedded", remedy=nearest(name, models))
    session: Session = open_session(models[name], threads)
    return session


def open_session(graph: Path | bytes, threads: int) -> InferenceSession:
    """Return a session of a graph in a file, or of its bytes. Raises ConfigError for what is no graph."""
    from onnxruntime import InferenceSession
    from onnxruntime.capi.onnxruntime_pybind11_state import (  # type: ignore[import-untyped]
        Fail,
        InvalidGraph,
        InvalidProtobuf,
    )

    try:
        return InferenceSession(graph, _options(threads), providers=["CPUExecutionProvider"])
    except (Fail, InvalidGraph, InvalidProtobuf) as error:
        name = graph if isinstance(graph, Path) else "the changed model"
        raise ConfigError(f"{name}: not an ONNX graph that can be run", remedy="make it again") from error


def _options(threads: int) -> SessionOptions:
    from onnxruntime import ExecutionMode, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ExecutionMode.ORT_SEQUENTIAL
    # a waiting thread that spins takes the core from whoever else is busy, and from itself
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # strips differ in width, and a plan of the memory would be kept for every width that was ever seen
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return options
