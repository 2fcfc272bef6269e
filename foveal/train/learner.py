"""A recogniser that learns, as Lightning drives it: losses, optimiser, rate, average, and its state."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from foveal.alphabet import Alphabet
from foveal.errors import ConfigError
from foveal.train import state
from foveal.train.feed import Tensors
from foveal.train.lessons import Lesson
from foveal.train.parallel import average_gradients, by_heads, by_weights, clip, local, whole
from foveal.train.recipe import Recipe, Schedule
from foveal.train.regular import Weigher
from foveal.train.state import Progress

TELL = 10
"""Steps between two tellings of the losses: each waits for the device."""


def rate_at(schedule: Schedule, *, step: int, progress: float) -> float:
    """Return the share of the highest rate at a step, when a share `progress` of the training is done."""
    warm = min(1.0, (step + 1) / max(1, schedule.warm))
    done = min(1.0, progress)
    if schedule.shape == "flat":
        return warm
    if schedule.shape == "cosine":
        return warm * (0.01 + 0.99 * _falling(done))
    if done < 0.3:
        return 0.04 + 0.96 * (1 - _falling(done / 0.3))
    return max(1e-4, _falling((done - 0.3) / 0.7))


def _falling(share: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * share))


def averaged(model: nn.Module, decay: float) -> AveragedModel:
    """Return the moving average of a model and its buffers (Polyak and Juditsky, 1992), faster at first."""

    @torch.no_grad()
    def move(mine: Any, theirs: Any, count: Any) -> None:
        share = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        mine, theirs = [local(tensor) for tensor in mine], [local(tensor) for tensor in theirs]
        if torch.is_floating_point(mine[0]):
            torch._foreach_lerp_(mine, theirs, share)
        else:
            torch._foreach_copy_(mine, theirs)

    return AveragedModel(model, multi_avg_fn=move, use_buffers=True).requires_grad_(False)


class Learner(LightningModule):
    """One run of a recipe. `run`: how far it is."""

    def __init__(self, recipe: Recipe, *, seed: int, half: bool | None = None) -> None:
        super().__init__()
        self.recipe, self.seed, self.in_half = recipe, seed, half
        torch.manual_seed(seed)
        self.model = recipe.model()
        self.weigher = Weigher(recipe.aims.tasks)
        decay = recipe.schedule.average
        self.average = averaged(self.model, decay) if decay else None
        self.run, self.losses = Progress(), dict[str, float]()
        self._lesson: Lesson | None = None
        self._moments: Tensors = {}
        self._began = 0.0
        self._shared = False

    @property
    def reading(self) -> nn.Module:
        """The model to read with: the average, where there is one; gathered by all processes, if need be."""
        model = self.model if self.average is None else self.average.module
        if not self._shared:
            return model
        plain = self.recipe.model()
        plain.load_state_dict(whole(model.state_dict()))
        return plain.to(self.device)

    @property
    def reader(self) -> tuple[int, int]:
        """How many processes take batches of their own, and which of them this is."""
        if self.device_mesh is None:
            return self.trainer.world_size, self.trainer.global_rank
        readers = self.device_mesh["data_parallel"]
        return readers.size(), readers.get_local_rank()

    def configure_model(self) -> None:
        """Share out the weights and the heads over the mesh of a strategy that has one."""
        if self.device_mesh is None or self._shared:
            return
        self._shared = True
        self.to(self.trainer.strategy.root_device)
        readers, heads = self.device_mesh["data_parallel"], self.device_mesh["tensor_parallel"]
        if readers.size() > 1 and self.device.type == "cuda":
            self.model = nn.SyncBatchNorm.convert_sync_batchnorm(self.model)  # type: ignore[no-untyped-call]
        for model in (self.model, *(() if self.average is None else (self.average.module,))):
            if heads.size() > 1:
                by_heads(model, heads)
            if readers.size() > 1:
                by_weights(model, readers)
        if self.average is not None:
            self.average.requires_grad_(False)

    def on_after_backward(self) -> None:
        """Average the gradients that no sharding averages: of the weights of losses, if these are learned."""
        if self._shared and self.device_mesh is not None:
            average_gradients(self.weigher.parameters(), self.device_mesh["data_parallel"])

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip as Lightning does, or all shards together."""
        if not self._shared:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
        elif gradient_clip_val:
            clip(self.parameters(), gradient_clip_val)

    def share(self) -> float:
        """Return how much of the training is done, by the clock if the recipe gives minutes."""
        schedule = self.recipe.schedule
        if schedule.minutes > 0:
            return self.seconds() / (60 * schedule.minutes)
        return self.run.step / schedule.steps

    def ended(self) -> bool:
        """Return whether the training is done, or nothing got better for as long as there is patience."""
        patience = self.recipe.schedule.patience
        return self.share() >= 1 or 0 < patience <= self.run.stale

    def seconds(self) -> float:
        """Return the seconds trained, those before an interruption included."""
        return self.run.seconds + (time.perf_counter() - self._began if self._began else 0.0)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return AdamW with decay on matrices only."""
        learned = [p for part in (self.model, self.weigher) for p in part.parameters()]
        groups = [
            {"params": [p for p in learned if p.dim() >= 2], "weight_decay": self.recipe.schedule.decay},
            {"params": [p for p in learned if p.dim() < 2], "weight_decay": 0.0},
        ]
        optimiser = torch.optim.AdamW(
            groups, lr=self.recipe.schedule.rate, betas=(0.9, 0.98),
            foreach=False if self._shared else None,  # a list may not mix what is shared out with what is not
        )  # fmt: skip
        if self._moments:
            state.restore_optimiser(optimiser, self._moments)
        return optimiser

    def on_train_start(self) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def training_step(self, batch: Tensors, number: int) -> Tensor:  # noqa: ARG002
        """Return the loss of one batch; every random number in it depends on seed, step and process only."""
        readers, own = self.reader
        drawn = self.run.step * readers + own
        torch.manual_seed(self.seed * 1_000_003 + drawn)
        if self._lesson is None:
            recipe = self.recipe
            alphabet = Alphabet(recipe.alphabet)
            self._lesson = Lesson(self.model, recipe.aims, recipe.data, alphabet=alphabet, seed=self.seed)
            if self.in_half is not None:
                self._lesson.compute_in(torch.bfloat16 if self.in_half else torch.float32)
        optimiser = cast(torch.optim.Optimizer, self.optimizers(use_pl_optimizer=False))
        rate = rate_at(self.recipe.schedule, step=self.run.step, progress=self.share())
        for group in optimiser.param_groups:
            group["lr"] = self.recipe.schedule.rate * rate
        parts = self._lesson.parts(self._lesson.draw(batch, drawn))
        told = {name: value.detach() for name, value in parts.items()}
        right = parts.pop("right", None)
        loss: Tensor = self.weigher(parts, self.share())
        self._told = told | {"loss": loss.detach()} | ({} if right is None else {"right": right})
        return loss

    def stepped(self) -> None:
        """Move the average, count the step, tell the losses: called when the optimiser has moved."""
        if self.average is not None:
            self.average.update_parameters(self.model)
        self.run = replace(self.run, step=self.run.step + 1)
        if self.run.step % TELL == 0 or self.run.step == 1:
            self.losses = {name: float(value) for name, value in self._told.items()}
            self.log("loss", self.losses["loss"], prog_bar=True, logger=False)
            if self.logger is not None:
                self.logger.log_metrics(self.losses, step=self.run.step)

    def tensors(self) -> Tensors:
        """Return all that it takes to go on."""
        optimiser = cast(torch.optim.Optimizer, self.optimizers(use_pl_optimizer=False))
        parts = {
            "model": self.model.state_dict(),
            "weigher": self.weigher.state_dict(),
            "average": {} if self.average is None else self.average.state_dict(),
            "optimiser": state.optimiser_tensors(optimiser),
        }
        return whole({f"{part}.{name}": value for part, own in parts.items() for name, value in own.items()})

    def keep(self, path: Path) -> None:
        """Write what it takes to go on from here, gathered by all processes; the first writes."""
        run, tensors = replace(self.run, seconds=self.seconds()), self.tensors()
        facts = {"recipe": self.recipe.to_json(), "run": state.progress_fact(run), "seed": str(self.seed)}
        if self.global_rank == 0:
            state.write(path, tensors, **facts)

    def resume(self, path: Path) -> None:
        """Go on from what `keep` wrote; ConfigError if recipe (its length aside) or seed are others."""
        tensors, facts = state.read(path)
        schedule, kept = self.recipe.schedule, Recipe.from_json(facts["recipe"])
        length = replace(kept.schedule, steps=schedule.steps, minutes=schedule.minutes)
        same = replace(kept, schedule=length) == self.recipe
        if not same or facts["seed"] != str(self.seed):
            raise ConfigError(
                f"{path}: made with another recipe or seed",
                remedy="go on with these, or give another --output",
            )
        state.fill(self.model, state.below(tensors, "model"), path=path)
        state.fill(self.weigher, state.below(tensors, "weigher"), path=path)
        if self.average is not None:
            state.fill(self.average, state.below(tensors, "average"), path=path)
        self._moments = state.below(tensors, "optimiser")
        self.run = Progress(**json.loads(facts["run"]))
