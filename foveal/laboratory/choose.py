"""`foveal choose`: a short tournament on one's own data, and what it says to train."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.errors import ConfigError
from foveal.laboratory.cost import latency
from foveal.measure.rules import rule_named, rule_of
from foveal.measure.sets import Crop, read_crops
from foveal.measure.text import edit_distance
from foveal.reading.search import Search
from foveal.train.recipe import Recipe, read_recipe
from foveal.train.run import Run, load_recogniser, train
from foveal.train.strips import Sources
from foveal.train.torch_reader import TorchReader, opened

_RESAMPLES = 1000


@dataclass(frozen=True)
class Question:
    """What is asked. folder: crops, of which one in `hold` is held out to judge by (at least 8).

    max_ms: CPU milliseconds, on one core, that reading a crop may take; minutes: of training, in all; fonts:
    a pack to draw more strips with; limit: held-out crops that are read.
    """

    folder: Path
    recipes: tuple[Path, ...]
    output: Path
    max_ms: float = math.inf
    minutes: float = 20.0
    fonts: Path | None = None
    hold: int = 5
    limit: int = 100
    seed: int = 0
    device: str = "auto"
    workers: int = 0


@dataclass
class Candidate:
    """One recipe in the tournament. cers: after each round; edits: of each held-out crop, at last.

    ms: CPU milliseconds, on one core, of reading a crop; seconds: of training so far.
    """

    path: Path
    recipe: Recipe
    ms: float
    cers: list[float] = field(default_factory=list)
    seconds: float = 0.0
    edits: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


class Choice(NamedTuple):
    """The best, the others from best to worst, those that were too slow, and how sure it is.

    sure: the share of resamples of the held-out crops in which the best beats the next.
    """

    best: Candidate
    others: list[Candidate]
    slow: list[Candidate]
    sure: float

    def to_text(self) -> str:
        """Return the recommendation and its evidence."""
        rows = [f"{self.best.path}: {_told(self.best)}"]
        if self.others:
            rows.append(f"  it beats the next in {100 * self.sure:.0f} % of resamples of the held-out crops")
        rows += [f"  {one.path}: {_told(one)}" for one in self.others]
        rows += [f"  {one.path}: too slow, {one.ms:.1f} ms" for one in self.slow]
        return "\n".join(rows)


def _told(one: Candidate) -> str:
    cers = " → ".join(f"{100 * cer:.1f} %" for cer in one.cers)
    return f"CER {cers}, {one.ms:.1f} ms"


def choose(asked: Question, *, told: Callable[[str], None] = lambda _: None) -> Choice:
    """Return what to train on the crops of a folder: successive halving (Jamieson and Talwalkar, 2016).

    Every recipe that is fast enough is trained for a while, the better half for as long again each, and so
    on; the time of every round is the same. told: hears of every round. Raises ConfigError where all are too
    slow or the folder has too few crops.
    """
    crops = read_crops(asked.folder)
    held = crops[:: asked.hold][: asked.limit]
    if len(held) < 8:
        raise ConfigError(
            f"{asked.folder}: {len(crops)} crops are too few to choose by", remedy="give 40 or more"
        )
    candidates = [_candidate(path, held) for path in asked.recipes]
    left = [one for one in candidates if one.ms <= asked.max_ms]
    slow = [one for one in candidates if one.ms > asked.max_ms]
    if not left:
        quickest = min(candidates, key=lambda one: one.ms)
        raise ConfigError(
            f"no recipe reads a crop in {asked.max_ms} ms",
            remedy=f"the quickest, {quickest.path.name}, takes {quickest.ms:.1f}",
        )
    out: list[Candidate] = []
    rounds = max(1, math.ceil(math.log2(len(left)))) if len(left) > 1 else 1
    for number in range(rounds):
        for one in left:
            _train(one, asked, held, minutes=asked.minutes / rounds / len(left))
            _judge(one, asked, held)
            told(f"round {number + 1}: {one.path.name}: {_told(one)}")
        left.sort(key=lambda one: one.cers[-1])
        keep = math.ceil(len(left) / 2) if number < rounds - 1 else len(left)
        left, out = left[:keep], left[keep:] + out
    others = [*left[1:], *out]
    sure = _sure(left[0], others[0], asked.seed) if others else 1.0
    return Choice(left[0], others, slow, sure)


def _candidate(path: Path, held: Sequence[Crop]) -> Candidate:
    """Return a candidate and what its reading takes, by an untrained twin that spells as many characters."""
    recipe = read_recipe(path)
    crops = sorted(held, key=lambda crop: len(crop.text))[:: max(1, len(held) // 8)]
    model = recipe.model()
    times = []
    for crop in crops:
        reader = TorchReader(model, Alphabet(recipe.alphabet), search=Search(longest=len(crop.text) + 1))
        read = partial(reader.transcribe, [opened(crop.image)])
        times.append(latency(read, times=3, clock=time.process_time))
    return Candidate(path, recipe, float(np.mean(times)))


def _train(one: Candidate, asked: Question, held: Sequence[Crop], *, minutes: float) -> None:
    """Train a candidate for so many minutes more, at a rate that neither rises nor falls."""
    schedule = replace(one.recipe.schedule, shape="flat", minutes=one.seconds / 60 + minutes)
    one.recipe = replace(one.recipe, schedule=schedule)
    sources = Sources((asked.folder,), asked.fonts, frozenset(crop.image for crop in held))
    output = asked.output / one.path.stem
    run = Run(one.recipe, sources, output, seed=asked.seed, device=asked.device, workers=asked.workers)
    one.seconds = train(run).seconds


def _judge(one: Candidate, asked: Question, held: Sequence[Crop]) -> None:
    model, recipe = load_recogniser(asked.output / one.path.stem / "final.safetensors")
    reader, same = TorchReader(model, Alphabet(recipe.alphabet)), rule_named(rule_of(asked.folder))
    lines = reader.transcribe([crop.image for crop in held])
    pairs = zip(lines, held, strict=True)
    one.edits = np.array([edit_distance(same(line.text), same(crop.text)) for line, crop in pairs])
    one.cers.append(float(one.edits.sum() / max(1, sum(len(same(crop.text)) for crop in held))))


def _sure(best: Candidate, other: Candidate, seed: int) -> float:
    """Return the share of resamples of the crops in which `best` makes fewer errors than `other`."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(best.edits), size=(_RESAMPLES, len(best.edits)))
    difference = (best.edits - other.edits)[drawn].sum(1)
    return float((difference < 0).mean())
