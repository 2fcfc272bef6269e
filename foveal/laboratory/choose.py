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
from foveal.errors import ConfigError, InputMissing
from foveal.laboratory.cost import latency
from foveal.laboratory.fresh import untrained
from foveal.measure.rules import rule_named, rule_of
from foveal.measure.sets import Crop, read_crops
from foveal.measure.text import edit_distance
from foveal.reading.search import Search
from foveal.reading.transcribe import to_strip
from foveal.train.recipe import About, Changes, Recipe, Schedule, read_recipe
from foveal.train.run import Run, load_recogniser, train
from foveal.train.strips import DataSpec, Sources
from foveal.train.torch_reader import TorchReader, opened

_RESAMPLES = 1000


@dataclass(frozen=True)
class Question:
    """What is asked. folder: crops, of which one in `hold` is held out to judge by (at least 8).

    recipes: those that take part, the package's own unless given; max_ms: CPU milliseconds, on one core, that
    reading a crop may take; minutes: of training, in all; fonts: a pack to draw more strips with; limit:
    held-out crops that are read.
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


class Judges(NamedTuple):
    """Crops to judge by. lines: whether they are lines, not words; unread: crops no recipe may read."""

    held: list[Crop]
    lines: bool
    unread: int


@dataclass
class Candidate:
    """One recipe in the tournament. cers: after each round; edits: of each held-out crop, at last.

    ms: CPU milliseconds, on one core, of reading a crop; seconds: of training so far; name: of its folder.
    """

    path: Path
    recipe: Recipe
    ms: float
    cers: list[float] = field(default_factory=list)
    seconds: float = 0.0
    edits: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    name: str = ""


class Choice(NamedTuple):
    """The best, the others from best to worst, those that were too slow, how sure it is, and by what.

    sure: the share of resamples of the held-out crops in which the best beats the next.
    """

    best: Candidate
    others: list[Candidate]
    slow: list[Candidate]
    sure: float
    judges: Judges

    def to_text(self) -> str:
        """Return the recommendation and its evidence."""
        rows = [f"{self.best.path}: {_told(self.best)}"]
        if self.others:
            rows.append(f"  it beats the next in {100 * self.sure:.0f} % of resamples of the held-out crops")
        rows += [f"  {one.path}: {_told(one)}" for one in self.others]
        rows += [f"  {one.path}: too slow, {one.ms:.1f} ms" for one in self.slow]
        kind = "lines" if self.judges.lines else "words"
        left_out = f"; {self.judges.unread} crops were left out" if self.judges.unread else ""
        return "\n".join([*rows, f"  judged by {len(self.judges.held)} {kind}{left_out}"])


def _told(one: Candidate) -> str:
    cers = " → ".join(f"{100 * cer:.1f} %" for cer in one.cers)
    return f"CER {cers}, {one.ms:.1f} ms"


def shipped(*, every: bool = False) -> tuple[Path, ...]:
    """Return the recipes that come with the package, those in its sub-folders too if asked for."""
    inside = Path(__file__).parent / "recipes"
    return in_folder(inside if inside.is_dir() else Path(__file__).parents[2] / "recipes", every=every)


def in_folder(folder: Path, *, every: bool = False) -> tuple[Path, ...]:
    """Return the recipes in a folder, those in its sub-folders too if asked for."""
    files = tuple(sorted(folder.rglob("*.toml") if every else folder.glob("*.toml")))
    if not files:
        raise InputMissing(f"{folder}: no recipes", remedy="give --recipes, a folder of .toml files")
    return files


def choose(asked: Question, *, told: Callable[[str], None] = lambda _: None) -> Choice:
    """Return what to train on the crops of a folder: successive halving (Jamieson and Talwalkar, 2016).

    Every recipe that is fast enough is trained for a while, the better half for as long again each, and so
    on; the time of every round is the same. Recipes learn lines where texts are longer than words, and are
    judged by crops no longer than those. told: hears of every round. Raises ConfigError where all are too
    slow or the folder has too few crops.
    """
    crops = read_crops(asked.folder)
    lines = _are_lines(crops)
    recipes = _distinct(asked.recipes, Changes(lines=lines))
    judges = _judges(crops, asked, list(recipes.values()), lines=lines)
    candidates = [
        _candidate(path, recipe, judges.held, f"{number:02}-{path.stem}")
        for number, (path, recipe) in enumerate(recipes.items())
    ]
    left = [one for one in candidates if one.ms <= asked.max_ms]
    slow = [one for one in candidates if one.ms > asked.max_ms]
    if not left:
        quickest = min(candidates, key=lambda one: one.ms)
        raise ConfigError(
            f"no recipe reads a crop in {asked.max_ms} ms",
            remedy=f"the quickest, {quickest.path.name}, takes {quickest.ms:.1f}",
        )
    ranked = _halved(left, asked, judges.held, told)
    sure = _sure(ranked[0], ranked[1], asked.seed) if len(ranked) > 1 else 1.0
    return Choice(ranked[0], ranked[1:], slow, sure, judges)


def _halved(
    left: list[Candidate], asked: Question, held: Sequence[Crop], told: Callable[[str], None]
) -> list[Candidate]:
    """Return the candidates from best to worst."""
    out: list[Candidate] = []
    rounds = max(1, math.ceil(math.log2(len(left))))
    for number in range(rounds):
        for one in left:
            _train(one, asked, held, minutes=asked.minutes / rounds / len(left))
            _judge(one, asked, held)
            told(f"round {number + 1}: {one.path.name}: {_told(one)}")
        left.sort(key=lambda one: one.cers[-1])
        keep = math.ceil(len(left) / 2) if number < rounds - 1 else len(left)
        left, out = left[:keep], left[keep:] + out
    return left + out


def _are_lines(crops: Sequence[Crop]) -> bool:
    """Tell whether more than a tenth of the texts are longer than a word that recipes learn."""
    longer = sum(len(crop.text) > DataSpec().characters for crop in crops)
    return longer > len(crops) / 10


def _distinct(paths: Sequence[Path], changes: Changes) -> dict[Path, Recipe]:
    """Return recipes, changed, with a flat rate; of those that are then the same only the first."""
    found: dict[str, Path] = {}
    recipes = {path: changes.of(read_recipe(path)) for path in paths}
    for path, recipe in recipes.items():
        schedule = replace(recipe.schedule, shape="flat", patience=0, evaluate=Schedule.evaluate)
        recipes[path] = replace(recipe, schedule=schedule)
        nameless = replace(recipes[path], about=About("", "", "", 0.0, ""))
        found.setdefault(nameless.to_json(), path)
    return {path: recipes[path] for path in found.values()}


def _judges(crops: Sequence[Crop], asked: Question, recipes: Sequence[Recipe], *, lines: bool) -> Judges:
    """Return crops to judge by that every recipe may read, spread over the folder."""
    longest = min(recipe.data.characters for recipe in recipes)
    alphabets = [Alphabet(one) for one in dict.fromkeys(recipe.alphabet for recipe in recipes)]
    fit = [
        crop for crop in crops
        if 0 < len(crop.text) <= longest and not any(one.unwritable(crop.text) for one in alphabets)
    ]  # fmt: skip
    held = fit[:: asked.hold]
    held = held[:: math.ceil(len(held) / asked.limit)] if held else []
    if len(held) < 8:
        raise ConfigError(
            f"{asked.folder}: {len(fit)} crops that can be learned are too few to choose by",
            remedy=f"give 40 or more, of {longest} characters at most",
        )
    return Judges(held, lines, len(crops) - len(fit))


def _candidate(path: Path, recipe: Recipe, held: Sequence[Crop], name: str) -> Candidate:
    """Return a candidate and what its reading takes, by an untrained twin that writes as many characters."""
    crops = sorted(held, key=lambda crop: len(crop.text))[:: max(1, len(held) // 8)]
    images = [opened(crop.image) for crop in crops]
    width = round(float(np.mean([to_strip(image).shape[1] for image in images])) / 16) * 16
    twin = untrained(recipe, characters=round(np.mean([len(crop.text) for crop in crops])), width=width)
    times = []
    for crop, image in zip(crops, images, strict=True):
        twin.search = Search(longest=len(crop.text) + 1)
        times.append(latency(partial(twin.transcribe, [image]), times=3, clock=time.process_time))
    return Candidate(path, recipe, float(np.mean(times)), name=name)


def _train(one: Candidate, asked: Question, held: Sequence[Crop], *, minutes: float) -> None:
    """Train a candidate for so many minutes more, at a rate that neither rises nor falls."""
    schedule = replace(one.recipe.schedule, minutes=one.seconds / 60 + minutes)
    one.recipe = replace(one.recipe, schedule=schedule)
    sources = Sources((asked.folder,), asked.fonts, frozenset(crop.image for crop in held))
    run = Run(
        one.recipe,
        sources,
        asked.output / one.name,
        seed=asked.seed,
        device=asked.device,
        workers=asked.workers,
    )
    one.seconds = train(run).seconds


def _judge(one: Candidate, asked: Question, held: Sequence[Crop]) -> None:
    model, recipe = load_recogniser(asked.output / one.name / "final.safetensors")
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
