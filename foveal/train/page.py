"""Train the page model by the clock.

    python -m foveal.train.page --data PAGES --fonts PACK --minutes 10 --out OUT
        [--lines train.zip] [--init WEIGHTS]

PAGES is what tools/pack_pages.py wrote, PACK what tools/fetch_fonts.py wrote. The learning rate rises for 3 %
of the time and falls along a cosine to its end. OUT receives page.safetensors (the averaged weights)
every two minutes and at the end, and page.onnx; `--fusion sum --gate none` trains the twin without attention.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from foveal.models import checkpoint
from foveal.models.export_page import export
from foveal.models.page import PageModel
from foveal.synth.fonts import Faces
from foveal.synth.looks import Dice
from foveal.synth.pages_layout import Stock
from foveal.synth.pages_light import expose
from foveal.synth.pages_paper import clouds
from foveal.synth.pages_scraps import load_scraps
from foveal.train.feed import Feed, Tensors
from foveal.train.page_data import PageBatches, Source, load_pages, text_free
from foveal.train.page_losses import losses

SCRAPS = ("handwriting_", "printed_lines_")
REAL_SHARES = {"receipts_sroie": 0.12, "scene_pages_icdar2003": 0.15, "layout_docbank": 0.05}


@dataclass(frozen=True)
class Plan:
    """Minutes of wall time, pages a step, side of a page in px, workers, peak rate, seconds a save.

    echo: how often a batch is learnt from, exposed anew each time; see `Feed`.
    """

    minutes: float
    batch: int = 32
    side: int = 640
    workers: int = 14
    rate: float = 3e-3
    save_every: float = 120.0
    seed: int = 1
    echo: int = 2


class Average:
    """Exponential moving average of a model's weights and buffers, warmed up from nothing."""

    def __init__(self, model: nn.Module, *, decay: float = 0.998) -> None:
        self.decay, self.steps = decay, 0
        self.state = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the model; at the start faster."""
        self.steps += 1
        share = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, share)
            else:
                self.state[name].copy_(value)

    def save(self, path: Path) -> None:
        """Write the average as float32 safetensors, whole or not at all."""
        part = path.with_suffix(".part")
        save_file({name: value.contiguous().cpu() for name, value in self.state.items()}, part)
        part.replace(path)


def feed(source: Source, plan: Plan, device: torch.device) -> Feed:
    """Return endless batches of pages with their targets."""

    def make(seed: int) -> Iterator[Tensors]:
        torch.set_num_threads(1)
        return iter(PageBatches(source, batch=plan.batch, side=plan.side, seed=seed))

    return Feed(make, workers=plan.workers, seed=plan.seed, device=device, echo=plan.echo)


def exposed(batch: Tensors, dice: Dice) -> tuple[Tensor, Tensors]:
    """Return the pages of a batch as a camera or scanner took them, and the rest: their targets."""
    page = expose(batch["page"], batch["look"], dice)
    truth = {name: value for name, value in batch.items() if name not in ("page", "look")}
    return page.contiguous(memory_format=torch.channels_last), truth


def rate_at(share: float, peak: float) -> float:
    """Return the learning rate at a share (0 to 1) of the time."""
    if share < 0.03:
        return peak * max(share / 0.03, 0.02)
    return peak * (0.5 + 0.5 * math.cos(math.pi * min((share - 0.03) / 0.97, 1))) + 1e-6


def sources(data: Path, fonts: Path, lines: Path | None, *, seed: int) -> Source:
    """Return what pages are made of: real ones, backgrounds and pictures of lines among rendered text."""
    real = load_pages(data)
    rng = np.random.default_rng(seed)
    photos = text_free(rng, real)
    scraps = load_scraps(lines, SCRAPS, rng=rng, most=400) if lines else {}
    clouds()  # made once here, shared by the workers
    return Source(Stock(Faces(fonts), photos, scraps), real, REAL_SHARES)


class Learner:
    """A page model with its optimiser and the average of its weights."""

    def __init__(self, model: PageModel, device: torch.device) -> None:
        memory = torch.channels_last
        self.model = model.to(device=device, memory_format=memory).train()  # type: ignore[call-overload]
        decayed = [p for p in model.parameters() if p.ndim > 1]
        plain = [p for p in model.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99))
        self.average = Average(model)

    def step(self, page: Tensor, truth: Tensors, rate: float) -> Tensors:
        """Learn from pages "b 3 h w" at a learning rate; return the losses."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast(page.device.type, dtype=torch.bfloat16):
            maps = self.model(page)
        parts = losses(maps, truth)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self.average.update(self.model)
        return parts


def train(model: PageModel, source: Source, *, plan: Plan, out: Path, device: torch.device) -> Average:
    """Train until the minutes are over; log to stderr and OUT/log.jsonl."""
    pages = feed(source, plan, device)  # before all else: a fork of a program with threads may hang
    learner = Learner(model, device)
    dice = Dice(torch.Generator(device=device).manual_seed(plan.seed), batch=plan.batch)
    log = Log(out / "log.jsonl")
    begun = saved = time.monotonic()
    for step in range(sys.maxsize):
        share = (time.monotonic() - begun) / (plan.minutes * 60)
        if share >= 1:
            break
        page, truth = exposed(next(pages), dice)
        parts = learner.step(page, truth, rate_at(share, plan.rate))
        log.add(step, parts, pages=plan.batch, waited=pages.waited)
        if time.monotonic() - saved > plan.save_every:
            saved = time.monotonic()
            learner.average.save(out / "page.safetensors")
    return learner.average


class Log:
    """One line every so many steps: mean losses, pages a second, share of the time spent waiting for data."""

    def __init__(self, path: Path, *, every: int = 50) -> None:
        self.path, self.every = path, every
        self.sums: dict[str, Tensor] = {}
        self.waited, self.pages, self.since = 0.0, 0, time.monotonic()

    def add(self, step: int, parts: dict[str, Tensor], *, pages: int, waited: float) -> None:
        """Count one step, `waited` seconds waited for data since the start; write a line if it is due."""
        for name, value in parts.items():
            self.sums[name] = self.sums.get(name, torch.zeros_like(value)) + value.detach()
        self.pages += pages
        if (step + 1) % self.every and step != 4:
            return
        passed = time.monotonic() - self.since
        count = self.every if step != 4 else 5
        row = {
            "step": step + 1,
            "pages_s": round(self.pages / passed, 1),
            "waiting": round((waited - self.waited) / passed, 3),
        }
        means = {name: round(float(value) / count, 4) for name, value in self.sums.items()}
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({**row, **means}) + "\n")
        print(row, means, file=sys.stderr, flush=True)
        self.sums, self.waited, self.pages, self.since = {}, waited, 0, time.monotonic()


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("--data", "--fonts", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--init", type=Path, help="weights to go on from: safetensors or an exported graph")
    parser.add_argument("--lines", type=Path, help="zip of line pictures from tools/pack_crops.py")
    parser.add_argument("--fusion", default="pyramid")
    parser.add_argument("--gate", default="mixed")
    for name in ("batch", "side", "workers", "seed", "echo"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Plan, name))
    parser.add_argument("--rate", type=float, default=Plan.rate)
    return parser.parse_args()


def main() -> None:
    """Train, save, export."""
    chosen = options()
    chosen.out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(chosen.seed)
    torch.backends.cudnn.benchmark = True
    plan = Plan(**{name: value for name, value in vars(chosen).items() if name in Plan.__dataclass_fields__})
    model = PageModel(fusion=chosen.fusion, gate=chosen.gate)
    if chosen.init:
        checkpoint.load(model, chosen.init)
    source = sources(chosen.data, chosen.fonts, chosen.lines, seed=chosen.seed)
    print(f"{source.describe()}, {device}", file=sys.stderr, flush=True)
    average = train(model, source, plan=plan, out=chosen.out, device=device)
    average.save(chosen.out / "page.safetensors")
    kept = PageModel(fusion=chosen.fusion, gate=chosen.gate)
    kept.load_state_dict(load_file(chosen.out / "page.safetensors"))
    worst = export(kept, chosen.out / "page.onnx")
    print(f"page.onnx differs from torch by {worst:.1e}", file=sys.stderr)


if __name__ == "__main__":
    main()
