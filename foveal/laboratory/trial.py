"""One recipe with one seed under a budget: trained, read with, looked into, weighed."""

from __future__ import annotations

import copy
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
from foveal.laboratory.cost import Image, by_length, flops, latency, measured, working_memory
from foveal.measure.concentration import entropy, gini
from foveal.measure.rules import rule_named, rule_of
from foveal.measure.sets import Crop, read_crops
from foveal.measure.stability import PERTURBATIONS, row_stability
from foveal.measure.text import cer
from foveal.train.recipe import Changes, read_recipe
from foveal.train.run import Run, load_recogniser, train
from foveal.train.strips import Sources
from foveal.train.torch_reader import TorchReader, opened

Floats = NDArray[np.float32]

_WEIGHED = 8
"""Strips whose reading is timed, and whose looks are compared under small changes of the image."""

_SECONDS = 2.0
"""Of reading, to measure its energy: a GPU's counter moves a few times a second."""

LENGTHS = (4, 8, 16, 32, 64, 10**6)
"""Upper ends of the classes of length, in characters, by which CER is told."""


@dataclass(frozen=True)
class Trial:
    """What is tried. changes: the budget; limit: crops of each set; the rest: see train.run.Run."""

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
    recipe = trial.changes.of(read_recipe(trial.recipe))
    begin = time.perf_counter()
    outcome = train(
        Run(recipe, trial.sources, trial.output, seed=trial.seed, device=trial.device, workers=trial.workers)
    )
    seconds = time.perf_counter() - begin
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() and trial.device != "cpu" else None
    figures = read_sets(reader_of(trial), trial.dev, trial.limit)
    return {
        "recipe": str(trial.recipe),
        "what": recipe.about.what,
        "seed": trial.seed,
        "steps": outcome.steps,
        "seconds": outcome.seconds,
        "seconds_with_start": seconds,
        "images_s": outcome.steps * recipe.data.batch / outcome.seconds,
        "training_bytes": peak,
        "losses": outcome.losses,
        **figures,
    }


def reader_of(trial: Trial) -> TorchReader:
    """Return what a trial trained, ready to read, on its device."""
    model, recipe = load_recogniser(trial.output / "final.safetensors")
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
    """Return what reading with a trained trial costs, a strip: on one core of the CPU, and on its GPU.

    Nothing else should run meanwhile.
    """
    reader, images = reader_of(trial), [opened(crop.image) for crop in _some(trial.dev)]
    torch.set_num_threads(1)
    device = next(reader.model.parameters()).device
    model = copy.deepcopy(reader.model).cpu().requires_grad_(False)  # what torch needs to count operations
    alone = TorchReader(model, reader.alphabet, search=reader.search)
    costs: dict[str, Any] = {
        "parameters": sum(p.numel() for p in reader.model.parameters()),
        "flops": flops(partial(alone.transcribe, images)) / len(images),
        "cpu_ms": _mean_latency(alone, images, time.process_time),
        "reading_bytes": working_memory(partial(alone.transcribe, images[:1])),
        "by_length": by_length(alone),
    }
    if device.type == "cuda":
        costs["gpu_ms"] = _mean_latency(reader, images, time.perf_counter)
    begin, times = time.perf_counter(), 0
    with measured(device) as energy:
        while times < 5 or time.perf_counter() - begin < _SECONDS:
            reader.transcribe(images)
            times += 1
    return costs | {"joules": energy.joules / (times * len(images)), "joules_by": energy.by}


def _mean_latency(reader: TorchReader, images: Sequence[Image], clock: Callable[[], float]) -> float:
    reads = (partial(reader.transcribe, [image]) for image in images)
    return float(np.mean([latency(read, times=3, clock=clock) for read in reads]))
