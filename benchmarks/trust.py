"""Whether confidences keep their word on lines that they were not fitted to, told and drawn by kind of text.

    python benchmarks/trust.py DEV_SET… [--model fast accurate] [--limit 250] [--plot docs/trust/risk.png]

Read is half 1 of each set: tools/fit_trust.py fits to half 0 (foveal/measure/halves.py). Prints for words and
lines of each kind of text how many there are, the share right, the mean confidence, the calibration error and
what chance alone would give for so few, and what `--max-error` accepts at 1 and 5 % and how much of it is
wrong. Draws risk–coverage curves: the error rate among the surest words, for every share of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from foveal import Reader
from foveal.images import pages
from foveal.measure.calibration import accepted, by_chance, ece, risk_coverage
from foveal.measure.halves import family_of, halves
from foveal.measure.rules import rule_named, rule_of
from foveal.measure.sets import is_pages, read_crops, read_pages
from foveal.measure.text import words_right
from foveal.reading.cut import cut

Pixels = NDArray[np.uint8]
Answers = list[tuple[float, bool]]
"""Confidence, and whether right."""
PROMISES = (0.01, 0.05)
HEADER = "".join(
    f"{title:>8}" for title in ("right", "said", "ECE", "chance", "at 1%", "wrong", "at 5%", "wrong")
)
T = TypeVar("T")


def unseen(folder: Path, limit: int) -> list[tuple[Pixels, str]]:
    """Return up to `limit` lines of half 1 of a set, evenly over it, with their texts."""
    if not is_pages(folder):
        crops = read_crops(folder)
        parts = halves([crop.image.stem for crop in crops])
        kept = [crop for crop, half in zip(crops, parts, strict=True) if half == 1]
        return [(pixels(crop.image), crop.text) for crop in evenly(kept, limit)]
    places = [(page, place) for page in read_pages(folder) for place in page.places if place.text]
    parts = halves([f"{page.image.stem}_0" for page, _ in places])
    some = evenly([each for each, half in zip(places, parts, strict=True) if half == 1], limit)
    return [(cut(pixels(page.image), place.polygon).image, place.text or "") for page, place in some]


def evenly(items: list[T], limit: int) -> list[T]:
    """Return up to `limit` of some items, evenly over them."""
    return items[:: max(1, len(items) // limit)][:limit]


def pixels(path: Path) -> Pixels:
    """Return the first page of a file."""
    return next(iter(pages(path))).pixels


def answers(folder: Path, reader: Reader, limit: int) -> tuple[Answers, Answers]:
    """Return what is said of words and of lines of half 1 of a set, and whether they are right."""
    rule = rule_named(rule_of(folder))
    lines = unseen(folder, limit)
    words: Answers = []
    whole: Answers = []
    for line, (_, text) in zip(reader.transcribe([image for image, _ in lines]), lines, strict=True):
        right = words_right([word.text for word in line.words], text, fold=rule)
        said = [word.confidence for word in line.words]
        words += [(sure, hit) for sure, hit in zip(said, right, strict=True) if hit is not None]
        whole += [(line.confidence, rule(line.text) == rule(text))] if line.words else []
    return words, whole


def row(name: str, found: Answers) -> str:
    """Return the figures of some answers."""
    sure, right = np.array(found).T
    figures = (
        f"{len(sure):7}{right.mean():8.3f}{sure.mean():8.3f}{ece(sure, right):8.3f}{by_chance(sure):8.3f}"
    )
    for promise in PROMISES:
        taken = accepted(sure, max_error=promise)
        wrong = 1 - right[taken].mean() if taken.any() else 0.0
        figures += f"{taken.mean():8.3f}{wrong:8.4f}"
    return f"{name:32}{figures}"


def draw(curves: dict[str, dict[str, Answers]], path: Path) -> None:
    """Draw one panel a model: error rate over the share of words accepted, a curve for each kind of text."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(
        1, len(curves), figsize=(4.2 * len(curves), 3.4), sharey=True, squeeze=False
    )
    for panel, (model, families) in zip(panels[0], curves.items(), strict=True):
        for family, found in families.items():
            sure, right = np.array(found).T
            coverage, risk = risk_coverage(sure, right)
            (curve,) = panel.plot(coverage, np.maximum(risk, 1e-3), label=family, linewidth=1.2)
            taken = int(accepted(sure, max_error=PROMISES[0]).sum())
            if taken:
                panel.plot(coverage[taken - 1], max(risk[taken - 1], 1e-3), "o", color=curve.get_color())
        panel.axhline(PROMISES[0], color="grey", linewidth=0.8, linestyle=":")
        panel.set(title=model, xlabel="share of words, the surest first", yscale="log", ylim=(1e-3, 1))
    panels[0][0].set_ylabel("wrong among them")
    panels[0][0].legend(fontsize=7)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def pooled(parts: Iterable[tuple[str, Answers]]) -> dict[str, Answers]:
    """Return the answers of sets by their family."""
    families: dict[str, Answers] = {}
    for name, found in parts:
        families.setdefault(family_of(name), []).extend(found)
    return families


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--model", nargs="+", default=["fast"])
    parser.add_argument("--limit", type=int, default=250)
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    curves = {}
    for model in asked.model:
        reader = Reader(model, threads=1)
        found = {folder.name: answers(folder, reader, asked.limit) for folder in asked.sets}
        for level, name in enumerate(("words", "lines")):
            print(f"\n{f'{model}, {name}':32}{'n':>7}{HEADER}")
            parts = {set_name: both[level] for set_name, both in found.items()}
            for title, some in (parts | {k.upper(): v for k, v in pooled(parts.items()).items()}).items():
                print(row(title, some), flush=True)
        curves[model] = pooled((name, both[0]) for name, both in found.items())
    if asked.plot:
        draw(curves, asked.plot)


if __name__ == "__main__":
    main()
