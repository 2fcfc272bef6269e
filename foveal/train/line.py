"""Train the line model for some minutes: `python -m foveal.train.line --fonts DIR --crops ZIP --output DIR`.

Each step takes the next kind of batch from a fixed cycle of words, lines and real crops. The rate falls
by the clock, so a leg always ends annealed; the next leg starts from its weights with `--init`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from foveal.alphabet import Alphabet
from foveal.attention.build import Spec
from foveal.models import checkpoint
from foveal.models.line import SIZES, LineModel, LineSize
from foveal.synth.photos import load_photos
from foveal.train.feed import Feed, Shape, Tensors, real, rendered
from foveal.train.objective import Objective
from foveal.train.step import Step
from foveal.train.validate import validate

LINE_SETS = (
    ("handwriting_copiste", 0.24),
    ("handwriting_testaments_poilus", 0.17),
    ("handwriting_peraire", 0.15),
    ("handwriting_cremma_mss19", 0.11),
    ("handwriting_lathrop", 0.05),
    ("printed_lines_archiscribe", 0.09),
    ("printed_lines_ocr17", 0.11),
    ("receipts_sroie", 0.05),
    ("scene_words_icdar2003", 0.09),
)

SHAPES: dict[str, Shape] = {
    "word": Shape("word", 1024, 128, characters=28, fixations=36),
    "line": Shape("line", 192, 768, characters=112, fixations=160),
    "real": Shape("crops", 192, 768, characters=112, fixations=160, shares=LINE_SETS),
}
CYCLE = ("word", "line", "word", "real", "word", "real", "word", "line", "word", "real")
SCENE = {"word": 0.7, "line": 0.08}
WORKERS = {"word": 0.4, "line": 0.3, "real": 0.3}
"""Shares of the workers: one draws 1,500 words or 330 lines a second, or reads 500 real lines."""

ECHO = {"word": 2, "line": 2, "real": 2}
PIECES = 4000
"""Of photographs: 200 MB on the device."""


@dataclass(frozen=True)
class Leg:
    """One run: where things are and how long it lasts."""

    fonts: Path
    crops: Path
    output: Path
    size: str = "fast"
    position: Spec | Literal["own"] | None = "own"
    minutes: float = 10.0
    rate: float = 1e-3
    dropout: float = 0.0
    hide: float = 0.0
    init: Path | None = None
    photos: Path | None = None
    teacher: Path | None = None
    teacher_size: str = "accurate"
    dev: Path | None = None
    workers: int = 14
    device: str = "cuda"
    shrink: int = 1
    compile: bool = True
    record: bool = True
    seed: int = 0
    report: float = 15.0
    save: float = 240.0
    validate: int = 40

    @property
    def built(self) -> LineSize:
        """The model's size, with the positions asked for; "own": those that the size has."""
        size = SIZES[self.size]
        return size if self.position == "own" else replace(size, position=self.position)


class Average:
    """Exponential moving average of a model's parameters; buffers are copied (Polyak and Juditsky, 1992)."""

    def __init__(self, model: LineModel, size: LineSize, *, decay: float = 0.999) -> None:
        self.model = LineModel(size, len(Alphabet())).to(next(model.parameters()).device).eval()
        self.model.load_state_dict(model.state_dict())
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards `model`; early steps move faster, so that the start is forgotten."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), share)
        torch._foreach_copy_(list(self.model.buffers()), list(model.buffers()))


def rate_at(progress: float, *, step: int, warm: int = 300) -> float:
    """Return the share of the top rate: linear warm-up by steps, then a cosine by the clock to 1 %."""
    return min(1.0, (step + 1) / warm) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


class Trainer:
    """One leg: model, feeds, optimiser, average, log."""

    def __init__(self, leg: Leg) -> None:
        self.leg, self.device = leg, torch.device(leg.device)
        torch.manual_seed(leg.seed)
        torch.set_float32_matmul_precision("high")
        # first of all: their processes are forks, and a fork of a program with threads may hang
        self.feeds = {name: self._feed(name, shape) for name, shape in SHAPES.items()}
        self.model = LineModel(leg.built, len(Alphabet())).to(self.device)
        if leg.init is not None:
            checkpoint.load(self.model, leg.init)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = Average(self.model, leg.built)
        for part in self.model.modules():
            if isinstance(part, nn.Dropout):
                part.p = leg.dropout
        self.objective = Objective(
            self.model, device=self.device, seed=leg.seed, teacher=self._teacher(), photos=self._photos(),
            hide=leg.hide,
        )  # fmt: skip
        self.rate = torch.tensor(leg.rate, device=self.device)
        self.move = Step(self.objective, self.rate, record=leg.record)
        if leg.compile:  # part by part: equal blocks share one compiled graph, so the start takes seconds
            for part in (self.model.stem, *self.model.blocks, *self.model.fixate_layers):
                part.compile(dynamic=False)
        self.sums: dict[str, list[Tensor]] = {}

    def _teacher(self) -> LineModel | None:
        if self.leg.teacher is None:
            return None
        teacher = LineModel(self.leg.teacher_size, len(Alphabet())).to(self.device).eval()
        checkpoint.load(teacher, self.leg.teacher)
        return teacher

    def _photos(self) -> Tensor | None:
        if self.leg.photos is None:
            return None
        return load_photos(self.leg.photos, most=PIECES, seed=self.leg.seed).to(self.device)

    def _feed(self, name: str, shape: Shape) -> Feed:
        shape = Shape(**{**shape.__dict__, "batch": max(2, shape.batch // self.leg.shrink)})
        make = real(self.leg.crops, shape) if shape.source == "crops" else rendered(self.leg.fonts, shape)
        workers = max(1, round(WORKERS[name] * self.leg.workers)) if self.leg.workers else 0
        seed = self.leg.seed * 100 + list(SHAPES).index(name)
        return Feed(make, workers=workers, seed=seed, device=self.device, echo=ECHO[name])

    def kinds(self) -> Iterator[str]:
        """Yield the kinds of batches in turn; real crops wait until the glance can align them."""
        ready = 0 if self.leg.init else 600
        for step, kind in enumerate(cycle(CYCLE)):
            if step >= ready or kind in ("word", "line"):
                yield kind

    def step(self, kind: str, rate: float) -> Tensors:
        """Take one step on one batch, at a share of the top rate; return its losses."""
        self.rate.fill_(self.leg.rate * rate)
        batch = next(self.feeds[kind])
        asked = self.objective.question(batch, width=SHAPES[kind].width, scene=SCENE.get(kind, 0.0))
        return self.move(kind, asked)

    def run(self) -> None:
        """Train until the time is up, reporting and saving on the way."""
        self.model.train()
        begin = last_report = last_save = time.perf_counter()
        seen = 0
        for step, kind in enumerate(self.kinds()):
            progress = (time.perf_counter() - begin) / (60 * self.leg.minutes)
            if progress >= 1:
                break
            for name, value in self.step(kind, rate_at(progress, step=step)).items():
                self.sums.setdefault(f"{kind}.{name}", []).append(value.clone())
            self.average.update(self.model, step)
            seen += SHAPES[kind].batch // self.leg.shrink
            now = time.perf_counter()
            if now - last_report > self.leg.report:
                self.report(step, seen, now - begin)
                last_report = now
            if now - last_save > self.leg.save:
                self.save("last", step)
                last_save = time.perf_counter()
        self.save("final", step)

    def report(self, step: int, seen: int, seconds: float) -> None:
        """Print the means since the last report, throughput, and the share of time spent waiting for data."""
        means = {name: round(float(torch.stack(values).mean()), 4) for name, values in self.sums.items()}
        self.sums.clear()
        waited = sum(feed.waited for feed in self.feeds.values())
        facts = {"step": step, "seconds": round(seconds), "strips_s": round(seen / seconds)}
        print(json.dumps({**facts, "waiting": round(waited / seconds, 3), **means}), flush=True)

    def save(self, name: str, step: int) -> None:
        """Write the averaged weights, and what they read of the dev crops."""
        path = self.leg.output / f"line-{self.leg.size}-{name}.safetensors"
        facts = {"kind": "line", "size": self.leg.size, "position": json.dumps(self.leg.built.position)}
        checkpoint.save(self.average.model, path, step=str(step), **facts)
        if self.leg.dev is not None:
            figures = validate(self.average.model, self.leg.dev, self.device, limit=self.leg.validate)
            print(json.dumps({"step": step, "saved": path.name, **figures}), flush=True)


def leg_of(arguments: Sequence[str] | None = None) -> Leg:
    """Return the leg that a command line asks for, that of this process unless given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fonts", type=Path, required=True)
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--dev", type=Path)
    parser.add_argument("--init", type=Path)
    parser.add_argument("--photos", type=Path, help="photographs with pages.jsonl, to draw signs on")
    parser.add_argument("--teacher", type=Path, help="weights whose answers are learnt besides the truth")
    parser.add_argument("--teacher-size", choices=sorted(SIZES), default=Leg.teacher_size)
    parser.add_argument("--size", choices=sorted(SIZES), default="fast")
    says = "of the encoder's columns, as JSON, null for none; the size's own unless told"
    parser.add_argument("--position", type=json.loads, default=argparse.SUPPRESS, help=says)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    parser.add_argument("--no-record", dest="record", action="store_false", help="launch every kernel anew")
    for name in ("minutes", "rate", "dropout", "hide", "report", "save"):
        parser.add_argument(f"--{name}", type=float, default=getattr(Leg, name))
    for name in ("workers", "shrink", "seed", "validate"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Leg, name))
    return Leg(**vars(parser.parse_args(arguments)))


def main() -> None:
    """Read the arguments and run one leg."""
    Trainer(leg_of()).run()


if __name__ == "__main__":
    main()
