"""What the heads of the line model look at and what each is worth, held against the renderer's truth.

    foveal synth LINES --fonts PACK --kind line --count 40 --seed 7 --width 384
    python benchmarks/heads.py LINES [--model fast] [--limit 12] [--picture heads.png]

Lines that were not read right are left out: where their characters stand would not be known. Columns of the
table: see `foveal.probe.study.Head`; `selectivity` for the pattern, and for the other patterns of note.
`--picture` draws the maps of the first line.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from foveal.explain.examiner import Asked, Examiner
from foveal.images import pages
from foveal.measure.sets import Crop, read_crops
from foveal.probe.line import line_maps, load_line
from foveal.probe.picture import heads_picture
from foveal.probe.study import Head, Line, study, with_truth

SHOWN = ("own character", "previous character", "next character", "here", "spaces", "ink")


def true_line(crop: Crop, words: list[Asked], width: int) -> Line | None:
    """Return a line with the places of the truth, None if it was not read right."""
    if " ".join(word.text for word in words) != crop.text or not crop.chars:
        return None
    columns = len(words[0].count) / width
    boxes = [(left * columns, right * columns) for left, _, right, _ in crop.chars]
    chars = [span for sign, span in zip(crop.text, boxes, strict=True) if sign != " "]
    spaces = [span for sign, span in zip(crop.text, boxes, strict=True) if sign == " "]
    return with_truth(words, chars, spaces)


def true_lines(folder: Path, examiner: Examiner, limit: int) -> list[Line]:
    """Return some lines of a set that were read right."""
    crops = read_crops(folder)[:limit]
    images = [next(iter(pages(crop.image))).pixels for crop in crops]
    both = zip(crops, examiner.words(images), images, strict=True)
    lines = [true_line(crop, words, image.shape[1]) for crop, words, image in both if words]
    return [line for line in lines if line is not None]


def row(head: Head) -> str:
    """Return a head as a row of the table."""
    cells = (f"{head.selectivity[name]:8.2f}" if name in head.selectivity else f"{'–':>8}" for name in SHOWN)
    return (
        f"{head.layer:22}{head.number:3}  {head.pattern:20}{''.join(cells)}"
        f"{head.spread:8.2f}{head.apart:7.2f}{head.ablation:10.4f}{head.gradient:10.4f}{head.changed:9.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("set", type=Path)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--limit", type=int, default=12)
    parser.add_argument("--picture", type=Path)
    asked = parser.parse_args()
    model, lines = load_line(asked.model), true_lines(asked.set, Examiner(asked.model), asked.limit)
    chars = sum(len(word.ids) for line in lines for word in line.words)
    print(f"{len(lines)} lines read right, {chars} characters")
    heads = study(model, lines)
    names = "".join(f"{name.split()[0]:>8}" for name in SHOWN)
    measures = f"{'spread':>8}{'apart':>7}{'ablation':>10}{'gradient':>10}{'changed':>9}"
    print(f"{'layer':22}{'no':>3}  {'pattern':20}{names}{measures}")
    for head in heads:
        print(row(head))
    if asked.picture and lines:
        maps = {name: each.double().numpy() for name, each in line_maps(model, lines[0].words).items()}
        Image.fromarray(heads_picture(lines[0], maps, heads)).save(asked.picture)


if __name__ == "__main__":
    main()
