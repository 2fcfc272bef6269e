"""What do looks do? Each character's look is set, taken away, shifted, swapped and levelled.

    python benchmarks/causes.py SET… [--model fast] [--limit 12]

Prints for each set: characters, of some words of each line; how often they are still read under each
intervention (foveal/explain/causal.py); how often a swapped look reads the neighbour's character instead; and
the share of the evidence that a character's own pixels give: the median, and what nine in ten have or more.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from foveal.explain.causal import INTERVENTIONS, causes
from foveal.explain.examiner import Examiner
from foveal.images import pages
from foveal.measure.sets import read_crops
from foveal.reading.eye import load_eye

WORDS = 4
"""Words of each line that are asked."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--limit", type=int, default=12)
    asked = parser.parse_args()
    examiner, eye = Examiner(asked.model), load_eye(asked.model)
    print("chars  " + "".join(f"{name:>9}" for name in INTERVENTIONS) + "  follows  sight  tenth  set")
    for folder in asked.sets:
        crops = read_crops(folder)
        crops = crops[:: max(1, len(crops) // asked.limit)][: asked.limit]
        lines = examiner.words([next(iter(pages(crop.image))).pixels for crop in crops])
        kept: Counter[str] = Counter()
        sights, follows = [], []
        for word in (word.alone() for words in lines for word in words[:WORDS]):
            found = causes(word, eye)
            for place, one in enumerate(found):
                kept.update(name for name, effect in one.effects.items() if effect.read == one.text)
                sights.append(one.sight)
                other = word.text[place + 1 : place + 2] or word.text[place - 1]
                if other != one.text:
                    follows.append(one.effects["swap"].read == other)
        shares = "".join(f"{kept[name] / len(sights):9.1%}" for name in INTERVENTIONS)
        low, middle = np.quantile(sights, [0.1, 0.5])
        print(
            f"{len(sights):5}  {shares}  {np.mean(follows):7.1%}  {middle:5.2f}  {low:5.2f}  {folder.name}",
            flush=True,
        )


if __name__ == "__main__":
    main()
