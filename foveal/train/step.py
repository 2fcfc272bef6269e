"""One training step: losses, gradients, clipping and AdamW, recorded once a kind of batch and replayed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from foveal.train.feed import Tensors
from foveal.train.objective import Objective, Question
from foveal.train.replay import Function, Replay

_LONGEST = 2.0  # of the gradient


def optimiser(model: nn.Module, rate: Tensor) -> torch.optim.AdamW:
    """Return AdamW with decay on matrices only, whose rate is read from a tensor at each step."""
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True, capturable=rate.is_cuda)


class Step:
    """Moves an objective's model one step; a batch whose gradient is not finite moves nothing.

    record: whether a GPU replays the step as one graph. Thousands of launches become one, which is half the
    time of a small model; the shapes of a kind of batch must then stay as they were at first.
    """

    def __init__(self, objective: Objective, rate: Tensor, *, record: bool = True) -> None:
        self.objective, self.optimiser, self.record = objective, optimiser(objective.model, rate), record
        self._replays: dict[str, Replay] = {}
        self._names: list[str] = []

    def __call__(self, kind: str, asked: Question) -> Tensors:
        """Return the losses of a batch by name, and the length of its gradient ("norm")."""
        extras = {"boxes": asked.boxes, "caseless": asked.caseless}
        given = {**asked.queries, **{name: value for name, value in extras.items() if value is not None}}
        tensors = (asked.images, asked.widths, *given.values())
        if kind not in self._replays:
            self._replays[kind] = Replay(self._move(list(given)), generators=(self.objective.noise,))
        replay = self._replays[kind]
        values = replay(*tensors) if self.record else replay.function(*tensors)
        return dict(zip(self._names, values, strict=True))

    def _move(self, names: list[str]) -> Function:
        def move(images: Tensor, widths: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
            queries = dict(zip(names, others, strict=True))
            boxes, caseless = queries.pop("boxes", None), queries.pop("caseless", None)
            with torch.enable_grad():
                parts = self.objective(Question(images, widths, queries, boxes, caseless))
                self.optimiser.zero_grad(set_to_none=True)
                parts["loss"].backward()  # type: ignore[no-untyped-call]
            parts["norm"] = nn.utils.clip_grad_norm_(self.objective.model.parameters(), _LONGEST)
            # the fused step skips a broken batch
            self.optimiser.found_inf = (~torch.isfinite(parts["norm"])).float()  # type: ignore[attr-defined]
            self.optimiser.step()
            self._names = list(parts)
            return tuple(value.detach() for value in parts.values())

        return move
