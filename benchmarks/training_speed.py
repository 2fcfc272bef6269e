"""How many strips a second are drawn and learnt from, and how long training waits for data.

    python benchmarks/training_speed.py --fonts PACK --crops train.zip [--photos PAGES] [--size fast]

Three figures for words (32 × 128) and lines (32 × 768): drawn alone, a batch drawn again and again; learnt
alone, the same strips again and again; and all together from worker processes, as in a leg of training,
with the share of the time spent waiting for data. Compiling is not counted, nor is --warm, the seconds of
training before the last figure is taken: the workers draw slowly until their glyphs are cached.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch

from foveal.train.line import SCENE, SHAPES, Leg, Trainer

WARM = 12


def rate(do: Callable[[], object], *, strips: int, seconds: float, device: torch.device) -> float:
    """Return strips a second."""
    for _ in range(WARM):
        do()
    begin, count = _now(device), 0
    while time.perf_counter() - begin < seconds:
        do()
        count += 1
    return count * strips / (_now(device) - begin)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fonts", type=Path, required=True)
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--size", default="fast")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--workers", type=int, default=14)
    parser.add_argument("--shrink", type=int, default=1)
    parser.add_argument("--warm", type=float, default=0.0)
    parser.add_argument("--kinds", nargs="+", choices=("word", "line"), default=["word", "line"])
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    asked = vars(parser.parse_args())
    seconds, warm, kinds = (asked.pop(name) for name in ("seconds", "warm", "kinds"))
    trainer = Trainer(Leg(**asked, output=Path()))
    trainer.model.train()
    print(f"{'strips a second':18}{'drawn':>12}{'learnt':>12}{'together':>12}{'waiting':>9}")
    for kind in kinds:
        strips, feed = SHAPES[kind].batch // trainer.leg.shrink, trainer.feeds[kind]
        batch = next(feed)

        def draw() -> object:
            return trainer.objective.question(batch, width=SHAPES[kind].width, scene=SCENE[kind])  # noqa: B023

        same = trainer.objective.question(batch, width=SHAPES[kind].width, scene=SCENE[kind])
        jobs: list[Callable[[], object]] = [
            draw,
            lambda: trainer.move(kind, same),  # noqa: B023
            lambda: trainer.step(kind, 1.0),  # noqa: B023
        ]
        figures = []
        for do in jobs:
            if do is jobs[-1] and warm:
                rate(do, strips=strips, seconds=warm, device=trainer.device)
            begin, feed.waited = time.perf_counter(), 0.0
            figures.append(rate(do, strips=strips, seconds=seconds, device=trainer.device))
        waiting = feed.waited / (time.perf_counter() - begin)
        row = "".join(f"{figure:12,.0f}" for figure in figures)
        print(f"{kind:18}{row}{waiting:9.1%}", flush=True)


if __name__ == "__main__":
    main()
