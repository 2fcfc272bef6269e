"""Is a skipped character noticed? One is taken out of every word that was read; then its ink is looked for.

    python benchmarks/omissions.py examples/receipt.jpg examples/printed_page.jpg … [--model accurate]

Prints for each page: characters read; skips found in the reading as it is (false alarms, but for what truly
was skipped); words from which an inner character and its look were taken; how many of these the trajectory
names as a skip at that place; and the median milliseconds for a word's heat map once the page is read.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

from foveal import Reader
from foveal.document import Line
from foveal.explain.maps import heat_map
from foveal.explain.trajectory import trace
from foveal.images import pages


def without(line: Line, word: int, char: int) -> Line:
    """Return the line without one character of a word."""
    kept = line.words[word].chars[:char] + line.words[word].chars[char + 1 :]
    words = (*line.words[:word], replace(line.words[word], chars=kept), *line.words[word + 1 :])
    return replace(line, words=words)


def noticed(pixels: np.ndarray, line: Line, rng: np.random.Generator) -> list[bool]:
    """Take one inner character out of each word in turn: was a skip named where it stood?"""
    found, first = [], 0
    places = [one.place for one in trace(pixels, line).fixations]
    for word, size in enumerate(len(word.chars) for word in line.words):
        if size > 2:
            char = int(rng.integers(1, size - 1))
            skips = trace(pixels, without(line, word, char)).skips
            found.append(any(low - 3 <= places[first + char] <= high + 3 for low, high in skips))
        first += size
    return found


def milliseconds(pixels: np.ndarray, line: Line) -> float:
    """Time the heat map of the line's first word."""
    start = time.perf_counter()
    heat_map(pixels, line, line.words[:1], polygon=line.words[0].polygon)
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+")
    parser.add_argument("--model", default="fast")
    asked = parser.parse_args()
    reader, rng = Reader(asked.model), np.random.default_rng(0)
    print("chars  skips  taken  noticed  ms a word  file")
    for file in asked.files:
        for image in pages(file):
            lines = reader.read_page(image, looks=True).lines
            paths = [trace(image.pixels, line) for line in lines]
            found = [one for line in lines for one in noticed(image.pixels, line, rng)]
            chars = sum(len(path.fixations) for path in paths)
            skips = sum(len(path.skips) for path in paths)
            spent = float(np.median([milliseconds(image.pixels, line) for line in lines]))
            print(f"{chars:5}  {skips:5}  {len(found):5}  {sum(found):7}  {spent:9.0f}  {file}")


if __name__ == "__main__":
    main()
