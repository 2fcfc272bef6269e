"""A recipe: all that makes a training run, as one TOML file. Keys that do not exist name the nearest."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from foveal.alphabet import ALPHABET, Alphabet
from foveal.attention import Spec
from foveal.config import settle
from foveal.errors import ConfigError, InputMissing
from foveal.models.encoders import EncoderSpec
from foveal.models.recogniser import WHOLE, Recogniser, recogniser
from foveal.train.lessons import Aims
from foveal.train.regular import Regular, Tasks
from foveal.train.strips import DataSpec
from foveal.train.supervision import Alignment

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]


@dataclass(frozen=True)
class About:
    """What a recipe is for. command: how it is run; machine, minutes: where, how long; expected: figures."""

    what: str
    command: str
    machine: str
    minutes: float
    expected: str


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    steps: of one batch each; or, if `minutes` is more than 0, as many as fit into these, the rate following
    the clock. rate: the highest; shape: cosine (warm-up by steps, then a cosine down to 1 %), one_cycle
    (Smith, 2018: up over the first 30 %, then down to nothing) or flat (warm-up only); warm: steps of it.
    decay: of matrices; clip: longest gradient; average: decay of the exponential moving average of weights
    that is kept and read with, 0 for none. patience: evaluations without a better CER until it stops, 0 for
    never; evaluate, save: steps between evaluations on --dev, and between checkpoints.
    """

    steps: int = 2000
    minutes: float = 0.0
    rate: float = 1e-3
    shape: Literal["cosine", "one_cycle", "flat"] = "cosine"
    warm: int = 100
    decay: float = 0.02
    clip: float = 2.0
    average: float = 0.999
    patience: int = 0
    evaluate: int = 500
    save: int = 200


@dataclass(frozen=True)
class Recipe:
    """A recogniser, what it learns from, for what, and how long. decoder: of DECODERS, ctc or fixations."""

    about: About
    decoder: Spec
    encoder: EncoderSpec = field(default_factory=EncoderSpec)
    data: DataSpec = field(default_factory=DataSpec)
    aims: Aims = field(default_factory=Aims)
    schedule: Schedule = field(default_factory=Schedule)
    alphabet: str = ALPHABET

    @property
    def decoder_name(self) -> str:
        """The decoder's name without its options."""
        return self.decoder if isinstance(self.decoder, str) else str(self.decoder.get("name"))

    def model(self) -> Recogniser:
        """Return the recogniser, untrained."""
        wants_glance = self.aims.tasks.glance > 0
        return recogniser(self.encoder, self.decoder, len(Alphabet(self.alphabet)), glance=wants_glance)

    def to_json(self) -> str:
        """Return the recipe as JSON, as a checkpoint keeps it."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Return the recipe that `to_json` gave."""
        return settle(cls, json.loads(text), where="recipe")


def read_recipe(path: Path) -> Recipe:
    """Return the recipe in a TOML file. Raises InputMissing, or ConfigError with the way out."""
    if not path.is_file():
        raise InputMissing(f"{path}: no such file", remedy="give the path of a recipe (see recipes/)")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}", remedy="mend the TOML") from error
    recipe = settle(Recipe, values, where=path.name)
    _check(recipe, path.name)
    return recipe


def _check(recipe: Recipe, where: str) -> None:
    """Refuse what a recogniser of this kind would ignore, or cannot do."""
    name, aims = recipe.decoder_name, recipe.aims
    if name not in WHOLE and not aims.tasks.glance and "ctc" in aims.alignment.sources:
        raise ConfigError(f"{where}: the source 'ctc' needs a CTC head", remedy="weigh aims.tasks.glance")
    if name in WHOLE and (aims.smoothing or aims.tasks.glance):
        raise ConfigError(f"{where}: {name} knows no smoothing, and its glance has a weight of its own")
    for key in _unlookable(aims) if name in ("ctc", "summary") else ():
        raise ConfigError(f"{where}: {name} has no looks", remedy=f"leave out {key}, or choose a decoder")


def _unlookable(aims: Aims) -> Iterator[str]:
    """Yield the keys that speak of looks: what is said there would be ignored where there are none."""
    tasks, usual = aims.tasks, Tasks()
    if aims.regular != Regular():
        yield "aims.regular"
    if aims.alignment != Alignment():
        yield "aims.alignment"
    for key in ("attention", "regular", "floor", "until"):
        if getattr(tasks, key) != getattr(usual, key):
            yield f"aims.tasks.{key}"
    if tasks.weighing == "annealed" or (tasks.weighing == "uncertainty" and not tasks.glance):
        yield "aims.tasks.weighing"  # a CTC head beside a vector is a second loss to weigh


@dataclass(frozen=True)
class Changes:
    """What of a recipe a run may change: its length, the size of its batches, and lines instead of words."""

    steps: int | None = None
    minutes: float | None = None
    batch: int | None = None
    echo: int | None = None
    lines: bool = False

    def of(self, recipe: Recipe) -> Recipe:
        """Return the recipe, changed. Lines are 768 px wide, in batches a fourth as large."""
        schedule, data = recipe.schedule, recipe.data
        if self.steps is not None:
            schedule = replace(schedule, steps=self.steps, minutes=0.0)
        if self.minutes is not None:
            schedule = replace(schedule, minutes=self.minutes)
        if self.lines:
            data = replace(
                data, kind="line", width=768, characters=112, scene=0.08, batch=max(1, data.batch // 4)
            )
        data = replace(data, batch=self.batch or data.batch, echo=self.echo or data.echo)
        return replace(recipe, schedule=schedule, data=data)
