"""What looks cost: reading with them beside reading without, and explaining a word once the page is read.

    python benchmarks/look_cost.py FILE… [--model fast] [--rounds 7]

Each page is read with and without looks in turn; the ratio is that of the medians of CPU seconds (and of wall
seconds, which say more on an idle machine only). Then every line's first word is explained as
`foveal explain --line N --word 1` does, heat map and deletion test; the median and the worst are given in
milliseconds. Wanted: a ratio of 1.15 at the most, and 150 ms a word.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from foveal import Reader
from foveal.explain.explanation import Choice, Explanation
from foveal.images import PageImage, pages


@dataclass(frozen=True)
class Spent:
    """CPU and wall seconds of one call."""

    cpu: float
    wall: float


def spent(call: Callable[[], object]) -> Spent:
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Spent(time.process_time() - cpu, time.perf_counter() - wall)


def ratio(reader: Reader, image: PageImage, rounds: int) -> tuple[float, float]:
    """Return the ratio of CPU seconds and of wall seconds, reading with looks over reading without."""
    times: dict[bool, list[Spent]] = {False: [], True: []}
    for _ in range(rounds):
        for looks, each in times.items():
            each.append(spent(lambda looks=looks: reader.read_page(image, looks=looks)))
    without, with_looks = times[False], times[True]
    cpu = np.median([one.cpu for one in with_looks]) / np.median([one.cpu for one in without])
    wall = np.median([one.wall for one in with_looks]) / np.median([one.wall for one in without])
    return float(cpu), float(wall)


def words(reader: Reader, image: PageImage) -> list[Spent]:
    """Return what it costs to explain the first word of every line."""
    page = reader.read_page(image, looks=True)
    chosen = [
        Explanation(image.pixels, page, Choice("word", number, (line.words[0],), line.words[0].polygon))
        for number, line in enumerate(page.lines, 1)
    ]
    return [spent(one.picture) for one in chosen]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+")
    parser.add_argument("--model", default="fast")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    reader = Reader(asked.model)
    print("ratio: CPU   wall   word, ms: CPU (worst)   wall (worst)   file")
    for file in asked.files:
        for image in pages(file):
            reader.read_page(image)  # the models are loaded
            cpu, wall = ratio(reader, image, asked.rounds)
            each = words(reader, image)
            told = "".join(
                f"{1000 * np.median(kind):10.0f} ({1000 * max(kind):5.0f})"
                for kind in ([one.cpu for one in each], [one.wall for one in each])
            )
            print(f"{cpu:10.3f}{wall:7.3f}{told:>32}   {file}", flush=True)


if __name__ == "__main__":
    main()
