"""`foveal compare`: recipes trained under one budget, from the same seeds, and put into one table."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from functools import partial
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, TypeVar

import torch

from foveal.attention import load
from foveal.errors import ConfigError
from foveal.laboratory.cost import processor
from foveal.laboratory.table import markdown
from foveal.laboratory.trial import Trial, carry_out, kept, weigh
from foveal.synth.write import write
from foveal.train.recipe import Changes, read_recipe
from foveal.train.strips import Sources

T = TypeVar("T")

_RENDERED = 300
_HELD_SEED, _STOP_SEED = 990_001, 990_002
"""Seeds of rendered strips that are never learned from: those that are reported, those to stop by."""


@dataclass(frozen=True)
class Comparison:
    """What is compared. seeds: how many; sources, changes, dev, limit, device, …: as in a trial.

    together: trials at a time, which share the machine alike. Without `dev`, words or lines are
    read that are rendered for it; recipes with patience stop by others that are. costs: measure what reading
    costs at the end, with nothing else running; load: files that add mechanisms of one's own, run first.
    """

    recipes: tuple[Path, ...]
    sources: Sources
    output: Path
    changes: Changes
    dev: tuple[Path, ...] = ()
    seeds: int = 3
    limit: int | None = None
    device: str = "auto"
    workers: int = 0
    together: int = 1
    threads: int | None = None
    costs: bool = True
    stop_by: tuple[Path, ...] = ()
    load: tuple[Path, ...] = ()

    def trials(self) -> list[Trial]:
        """Return every trial, seed by seed."""
        return [
            Trial(
                recipe, seed, self.sources, self.dev, self.output / f"{_name(recipe)}-{seed}",
                self.changes, self.limit, self.device, self.workers, self.threads, self.stop_by,
            )
            for seed in range(self.seeds) for recipe in self.recipes
        ]  # fmt: skip


def compare(asked: Comparison, *, told: Callable[[str], None] = lambda _: None) -> list[dict[str, Any]]:
    """Carry out every trial and write trials.json, table.md and the pictures into the output folder.

    told: hears of every trial that ends. A trial that was finished before is not carried out again. One that
    fails is told and left out; the first error is raised where none succeeds.
    """
    asked.output.mkdir(parents=True, exist_ok=True)
    if not asked.dev:
        asked = replace(asked, dev=(_rendered(asked, "rendered", _HELD_SEED),))
    if any(read_recipe(recipe).schedule.patience for recipe in asked.recipes):
        asked = replace(asked, stop_by=(_rendered(asked, "stopping", _STOP_SEED),))
    found: list[dict[str, Any]] = []
    failed: list[BaseException] = []
    trials = asked.trials()
    for trial, outcome in _carried_out(trials, asked):
        if isinstance(outcome, BaseException):
            failed.append(outcome)
            told(f"{_name(trial.recipe)}, seed {trial.seed}: {outcome}")
        else:
            found.append(outcome)
            _write(found, asked)  # all there is, should this one be cut short
            told(f"{_name(trial.recipe)}, seed {trial.seed}: {outcome['steps']} steps")
    if failed and not found:
        raise failed[0]
    if asked.costs:
        trained = {trial.recipe: trial for trial in trials if (trial.output / "trial.json").exists()}
        costs = _alone(weighed, tuple(trained.values()), asked.load)
        found = [outcome | costs[outcome["recipe"]] for outcome in found]
    _keep(found, asked)
    return found


def weighed(trials: Sequence[Trial]) -> dict[str, Any]:
    """Return what reading costs by recipe, one trained trial after another, with nothing else running."""
    return {str(trial.recipe): kept(trial.output / "cost.json", partial(weigh, trial)) for trial in trials}


def _name(recipe: Path) -> str:
    folder = recipe.parent.name
    return recipe.stem if folder in ("recipes", "") else f"{folder}-{recipe.stem}"


def _rendered(asked: Comparison, name: str, seed: int) -> Path:
    kind = "line" if asked.changes.lines else "word"
    folder = asked.output / f"{name}_{kind}s"
    if asked.sources.fonts is None:
        raise ConfigError("a recipe with patience needs strips to stop by", remedy="give --fonts")
    if not (folder / "labels.tsv").exists():
        write(folder, kind=kind, count=_RENDERED, fonts=asked.sources.fonts, seed=seed)
    return folder


def _carried_out(
    trials: Sequence[Trial], asked: Comparison
) -> Iterator[tuple[Trial, dict[str, Any] | BaseException]]:
    """Yield each trial with its outcome or its error, so many at a time."""
    with ThreadPoolExecutor(asked.together) as pool:
        running = {pool.submit(_alone, _finished, trial, asked.load): trial for trial in trials}
        for one in as_completed(running):
            yield running[one], one.exception() or one.result()


def _alone(function: Callable[[T], dict[str, Any]], given: T, files: tuple[Path, ...]) -> dict[str, Any]:
    """Call a function in a fresh process that has run `files`: its memory is its own, and its failure too."""
    with ProcessPoolExecutor(1, _processes()) as pool:
        return pool.submit(_loaded, function, given, files).result()


def _processes() -> BaseContext:
    """Return how fresh processes are made: where it is safe from one that imported for all of them.

    It is on Linux, if torch knows no GPU, whose state a fork must not share.
    """
    if sys.platform != "linux" or torch.version.cuda or torch.version.hip:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([carry_out.__module__])
    return context


def _loaded(function: Callable[[T], dict[str, Any]], given: T, files: tuple[Path, ...]) -> dict[str, Any]:
    for file in files:
        load(file)
    return function(given)


def _finished(trial: Trial) -> dict[str, Any]:
    return kept(trial.output / "trial.json", partial(carry_out, trial))


def _keep(trials: Sequence[dict[str, Any]], asked: Comparison) -> None:
    """Write trials.json, table.md, pictures."""
    from foveal.laboratory.plots import draw

    _write(trials, asked)
    (asked.output / "table.md").write_text(markdown(trials) + "\n", encoding="utf-8")
    draw(trials, asked.output)


def _write(trials: Sequence[dict[str, Any]], asked: Comparison) -> None:
    """Write trials.json with the machine and the date."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() and asked.device != "cpu" else None
    facts = {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": {"cpu": processor(), "cores": os.cpu_count(), "gpu": gpu},
        "budget": asdict(asked.changes) | {"together": asked.together},
        "data": {
            "train": [folder.name for folder in asked.sources.folders],
            "dev": [folder.name for folder in asked.dev],
            "limit": asked.limit,
        },
        "trials": list(trials),
    }
    (asked.output / "trials.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
