"""`foveal train`: a recipe, folders of crops or a pack of fonts, and out comes a recogniser."""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import ModelParallelStrategy, Strategy
from torch.utils.data import DataLoader, Sampler

from foveal.alphabet import Alphabet
from foveal.config import nearest
from foveal.errors import ConfigError
from foveal.evaluate import Report, evaluate
from foveal.measure.sets import is_pages
from foveal.models.recogniser import Fixating, Recogniser
from foveal.models.run_file import open_run
from foveal.train import state
from foveal.train.feed import Tensors
from foveal.train.learner import Learner
from foveal.train.parallel import check_heads
from foveal.train.recipe import Recipe
from foveal.train.strips import Sources, StripBatches
from foveal.train.torch_reader import TorchReader

WAYS = ("data", "weights", "heads")
LAST, BEST, FINAL = "last.safetensors", "best.safetensors", "final.safetensors"


@dataclass(frozen=True)
class Run:
    """One run of a recipe.

    output: folder of checkpoints and logs; a run that was cut short there goes on. dev: sets of crops to
    choose by; limit: only the first crops of each. device: auto, cpu or cuda; devices: how many; half:
    compute in bfloat16 (weights stay float32), on a GPU unless told; workers: processes that make batches;
    compile: by torch.compile; parallel: what several devices share out (train/parallel.py): data, each with
    batches of its own; weights, the same with every weight on one of them; heads, all with the same batches.
    """

    recipe: Recipe
    sources: Sources
    output: Path
    dev: tuple[Path, ...] = ()
    limit: int | None = None
    seed: int = 0
    device: str = "auto"
    devices: int = 1
    half: bool | None = None
    workers: int = 0
    compile: bool = False
    parallel: str = "data"

    def __post_init__(self) -> None:
        """Refuse ways to share a model out that do not exist, or cannot be had here."""
        if self.parallel == "layers":
            raise ConfigError(
                "a pipeline of layers has a loop of its own", remedy="use foveal.train.parallel.by_layers"
            )
        if self.parallel not in WAYS:
            raise ConfigError(
                f"there is nothing called '{self.parallel}' to share out", remedy=nearest(self.parallel, WAYS)
            )
        if self.parallel != "data" and self.devices == 1:
            raise ConfigError(f"{self.parallel} are shared out among devices", remedy="give --devices 2")
        if self.parallel != "data" and self.compile:
            raise ConfigError(f"a model whose {self.parallel} are shared out is not compiled",
                              remedy="leave out --compile")  # fmt: skip

    @property
    def readers(self) -> int:
        """Processes that take batches of their own."""
        return 1 if self.parallel == "heads" else self.devices


@dataclass(frozen=True)
class Outcome:
    """What a run came to. losses: the last; reports: of the sets of --dev; seconds: of training;
    leads: whether this process, of several, is the one that writes and tells.
    """

    steps: int
    seconds: float
    losses: dict[str, float]
    reports: tuple[Report, ...]
    leads: bool = True


class _Numbers(Sampler[int]):
    """The numbers of the batches of one process, from the one where it goes on."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner

    def __iter__(self) -> Iterator[int]:
        world, rank = self._learner.reader
        turn = self._learner.run.step // self._learner.recipe.data.echo
        while True:
            yield turn * world + rank
            turn += 1


class _Echoed:
    """Each batch for as many steps as the recipe says; the first for those that are left of it."""

    def __init__(self, loader: DataLoader[Tensors], learner: Learner) -> None:
        self._loader, self._learner = loader, learner

    def __iter__(self) -> Iterator[Tensors]:
        times = self._learner.recipe.data.echo
        left = times - self._learner.run.step % times
        for batch in self._loader:
            for _ in range(left):
                yield batch
            left = times


class _Count(Callback):
    """Tells the learner of each step, before other callbacks ask it how far it is."""

    def on_train_batch_end(self, _: Trainer, pl_module: LightningModule, *__: Any) -> None:
        assert isinstance(pl_module, Learner)
        pl_module.stepped()


class _Keeper(Callback):
    """Writes checkpoints, evaluates, and stops when the time is up or nothing gets better."""

    def __init__(self, run: Run) -> None:
        self.run, self.reports = run, tuple[Report, ...]()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        assert isinstance(pl_module, Learner)
        schedule, step = self.run.recipe.schedule, pl_module.run.step
        ends = _agreed(trainer, pl_module)
        if self.run.dev and (ends or step % schedule.evaluate == 0):
            self.judge(pl_module, trainer)
            ends = ends or _agreed(trainer, pl_module)
        if ends or step % schedule.save == 0:
            pl_module.keep(self.run.output / LAST)  # behind the judging, which it remembers
        trainer.should_stop = ends

    def judge(self, learner: Learner, trainer: Trainer | None = None) -> None:
        """Read the dev sets; keep the weights if they read better than any before."""
        begin = time.perf_counter()
        self.reports = judged(learner.reading, self.run)  # type: ignore[arg-type]  # a recogniser's average is one
        learner.model.train()
        cer = sum(report.figures["cer"] for report in self.reports) / len(self.reports)
        if trainer is not None:
            cer = trainer.strategy.broadcast(cer)  # batch norms may differ a little
        better = cer < learner.run.best
        if better:
            write_weights(learner, self.run, BEST)
        stale = 0 if better else learner.run.stale + 1
        judging = time.perf_counter() - begin
        learner.run = replace(
            learner.run, best=min(cer, learner.run.best), stale=stale, seconds=learner.run.seconds - judging
        )
        if learner.logger is not None:
            figures = {f"{report.set}.cer": report.figures["cer"] for report in self.reports}
            learner.logger.log_metrics(figures, step=learner.run.step)


def _agreed(trainer: Trainer, learner: Learner) -> bool:
    """Return whether the run ends here: what the leading process says, for clocks differ."""
    return bool(trainer.strategy.broadcast(learner.ended() or trainer.should_stop))


def judged(model: Recogniser, run: Run) -> tuple[Report, ...]:
    """Return the report of every dev set."""
    reader = TorchReader(model, Alphabet(run.recipe.alphabet))
    return tuple(evaluate(folder, reader, limit=run.limit) for folder in run.dev)


def write_weights(learner: Learner, run: Run, name: str) -> None:
    """Write the weights to read with, the recipe, and where there are strips to compare an export on.

    All processes gather the weights, the first writes.
    """
    facts = {"recipe": learner.recipe.to_json(), "step": str(learner.run.step), "seed": str(learner.seed)}
    facts["sets"] = "\n".join(str(folder.resolve()) for folder in (*run.dev, *run.sources.folders))
    weights = learner.reading.state_dict()
    if learner.global_rank == 0:
        state.write(run.output / name, weights, **facts)


def load_recogniser(path: Path) -> tuple[Recogniser, Recipe]:
    """Return the recogniser of a file that a run wrote (best or final), and its recipe."""
    found = open_run(path)
    return found.model, Recipe.from_json(found.recipe)


def train(run: Run) -> Outcome:
    """Train, or go on training; write `final.safetensors`, the weights to read with, and return figures.

    Raises, before any step, ConfigError for a dev set of pages and InputMissing for a folder that is no set.
    """
    for folder in filter(is_pages, run.dev):
        raise ConfigError(f"{folder}: a recogniser reads lines, not pages", remedy="give sets of crops")
    learner, keeper = Learner(run.recipe, seed=run.seed, half=run.half), _Keeper(run)
    if (run.output / LAST).exists():
        learner.resume(run.output / LAST)
    if learner.ended():
        _judge_ended(learner, keeper)
    else:
        if run.compile:
            compile_parts(learner.model)
        fit(learner, run, keeper)
    write_weights(learner, run, FINAL)
    leads = learner.global_rank == 0
    return Outcome(learner.run.step, learner.seconds(), learner.losses, keeper.reports, leads)


def _judge_ended(learner: Learner, keeper: _Keeper) -> None:
    """Make up for what a run did not come to that was cut short behind its last step."""
    run = keeper.run
    final = run.output / FINAL
    if final.exists() and state.read(final)[1]["step"] == str(learner.run.step):
        raise ConfigError(f"{run.output}: this run has ended", remedy="give another --output")
    if run.device != "cpu" and torch.cuda.is_available():
        learner.to("cuda")
    if run.dev:
        keeper.judge(learner)


def compile_parts(model: Recogniser) -> None:
    """Compile what training calls: the model, or the parts of one that glances first and fixates then."""
    for part in (model.stem, *model.fixate_layers) if isinstance(model, Fixating) else (model,):
        part.compile()


def _strategy(run: Run) -> str | Strategy:
    """Return Lightning's name for one device or DDP, or the mesh on which a learner shares itself out."""
    if run.devices == 1:
        return "auto"
    if run.parallel == "data":
        return "ddp_find_unused_parameters_true"
    return ModelParallelStrategy(run.readers, run.devices // run.readers)


def fit(learner: Learner, run: Run, *callbacks: Callback) -> Trainer:
    """Drive a learner through its batches until a callback ends it."""
    if run.parallel == "heads":
        check_heads(learner.model, run.devices)  # before there are several processes to say so
    batches = StripBatches(
        run.sources, run.recipe.data, seed=run.seed, alphabet=Alphabet(run.recipe.alphabet),
        readers=run.readers,
    )  # fmt: skip
    loader = DataLoader(
        batches, batch_size=None, sampler=_Numbers(learner), num_workers=run.workers,
        persistent_workers=run.workers > 0,
        # a fork of a program with threads may hang
        multiprocessing_context="forkserver" if run.workers else None,
    )  # fmt: skip
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")  # advice on workers and logs
        trainer = Trainer(
            accelerator={"auto": "auto", "cpu": "cpu", "cuda": "gpu"}[run.device],
            devices=run.devices,
            strategy=_strategy(run),
            max_epochs=-1,
            gradient_clip_val=run.recipe.schedule.clip or None,
            sync_batchnorm=run.devices > 1 and torch.cuda.is_available() and run.device != "cpu",
            use_distributed_sampler=False,
            callbacks=[_Count(), *callbacks],
            logger=TensorBoardLogger(run.output, name="", version=""),
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=sys.stderr.isatty(),
        )
        trainer.fit(learner, _Echoed(loader, learner))
    return trainer
