"""Fit the confidences of an embedded line model to what it reads right, on sets it may learn from.

    python tools/fit_trust.py TRAIN_SET… [--model fast] [--limit 200]

Crops, or pages with the text of their lines. Read are COPIES of each, slanted, stretched and made harder to
read: a model is surer of the crops it learnt from than of others, less so of such copies. Every set counts
the same. What tells guessed characters from read ones is fitted to lines on which one was destroyed
(foveal/measure/planted.py). Writes foveal/weights/line-MODEL-trust.json, which belongs to the weights it was
made with: run it again after training. Never give it a development set.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.document import Line
from foveal.geometry import points
from foveal.images import pages
from foveal.measure.calibration import auroc, ece, logistic, rising
from foveal.measure.planted import KINDS, is_in, plant
from foveal.measure.rules import rule_named, rule_of
from foveal.measure.sets import is_pages, read_crops, read_pages
from foveal.measure.text import words_right
from foveal.reading.compose import compose_line
from foveal.reading.cut import cut
from foveal.reading.engine import WEIGHTS, load_session
from foveal.reading.readings import Reading
from foveal.reading.transcribe import Transcriber
from foveal.reading.trust import CHAR_EVIDENCE, LINE_EVIDENCE, WORD_EVIDENCE, Scale, with_words
from foveal.reading.words import Words

Pixels = NDArray[np.uint8]
Rows = NDArray[np.float64]
Labels = NDArray[np.bool_]
FALSE_ALARMS = 0.002
"""Share of the characters read right that may be flagged as guessed."""
COPIES = 2
"""Altered copies of each strip that are read."""


@dataclass(frozen=True)
class Outcome:
    """A strip read, and whether all of it and each of its words is right (None: nothing to compare)."""

    reading: Reading
    right: bool
    words: list[bool | None]


def strips(folder: Path, limit: int) -> list[tuple[Pixels, str]]:
    """Return up to `limit` strips of a set, evenly over it, with their texts."""
    if not is_pages(folder):
        crops = read_crops(folder)
        crops = crops[:: max(1, len(crops) // limit)][:limit]
        return [(next(iter(pages(crop.image))).pixels, crop.text) for crop in crops]
    found: list[tuple[Pixels, str]] = []
    for page in read_pages(folder):
        image = next(iter(pages(page.image))).pixels
        found += [(cut(image, place.polygon).image, place.text) for place in page.places if place.text]
    return found[:: max(1, len(found) // limit)][:limit]


def slant(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Return a strip slanted and stretched by up to a quarter."""
    h, w = image.shape[:2]
    lean, wide = rng.uniform(-0.25, 0.25), rng.uniform(0.8, 1.25)
    way = np.array([[wide, lean, -lean * h / 2], [0, 1, 0]])
    size = (max(4, round(w * wide)), h)
    return np.asarray(cv2.warpAffine(image, way, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def damage(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Return a strip made smaller, blurred, paler, noisy and compressed, each by chance."""
    h, w = image.shape[:2]
    small = rng.uniform(8, 32) / h
    size = (max(4, round(w * small)), max(4, round(h * small)))
    made = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if small < 1 else image
    if rng.random() < 0.4:
        made = cv2.GaussianBlur(made, (0, 0), rng.uniform(0.3, 1.5) * made.shape[0] / 32)
    pale = rng.uniform(0.15, 1) if rng.random() < 0.5 else 1
    made = (made - made.mean()) * pale + made.mean() + rng.normal(0, rng.uniform(0, 25) * pale, made.shape)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(10, 80))]
    coded = cv2.imencode(".jpg", np.clip(made, 0, 255).astype(np.uint8), quality)[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def outcomes(folder: Path, transcriber: Transcriber, limit: int) -> list[Outcome]:
    """Return what was read of the altered copies of a set."""
    rng = np.random.default_rng(0)
    given = strips(folder, limit)
    images = [damage(slant(image, rng), rng) for _ in range(COPIES) for image, _ in given]
    truths = [truth for _, truth in given] * COPIES
    rule = rule_named(rule_of(folder))
    read = transcriber.read(images)
    return [
        Outcome(
            one,
            rule(one.text) == rule(truth),
            words_right([word.text for word in one.words], truth, fold=rule),
        )
        for one, truth in zip(read, truths, strict=True)
    ]


def word_rows(outcomes: Sequence[Outcome]) -> tuple[Rows, Labels]:
    """Return the evidence of every word, "n k", and whether it is right, "n"."""
    rows = [
        (word.evidence, right)
        for one in outcomes
        for word, right in zip(one.reading.words, one.words, strict=True)
        if right is not None
    ]
    return np.array([evidence for evidence, _ in rows]), np.array([right for _, right in rows])


def line_rows(outcomes: Sequence[Outcome], words: Scale) -> tuple[Rows, Labels]:
    """Return the evidence of every line read, "n k", and whether it is right, "n"."""
    read = [one for one in outcomes if one.reading.words]
    chances = [[words.chance(word.evidence) for word in one.reading.words] for one in read]
    rows = [with_words(one.reading.evidence, each) for one, each in zip(read, chances, strict=True)]
    return np.array(rows), np.array([one.right for one in read])


def guess_rows(
    folder: Path, transcriber: Transcriber, limit: int, *, altered: Sequence[Outcome]
) -> tuple[Rows, Labels]:
    """Return the grounds of characters, "n k", and whether each was guessed, "n".

    Guessed: what is read where a character was destroyed. Read: the characters of words read right, of the
    altered copies.
    """
    rng = np.random.default_rng(1)
    images = [image for image, _ in strips(folder, limit)]
    clean = [as_line(one, image) for one, image in zip(transcriber.read(images), images, strict=True)]
    planted = [
        plant(image, line, kind, rng) for kind in KINDS for image, line in zip(images, clean, strict=True)
    ]
    kept = [one for one in planted if one is not None]
    read = transcriber.read([one.image for one in kept])
    guessed = [
        grounds
        for one, reading in zip(kept, read, strict=True)
        for word in reading.words
        for char, grounds in zip(word.chars, word.grounds, strict=True)
        if is_in(one, (char.x0, char.x1))
    ]
    words = [pair for one in altered for pair in zip(one.reading.words, one.words, strict=True)]
    right = [word.grounds for word, is_right in words if is_right]
    rows = np.concatenate([np.reshape(guessed, (-1, len(CHAR_EVIDENCE))), *right])
    return rows, np.arange(len(rows)) < len(guessed)


def as_line(reading: Reading, image: Pixels) -> Line:
    """Return the reading of a whole image as a line in its pixels."""
    return compose_line(reading, size=(image.shape[1], image.shape[0]), to_page=points)


def fit_guesses(sets: Sequence[tuple[Rows, Labels]]) -> tuple[Scale, float]:
    """Return the scale of being guessed, at even odds beforehand, and the limit that flags FALSE_ALARMS."""
    rows, guessed = (np.concatenate(part) for part in zip(*sets, strict=True))
    share = np.where(guessed, 1 / max(guessed.sum(), 1), 1 / max((~guessed).sum(), 1))
    scale = fit_rows(rows, guessed, share=share)
    return scale, float(np.quantile(scale.chances_of(rows[~guessed]), 1 - FALSE_ALARMS))


def fit(sets: Sequence[tuple[Rows, Labels]]) -> Scale:
    """Return the scale of several sets' evidence, every set with the same weight."""
    evidence = np.concatenate([rows for rows, _ in sets])
    right = np.concatenate([labels for _, labels in sets])
    share = np.concatenate([np.full(len(labels), 1 / len(labels)) for _, labels in sets])
    return fit_rows(evidence, right, share=share)


def fit_rows(evidence: Rows, right: Labels, *, share: Rows) -> Scale:
    """Return the scale of evidence of which each row counts its share."""
    weights = logistic(evidence, right, share=share)
    sums, chances = rising(evidence @ weights, right, share=share)
    return Scale(*(tuple(np.round(part, 5).tolist()) for part in (weights, sums, chances)))


def report(
    level: str,
    names: Sequence[str],
    sets: Iterator[tuple[Rows, Labels]],
    scale: Scale,
) -> None:
    """Print how a scale does on what it was fitted to, by set."""
    for name, (rows, right) in zip(names, sets, strict=True):
        chances = [scale.chance(row) for row in rows]
        print(
            f"{level:6}{name:34}{len(right):6}  right {right.mean():.3f}  said {np.mean(chances):.3f}"
            f"  ECE {ece(chances, right):.3f}  AUROC {auroc(chances, right):.3f}",
            flush=True,
        )


def main() -> None:
    """Fit, report, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--limit", type=int, default=200)
    asked = parser.parse_args()
    steps = (load_session(f"line-{asked.model}-{step}", 1) for step in ("glance", "fixate"))
    transcriber = Transcriber(*steps, words=Words(Alphabet()), threads=2)
    read = [outcomes(folder, transcriber, asked.limit) for folder in asked.sets]
    names = [folder.name for folder in asked.sets]
    by_word = [word_rows(one) for one in read]
    words = fit(by_word)
    report("words", names, iter(by_word), words)
    by_line = [line_rows(one, words) for one in read]
    lines = fit(by_line)
    report("lines", names, iter(by_line), lines)
    by_char = [
        guess_rows(folder, transcriber, asked.limit // 2, altered=one)
        for folder, one in zip(asked.sets, read, strict=True)
    ]
    guesses, limit = fit_guesses(by_char)
    report("guess", names, iter(by_char), guesses)
    fitted = {"sets": names, "words": _plain(words, WORD_EVIDENCE), "lines": _plain(lines, LINE_EVIDENCE)}
    fitted["guesses"] = _plain(guesses, CHAR_EVIDENCE) | {"limit": round(limit, 5)}
    path = WEIGHTS / f"line-{asked.model}-trust.json"
    path.write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")
    print(path)


def _plain(scale: Scale, evidence: Sequence[str]) -> dict[str, object]:
    weights = dict(zip(evidence, scale.weights, strict=True))
    return {"weights": weights, "sums": scale.sums, "chances": scale.chances}


if __name__ == "__main__":
    main()
