"""Whether guessed characters are told from read ones: characters of real lines are destroyed, one at a time.

    python benchmarks/guessed.py SET… [--model fast] [--limit 60]

Each line is read, then again for each way to destroy a character (foveal/measure/planted.py). What is read
where nothing is left to read is guessed; what is read of the intact line, in words read right, is read.
Prints how many guesses there were, the AUROC of the evidence of a reading (foveal/reading/trust.py), of the
deletion test (foveal/reading/grounded.py) and of both, and which share of guesses and of read characters is
flagged. Give sets that were neither trained on nor given to tools/fit_trust.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foveal import Reader
from foveal.geometry import points
from foveal.images import pages
from foveal.measure.calibration import auroc
from foveal.measure.planted import KINDS, is_in, plant
from foveal.measure.rules import rule_named, rule_of
from foveal.measure.sets import Crop, read_crops
from foveal.measure.text import words_right
from foveal.reading.compose import compose_line
from foveal.reading.grounded import stays
from foveal.reading.readings import Reading
from foveal.reading.transcribe import Transcriber
from foveal.reading.trust import load_trust

Pixels = NDArray[np.uint8]
SAMPLED = 4
"""Characters of an intact line that are put to the deletion test."""


@dataclass(frozen=True)
class Found:
    """One character: how likely guessed by its evidence, whether it was flagged, and whether it stays."""

    evidence: float
    flagged: bool
    stays: float


def found(
    image: Pixels, reading: Reading, kept: Iterable[tuple[int, int]], transcriber: Transcriber, model: str
) -> list[Found]:
    """Judge some characters of a reading, each given by its word and its place in it."""
    trust = load_trust(model)
    assert trust is not None
    places = list(kept)
    chars = [reading.words[word].chars[i] for word, i in places]
    after = stays(image, reading, chars, transcriber.read)
    chances = [trust.guesses.chance(reading.words[word].grounds[i]) for word, i in places]
    return [
        Found(chance, char.guessed, stay) for chance, char, stay in zip(chances, chars, after, strict=True)
    ]


def judged(
    folder: Path, transcriber: Transcriber, model: str, limit: int
) -> tuple[list[Found], dict[str, list[Found]], tuple[int, int]]:
    """Return a sample of the characters read, the guesses by kind, and (flagged, all) of those read."""
    rng = np.random.default_rng(0)
    crops = read_crops(folder)
    crops = crops[:: max(1, len(crops) // limit)][:limit]
    images = [next(iter(pages(crop.image))).pixels for crop in crops]
    clean = transcriber.read(images, looks=True)
    read, flagged, total = [], 0, 0
    for image, reading, crop in zip(images, clean, crops, strict=True):
        places = read_right(reading, crop, folder)
        flagged += sum(reading.words[word].chars[i].guessed for word, i in places)
        total += len(places)
        sample = rng.permutation(len(places))[:SAMPLED]
        read += found(image, reading, (places[i] for i in sample), transcriber, model)
    guesses: dict[str, list[Found]] = {}
    for kind in KINDS:
        guesses[kind] = []
        for image, reading in zip(images, clean, strict=True):
            line = compose_line(reading, size=(image.shape[1], image.shape[0]), to_page=points)
            planted = plant(image, line, kind, rng)
            if planted is None:
                continue
            (again,) = transcriber.read([planted.image], looks=True)
            places = [
                (word, i)
                for word, part in enumerate(again.words)
                for i, char in enumerate(part.chars)
                if is_in(planted, (char.x0, char.x1))
            ]
            guesses[kind] += found(planted.image, again, places, transcriber, model)
    return read, guesses, (flagged, total)


def read_right(reading: Reading, crop: Crop, folder: Path) -> list[tuple[int, int]]:
    """Return the places of the characters of words read right."""
    right = words_right([word.text for word in reading.words], crop.text, fold=rule_named(rule_of(folder)))
    return [
        (number, i)
        for number, (word, hit) in enumerate(zip(reading.words, right, strict=True))
        if hit
        for i in range(len(word.chars))
    ]


def row(name: str, read: list[Found], guesses: list[Found]) -> str:
    """Return the figures of some guesses against the characters read."""
    every = read + guesses
    label = [False] * len(read) + [True] * len(guesses)
    scores = {
        "evidence": [one.evidence for one in every],
        "deletion": [one.stays for one in every],
        "both": [1 - (1 - one.evidence) * (1 - one.stays) for one in every],
    }
    figures = "".join(f"{auroc(score, label):10.3f}" for score in scores.values())
    flagged = np.mean([one.flagged for one in guesses]) if guesses else float("nan")
    return f"{name:44}{len(guesses):8}{figures}{flagged:10.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--limit", type=int, default=60)
    asked = parser.parse_args()
    transcriber = Reader(asked.model)._transcriber
    print(f"{'':44}{'guesses':>8}{'evidence':>10}{'deletion':>10}{'both':>10}{'flagged':>10}")
    read: list[Found] = []
    guesses: dict[str, list[Found]] = {kind: [] for kind in KINDS}
    false = np.zeros(2, int)
    for folder in asked.sets:
        own, planted, (flagged, total) = judged(folder, transcriber, asked.model, asked.limit)
        print(row(folder.name, own, [one for kind in planted.values() for one in kind]), flush=True)
        print(f"    read: {flagged} of {total} flagged, {flagged / max(total, 1):.2%}", flush=True)
        read += own
        false += (flagged, total)
        for kind, several in planted.items():
            guesses[kind] += several
    for kind, several in guesses.items():
        print(row(kind, read, several))
    print(row("all", read, [one for several in guesses.values() for one in several]))
    print(f"    read: {false[0]} of {false[1]} flagged, {false[0] / max(false[1], 1):.2%}")


if __name__ == "__main__":
    main()
