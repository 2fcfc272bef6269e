"""Why this character and not its runner-up: how often is a change found that makes it so, and how small?

    python benchmarks/contrasts.py SET… [--model fast] [--limit 10]

Asks of one character of each line (foveal/explain/counterfactual.py). Prints for each set: characters asked;
for how many a change was found that makes the reader read the runner-up; the median of the pixels changed,
and of their share of the character's place; CPU seconds a character; and how many of the characters turn when
as many squares, chosen at random, are made paper or ink: what the search is worth.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from foveal.explain.counterfactual import CELL, Contrast, contrast
from foveal.explain.examiner import Examiner
from foveal.images import pages
from foveal.measure.sets import read_crops
from foveal.reading.transcribe import load_transcriber


def turns_at_random(found: Contrast, model: str, rng: np.random.Generator) -> bool:
    """Change as many squares of the character's place at random: is the rival read there?"""
    squares = int((found.added | found.removed).sum() / CELL**2)
    strip = found.strip.copy()
    for _ in range(squares):
        y = int(rng.integers(0, len(strip) - CELL + 1))
        x = int(rng.integers(found.left, found.right - CELL + 1))
        strip[y : y + CELL, x : x + CELL] = (found.paper, found.ink)[int(rng.integers(2))]
    (reading,) = load_transcriber(model).read([strip], again=False)
    chars = [char for word in reading.words for char in word.chars]
    return any(
        char.text == found.rival and found.left <= (char.x0 + char.x1) / 2 <= found.right for char in chars
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--limit", type=int, default=10)
    asked = parser.parse_args()
    examiner = Examiner(asked.model)
    print("asked  found  pixels  share  seconds  at random  set")
    for folder in asked.sets:
        rng = np.random.default_rng(0)
        crops = read_crops(folder)
        crops = crops[:: max(1, len(crops) // asked.limit)][: asked.limit]
        lines = examiner.words([next(iter(pages(crop.image))).pixels for crop in crops])
        start, contrasts = time.process_time(), []
        for words in lines:
            if words:
                word = words[int(rng.integers(len(words)))]
                contrasts.append(contrast(word, asked.model, int(rng.integers(len(word.text)))))
        spent = (time.process_time() - start) / len(contrasts)
        found = [one for one in contrasts if one.changed is not None]
        pixels = [int((one.added | one.removed).sum()) for one in found]
        shares = [n / (len(one.strip) * (one.right - one.left)) for n, one in zip(pixels, found, strict=True)]
        turned = sum(turns_at_random(one, asked.model, rng) for one in found)
        print(
            f"{len(contrasts):5}  {len(found):5}  {np.median(pixels):6.0f}  {np.median(shares):5.1%}  "
            f"{spent:7.1f}  {turned:9}  {folder.name}",
            flush=True,
        )


if __name__ == "__main__":
    main()
