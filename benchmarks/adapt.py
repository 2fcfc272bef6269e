"""What fifty corrected lines are worth: `python benchmarks/adapt.py SET… [--model accurate] [--also SET…]`.

Of each set some lines are taken as a user's corrections, and the rest is read before and after: without
listed words, by the model as it is, adapted but without listed words, and as `foveal adapt` leaves it.
`--also`: sets of other material, read by each adapted model, to see what is forgotten. `--pick first`: the
corrections are the first lines of the set, not lines from everywhere. Seconds are those of adapting.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import foveal
from foveal.measure.rules import exact
from foveal.measure.sets import Crop, read_crops
from foveal.measure.text import cer
from foveal.models.one_file import open_line, save
from foveal.train.adapt import Plan, adapt


def picked(crops: Sequence[Crop], count: int, *, spread: bool) -> list[Crop]:
    """Return the corrections: at most half of the set, its first lines or some from everywhere."""
    count = min(count, len(crops) // 2)
    return [crops[i * len(crops) // count if spread else i] for i in range(count)]


def write_set(folder: Path, crops: Sequence[Crop]) -> Path:
    """Write crops as a set of their own."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for crop in crops:
        shutil.copyfile(crop.image, folder / "images" / crop.image.name)
        rows.append(f"images/{crop.image.name}\t{crop.text}\n")
    (folder / "labels.tsv").write_text("".join(rows), encoding="utf-8")
    return folder


def read(model: str, crops: Sequence[Crop]) -> float:
    """Return the CER of a model."""
    lines = foveal.load(model, threads=1).transcribe([crop.image for crop in crops])
    return cer((exact(line.text), exact(crop.text)) for line, crop in zip(lines, crops, strict=True))


def without_words(model: str, path: Path) -> str:
    """Write a model that reads without listed words, and return its file."""
    line = open_line(model)
    line.facts["language"] = "none"
    save(line, path)
    return str(path)


def row(folder: Path, asked: argparse.Namespace, scratch: Path) -> str:
    """Return the figures of one set as a row of the table."""
    crops = read_crops(folder)
    mine = picked(crops, asked.lines, spread=asked.pick == "spread")
    rest = [crop for crop in crops if crop not in mine]
    own, file = write_set(scratch / folder.name, mine), scratch / "mine.onnx"
    begun = resource.getrusage(resource.RUSAGE_SELF)
    plan = Plan(steps=asked.steps, minutes=asked.minutes, threads=asked.threads)
    result = adapt(asked.model, own, file, plan=plan)
    ended = resource.getrusage(resource.RUSAGE_SELF)
    before, after = read(asked.model, rest), read(str(file), rest)
    plain = read(without_words(asked.model, scratch / "plain.onnx"), rest)
    without = read(without_words(str(file), scratch / "without.onnx"), rest)
    forgotten = [f"{other.name} {read(str(file), read_crops(other)):.4f}" for other in asked.also]
    figures = "".join(f"{value:>9.4f}" for value in (plain, before, without, after))
    cpu = ended.ru_utime - begun.ru_utime
    return (
        f"{folder.name:<32}{len(mine):>5}{len(rest):>6}{figures}{1 - after / before:>8.1%}{cpu:>7.0f}"
        f"{result.seconds:>7.0f}  {', '.join([result.words, *forgotten])}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--also", type=Path, nargs="*", default=[])
    parser.add_argument("--lines", type=int, default=50)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pick", choices=("spread", "first"), default="spread")
    asked = parser.parse_args()
    print(f"{'set':<32}learnt  rest    plain   before  without    after     cut  CPU s   wall  reads with")
    for other in asked.also:
        print(f"{asked.model} reads {other.name}: CER {read(asked.model, read_crops(other)):.4f}")
    for folder in asked.sets:
        with tempfile.TemporaryDirectory() as scratch:
            print(row(folder, asked, Path(scratch)), flush=True)


if __name__ == "__main__":
    main()
