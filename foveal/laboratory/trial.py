"""One recipe with one seed under a budget: trained, read with, looked into, weighed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.document import Line
from foveal.evaluate import evaluate
from foveal.laboratory.cost import Image, costs_of
from foveal.measure.concentration import entropy, gini
from foveal.measure.rules import rule_named, rule_of
from foveal.measure.sets import Crop, read_crops
from foveal.measure.stability import PERTURBATIONS, row_stability
from foveal.measure.text import cer
from foveal.train.recipe import Changes, read_recipe
from foveal.train.run import BEST, Run, load_recogniser, train
from foveal.train.strips import Sources
from foveal.train.torch_reader import TorchReader, opened

Floats = NDArray[np.float32]

_WEIGHED = 8
"""Strips whose reading is timed, and whose looks are compared under small changes of the image."""

_JUDGED = 100
"""Crops that are read to find out whether to stop."""

LENGTHS = (4, 8, 16, 32, 64, 10**6)
"""Upper ends of the classes of length, in characters, by which CER is told."""


@dataclass(frozen=True)
class Trial:
    """What is tried. changes: the budget; limit: crops of each set; the rest: see train.run.Run.

    stop_by: crops by which a recipe with patience stops; others do not read them.
    """

    recipe: Path
    seed: int
    sources: Sources
    dev: tuple[Path, ...]
    output: Path
    changes: Changes
    limit: int | None = None
    device: str = "auto"
    workers: int = 0
    threads: int | None = None
    stop_by: tuple[Path, ...] = ()


class _Remembering(TorchReader):
    """Keeps what it read."""

    def __init__(self, reader: TorchReader) -> None:
        super().__init__(reader.model, reader.alphabet, search=reader.search)
        self.lines: list[Line] = []

    def transcribe(self, strips: Sequence[Path | Image], *, looks: bool = False) -> list[Line]:  # noqa: ARG002
        """Read with looks and keep the lines."""
        found = super().transcribe(strips, looks=True)
        self.lines += found
        return found


def carry_out(trial: Trial) -> dict[str, Any]:
    """Return everything measured of a trial, as plain values for JSON."""
    if trial.threads is not None:
        torch.set_num_threads(trial.threads)
    trained = kept(trial.output / "trained.json", partial(_train, trial))
    figures = read_sets(reader_of(trial), trial.dev, trial.limit)
    return {"recipe": str(trial.recipe), "seed": trial.seed, **trained, **figures}


def _train(trial: Trial) -> dict[str, Any]:
    """Train, and return what it took."""
    recipe = trial.changes.of(read_recipe(trial.recipe))
    dev = trial.stop_by if recipe.schedule.patience else ()
    run = Run(
        recipe, trial.sources, trial.output, dev=dev, limit=_JUDGED, seed=trial.seed, device=trial.device,
        workers=trial.workers,
    )  # fmt: skip
    begin = time.perf_counter()
    outcome = train(run)
    seconds = time.perf_counter() - begin
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() and trial.device != "cpu" else None
    return {
        "what": recipe.about.what,
        "steps": outcome.steps,
        "seconds": outcome.seconds,
        "seconds_with_start": seconds,
        "images_s": outcome.steps * recipe.data.batch / outcome.seconds,
        "training_bytes": peak,
        "losses": outcome.losses,
    }


def kept(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what was found out before, or find it out and keep it."""
    if path.exists():
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return known
    found = make()
    new = path.with_suffix(".new")
    new.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    new.replace(path)
    return found


def reader_of(trial: Trial) -> TorchReader:
    """Return what a trial trained, ready to read, on its device."""
    best = trial.output / BEST  # where a run stops by patience
    model, recipe = load_recogniser(best if best.exists() else trial.output / "final.safetensors")
    on_gpu = torch.cuda.is_available() and trial.device != "cpu"
    return TorchReader(model.to("cuda" if on_gpu else "cpu"), Alphabet(recipe.alphabet))


def read_sets(reader: TorchReader, dev: Sequence[Path], limit: int | None) -> dict[str, Any]:
    """Return the figures of every set, CER by length over all of them, and what its looks are like."""
    sets: dict[str, dict[str, float]] = {}
    pairs: list[tuple[str, str]] = []
    looked: list[Line] = []
    for folder in dev:
        remembering = _Remembering(reader)
        report = evaluate(folder, remembering, limit=limit)
        same, crops = rule_named(rule_of(folder)), read_crops(folder)[:limit]
        pairs += [
            (same(line.text), same(crop.text)) for line, crop in zip(remembering.lines, crops, strict=True)
        ]
        looked += remembering.lines
        lookless = not any(True for _ in _look_weights(remembering.lines))
        known = report.to_json()["figures"].items()  # nan as None
        sets[folder.name] = {k: v for k, v in known if not (lookless and k.startswith("look_"))}
    images = [opened(crop.image) for crop in _some(dev)]
    return {"sets": sets, "cer_by_length": _by_length(pairs), "looks": _looks(looked, images, reader)}


def _some(dev: Sequence[Path]) -> list[Crop]:
    """Return some crops, as many of each set."""
    share = max(1, _WEIGHED // max(1, len(dev)))
    return [crop for folder in dev for crop in read_crops(folder)[:share]]


def _by_length(pairs: Sequence[tuple[str, str]]) -> dict[str, float]:
    found, below = {}, 0
    for end in LENGTHS:
        own = [pair for pair in pairs if below < len(pair[1]) <= end]
        if own:
            found[f"{below + 1}-{end}" if end < LENGTHS[-1] else f"{below + 1}-"] = cer(own)
        below = end
    return found


def _look_weights(lines: Sequence[Line]) -> Iterator[Floats]:
    """Yield the looks of each line, "t n"; nothing of lines without."""
    for line in lines:
        looks = [char.look for word in line.words for char in word.chars]
        kept = [look.weights.ravel() for look in looks if look is not None]
        if kept and len(kept) == len(looks):
            yield np.stack(kept)


def _looks(lines: Sequence[Line], images: Sequence[Image], reader: TorchReader) -> dict[str, float]:
    """Return how concentrated looks are, and how stable: those of strips that read the same both times."""
    weights = list(_look_weights(lines))
    if not weights:
        return {}
    rng, stable = np.random.default_rng(0), list[float]()
    before = reader.transcribe(images, looks=True)
    for change in PERTURBATIONS.values():
        after = reader.transcribe([change(image, rng) for image in images], looks=True)
        for one, other in zip(before, after, strict=True):
            for mine, theirs in zip(_look_weights([one]), _look_weights([other]), strict=False):
                if one.text == other.text:
                    stable.append(float(row_stability(mine, theirs).mean()))
    figures = {
        "entropy": float(np.mean(np.concatenate([entropy(own) for own in weights]))),
        "gini": float(np.mean(np.concatenate([gini(own) for own in weights]))),
    }
    return figures | ({"stability": float(np.mean(stable))} if stable else {})


def weigh(trial: Trial) -> dict[str, Any]:
    """Return what reading with a trained trial costs, a strip. Nothing else should run meanwhile."""
    return costs_of(reader_of(trial), [opened(crop.image) for crop in _some(trial.dev)])
