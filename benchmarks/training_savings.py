"""What half precision, recomputing and compiling save while a recipe is trained, on one device.

    python benchmarks/training_savings.py [--recipe recipes/fixations.toml] [--batch 512] [--json out.json]

Each case takes the steps of `foveal train --dry-run`, from strips drawn anew from one rendered batch, so that
no step waits for data, to the moved weights and their average. Steps that warm up (recording the drawing,
compiling) are not timed. Columns: median milliseconds a step; the peak of memory allocated on the GPU in the
timed steps, weights and optimiser included (a CPU's is not told); both beside float32.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import sys
import time
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path

import torch

from foveal.train.dry_run import Cost, dry_run
from foveal.train.recipe import Changes, Recipe, read_recipe
from foveal.train.run import Run
from foveal.train.strips import Sources

HOME = Path(__file__).parent.parent
WARM_UP = 5
CASES = {
    "float32": (False, False, False),
    "half": (True, False, False),
    "half, recomputed": (True, True, False),
    "half, compiled": (True, False, True),
}
"""In half precision? Are activations computed again? Compiled?"""


def measured(recipe: Recipe, case: str, asked: argparse.Namespace) -> Cost:
    """Return what a step takes in one case."""
    half, recompute, compiled = CASES[case]
    recipe = replace(
        recipe,
        encoder=replace(recipe.encoder, recompute=recompute),
        data=replace(recipe.data, echo=asked.steps + WARM_UP),
    )
    sources = Sources(fonts=asked.fonts)
    run = Run(recipe, sources, Path(), device=asked.device, half=half, compile=compiled)
    gc.collect()  # what the case before left behind
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return dry_run(run, steps=asked.steps, warm_up=WARM_UP)


def row_of(name: str, cost: Cost, first: Cost) -> str:
    """Return one row of the table."""
    faster = f"{first.seconds / cost.seconds:8.2f}x"
    if cost.device != "cuda":
        return f"{name:20}{1000 * cost.seconds:10.2f}{faster}"
    megabytes, share = cost.peak / 2**20, cost.peak / first.peak
    return f"{name:20}{1000 * cost.seconds:10.2f}{faster}{megabytes:12.0f}{share:10.0%}"


def facts(asked: argparse.Namespace, costs: dict[str, Cost]) -> dict[str, object]:
    """Return the figures with machine, command and date."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() and asked.device != "cpu" else None
    cases = {
        name: asdict(cost) | {"peak": cost.peak if cost.device == "cuda" else None}
        for name, cost in costs.items()
    }
    return {
        "command": " ".join(["python", *sys.argv]),
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": {"cpu": platform.processor() or platform.machine(), "gpu": gpu},
        "torch": torch.__version__,
        "recipe": str(asked.recipe),
        "batch": asked.batch,
        "cases": cases,
    }


def main() -> None:
    """Print the table, and write the figures if asked, case by case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", type=Path, default=HOME / "recipes" / "fixations.toml")
    parser.add_argument("--fonts", type=Path, default=HOME / "tests" / "data" / "fonts")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--lines", action="store_true", help="lines of text instead of words")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--device", default="auto", choices=("auto", "cuda", "cpu"))
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    recipe = Changes(batch=asked.batch).of(Changes(lines=asked.lines).of(read_recipe(asked.recipe)))
    costs: dict[str, Cost] = {}
    print(f"{'':20}{'ms a step':>10}{'':9}{'peak MB':>12}")
    for name in asked.cases:
        begin = time.perf_counter()
        costs[name] = measured(recipe, name, asked)
        print(row_of(name, costs[name], next(iter(costs.values()))), flush=True)
        print(f"{name}: {time.perf_counter() - begin:.0f} s in all", file=sys.stderr)
        if asked.json is not None:
            asked.json.write_text(json.dumps(facts(asked, costs), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
