"""Whether guessed characters are told from read ones: characters of real lines are destroyed, one at a time.

    python benchmarks/guessed.py SET… [--model fast] [--limit 60]

Each line is read, then again for each way to destroy a character (foveal/measure/planted.py). What is read
where nothing is left to read is guessed; what is read of the intact line, in words read right, is read.
Prints how many places were destroyed and in how many something was read, the AUROC of the evidence of a
reading (foveal/reading/evidence.py) and of the deletion test (foveal/reading/grounded.py), and which share of
guesses and of read characters is flagged.
Read is half 1 of each set: tools/fit_trust.py fits to half 0 (foveal/measure/halves.py). The deletion test
can only tell what is read where nothing stands; a texture taken for a letter was read there, and goes too.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foveal import Reader
from foveal.geometry import points
from foveal.images import pages
from foveal.measure.calibration import auroc
from foveal.measure.halves import halves
from foveal.measure.planted import KINDS, is_in, plant
from foveal.measure.rules import rule_named, rule_of
from foveal.measure.sets import Crop, read_crops
from foveal.measure.text import words_right
from foveal.reading.compose import compose_line
from foveal.reading.evidence import CHAR_EVIDENCE
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
    grounds = np.array([reading.words[word].grounds[i] for word, i in places]).reshape(-1, len(CHAR_EVIDENCE))
    chances = trust.guesses.chances(grounds).tolist()
    return [
        Found(chance, char.guessed, stay) for chance, char, stay in zip(chances, chars, after, strict=True)
    ]


@dataclass
class Judged:
    """A sample of the characters read; guesses, and places destroyed, by kind; how many read were flagged."""

    read: list[Found] = field(default_factory=list)
    guesses: dict[str, list[Found]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    places: Counter[str] = field(default_factory=Counter)
    flagged: int = 0
    total: int = 0

    def add(self, other: Judged) -> None:
        """Take in what was judged on another set."""
        self.read += other.read
        self.places += other.places
        self.flagged, self.total = self.flagged + other.flagged, self.total + other.total
        for kind, several in other.guesses.items():
            self.guesses[kind] += several


def judged(folder: Path, transcriber: Transcriber, model: str, limit: int) -> Judged:
    """Judge characters read, and guesses planted, on half 1 of a set."""
    rng = np.random.default_rng(0)
    every = read_crops(folder)
    parts = halves([crop.image.stem for crop in every])
    crops = [crop for crop, half in zip(every, parts, strict=True) if half == 1]
    crops = crops[:: max(1, len(crops) // limit)][:limit]
    images = [next(iter(pages(crop.image))).pixels for crop in crops]
    clean = transcriber.read(images, looks=True)
    result = Judged()
    for image, reading, crop in zip(images, clean, crops, strict=True):
        places = read_right(reading, crop, folder)
        result.flagged += sum(reading.words[word].chars[i].guessed for word, i in places)
        result.total += len(places)
        sample = rng.permutation(len(places))[:SAMPLED]
        result.read += found(image, reading, (places[i] for i in sample), transcriber, model)
    for kind in KINDS:
        for image, reading in zip(images, clean, strict=True):
            line = compose_line(reading, size=(image.shape[1], image.shape[0]), to_page=points)
            planted = plant(image, line, kind, rng)
            if planted is None:
                continue
            result.places[kind] += 1
            (again,) = transcriber.read([planted.image], looks=True)
            places = [
                (word, i)
                for word, part in enumerate(again.words)
                for i, char in enumerate(part.chars)
                if is_in(planted, (char.x0, char.x1))
            ]
            result.guesses[kind] += found(planted.image, again, places, transcriber, model)
    return result


def read_right(reading: Reading, crop: Crop, folder: Path) -> list[tuple[int, int]]:
    """Return the places of the characters of words read right."""
    right = words_right([word.text for word in reading.words], crop.text, fold=rule_named(rule_of(folder)))
    return [
        (number, i)
        for number, (word, hit) in enumerate(zip(reading.words, right, strict=True))
        if hit
        for i in range(len(word.chars))
    ]


def row(name: str, places: int, read: list[Found], guesses: list[Found]) -> str:
    """Return the figures of some guesses against the characters read."""
    every = read + guesses
    label = [False] * len(read) + [True] * len(guesses)
    evidence = auroc([one.evidence for one in every], label)
    deletion = auroc([one.stays for one in every], label)
    flagged = np.mean([one.flagged for one in guesses]) if guesses else float("nan")
    return f"{name:36}{places:8}{len(guesses):8}{evidence:10.3f}{deletion:10.3f}{flagged:10.3f}"


def print_set(name: str, found: Judged) -> None:
    """Print the figures of all kinds together, and of the characters read."""
    several = [one for kind in found.guesses.values() for one in kind]
    print(row(name, found.places.total(), found.read, several))
    share = found.flagged / max(found.total, 1)
    print(f"    read: {found.flagged} of {found.total} flagged, {share:.2%}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--limit", type=int, default=60)
    asked = parser.parse_args()
    transcriber = Reader(asked.model)._transcriber
    print(f"{'':36}{'places':>8}{'guesses':>8}{'evidence':>10}{'deletion':>10}{'flagged':>10}")
    every = Judged()
    for folder in asked.sets:
        own = judged(folder, transcriber, asked.model, asked.limit)
        print_set(folder.name, own)
        every.add(own)
    for kind, several in every.guesses.items():
        print(row(kind, every.places[kind], every.read, several))
    print_set("all", every)


if __name__ == "__main__":
    main()
