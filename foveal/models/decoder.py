"""What a decoder is: from what an encoder saw, "b n d", to one character after another.

Each reads a whole text at once while it learns (`forward`, every character told the true ones before it), and
a step at a time while it reads (`start`, `step`), which is what reading.search drives. A state is a tuple of
tensors whose first axis is the line. Class 0 ends a text; the token before the first is `classes`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]


class Read(NamedTuple):
    """logits: "b t classes"; looks: "b t n", where each character was looked for; None if there are none."""

    logits: Tensor
    looks: Tensor | None


class Step(NamedTuple):
    """One character of each line. log_probs: "b classes"; look: "b n", None if there is none."""

    log_probs: Tensor
    look: Tensor | None
    state: State


class Decoder(nn.Module):
    """Base of all decoders: give `forward`, `start` and `step`. memory: "b n d"; valid: "b n".

    ids: "b t", the characters before each (the token before the first is `classes`).
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, memory: Tensor, valid: Tensor, ids: Tensor) -> Read:
        """Return what is read at each of t places."""
        raise NotImplementedError

    def start(self, memory: Tensor, valid: Tensor) -> State:
        """Return the state before the first character."""
        raise NotImplementedError

    def step(self, state: State, ids: Tensor) -> Step:
        """Return the next character of each line, given the one before, "b"."""
        raise NotImplementedError


def unrolled(decoder: Decoder, memory: Tensor, valid: Tensor, ids: Tensor) -> Read:
    """Return what a decoder reads step by step when told the true characters before."""
    state, steps = decoder.start(memory, valid), []
    for before in ids.unbind(1):
        step = decoder.step(state, before)
        state = step.state
        steps.append(step)
    looks = [step.look for step in steps if step.look is not None]
    logits = torch.stack([step.log_probs for step in steps], 1)
    return Read(logits, torch.stack(looks, 1) if looks else None)
