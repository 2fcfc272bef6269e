"""Which weights read real crops best, before anything is exported: greedy, without words, views or context.

    python benchmarks/weights.py dev.zip A.safetensors B.safetensors … [--limit 300] [--device cuda]

dev.zip: of `tools/pack_crops.py`. Prints, for each file, CER of lines by the glance, and the word accuracy
over a–z0–9 of the glance and of the fixations, set by set.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from foveal.alphabet import Alphabet
from foveal.models import checkpoint
from foveal.models.line import LineModel
from foveal.train.validate import validate


def figures(weights: Path, dev: Path, device: torch.device, limit: int) -> dict[str, float]:
    """Return what `validate` finds of the weights."""
    model = LineModel(checkpoint.built(checkpoint.facts(weights)), len(Alphabet())).to(device).eval()
    checkpoint.load(model, weights)
    return validate(model, dev, device, limit=limit)


def main() -> None:
    """Print one line of JSON a file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dev", type=Path)
    parser.add_argument("weights", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    asked = parser.parse_args()
    for path in asked.weights:
        found = figures(path, asked.dev, torch.device(asked.device), asked.limit)
        print(json.dumps({"weights": str(path), **found}), flush=True)


if __name__ == "__main__":
    main()
