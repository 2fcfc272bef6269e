"""The tables of docs/laboratory.md: `python benchmarks/laboratory_tables.py docs/laboratory/words.json`.

One for each question, or for those named, each with the twin that lacks what is asked about; of lines.json
ask for `kinds`. Means over seeds ± half their range; of words those read right, of lines the CER.
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

SETS = {
    "IIIT5K": "scene_words_iiit5k right %", "SVT": "scene_words_svt right %",
    "IC03": "scene_words_icdar2003 right %",
    "copiste": "handwriting_copiste CER %", "Lathrop": "handwriting_lathrop CER %",
    "1914–18": "handwriting_testaments_poilus CER %", "1900s": "handwriting_cremma_mss19 CER %",
    "Fraktur": "printed_lines_archiscribe CER %", "UW3": "printed_lines_uw3 CER %",
}  # fmt: skip
"""Titles here, and those of `foveal compare`."""
COSTS = ("look in box %", "look entropy", "look stability", "M parameters", "steps", "CPU ms", "GPU ms")


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
    found = summary(trials)
    known = {title for row in found for title, value in row["cells"].items() if value is not None}
    shown = {title: name for title, name in SETS.items() if name in known} | {name: name for name in COSTS}
    rows = [f"| recipe | {' | '.join(shown)} |", "|---|" + "--:|" * len(shown)]
    for row in found:
        cells = " | ".join(cell(row["cells"].get(name)) for name in shown.values())
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
