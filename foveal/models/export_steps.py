"""Recognisers without fixations as ONNX graphs, and in torch as reading.scribe asks them.

CTC alone: strips uint8 "b 32 w 3" → log_probs "b n classes". A decoder has two graphs: the beginning, strips
→ the state before the first character; and a step, ids "h", state → log_probs "h classes", look "h n" (if the
decoder looks), the state after. State tensors are named state0, state1, …, after a step after0, after1, …;
those that a step leaves as they are it does not give back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from foveal.models.decoder import State
from foveal.models.export import settled
from foveal.models.export_lstm import TRANSLATIONS, as_nodes
from foveal.models.recogniser import Glancing, Spelling
from foveal.reading.search import Floats
from foveal.reading.search import State as AnyState


class GlanceAlone(nn.Module):
    """Strips to log-probabilities."""

    def __init__(self, model: Glancing) -> None:
        super().__init__()
        self.model = model

    def forward(self, strips: Tensor) -> tuple[Tensor]:
        """Return log-probabilities "b n classes" of strips uint8 "b 32 w 3"."""
        logits: Tensor = self.model(strips.permute(0, 3, 1, 2).float() / 255)
        return (logits.float().log_softmax(-1),)


class Begin(nn.Module):
    """Strips to the state before the first character."""

    def __init__(self, model: Spelling) -> None:
        super().__init__()
        self.model = model

    def forward(self, strips: Tensor) -> State:
        """Return the state of strips uint8 "b 32 w 3"."""
        grid = self.model.encode(strips.permute(0, 3, 1, 2).float() / 255)
        valid = torch.ones(grid.shape[:2], dtype=torch.bool, device=grid.device)
        return self.model.decoder.start(grid, valid)


class Next(nn.Module):
    """One character, and the state after it; kept: the parts of it that a step leaves as they are."""

    def __init__(self, model: Spelling, *, kept: Sequence[int] = ()) -> None:
        super().__init__()
        self.model = model
        self.kept = kept

    def forward(self, ids: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Return log-probabilities, the look if there is one, and the state but what is kept."""
        step = self.model.decoder.step(state, ids)
        # a copy: where the look is a part of the state too, a graph would give the value one name only
        look = () if step.look is None else (step.look.clone(),)
        return (step.log_probs, *look, *(x for i, x in enumerate(step.state) if i not in self.kept))


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


class TorchGlance:
    """CTC alone in torch, as reading.scribe asks it."""

    def __init__(self, model: Glancing) -> None:
        self._model = GlanceAlone(model)
        self._device = next(model.parameters()).device

    @torch.no_grad()
    def glance(self, strip: NDArray[np.uint8]) -> Floats:
        """Return the log-probabilities "n classes" of a strip "32 w 3"."""
        (log_probs,) = self._model(torch.from_numpy(strip)[None].to(self._device))
        found: Floats = log_probs[0].cpu().numpy()
        return found


def in_torch(model: Glancing | Spelling) -> TorchGlance | TorchSteps:
    """Return what reading.scribe asks of a recogniser without fixations, by torch."""
    model.eval()
    return TorchGlance(model) if isinstance(model, Glancing) else TorchSteps(model)


def alone_programs(model: Glancing | Spelling) -> list[onnx.ModelProto]:
    """Return the graphs of a recogniser without fixations: one of CTC; of a decoder its beginning and step.

    Parameters are named as in torch.
    """
    free = torch.export.Dim.AUTO
    strips = torch.randint(0, 256, (2, 32, 64, 3), dtype=torch.uint8)
    with as_nodes(model):
        if isinstance(model, Glancing):
            shapes = ({0: free, 2: free},)
            return [_graph(GlanceAlone(model), (strips,), ["strips"], ["log_probs"], shapes=shapes)]
        return _step_graphs(model, strips)


def _step_graphs(model: Spelling, strips: Tensor) -> list[onnx.ModelProto]:
    begin, after, free = Begin(model).eval(), Next(model).eval(), torch.export.Dim.AUTO
    ids = torch.zeros(2, dtype=torch.long)
    with torch.no_grad():
        state = begin(strips)
        for _ in range(3):  # so that no length is 0 or 1, which torch.export takes for a constant
            before, seen = state, after(ids, *state)
            state = seen[-len(state) :]
    names = [f"state{i}" for i in range(len(state))]
    looks = ["look"] * (len(seen) - len(state) - 1)
    kept = [i for i, (one, other) in enumerate(zip(before, state, strict=True)) if one is other]
    told = ["log_probs", *looks, *(f"after{i}" for i in range(len(state)) if i not in kept)]
    lengths = tuple(dict.fromkeys(range(part.dim()), free) for part in state)
    return [
        _graph(begin, (strips,), ["strips"], names, shapes=({0: free, 2: free},)),
        _graph(Next(model, kept=kept), (ids, *state), ["ids", *names], told, shapes=({0: free}, lengths)),
    ]


def _graph(
    module: nn.Module, inputs: State, names: list[str], outputs: list[str], *, shapes: Any
) -> onnx.ModelProto:
    program = torch.onnx.export(
        module.eval(), inputs, input_names=names, output_names=outputs, dynamic_shapes=shapes, dynamo=True,
        optimize=False, verbose=False, custom_translation_table=TRANSLATIONS,
    )  # fmt: skip
    assert program is not None
    return settled(program.model_proto)
