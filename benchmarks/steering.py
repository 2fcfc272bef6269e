"""Does a fixation that is moved read the character under it? On lines whose text is known.

    python benchmarks/steering.py SET… [--model fast] [--limit 70] [--off 0.25]

Each line is read with looks. Then some characters of it that were read right are told to look at another one
of these, chosen at random, and the line is read again (`Line.reread`), once for each. Prints for each set how
often the character under the new look was read, when it was aimed at the middle of that character's box and
when the aim was off by up to `--off` of its width. A set may be one that `foveal synth --kind line` rendered.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from foveal import Reader
from foveal.document import Char, Line, Move
from foveal.geometry import bounds
from foveal.measure.rules import Rule, rule_named, rule_of
from foveal.measure.sets import Crop, read_crops
from foveal.measure.text import align

MOVED = 12
"""Characters of each line that are moved."""


def read_right(line: Line, truth: str, rule: Rule) -> list[int]:
    """Return the places, among the line's characters, of those that are as the truth says under the rule."""
    right, place = [], -1
    for read, true in align(line.text, truth):
        if read not in ("", " "):
            place += 1
            if rule(read) and rule(read) == rule(true):
                right.append(place)
    return right


def obeyed(line: Line, right: Sequence[int], off: float, rule: Rule, rng: np.random.Generator) -> list[bool]:
    """Move each of some characters to another of them: was that one read?"""
    chars: list[Char] = [char for word in line.words for char in word.chars]
    found = []
    for one in rng.permutation(right)[:MOVED]:
        goal = chars[int(rng.choice(right))]
        left, top, end, bottom = bounds(goal.polygon)
        x = (left + end) / 2 + rng.uniform(-off, off) * (end - left)
        again = line.reread([Move(int(one) + 1, (x, (top + bottom) / 2))])
        read = [char for word in again.words for char in word.chars][one].text
        found.append(rule(read) == rule(goal.text))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--limit", type=int, default=70)
    parser.add_argument("--off", type=float, default=0.25)
    asked = parser.parse_args()
    reader = Reader(asked.model)
    print("lines  moved  obeyed  moved off  obeyed  set")
    for folder in asked.sets:
        rng, rule = np.random.default_rng(0), rule_named(rule_of(folder))
        crops: list[Crop] = read_crops(folder)
        crops = crops[:: max(1, len(crops) // asked.limit)][: asked.limit]
        lines = reader.transcribe([crop.image for crop in crops], looks=True)
        middle, aside = [], []
        for crop, line in zip(crops, lines, strict=True):
            right = read_right(line, crop.text, rule)
            middle += obeyed(line, right, 0.0, rule, rng)
            aside += obeyed(line, right, asked.off, rule, rng)
        shown = f"{np.mean(middle):7.2%}  {len(aside):9}  {np.mean(aside):6.2%}"
        print(f"{len(lines):5}  {len(middle):5}  {shown}  {folder.name}")


if __name__ == "__main__":
    main()
