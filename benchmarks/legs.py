"""What each leg of training brought: `python benchmarks/legs.py docs/legs/legs.json docs/legs/legs.png`.

The file holds, leg by leg, the errors of what was shipped on whole development sets, in %: words not read
right, CER of lines, 100 − F1 of pages; and the minutes of one GPU. Prints, for each leg and size, the mean
share of the errors that it took away (geometric, over the sets measured before and after), and draws errors
against minutes, with what the project set itself as an aim.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

SETS = {
    "svt": ("signs, SVT", 7.0),
    "ic03": ("signs, IC03", 3.5),
    "copiste": ("hands, copiste", 6.0),
    "poilus": ("hands, 1914–18", None),
    "cremma": ("hands, 1900s", None),
    "fraktur": ("Fraktur", 1.5),
    "uw3": ("clean print, UW3", 0.3),
    "receipts": ("receipts", 7.0),
    "photos": ("photos", 13.0),
    "unlv": ("typed pages", 1.2),
}
"""What is drawn, by its name in the file: how it is called, and its aim."""

Leg = dict[str, Any]


def gains(legs: list[Leg], size: str) -> list[str]:
    """Return rows of a table: what each leg but the first took away of the errors."""
    rows = []
    for before, after in pairwise(legs):
        old, new = before["errors"][size], after["errors"][size]
        shares = {
            kind: np.exp(np.mean([np.log(new[n] / old[n]) for n in names if n in old and n in new])) - 1
            for kind, names in (
                ("signs", ("iiit5k", "svt", "ic03")),
                ("print", ("uw3", "fraktur", "french")),
                ("hands", ("copiste", "lathrop", "poilus", "peraire", "cremma")),
                ("pages", ("unlv", "oldbooks", "receipts", "photos")),
            )
        }
        cells = " | ".join(f"{100 * share:+.0f} %".replace("-", "−") for share in shares.values())
        rows.append(f"| {after['leg']}, `{size}` | {after['minutes'][size]:g} | {cells} |")
    return rows


def draw(legs: list[Leg], output: Path) -> None:
    """Write the picture: one panel a size."""
    figure = Figure(figsize=(12, 6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, size in zip(panels, ("fast", "accurate"), strict=True):
        minutes = np.cumsum([leg["minutes"][size] for leg in legs])
        for index, (name, (label, aim)) in enumerate(SETS.items()):
            known = [i for i, leg in enumerate(legs) if name in leg["errors"][size]]
            values = [legs[i]["errors"][size][name] for i in known]
            axes.plot(minutes[known], values, "o-", color=f"C{index}", label=label)
            if aim is not None:
                axes.plot(
                    minutes[-1] * np.array([1.03, 1.09]), [aim, aim], color=f"C{index}", linestyle=":"
                )
        axes.set_yscale("log")
        ticks = (0.3, 0.5, 1, 2, 5, 10, 20, 30)
        axes.set_yticks(ticks, labels=[f"{tick:g}" for tick in ticks])
        axes.set_xlabel("minutes of one GPU, all legs so far")
        axes.set_title(size)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("errors, %")
    panels[1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.suptitle("Errors of what was shipped after each leg; dotted: what is aimed at")
    figure.savefig(output, dpi=120)


def main() -> None:
    """Print the table and draw the picture."""
    source, output = map(Path, sys.argv[1:3])
    legs = json.loads(source.read_text())
    print("| leg | minutes | signs | print | hands | pages |\n|---|---|---|---|---|---|")
    print(*(row for size in ("fast", "accurate") for row in gains(legs, size)), sep="\n")
    draw(legs, output)


if __name__ == "__main__":
    main()
