"""`foveal train --dry-run`: what a step of a recipe takes, found out by taking one."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from foveal.measure.cost import peak_memory
from foveal.train.learner import Learner
from foveal.train.parallel import local
from foveal.train.run import Run, compile_parts, fit


@dataclass(frozen=True)
class Cost:
    """What a step takes. parameters: in all; held: those of them that this process holds.

    seconds: of one step, the median of `steps`, after `warm_up` steps that set all up (compiling, if
    `compiled`); peak: bytes, of the GPU's memory in these steps, or of this process since it began; leads:
    whether this process, of several, is the one that tells.
    """

    parameters: int
    held: int
    seconds: float
    peak: int
    device: str
    compiled: bool
    steps: int
    warm_up: int
    leads: bool = True


class _Clock(Callback):
    """Takes the time of some steps after those that warm up, then stops."""

    def __init__(self, steps: int, warm_up: int) -> None:
        self.steps, self.warm_up = steps, warm_up
        self._ends: list[float] = []

    @property
    def seconds(self) -> list[float]:
        """Seconds of each step but those that warmed up."""
        return [after - before for before, after in pairwise(self._ends)][self.warm_up - 1 :]

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize(pl_module.device)
        self._ends.append(time.perf_counter())
        if len(self._ends) == self.warm_up and pl_module.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(pl_module.device)
        trainer.should_stop = len(self._ends) >= self.warm_up + self.steps


def dry_run(run: Run, *, steps: int = 1, warm_up: int = 1) -> Cost:
    """Take steps that warm up (one or more), then those that are timed; keep nothing; say what one takes."""
    learner, clock = Learner(run.recipe, seed=run.seed, half=run.half), _Clock(steps, warm_up)
    if run.compile:
        compile_parts(learner.model)
    with TemporaryDirectory() as folder:
        trainer = fit(learner, replace(run, output=Path(folder)), clock)
    device = trainer.strategy.root_device
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_memory()
    parameters = list(learner.model.parameters())
    return Cost(
        sum(p.numel() for p in parameters), sum(local(p).numel() for p in parameters),
        median(clock.seconds), peak, device.type, run.compile, steps, warm_up, trainer.is_global_zero,
    )  # fmt: skip
