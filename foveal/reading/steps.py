"""Recognisers without fixations, by ONNX Runtime: what reading.scribe asks them. No torch is needed here."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from foveal.reading.engine import Session
from foveal.reading.search import Floats, State, Stepper


@runtime_checkable
class Spells(Stepper, Protocol):
    """A decoder as its reader asks it: how a strip begins, and what follows (reading/search.py)."""

    def start(self, strip: NDArray[np.uint8], /) -> State:
        """Return the state before the first character of a strip "32 w 3"."""
        ...


class Glances(Protocol):
    """CTC as its reader asks it."""

    def glance(self, strip: NDArray[np.uint8], /) -> Floats:
        """Return the log-probabilities "n classes" of a strip "32 w 3"."""
        ...


class GraphSteps:
    """Two graphs that models.export_steps wrote: the names of what one step hands to the next are there."""

    def __init__(self, begin: Session, after: Any) -> None:
        self._begin, self._next = begin, after
        self._told = [out.name for out in after.get_outputs()]

    def start(self, strip: NDArray[np.uint8]) -> State:
        """Return the state before the first character of a strip "32 w 3"."""
        return tuple(self._begin.run(None, {"strips": strip[None]}))

    def __call__(self, state: State, ids: NDArray[np.int64]) -> tuple[Floats, Floats | None, State]:
        """Return log-probabilities, looks and the state after."""
        given = {f"state{i}": part for i, part in enumerate(state)} | {"ids": ids}
        told = dict(zip(self._told, self._next.run(None, given), strict=True))
        after = tuple(told.get(f"after{i}", part) for i, part in enumerate(state))
        return told["log_probs"], told.get("look"), after


class GraphGlance:
    """The graph of CTC alone."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def glance(self, strip: NDArray[np.uint8]) -> Floats:
        """Return the log-probabilities "n classes" of a strip "32 w 3"."""
        log_probs: Floats = self._session.run(None, {"strips": strip[None]})[0][0]
        return log_probs
