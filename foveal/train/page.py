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
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

from foveal.models.export_page import export
from foveal.models.page import PageModel
from foveal.synth.fonts import Faces
from foveal.synth.looks import Dice
from foveal.synth.pages_layout import Stock
from foveal.synth.pages_light import expose
from foveal.synth.pages_paper import clouds
from foveal.synth.pages_scraps import load_scraps
from foveal.train.page_data import PageBatches, Source, load_pages, text_free
from foveal.train.page_losses import losses

SCRAPS = ("handwriting_", "printed_lines_")
REAL_SHARES = {"receipts_sroie": 0.12, "scene_pages_icdar2003": 0.10, "layout_docbank": 0.05}


@dataclass(frozen=True)
class Plan:
    """Minutes of wall time, pages a step, side of a page in px, workers, peak rate, seconds a save."""

    minutes: float
    batch: int = 32
    side: int = 640
    workers: int = 14
    rate: float = 3e-3
    save_every: float = 120.0
    seed: int = 1


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


def batches(source: Source, plan: Plan) -> DataLoader[dict[str, Tensor]]:
    """Return an endless loader; every item is a whole batch."""
    made = PageBatches(source, batch=plan.batch, side=plan.side, seed=plan.seed)
    ahead = 2 if plan.workers else None
    return DataLoader(
        made,
        batch_size=None,
        num_workers=plan.workers,
        prefetch_factor=ahead,
        pin_memory=torch.cuda.is_available(),
    )


def to_device(batch: dict[str, Tensor], dice: Dice) -> tuple[Tensor, dict[str, Tensor]]:
    """Move a batch and expose its pages there."""
    batch = {name: value.to(dice.device, non_blocking=True) for name, value in batch.items()}
    page = expose(batch.pop("page"), batch.pop("look"), dice)
    return page.contiguous(memory_format=torch.channels_last), batch


def rate_at(share: float, peak: float) -> float:
    """Return the learning rate at a share (0 to 1) of the time."""
    if share < 0.03:
        return peak * max(share / 0.03, 0.02)
    return peak * (0.5 + 0.5 * math.cos(math.pi * min((share - 0.03) / 0.97, 1))) + 1e-6


def train(model: PageModel, source: Source, *, plan: Plan, out: Path, device: torch.device) -> Average:
    """Train until the minutes are over; log to stderr and OUT/log.jsonl."""
    model = model.to(device=device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.99))
    average = Average(model)
    dice = Dice(torch.Generator(device=device).manual_seed(plan.seed), batch=plan.batch)
    log = Log(out / "log.jsonl")
    begun = saved = time.monotonic()
    waiting = iter(batches(source, plan))
    for step in range(sys.maxsize):
        share = (time.monotonic() - begun) / (plan.minutes * 60)
        if share >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate_at(share, plan.rate)
        asked = time.monotonic()
        batch = next(waiting)
        waited = time.monotonic() - asked
        page, truth = to_device(batch, dice)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            maps = model(page)
        parts = losses(maps, truth)
        optimizer.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        average.update(model)
        log.add(step, parts, pages=plan.batch, waited=waited)
        if time.monotonic() - saved > plan.save_every:
            saved = time.monotonic()
            average.save(out / "page.safetensors")
    return average


class Log:
    """One line every so many steps: mean losses, pages a second, share of the time spent waiting for data."""

    def __init__(self, path: Path, *, every: int = 50) -> None:
        self.path, self.every = path, every
        self.sums: dict[str, Tensor] = {}
        self.waited, self.pages, self.since = 0.0, 0, time.monotonic()

    def add(self, step: int, parts: dict[str, Tensor], *, pages: int, waited: float) -> None:
        """Count one step; write a line if it is due."""
        for name, value in parts.items():
            self.sums[name] = self.sums.get(name, torch.zeros_like(value)) + value.detach()
        self.waited, self.pages = self.waited + waited, self.pages + pages
        if (step + 1) % self.every and step != 4:
            return
        passed = time.monotonic() - self.since
        count = self.every if step != 4 else 5
        row = {
            "step": step + 1,
            "pages_s": round(self.pages / passed, 1),
            "waiting": round(self.waited / passed, 3),
        }
        means = {name: round(float(value) / count, 4) for name, value in self.sums.items()}
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({**row, **means}) + "\n")
        print(row, means, file=sys.stderr, flush=True)
        self.sums, self.waited, self.pages, self.since = {}, 0.0, 0, time.monotonic()


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("--data", "--fonts", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--init", type=Path)
    parser.add_argument("--lines", type=Path, help="zip of line pictures from tools/pack_crops.py")
    parser.add_argument("--fusion", default="pyramid")
    parser.add_argument("--gate", default="mixed")
    for name in ("batch", "side", "workers", "seed"):
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
    plan = Plan(chosen.minutes, chosen.batch, chosen.side, chosen.workers, chosen.rate, seed=chosen.seed)
    model = PageModel(fusion=chosen.fusion, gate=chosen.gate)
    if chosen.init:
        model.load_state_dict(load_file(chosen.init))
    real = load_pages(chosen.data)
    rng = np.random.default_rng(chosen.seed)
    photos = text_free(rng, real)
    scraps = load_scraps(chosen.lines, SCRAPS, rng=rng, most=400) if chosen.lines else {}
    counts = f"{len(real)} real pages, {len(photos)} backgrounds, {len(scraps)} sets of lines"
    print(f"{counts}, {device}", file=sys.stderr, flush=True)
    clouds()  # made once here, shared by the workers
    source = Source(Stock(Faces(chosen.fonts), photos, scraps), real, REAL_SHARES)
    average = train(model, source, plan=plan, out=chosen.out, device=device)
    average.save(chosen.out / "page.safetensors")
    kept = PageModel(fusion=chosen.fusion, gate=chosen.gate)
    kept.load_state_dict(load_file(chosen.out / "page.safetensors"))
    worst = export(kept, chosen.out / "page.onnx")
    print(f"page.onnx differs from torch by {worst:.1e}", file=sys.stderr)


if __name__ == "__main__":
    main()
