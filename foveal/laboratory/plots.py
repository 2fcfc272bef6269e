"""Pictures of a comparison: what accuracy costs, and what length does to it, to memory and to time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import TABLEAU_COLORS
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from foveal.laboratory.table import of_sets, short

Trial = Mapping[str, Any]

_LOOKS = cycler(linestyle=["-", "--", ":"]) * cycler(color=list(TABLEAU_COLORS))
"""Of thirty lines, no two alike."""


def draw(trials: Sequence[Trial], folder: Path) -> list[Path]:
    """Write length.png, and pareto.png and cost.png if costs are known; return their paths."""
    by_recipe = {short(t["recipe"]): [u for u in trials if u["recipe"] == t["recipe"]] for t in trials}
    weighed = all("cpu_ms" in trial for trial in trials)
    pictures = {"length": _length} | ({"pareto": _pareto, "cost": _cost} if weighed else {})
    written = []
    for name, picture in pictures.items():
        figure = Figure(figsize=(11 if name == "cost" else 8, 5), layout="constrained")
        picture(figure, by_recipe)
        written.append(folder / f"{name}.png")
        figure.savefig(written[-1], dpi=130)
    return written


def _pareto(figure: Figure, trials: Mapping[str, Sequence[Trial]]) -> None:
    axes = figure.subplots()
    points = []
    for name, own in trials.items():
        x = float(np.mean([trial["cpu_ms"] for trial in own]))
        y = 100 * float(np.mean([of_sets("accuracy")(trial) for trial in own]))
        points.append((x, y))
        axes.plot(x, y, "o")
        axes.annotate(name, (x, y), textcoords="offset points", xytext=(5, 4), fontsize=8)
    best, line = -np.inf, []
    for x, y in sorted(points):
        if y > best:
            best = y
            line.append((x, y))
    axes.plot(*np.array(line).T, color="grey", linewidth=1, zorder=0)
    _label(axes, "CPU ms a strip, one core", "read right, %", "log")
    figure.suptitle("What accuracy costs; the line joins what nothing beats in both")


def _length(figure: Figure, trials: Mapping[str, Sequence[Trial]]) -> None:
    axes = figure.subplots()
    axes.set_prop_cycle(_LOOKS)
    for name, own in trials.items():
        classes = list(dict.fromkeys(key for trial in own for key in trial["cer_by_length"]))
        means = [
            np.mean([t["cer_by_length"][key] for t in own if key in t["cer_by_length"]]) for key in classes
        ]
        axes.plot(classes, 100 * np.array(means), marker="o", label=name)
    _label(axes, "characters of the text", "CER, %", "linear")
    axes.legend(fontsize=8, ncols=1 + len(trials) // 24, loc="center left", bbox_to_anchor=(1, 0.5))


def _cost(figure: Figure, trials: Mapping[str, Sequence[Trial]]) -> None:
    left, right = figure.subplots(1, 2)
    left.set_prop_cycle(_LOOKS)
    right.set_prop_cycle(_LOOKS)
    for name, own in trials.items():
        rows = own[0]["by_length"]
        widths = [row["width"] for row in rows]
        left.plot(widths, [row["ms"] for row in rows], marker="o", label=name)
        right.plot(widths, [row["bytes"] / 1e6 for row in rows], marker="o", label=name)
    _label(left, "width of the strip, px", "CPU ms, one core", "log")
    _label(right, "width of the strip, px", "working memory, MB", "log")
    for axes in (left, right):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(LogFormatter(labelOnlyBase=False))
        axes.yaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.5)))
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, fontsize=8, ncols=1 + len(trials) // 32, loc="outside right center")


def _label(axes: Axes, x: str, y: str, scale: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if scale == "log":  # a linear scale, set once more, would take the names of classes away
        axes.set_xscale("log")
        for ticks in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
            ticks(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.5)))
    axes.grid(alpha=0.3)
