"""What recipes cost, one after another on a quiet machine, by weights fresh from the draw.

    python benchmarks/laboratory_cost.py recipes/*.toml recipes/*/*.toml --json cost.json
    python benchmarks/laboratory_cost.py --json cost.json --merge docs/laboratory/words.json

Parameters; operations, CPU milliseconds on one core, GPU milliseconds, working memory and joules of reading a
word (joules in batches of 64); strips a second and memory of learning from batches of 256 that are there
already. The JSON is written after each recipe; those that it holds are not measured again. `--merge` puts the
figures in the place of those that `foveal compare` measured, by the recipes' names; what was read stays.
`--draw FOLDER` draws the pictures of the first of these anew, of the kinds of recogniser.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from foveal.laboratory.cost import processor
from foveal.laboratory.fresh import fresh_costs
from foveal.laboratory.plots import draw
from foveal.laboratory.table import short
from foveal.train.recipe import read_recipe

FONTS = Path(__file__).parent.parent / "tests" / "data" / "fonts"


def measured(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the costs of every recipe, those in the JSON included, and write them after each."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() and asked.device != "cpu" else None
    facts: dict[str, Any] = {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": {"cpu": processor(), "cores": os.cpu_count(), "gpu": gpu},
        "batch": asked.batch,
        "recipes": {},
    }
    if asked.json.exists():
        facts = json.loads(asked.json.read_text(encoding="utf-8"))
    for path in asked.recipes:
        name, begin = short(str(path)), time.perf_counter()
        if name in facts["recipes"]:
            continue
        costs = fresh_costs(read_recipe(path), asked.fonts, batch=asked.batch, device=asked.device)
        facts["recipes"][name] = _rounded(costs)
        _write(asked.json, facts)
        told = f"{costs['cpu_ms']:.2f} CPU ms, {costs.get('gpu_ms', 0):.2f} GPU ms, {costs['joules']:.4f} J"
        print(f"{name}: {costs['images_s']:.0f} strips/s, {told}; {time.perf_counter() - begin:.1f} s",
              flush=True)  # fmt: skip
    return facts


def merge(costs: dict[str, Any], known: Path) -> None:
    """Put costs into the trials that `foveal compare` kept; beside these, where and when they were taken."""
    kept = json.loads(known.read_text(encoding="utf-8"))
    for trial in kept["trials"]:
        trial.update(costs["recipes"].get(short(trial["recipe"]), {}))
    kept["costs"] = {name: costs[name] for name in ("date", "machine", "batch")}
    _write(known, kept)


def _rounded(value: Any) -> Any:
    """Return what JSON holds, numbers to four digits."""
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _write(path: Path, value: dict[str, Any]) -> None:
    """Write whole, then rename: a run that is cut short keeps what it has."""
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")
    new.replace(path)


def main() -> None:
    """Measure, write, merge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", type=Path)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--merge", type=Path, nargs="+", default=[], help="trials.json of foveal compare")
    parser.add_argument("--draw", type=Path, help="where the pictures of the first --merge go")
    parser.add_argument("--fonts", type=Path, default=FONTS, help="to draw the batch that is learnt from")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    asked = parser.parse_args()
    costs = measured(asked)
    for known in asked.merge:
        merge(costs, known)
    if asked.draw:
        trials = json.loads(asked.merge[0].read_text(encoding="utf-8"))["trials"]
        draw([trial for trial in trials if "/" not in short(trial["recipe"])], asked.draw)


if __name__ == "__main__":
    main()
