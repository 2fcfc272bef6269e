"""Are looks true to what was read, and do gradients say better where that was? On real lines, side by side.

    python benchmarks/attribution.py SET… [--model fast] [--limit 24] [--json FILE]

One character of each line is asked about (`foveal.explain.measured`). Attributions: its look; the look
rolled out through the encoder's layers; Grad-CAM and integrated gradients (Captum); and what each has to
beat, random weights and a Gaussian about the character's box. Figures, as means: deletion (low is faithful),
insertion, road (high), pointing (share of heaviest columns within the true box, where the set has boxes); and
the median CPU ms for one character, 0 for what a reading leaves behind anyway.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from foveal.evaluate import examples
from foveal.explain.examiner import Asked, Examiner
from foveal.explain.measured import Case, Floats, cases, faithful
from foveal.measure.faithfulness import points_at
from foveal.measure.rollout import rollout
from foveal.models.line import LineModel
from foveal.probe.gradients import grad_cam, integrated_gradients
from foveal.probe.line import line_maps, load_line

Method = Callable[[LineModel, Asked, int], Floats]
Figures = dict[str, float]
COLUMNS = ("deletion", "insertion", "road", "pointing", "ms")


def rolled_out(model: LineModel, word: Asked, i: int) -> Floats:
    """Return a look followed back through the encoder to the columns of the stem."""
    maps = line_maps(model, [word])
    layers = [each.numpy() for name, each in maps.items() if name.startswith("blocks.")]
    return np.asarray(word.looks[i] @ rollout(layers), np.float64)


METHODS: dict[str, Method] = {
    "rollout": rolled_out,
    "grad-cam": grad_cam,
    "integrated": integrated_gradients,
}


def rows_of(case: Case, model: LineModel, examiner: Examiner, rng: np.random.Generator) -> dict[str, Figures]:
    """Return the figures of every attribution of one character."""
    maps, spent = case.attributions(rng), {}
    for name, method in METHODS.items():
        start = time.process_time()
        maps[name] = method(model, case.word, case.i)
        spent[name] = 1000 * (time.process_time() - start)
    found = dict(zip(maps, faithful(case, list(maps.values()), examiner, rng=rng), strict=True))
    for name, figures in found.items():
        figures["ms"] = spent.get(name, 0.0)
        if case.truth is not None:
            figures["pointing"] = float(points_at(maps[name], *case.truth))
    return found


def means(rows: list[dict[str, Figures]]) -> dict[str, Figures]:
    """Return the mean of every figure of every attribution over the characters that have it."""
    return {
        name: {
            column: float((np.median if column == "ms" else np.mean)(values))
            for column in COLUMNS
            if (values := [row[name][column] for row in rows if column in row[name]])
        }
        for name in (rows[0] if rows else ())
    }


def printed(title: str, table: dict[str, Figures]) -> None:
    print(f"{title:34}" + "".join(f"{column:>10}" for column in COLUMNS))
    for name, figures in table.items():
        cells = (f"{figures[column]:10.3f}" if column in figures else " " * 9 + "–" for column in COLUMNS)
        print(f"  {name:32}" + "".join(cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--limit", type=int, default=24)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    model, examiner, rng = load_line(asked.model), Examiner(asked.model), np.random.default_rng(0)
    every: list[dict[str, Figures]] = []
    tables = {}
    for folder in asked.sets:
        shown = examples(folder, most=asked.limit)
        found = cases(shown, examiner.words([one.image for one in shown]), rng)
        rows = [rows_of(case, model, examiner, rng) for case in found]
        tables[folder.name] = means(rows)
        printed(f"{folder.name} ({len(rows)})", tables[folder.name])
        every += rows
    tables["all"] = means(every)
    printed(f"all ({len(every)})", tables["all"])
    if asked.json:
        asked.json.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
