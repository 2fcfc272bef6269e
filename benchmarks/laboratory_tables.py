"""The tables of docs/laboratory.md: `python benchmarks/laboratory_tables.py docs/laboratory/words.json`.

One for each question, or for those named, each with the twin that lacks what is asked about. Means over
seeds ± half their range; sets by words read right.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from foveal.laboratory.table import short, summary

QUESTIONS: dict[str, tuple[str, ...]] = {
    "kinds": ("", "none"),
    "heads": ("heads/", "autoregressive"),
    "positions": ("positions/", "ctc"),
    "encoders": ("encoders/", "ctc"),
    "gates and scales": ("gates/", "scales/", "ctc"),
    "alignment": ("alignment/", "recurrent-additive"),
    "regularisation": ("regular/", "alignment/unsupervised", "recurrent-additive"),
}
"""Recipes of a question: of a folder, or by name; the first question has those in no folder."""

SETS = {"IIIT5K": "scene_words_iiit5k", "SVT": "scene_words_svt", "IC03": "scene_words_icdar2003"}
SHOWN = {title: f"{name} right %" for title, name in SETS.items()} | {
    title: title
    for title in (
        "look in box %", "look entropy", "look stability", "M parameters", "steps", "CPU ms", "GPU ms",
    )
}  # fmt: skip
"""Titles here, and those of `foveal compare`."""


def asked(recipe: str, question: str) -> bool:
    """Tell whether a recipe belongs to a question."""
    wanted = QUESTIONS[question]
    if question == "kinds":
        return "/" not in recipe
    return recipe in wanted or any(recipe.startswith(one) for one in wanted if one.endswith("/"))


def cell(values: tuple[float, float] | None) -> str:
    """Return a mean with half the range over seeds, as many digits as that allows."""
    if values is None:
        return "–"
    mean, spread = values
    digits = 0 if mean >= 100 else 1 if mean >= 5 else 2
    return f"{mean:.{digits}f}" + (f" ± {spread:.{digits}f}" if spread >= 0.5 * 10**-digits else "")


def table(trials: list[dict[str, Any]]) -> str:
    """Return the table of some trials, best first."""
    rows = [f"| recipe | {' | '.join(SHOWN)} |", "|---|" + "--:|" * len(SHOWN)]
    for row in summary(trials):
        cells = " | ".join(cell(row["cells"][title]) for title in SHOWN.values())
        rows.append(f"| {row['recipe']} | {cells} |")
    return "\n".join(rows)


def main() -> None:
    """Read the trials, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", type=Path)
    parser.add_argument("questions", nargs="*", help=", ".join(QUESTIONS))
    arguments = parser.parse_args()
    trials = json.loads(arguments.trials.read_text(encoding="utf-8"))["trials"]
    for trial in trials:
        trial["recipe"] = short(trial["recipe"])
    for question in arguments.questions or QUESTIONS:
        print(f"\n{question}\n\n{table([trial for trial in trials if asked(trial['recipe'], question)])}")


if __name__ == "__main__":
    main()
