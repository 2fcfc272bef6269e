"""A recogniser that spells, by ONNX Runtime: the steps that search.spell drives. No torch is needed here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foveal.reading.engine import Session
from foveal.reading.search import Floats, State


def session(path: Path) -> Session:
    """Return a graph's session on the CPU."""
    import onnxruntime  # type: ignore[import-untyped]

    made: Session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return made


class GraphSteps:
    """The graphs that models.export_steps wrote. state0, state1, …: what one step hands to the next."""

    def __init__(self, folder: Path) -> None:
        self._begin, self._next = session(folder / "begin.onnx"), session(folder / "step.onnx")

    def start(self, strip: NDArray[np.uint8]) -> State:
        """Return the state before the first character of a strip "32 w 3"."""
        return tuple(self._begin.run(None, {"strip": strip[None]}))

    def __call__(self, state: State, ids: NDArray[np.int64]) -> tuple[Floats, Floats | None, State]:
        """Return log-probabilities, looks and the state after."""
        given = {f"state{i}": part for i, part in enumerate(state)} | {"ids": ids}
        log_probs, *rest = self._next.run(None, given)
        look = rest.pop(0) if len(rest) > len(state) else None
        return log_probs, look, tuple(rest)
