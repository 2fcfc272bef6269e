"""Some steps of training on few lines, on a CPU: what adapt and finetune share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from foveal.alphabet import Alphabet
from foveal.measure.rules import exact
from foveal.measure.text import edit_distance
from foveal.models.line import LineModel
from foveal.models.torch_halves import texts, transcriber
from foveal.reading.context import Context
from foveal.reading.words import Words
from foveal.train.few_lines import TextLine
from foveal.train.objective import Objective, Question, Weights

WEIGHTS = Weights(glance=0.5, counting=0.1)
_LONGEST = 2.0  # of the gradient
_WARM = 20  # steps in which the rate rises, at the most
_DECAY = 0.02
_MEMORY = 0.98  # of the average of the parameters

Told = Callable[[float], None]
"""Is told the share of the training that is done."""


@dataclass(frozen=True)
class Course:
    """How long and how fast: steps at the most, seconds at the most, and the highest rate.

    The rate rises over the first steps and falls to nothing at the last, whichever limit comes first.
    """

    steps: int
    seconds: float
    rate: float

    def part(self, share: float) -> Course:
        """Return a shorter course, as fast."""
        return Course(max(1, round(self.steps * share)), max(1.0, self.seconds * share), self.rate)

    def rate_at(self, step: int, done: float) -> float:
        """Return the rate of a step, when so great a share of the course is done."""
        risen = min(1.0, (step + 1) / (1 + min(_WARM, self.steps // 10)))
        return self.rate * risen * (1 + math.cos(math.pi * done)) / 2


def tune(
    model: LineModel,
    learnt: Sequence[nn.Parameter],
    questions: Iterator[Question],
    *,
    course: Course,
    seed: int = 0,
    told: Told | None = None,
) -> int:
    """Train some parameters of a model; return the steps taken. They end as their average of the last steps.

    The batch norms stay as they are: a few lines would mislead them.
    """
    objective = Objective(model.eval(), device=torch.device("cpu"), seed=seed)
    objective.weights = WEIGHTS
    optimiser = torch.optim.AdamW(learnt, lr=course.rate, betas=(0.9, 0.98), weight_decay=_DECAY)
    average = [parameter.detach().clone() for parameter in learnt]
    begun, step = time.monotonic(), 0
    while (done := max(step / course.steps, (time.monotonic() - begun) / course.seconds)) < 1:
        if told is not None:
            told(done)
        for group in optimiser.param_groups:
            group["lr"] = course.rate_at(step, done)
        optimiser.zero_grad()
        objective(next(questions))["loss"].backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learnt, _LONGEST)
        optimiser.step()
        share = 1 - min(_MEMORY, (1 + step) / (10 + step))
        torch._foreach_lerp_(average, [parameter.detach() for parameter in learnt], share)
        step += 1
    with torch.no_grad():
        torch._foreach_copy_(list(learnt), average)
    return step


def edits(
    model: LineModel,
    alphabet: Alphabet,
    lines: Sequence[TextLine],
    *,
    words: Words | None = None,
    context: Context | None = None,
) -> int:
    """Return how many signs of the lines a model reads wrongly, as reading does it: glance, then fixate."""
    read = texts(transcriber(model, alphabet, words, context), [line.image for line in lines])
    return sum(edit_distance(exact(text), exact(line.text)) for text, line in zip(read, lines, strict=True))


def signs(lines: Sequence[TextLine]) -> int:
    """Return how many signs the lines hold."""
    return sum(len(exact(line.text)) for line in lines)
