"""At which strength of which perturbation a document type no longer reads the same, and how its looks move.

Every image is read as it is, then perturbed (`foveal.measure.perturb`). A *line is kept* if nearly all of its
characters are still read, by the cheapest alignment of both texts. A family's *certificate* is the greatest
strength at which, and at all weaker ones, at least a share of the lines of such documents is kept, with 95 %
confidence. The test is exact (Clopper & Pearson, 1934), for lines drawn at random from such documents, and as
strengths are tested in their order up to the first that fails, they share one error of 5 % (Maurer, 1995).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import comb
from pathlib import Path
from typing import Any

import numpy as np

from foveal.config import nearest
from foveal.document import Char, Line, Look
from foveal.errors import ConfigError
from foveal.geometry import Points, Transform, bounds
from foveal.images import PageImage, expand
from foveal.images import pages as open_pages
from foveal.measure.perturb import FAMILIES, Family, Image
from foveal.measure.sets import read_crops, read_pages
from foveal.measure.text import align
from foveal.reading.reader import Reader

KEPT = 0.98
"""A line with this share of its characters still read is kept."""
SHARE = 0.9
"""Lines that a certificate promises to keep, unless told."""
DOUBT = 0.05
"""One less the confidence of a certificate."""

Sign = tuple[str, Char | None]
"""A sign of a text, and the character that it is; None for a space."""
Read = Callable[[Sequence[Image]], list[list[Line]]]
"""Reads images "h w 3", each to its lines."""


@dataclass(frozen=True)
class Level:
    """What one strength does. kept: share of characters; lines: share of lines kept; alike: of lines whose
    text is the same; at_least: share of lines that is kept with 95 % confidence; drift: median distance that
    the looks of kept characters moved, in widths of the character.
    """

    strength: float
    kept: float
    lines: float
    alike: float
    at_least: float
    drift: float


@dataclass(frozen=True)
class Robustness:
    """One family on one document type. certified: a strength, None if even the weakest fails.

    breaks: the median, over lines, of the weakest strength that changes the text; None if more than half of
    the lines never change.
    """

    family: str
    unit: str
    levels: tuple[Level, ...]
    certified: float | None
    breaks: float | None


@dataclass(frozen=True)
class Certificate:
    """A document type. lines: how many were read; share: what is promised to be kept."""

    set: str
    model: str
    lines: int
    share: float
    families: tuple[Robustness, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    def to_text(self) -> str:
        """Return a table for people: a row a strength, a line a family."""
        rows = [f"{self.set}: {self.lines} lines, model {self.model}"]
        for one in self.families:
            said = "none" if one.certified is None else f"{one.certified:g}"
            breaks = "beyond" if one.breaks is None else f"{one.breaks:g}"
            rows.append(f"{one.family}, {one.unit}: certified {said}, half of the lines change at {breaks}")
            rows.append("  strength  chars kept  lines kept  at least  lines alike  looks moved")
            rows += [
                f"  {at.strength:8g}  {at.kept:10.4f}  {at.lines:10.3f}  {at.at_least:8.3f}"
                f"  {at.alike:11.3f}  {at.drift:11.3f}"
                for at in one.levels
            ]
        return "\n".join(rows)


def named(families: Sequence[str] | None) -> tuple[str, ...]:
    """Return families by name, all unless told. Raises ConfigError for one that there is not."""
    for name in families or ():
        if name not in FAMILIES:
            raise ConfigError(f"there is no family '{name}'", remedy=nearest(name, FAMILIES))
    return tuple(families or FAMILIES)


def robustness(
    folder: Path,
    reader: Reader,
    *,
    families: Sequence[str] = tuple(FAMILIES),
    limit: int = 60,
    share: float = SHARE,
) -> Certificate:
    """Return what perturbations do to a folder: a set of crops or pages (measure/sets.py), or any images.

    limit: images at the most, spread over the folder. Costs one reading of each for every strength. Raises
    InputMissing for a folder with nothing to read.
    """
    crops = (folder / "labels.tsv").is_file()
    images = [next(iter(open_pages(path))).pixels for path in _spread(_paths(folder), limit)]
    read = _crops(reader) if crops else _pages(reader)
    clean = read(images)
    found = tuple(_family(name, images, clean, read, share=share) for name in families)
    return Certificate(folder.name, reader.model, sum(map(len, clean)), share, found)


def _paths(folder: Path) -> list[str | Path]:
    if (folder / "labels.tsv").is_file():
        return [crop.image for crop in read_crops(folder)]
    if (folder / "pages.jsonl").is_file():
        return [page.image for page in read_pages(folder)]
    return list(expand(str(folder)))


def _spread(paths: Sequence[str | Path], limit: int) -> Sequence[str | Path]:
    return [paths[round(place)] for place in np.linspace(0, len(paths) - 1, min(limit, len(paths)))]


def _crops(reader: Reader) -> Read:
    return lambda images: [[line] for line in reader.transcribe(images, looks=True)]


def _pages(reader: Reader) -> Read:
    return lambda images: [list(reader.read_page(PageImage(1, image), looks=True).lines) for image in images]


@dataclass(frozen=True)
class _Change:
    """What became of one line. kept: share of its signs; alike: whether all are; drifts: of looks."""

    kept: float
    alike: bool
    drifts: tuple[float, ...]


def _family(
    name: str, images: Sequence[Image], clean: Sequence[Sequence[Line]], read: Read, *, share: float
) -> Robustness:
    family = FAMILIES[name]
    found = [_changes(family, strength, images, clean, read) for strength in family.strengths]
    levels = tuple(
        _level(strength, changes) for strength, changes in zip(family.strengths, found, strict=True)
    )
    certified = None
    for level in levels:
        if level.at_least < share:
            break
        certified = level.strength
    return Robustness(name, family.unit, levels, certified, _breaks(family, found))


def _changes(
    family: Family, strength: float, images: Sequence[Image], clean: Sequence[Sequence[Line]], read: Read
) -> list[_Change]:
    rng = np.random.default_rng(0)
    made = [
        family.apply(image, strength, _tall(image, lines), rng)
        for image, lines in zip(images, clean, strict=True)
    ]
    again = read([image for image, _ in made])
    return [
        change
        for lines, others, (_, way) in zip(clean, again, made, strict=True)
        for change in _compared(lines, others, way)
    ]


def _tall(image: Image, lines: Sequence[Line]) -> float:
    """Return the median height of the lines, in pixels; the image's own if it has none."""
    heights = [bounds(line.polygon)[3] - bounds(line.polygon)[1] for line in lines]
    return float(np.median(heights)) if heights else float(image.shape[0])


def _compared(lines: Sequence[Line], others: Sequence[Line], way: Transform) -> Iterator[_Change]:
    """Yield what became of each line of an image; a line that was read in two pieces is not kept for that."""
    theirs = [sign for line in others for sign in _signs(line)]
    mine = [(number, sign) for number, line in enumerate(lines) for sign in _signs(line)]
    kept: list[list[tuple[Sign, Sign | None]]] = [[] for _ in lines]
    extra = [False] * len(lines)
    at, other = 0, 0
    for read, true in align("".join(text for text, _ in theirs), "".join(sign[0] for _, sign in mine)):
        number = mine[min(at, len(mine) - 1)][0]
        if true:
            kept[number].append((mine[at][1], theirs[other] if read == true else None))
        else:
            extra[number] = True
        at, other = at + bool(true), other + bool(read)
    for pairs, more in zip(kept, extra, strict=True):
        same = [pair for pair in pairs if pair[1] is not None]
        drifts = tuple(_drift(one[1], two[1], way) for one, two in same if two and one[1] and two[1])
        yield _Change(len(same) / max(len(pairs), 1), len(same) == len(pairs) and not more, drifts)


def _signs(line: Line) -> list[Sign]:
    """Return the signs of a line; a space ends every word."""
    return [
        sign for word in line.words for sign in [*((char.text, char) for char in word.chars), (" ", None)]
    ]


def _drift(char: Char, other: Char, way: Transform) -> float:
    """Return how far a look moved along its line on the intact image, in widths of its character."""
    if char.look is None or other.look is None:
        return 0.0
    along = np.subtract(char.polygon[1], char.polygon[0])
    wide = max(float(np.linalg.norm(along)), 1.0)
    moved = way.back(_middle(other.look)) - _middle(char.look)
    return abs(float(moved[0] @ along)) / wide**2


def _middle(look: Look) -> Points:
    """Return the mean of a look in page pixels, "1 2"."""
    columns = look.weights.sum(axis=0)
    x = float(columns @ (np.arange(len(columns)) + 0.5) / columns.sum()) * look.cell[0]
    return Transform(look.to_page).to([(x, look.strip_size[1] / 2)])


def _level(strength: float, changes: Sequence[_Change]) -> Level:
    kept = [change.kept >= KEPT for change in changes]
    drifts = [drift for change in changes for drift in change.drifts]
    return Level(
        strength,
        float(np.mean([change.kept for change in changes])) if changes else 1.0,
        float(np.mean(kept)) if changes else 1.0,
        float(np.mean([change.alike for change in changes])) if changes else 1.0,
        at_least(sum(kept), len(kept)),
        float(np.median(drifts)) if drifts else 0.0,
    )


def _breaks(family: Family, found: Sequence[Sequence[_Change]]) -> float | None:
    first = [
        next((s for s, one in zip(family.strengths, line, strict=True) if not one.alike), np.inf)
        for line in zip(*found, strict=True)
    ]
    middle = float(np.quantile(first, 0.5, method="lower")) if first else np.inf
    return middle if np.isfinite(middle) else None


def at_least(hits: int, of: int) -> float:
    """Return the share that is exceeded with 95 % confidence, given `hits` of so many: Clopper & Pearson's.

    The p at which as many hits or more would come with a chance of 5 %; 0 of none.

    >>> round(at_least(30, 30), 3), round(at_least(58, 60), 3)
    (0.905, 0.899)
    """
    if hits == 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(40):
        p = (low + high) / 2
        tail = sum(comb(of, k) * p**k * (1 - p) ** (of - k) for k in range(hits, of + 1))
        low, high = (p, high) if tail < DOUBT else (low, p)
    return low
