"""Trials as one table: the mean over seeds, and how far the seeds lie apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Trial = Mapping[str, Any]

Pick = Callable[[Trial], float | None]


def of_sets(figure: str) -> Pick:
    """Return what takes the mean of a figure over the sets that have it."""

    def pick(trial: Trial) -> float | None:
        known = [figures[figure] for figures in trial["sets"].values() if figures.get(figure) is not None]
        return float(np.mean(known)) if known else None

    return pick


def of_set(name: str, figure: str) -> Pick:
    """Return what takes a figure of one set."""
    return lambda trial: trial["sets"].get(name, {}).get(figure)


def scaled(name: str, by: float = 1.0) -> Pick:
    """Return what takes a number of the trial itself."""
    return lambda trial: None if trial.get(name) is None else trial[name] * by


COLUMNS: dict[str, Pick] = {
    "look in box %": lambda trial: _percent(of_sets("look_inside")(trial)),
    "look entropy": lambda trial: trial["looks"].get("entropy"),
    "look Gini": lambda trial: trial["looks"].get("gini"),
    "look stability": lambda trial: trial["looks"].get("stability"),
    "M parameters": scaled("parameters", 1e-6),
    "GFLOP": scaled("flops", 1e-9),
    "steps": scaled("steps"),
    "training strips/s": scaled("images_s"),
    "training GB": scaled("training_bytes", 1e-9),
    "CPU ms": scaled("cpu_ms"),
    "GPU ms": scaled("gpu_ms"),
    "reading MB": scaled("reading_bytes", 1e-6),
    "J a strip": scaled("joules"),
}
"""Columns after those of the sets. Reading: one strip, one core, or the GPU."""


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def columns(trials: Sequence[Trial]) -> dict[str, Pick]:
    """Return all columns: words right and CER of each set, then COLUMNS."""
    names = list(dict.fromkeys(name for trial in trials for name in trial["sets"]))
    found: dict[str, Pick] = {}
    for name in names:
        found[f"{name} right %"] = lambda trial, name=name: _percent(of_set(name, "accuracy")(trial))  # type: ignore[misc]
        found[f"{name} CER %"] = lambda trial, name=name: _percent(of_set(name, "cer")(trial))  # type: ignore[misc]
    return found | COLUMNS


def summary(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Return a row for each recipe, best CER first: of every column mean and half the range over seeds."""
    rows = []
    for recipe in dict.fromkeys(trial["recipe"] for trial in trials):
        own = [trial for trial in trials if trial["recipe"] == recipe]
        cells: dict[str, tuple[float, float] | None] = {}
        for title, pick in columns(trials).items():
            values = [value for value in map(pick, own) if value is not None]
            cells[title] = (float(np.mean(values)), float(np.ptp(values)) / 2) if values else None
        by = sorted({trial.get("joules_by", "") for trial in own})
        mean = float(np.mean([of_sets("cer")(trial) for trial in own]))
        rows.append({"recipe": recipe, "seeds": len(own), "cer": mean, "joules_by": by, "cells": cells})
    return sorted(rows, key=lambda row: row["cer"])


def markdown(trials: Sequence[Trial]) -> str:
    """Return the table as Markdown. "±": half the range over the seeds; energy that was not measured: "~"."""
    titles = list(columns(trials))
    rows = [["recipe", *titles], ["---", *(["---:"] * len(titles))]]
    for row in summary(trials):
        cells = [shown(row["cells"][title]) for title in titles]
        if row["joules_by"] == ["estimate"]:
            cells[-1] = f"~{cells[-1]}"
        rows.append([short(row["recipe"]), *cells])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def shown(cell: tuple[float, float] | None) -> str:
    """Return a mean and its spread in three digits; a dash where nothing was measured."""
    if cell is None:
        return "–"
    mean, spread = cell
    return f"{mean:.3g} ± {spread:.2g}" if spread else f"{mean:.3g}"


def short(recipe: str) -> str:
    """Return a recipe's name: its path below `recipes`, without the ending."""
    path = Path(recipe).with_suffix("")
    parts = path.parts
    below = parts[len(parts) - parts[::-1].index("recipes") :] if "recipes" in parts else parts[-1:]
    return "/".join(below)
