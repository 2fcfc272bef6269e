"""How good the looks of a model are, one row a set, as a table for model cards.

    python benchmarks/looks.py SET… [--model fast] [--limit 200]

What `foveal evaluate --attention` prints, the figures that matter: see docs/measuring.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from foveal.evaluate import evaluate
from foveal.explain.examiner import Examiner
from foveal.reading.reader import Reader

COLUMNS = {
    "CER": "cer",
    "look inside": "look_inside",
    "entropy": "look_entropy",
    "Gini": "look_gini",
    "stability": "look_stability",
    "deletion": "deletion",
    "insertion": "insertion",
    "road": "road",
}
BESIDE = ("look", "random", "gaussian")


def cell(figures: dict[str, float], name: str) -> str:
    """Return a figure; of faithfulness the look's, and in brackets random's and the Gaussian's."""
    if f"{name}_look" in figures:
        own, *others = (f"{figures[f'{name}_{kind}']:.2f}" for kind in BESIDE)
        return f"{own} ({', '.join(others)})"
    return f"{figures[name]:.3f}" if name in figures else "–"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--limit", type=int, default=200)
    asked = parser.parse_args()
    reader, examiner = Reader(asked.model), Examiner(asked.model)
    print(f"| {asked.model} | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}")
    for folder in asked.sets:
        figures = evaluate(folder, reader, limit=asked.limit, attention=examiner).figures
        print(
            f"| {folder.name} | {' | '.join(cell(figures, name) for name in COLUMNS.values())} |", flush=True
        )


if __name__ == "__main__":
    main()
