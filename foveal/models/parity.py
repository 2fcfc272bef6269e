"""How far stored graphs are from torch: what is checked before they are written.

With products of floats every output must be within TOLERANCE of torch, whose parameters were rounded as they
are stored. With products of integers two things are checked: that the same graph with the same parameters
and products of floats is within TOLERANCE; and that what rounding activations then changes is small. Of the
probability of a column or a fixation at most MOVED may move to other characters, in the mean over those of
all strips (where a strip cannot be read well it is more), and none of which torch is SURE may be named
otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from foveal.errors import FovealError
from foveal.reading.decode import Floats
from foveal.reading.engine import Session
from foveal.reading.steps import Spells

TOLERANCE = 2e-3
"""Largest difference in log-probability between torch and a graph with products of floats."""
MOVED, SURE = 0.03, 0.9
_FEWEST, _CHARACTERS = 3, 40
"""Of a strip as many characters are compared, at the least and at the most."""

Arrays = dict[str, NDArray[Any]]


class Half:
    """A torch module asked as a session is; its inputs are named as its arguments."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module.eval()

    def run(self, outputs: list[str] | None, inputs: Arrays, /) -> list[NDArray[Any]]:
        """Return every output; reading never asks for some only."""
        assert outputs is None
        with torch.inference_mode():
            given = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in inputs.items()}
            return [value.numpy() for value in self._module(**given)]


@dataclass(frozen=True)
class Asked:
    """One half of a model in torch and as a graph, and inputs for both. names: which output is log p."""

    module: Session
    graph: Session
    inputs: Sequence[dict[str, Tensor]]
    names: int

    def answers(self) -> Iterable[tuple[list[NDArray[Any]], list[NDArray[Any]]]]:
        """Yield what both answer to each input."""
        for values in self.inputs:
            given = {name: value.numpy() for name, value in values.items()}
            yield self.module.run(None, given), self.graph.run(None, given)


def session(graph: bytes) -> Session:
    """Return a graph that was not written yet as a session."""
    made: Session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return made


def largest_difference(asked: Asked) -> float:
    """Return the largest difference over all outputs and inputs. Raises FovealError beyond TOLERANCE."""
    worst = 0.0
    for ours, theirs in asked.answers():
        each = [np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True)]
        worst = float(np.max([worst, *each]))  # of nan it is nan
    if not worst <= TOLERANCE:
        raise FovealError(f"the graph differs from torch by {worst:.2g}", remedy="nothing was written")
    return worst


def mean_move(asked: Asked) -> float:
    """Return the share of probability that rounding moves, in the mean over all places of all strips.

    Raises FovealError for more than MOVED, or if what torch is sure of is named otherwise.
    """
    moves, lost = list[Floats](), 0
    for ours, theirs in asked.answers():
        one, other = ours[asked.names], theirs[asked.names]
        moves.append(np.abs(np.exp(one) - np.exp(other)).sum(-1).ravel() / 2)  # total variation
        sure = one.max(-1) > np.log(SURE)
        lost += int((sure & (one.argmax(-1) != other.argmax(-1))).sum())
    moved = float(np.concatenate(moves).mean())
    if moved > MOVED or lost:
        raise FovealError(
            f"rounding moves {moved:.1%} of the probability, and {lost} sure places change",
            remedy="choose another storage; nothing was written",
        )
    return moved


def step_difference(
    ours: Spells, theirs: Spells, strips: Iterable[NDArray[np.uint8]], *, first: int
) -> float:
    """Return the largest difference in log-probability between two that spell, told the same characters.

    They are the likeliest two of `ours` side by side, as a beam keeps them, to the end of the likelier text;
    first: the token before the first. Raises FovealError beyond TOLERANCE.
    """
    worst = 0.0
    for strip in strips:
        worst = float(np.max([worst, *_step_differences(ours, theirs, strip, first)]))  # of nan it is nan
    if not worst <= TOLERANCE:
        raise FovealError(f"the graph differs from torch by {worst:.2g}", remedy="nothing was written")
    return worst


def _step_differences(ours: Spells, theirs: Spells, strip: NDArray[np.uint8], first: int) -> Iterator[float]:
    states, ids = [ours.start(strip), theirs.start(strip)], np.array([first], np.int64)
    for place in range(_CHARACTERS):
        one, other = ours(states[0], ids), theirs(states[1], ids)
        yield float(np.abs(one[0] - other[0]).max())
        states, rows = [one[2], other[2]], np.zeros(2, np.int64)
        states = [tuple(part[rows] for part in state) for state in states]
        ids = np.argsort(-one[0][0], kind="stable")[:2].astype(np.int64)
        if ids[0] == 0 and place >= _FEWEST:
            return
