"""A spelling recogniser as two ONNX graphs, and as the steps in torch that reading.search drives.

`begin`: strip uint8 "1 32 w 3" → the state before the first character. `step`: state, ids "h" → log_probs
"h classes", look "h n" (if the decoder looks), the state after. State tensors are named state0, state1, …
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from foveal.errors import FovealError
from foveal.models.decoder import State
from foveal.models.recogniser import Spelling
from foveal.reading.search import Floats, Search, spell
from foveal.reading.search import State as AnyState
from foveal.reading.steps import GraphSteps

_TOLERANCE = 1e-3
"""Largest difference in log-probability between torch and the graphs."""


class Begin(nn.Module):
    """Strips to the state before the first character."""

    def __init__(self, model: Spelling) -> None:
        super().__init__()
        self.model = model

    def forward(self, strip: Tensor) -> State:
        """Return the state of strips uint8 "b 32 w 3"."""
        grid = self.model.encode(strip.permute(0, 3, 1, 2).float() / 255)
        valid = torch.ones(grid.shape[:2], dtype=torch.bool, device=grid.device)
        return self.model.decoder.start(grid, valid)


class Next(nn.Module):
    """One character, and the state after it."""

    def __init__(self, model: Spelling) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Return log-probabilities, the look if there is one, and the state."""
        step = self.model.decoder.step(state, ids)
        look = () if step.look is None else (step.look,)
        return (step.log_probs, *look, *step.state)


class TorchSteps:
    """A recogniser in torch as reading.search drives it."""

    def __init__(self, model: Spelling) -> None:
        self._begin, self._next = Begin(model), Next(model)
        self._device = next(model.parameters()).device

    @torch.no_grad()
    def start(self, strip: NDArray[np.uint8]) -> State:
        """Return the state of a strip "32 w 3"."""
        state: State = self._begin(torch.from_numpy(strip)[None].to(self._device))
        return state

    @torch.no_grad()
    def __call__(self, state: AnyState, ids: NDArray[np.int64]) -> tuple[Floats, Floats | None, AnyState]:
        """Return log-probabilities, looks and the state after."""
        log_probs, *rest = self._next(torch.from_numpy(ids).to(self._device), *state)
        look = rest.pop(0).float().cpu().numpy() if len(rest) > len(state) else None
        return log_probs.float().cpu().numpy(), look, tuple(rest)




def export_steps(model: Spelling, folder: Path) -> None:
    """Write `begin.onnx` and `step.onnx`; reading.steps.GraphSteps reads with them.

    Raises FovealError, and removes them, if what they read of noise differs from torch in a character, or by
    more than 10⁻³ in the log-probability of a text.
    """
    model = model.float().cpu().eval()
    begin, after = Begin(model), Next(model)
    strip, ids = torch.randint(0, 256, (2, 32, 64, 3), dtype=torch.uint8), torch.zeros(2, dtype=torch.long)
    with torch.no_grad():
        state = begin(strip)
        for _ in range(3):  # so that no length is 0 or 1, which torch.export takes for a constant
            seen = after(ids, *state)
            state = seen[-len(state) :]
    names = [f"state{i}" for i in range(len(state))]
    looks = ["look"] * (len(seen) - len(state) - 1)
    free = torch.export.Dim.AUTO
    begins = _graph(begin, (strip,), ["strip"], names, shapes=({0: free, 2: free},))
    lengths = tuple(dict.fromkeys(range(part.dim()), free) for part in state)
    told = ["log_probs", *looks, *(f"after{i}" for i in range(len(state)))]
    steps = _graph(after, (ids, *state), ["ids", *names], told, shapes=({0: free}, lengths))
    folder.mkdir(parents=True, exist_ok=True)
    begins.save(folder / "begin.onnx")
    steps.save(folder / "step.onnx")
    _compare(model, folder)


def _graph(
    module: nn.Module, inputs: State, names: list[str], outputs: list[str], *, shapes: Any
) -> torch.onnx.ONNXProgram:
    program = torch.onnx.export(
        module, inputs, input_names=names, output_names=outputs, dynamic_shapes=shapes, dynamo=True,
        verbose=False,
    )  # fmt: skip
    assert program is not None
    return program


def _compare(model: Spelling, folder: Path) -> None:
    rng = np.random.default_rng(0)
    first = model.decoder.classes
    for width in (48, 176):
        strip = rng.integers(0, 256, (32, width, 3), dtype=np.uint8)
        ours, theirs = (
            spell(steps, steps.start(strip), Search(beam=2, longest=6), lines=1, first=first)[0]
            for steps in (TorchSteps(model), GraphSteps(folder))
        )
        if ours.ids != theirs.ids or abs(ours.score - theirs.score) > _TOLERANCE:
            for name in ("begin.onnx", "step.onnx"):
                (folder / name).unlink()
            raise FovealError("the exported graphs differ from torch", remedy="nothing was kept")
