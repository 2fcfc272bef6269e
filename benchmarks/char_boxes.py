"""Where characters stand, by foveal and by its peers: boxes and looks against characters located by hand.

    python benchmarks/char_boxes.py SET… [--rapidocr PYTHON] [--tesseract PYTHON] [--limit N] [--json FILE]

SET has charboxes.jsonl, charcuts.jsonl or pages with glyphs. benchmarks/README.md says how the environments
of the peers are made. Of each character read right, found by the cheapest alignment with the true text, so
that errors of reading do not count as errors of place:

  matched    characters read right and located, of all true ones
  centred    share whose box has its centre inside the true box, or between the true cuts
  IoU, half  mean overlap with the true box, and the share of at least 0.5; of cuts, the overlap along x
  along x    mean overlap along x alone: some boxes are as high as the line
  look …     share whose look has its heaviest cell inside; at least 0.5, 0.8 of its weight inside (along x)

`of read`: each engine's own characters; `of shared`: those alone that all of them read right. A glyph of
several letters (ch, ﬅ) is aligned, but not counted. RapidOCR gives no character boxes of a crop that it only
reads: `rapidocr` makes the columns of its reading into boxes by its own rule, as if it had found the crop;
with `--found`, `rapidocr-found` finds the text in the crop first. That takes it seconds and misses many a
word, so it is left out of `shared`.
"""

from __future__ import annotations

import argparse
import json
import math
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from peers import TESSDATA, ask, commands, requests, task, truths

from foveal.document import Char
from foveal.geometry import bounds, box, box_overlap
from foveal.measure.boxes import centre_inside
from foveal.measure.looks import look_count
from foveal.measure.rules import Rule, rule_named, rule_of
from foveal.measure.sets import Box, is_pages, read_crops, read_pages
from foveal.measure.text import align
from foveal.reading.reader import Reader

Truth = list[tuple[str, Box]]
Matched = list[dict[int, Char]]
"""For every image the characters read right, each under the index of the true one that it stands for."""
Row = dict[str, Any]
FOUND = "rapidocr-found"
NOTE = "\n* gives no character boxes of crops: the columns of its reading, made into boxes by its own rule"
COLUMNS = {
    "set": "set",
    "engine": "engine",
    "of": "of",
    "true": "true",
    "matched": "matched",
    "centred": "centred",
    "IoU": "iou",
    "half": "iou_half",
    "along x": "iou_x",
    "look inside": "look_inside",
    "look 0.5": "look_half",
    "look 0.8": "look_most",
}


def located(folder: Path, limit: int | None) -> list[Truth]:
    """Return for each image of a set its signs with their true boxes; nothing for one without boxes."""
    if is_pages(folder):
        pages = read_pages(folder)[:limit]
        return [[(glyph.text or "", bounds(glyph.polygon)) for glyph in page.glyphs] for page in pages]
    crops = read_crops(folder)[:limit]
    return [list(zip(crop.text, crop.chars, strict=True)) if crop.chars else [] for crop in crops]


def ours(model: str, folder: Path, limit: int | None) -> list[list[Char]]:
    """Return the characters that foveal reads on each image, with their looks."""
    reader = Reader(model)
    images = [image for image, _ in truths(folder)][:limit]
    if is_pages(folder):
        read = (reader.read(image, looks=True).pages for image in images)
        lines = [[line for page in pages for line in page.lines] for pages in read]
    else:
        lines = [reader.transcribe([image], looks=True) for image in images]
    return [[char for line in some for word in line.words for char in word.chars] for some in lines]


def theirs(command: Sequence[str], questions: Sequence[dict[str, str]], threads: int) -> list[list[Char]]:
    """Return the characters that a peer reads on each image; of their confidences nothing is asked."""
    _, answers = ask(command, questions, threads=threads)
    return [
        [Char(sign, tuple((x, y) for x, y in corners), math.nan) for sign, corners in answer["chars"]]
        for answer in answers
    ]


def everyone(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, list[list[Char]]]]:
    """Yield the name of each engine and what it reads where on each image of a set."""
    for model in options.model:
        yield f"foveal-{model}", ours(model, folder, options.limit)
    questions = [one | {"want": "chars"} for one in requests(folder, options.limit)]
    peers = commands(options)
    for name, command in peers.items():
        yield name, theirs(command, questions, options.threads)
    if options.found and "rapidocr" in peers and task(folder) != "page":
        whole = [one | {"task": "page"} for one in questions]
        yield FOUND, theirs(peers["rapidocr"], whole, options.threads)


def matched(chars: Sequence[Char], truth: Truth, rule: Rule) -> dict[int, Char]:
    """Return the characters read right under the index of the true one; see `Matched`."""
    read = [(sign, char) for char in chars for sign in rule(char.text)]
    true = [(sign, place) for place, (text, _) in enumerate(truth) for sign in rule(text)]
    mine, places = iter(read), iter(true)
    found: dict[int, Char] = {}
    for sign, other in align("".join(sign for sign, _ in read), "".join(sign for sign, _ in true)):
        char = next(mine)[1] if sign else None
        place = next(places)[1] if other else None
        if char and place is not None and sign == other and is_one(rule(truth[place][0])):
            found.setdefault(place, char)
    return found


def is_one(text: str) -> bool:
    """Tell whether a text is one letter, with or without marks on it."""
    return sum(not unicodedata.combining(sign) for sign in text) == 1


def figures(pairs: Sequence[tuple[Char, Box]]) -> dict[str, float]:
    """Return the mean figures of characters and their true boxes; of looks where there are any."""
    rows = [dict(place_figures(char, true)) for char, true in pairs]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} if rows else {}


def place_figures(char: Char, true: Box) -> Iterator[tuple[str, float]]:
    """Yield the figures of one character."""
    _, top, _, bottom = bounds(char.polygon)
    along = box_overlap(char.polygon, box(true[0], top, true[2], bottom))
    overlap = box_overlap(char.polygon, box(*true)) if math.isfinite(true[1]) else along
    yield "centred", centre_inside(char.polygon, true)
    yield "iou", overlap
    yield "iou_half", overlap >= 0.5
    yield "iou_x", along
    if char.look:
        look = look_count([(char, true)])
        yield "look_inside", look.inside
        yield "look_half", look.mass >= 0.5
        yield "look_most", look.mass >= 0.8


def compare(folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    """Yield the figures of every engine on one set, first of its own characters, then of the shared ones."""
    truth, rule = located(folder, options.limit), rule_named(rule_of(folder))
    true = sum(is_one(rule(text)) for one in truth for text, _ in one)
    found: dict[str, Matched] = {
        name: [matched(chars, one, rule) for chars, one in zip(read, truth, strict=True)]
        for name, read in everyone(folder, options)
    }
    equals = {engine: images for engine, images in found.items() if engine != FOUND}
    shared = [set.intersection(*map(set, one)) for one in zip(*equals.values(), strict=True)]
    for of, some in (("read", found), ("shared", equals)):
        for engine, images in some.items():
            kept = [set(one) for one in images] if of == "read" else shared
            pairs = [
                (chars[place], boxes[place][1])
                for chars, boxes, places in zip(images, truth, kept, strict=True)
                for place in places
            ]
            by_rule = engine == "rapidocr" and not is_pages(folder)
            known = {"set": folder.name, "engine": engine, "of": of, "true": true, "matched": len(pairs)}
            yield known | {"by_rule": by_rule} | figures(pairs)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown; a star where boxes are not the engine's own answer."""
    marked = [row | {"engine": f"{row['engine']} *"} if row["by_rule"] else row for row in rows]
    cells = [[cell(row.get(key)) for key in COLUMNS.values()] for row in marked]
    lines = [f"| {' | '.join(row)} |" for row in [list(COLUMNS), ["---"] * len(COLUMNS), *cells]]
    return "\n".join(lines + [NOTE] * any(row["by_rule"] for row in rows))


def cell(value: object) -> str:
    """Return a figure with three digits, anything else as it is; – for what there is not."""
    return "–" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET")
    parser.add_argument("--model", nargs="*", default=["fast", "accurate"])
    parser.add_argument("--rapidocr", metavar="PYTHON", help="the Python that has rapidocr")
    parser.add_argument("--tesseract", metavar="PYTHON", help="the Python that has tesserocr")
    parser.add_argument("--tessdata", default=TESSDATA, help="the folder of Tesseract's language data")
    parser.add_argument("--found", action="store_true", help="also let RapidOCR find the text in crops")
    parser.add_argument("--limit", type=int, help="only the first N images of a set")
    parser.add_argument("--threads", type=int, default=1, help="threads of every peer; 0: its own choice")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.set_defaults(engines=["rapidocr", "tesseract"])
    return parser.parse_args()


def main() -> None:
    options = arguments()
    rows = [row for folder in options.sets for row in compare(folder, options)]
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
