"""How well foveal reads a set with truth, and at what cost: the body of `foveal evaluate`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from foveal.document import Document, Line
from foveal.explain.examiner import Examiner
from foveal.explain.measured import Example, attention_figures
from foveal.geometry import bounds
from foveal.images import pages as open_pages
from foveal.measure import text
from foveal.measure.boxes import Detection, centre_inside, detect
from foveal.measure.calibration import accepted, auroc, ece, reliability, risk_at
from foveal.measure.cost import Cost, spent
from foveal.measure.looks import box_count, look_count, paired
from foveal.measure.rules import Rule, rule_named, rule_of, unknown_of
from foveal.measure.score import Figures, crop_figures, page_figures
from foveal.measure.sets import Crop, Place, TruePage, is_pages, read_crops, read_pages
from foveal.reading.cut import cut

T = TypeVar("T")

_CHUNK = 64
"""Crops that are transcribed together."""

_EXAMINED = 24
"""Lines on which attention is measured, one character of each."""

_COVERAGES = (50, 80, 90, 100)
"""Shares in % of the words, the surest first, whose error rate is given."""

_ERRORS = (1, 5)
"""Error rates in % at which it is told how many words are accepted, and whether the promise is kept."""


class Reads(Protocol):
    """What is needed of a `foveal.Reader`."""

    def transcribe(self, strips: Sequence[Path], *, looks: bool = False) -> list[Line]:
        """Return one Line for each image of a line or word."""
        ...

    def read(self, source: Path) -> Document:
        """Return the reading of a page image."""
        ...


@dataclass(frozen=True)
class Report:
    """The figures of one set. Seconds are for the whole set; `peak` is in bytes, of the process so far.

    `confusions`: (sign read, true sign, how often), the most frequent first. `wrong`: (image, read, true) of
    the crops not read right. `reliability`: (mean confidence, share right, how many) of words, by tenths.
    """

    set: str
    rule: str
    items: int
    figures: Figures
    cost: Cost
    confusions: tuple[tuple[str, str, int], ...] = ()
    wrong: tuple[tuple[str, str, str], ...] = ()
    reliability: tuple[tuple[float, float, int], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values; a figure that does not exist (nan) is None."""
        figures = {name: None if np.isnan(value) else value for name, value in self.figures.items()}
        return asdict(self) | {"figures": figures}

    def to_text(self) -> str:
        """Return the report as lines for people: a heading, the figures, the cost."""
        each = max(self.items, 1)
        rows = {name: f"{value:.4f}" for name, value in self.figures.items()} | {
            "wall seconds": f"{self.cost.wall:.2f}",
            "CPU seconds": f"{self.cost.cpu:.2f}",
            "CPU milliseconds each": f"{1000 * self.cost.cpu / each:.1f}",
            "peak memory MB": f"{self.cost.peak / 1e6:.0f}",
        }
        body = "\n".join(f"  {name.replace('_', ' '):<24}{value:>10}" for name, value in rows.items())
        return f"{self.set}: {self.items} items, rule {self.rule}\n{body}"


def evaluate(
    folder: Path,
    reader: Reads,
    *,
    rule: str | None = None,
    limit: int | None = None,
    attention: Examiner | None = None,
) -> Report:
    """Read a set of crops or pages and hold the reading against its truth.

    `rule`: what counts as the same text, by name (see `measure.rules`); the set's own unless told.
    `limit`: only the first items. `attention`: whom to ask how good the looks are, on a sample of the lines;
    nobody unless told. Raises InputMissing if the folder is no set, ConfigError for a wrong rule.
    """
    name = rule or rule_of(folder)
    same = rule_named(name)
    if is_pages(folder):
        pages = read_pages(folder)[:limit]
        with spent() as cost:
            documents = [reader.read(page.image) for page in pages]
        figures = _page_figures(documents, pages, same, unknown=unknown_of(folder))
        if attention:
            figures |= attention_figures(list(_sampled_lines(documents, pages)), attention)
        return Report(folder.name, name, len(pages), figures, cost)
    crops = read_crops(folder)[:limit]
    looks = any(crop.chars for crop in crops)
    lines: list[Line] = []
    with spent() as cost:
        for start in range(0, len(crops), _CHUNK):
            images = [crop.image for crop in crops[start : start + _CHUNK]]
            lines += reader.transcribe(images, looks=looks)
    report = _crop_report(folder.name, name, crops, lines=lines, cost=cost)
    if attention:
        report.figures.update(
            attention_figures([_example(crop) for crop in _sample(crops, _EXAMINED)], attention)
        )
    return report


def examples(folder: Path, *, most: int) -> list[Example]:
    """Return some crops of a set, spread evenly over it, for the measures of attention."""
    return [_example(crop) for crop in _sample(read_crops(folder), most)]


def _sample(items: Sequence[T], most: int) -> Sequence[T]:
    return items[:: max(len(items) // most, 1)][:most]


def _example(crop: Crop) -> Example:
    (image,) = open_pages(crop.image, select=[1])
    spans = [
        (left, right) for sign, (left, _, right, _) in zip(crop.text, crop.chars, strict=False) if sign != " "
    ]
    return Example(image.pixels, crop.text.replace(" ", ""), spans)


def _sampled_lines(documents: Sequence[Document], pages: Sequence[TruePage]) -> Iterator[Example]:
    """Yield lines of pages as they were found and cut out; where their characters stand is not known."""
    read = [
        (page, line)
        for document, page in zip(documents, pages, strict=True)
        for each in document.pages
        for line in each.lines
    ]
    for page, line in _sample(read, _EXAMINED):
        (image,) = open_pages(page.image, select=[1])
        yield Example(cut(image.pixels, line.polygon).image)


def _crop_report(
    set_name: str, rule: str, crops: Sequence[Crop], *, lines: Sequence[Line], cost: Cost
) -> Report:
    same = rule_named(rule)
    pairs = [(line.text, crop.text) for line, crop in zip(lines, crops, strict=True)]
    read = list(zip(lines, crops, strict=True))
    words = [outcome for line, crop in read for outcome in _word_outcomes(line, crop.text, same)]
    sure, right = [confidence for confidence, _ in words], [hit for _, hit in words]
    figures = crop_figures(pairs, rule=same) | _trust(lines, crops, same) | _word_trust(sure, right)
    figures |= _places(lines, crops, same)
    common = text.confusions((same(read), same(truth)) for read, truth in pairs).most_common(20)
    confusions = tuple((read, truth, count) for (read, truth), count in common)
    both = zip(crops, pairs, strict=True)
    wrong = [(crop.image.name, *pair) for crop, pair in both if same(pair[0]) != same(pair[1])]
    bins = tuple(reliability(sure, right))
    return Report(set_name, rule, len(crops), figures, cost, confusions, tuple(wrong), bins)


def _trust(lines: Sequence[Line], crops: Sequence[Crop], rule: Rule) -> Figures:
    """Return how well confidences of crops and of characters are calibrated, and how well they rank."""
    right = [rule(line.text) == rule(crop.text) for line, crop in zip(lines, crops, strict=True)]
    sure = [line.confidence for line in lines]
    read = list(zip(lines, crops, strict=True))
    chars = [outcome for line, crop in read for outcome in _char_outcomes(line, crop.text, rule)]
    return {
        "ece": ece(sure, right),
        "auroc": auroc(sure, right),
        "ece_chars": ece([confidence for confidence, _ in chars], [hit for _, hit in chars]),
    }


def _word_trust(sure: Sequence[float], right: Sequence[bool]) -> Figures:
    """Return the same of words; `risk_at_N`: the share of wrong ones among the N % that are surest.

    `accepted_at_N`, `error_at_N`: the share of words that `--max-error N%` accepts, and of these the wrong.
    """
    figures = {"ece_words": ece(sure, right), "auroc_words": auroc(sure, right)}
    figures |= {f"risk_at_{share}": risk_at(sure, right, coverage=share / 100) for share in _COVERAGES}
    wrong = 1 - np.asarray(right, np.float64)
    for most in _ERRORS:
        taken = accepted(sure, max_error=most / 100)
        figures[f"accepted_at_{most}"] = float(taken.mean()) if taken.size else 0.0
        figures[f"error_at_{most}"] = float(wrong[taken].mean()) if taken.any() else 0.0
    return figures


def _word_outcomes(line: Line, truth: str, rule: Rule) -> list[tuple[float, bool]]:
    """Return (confidence, right) of every word read of which the rule leaves anything."""
    right = text.words_right([word.text for word in line.words], truth, fold=rule)
    both = zip(line.words, right, strict=True)
    return [(word.confidence, hit) for word, hit in both if hit is not None]


def _char_outcomes(line: Line, truth: str, rule: Rule) -> list[tuple[float, bool]]:
    """Return (confidence, right) of every sign read but spaces, by the cheapest alignment."""
    chars = [char for word in line.words for char in word.chars]
    signs = [(sign, char.confidence) for char in chars for sign in rule(char.text)]
    steps = text.align("".join(sign for sign, _ in signs), rule(truth).replace(" ", ""))
    hits = [read == true for read, true in steps if read]
    return [(confidence, hit) for (_, confidence), hit in zip(signs, hits, strict=True)]


def _places(lines: Sequence[Line], crops: Sequence[Crop], rule: Rule) -> Figures:
    """Return where characters were looked for and boxed, in words read right whose truth says where."""
    read = [(line, crop) for line, crop in zip(lines, crops, strict=True) if crop.chars]
    pairs = [pair for line, crop in read for pair in paired(line, crop.text, crop.chars, fold=rule)]
    figures: Figures = {}
    looked = look_count(pairs)
    if looked.chars:
        figures["look_inside"] = looked.inside / looked.chars
        figures["look_near"] = looked.near / looked.chars
        figures["look_mass"] = looked.mass / looked.chars
    boxed = box_count(pairs)
    if boxed.chars:
        figures["char_overlap"] = boxed.overlap / boxed.chars
        figures["char_centred"] = boxed.centred / boxed.chars
    return figures


def _page_figures(
    documents: Sequence[Document], pages: Sequence[TruePage], rule: Rule, *, unknown: str
) -> Figures:
    read = list(zip(documents, pages, strict=True))
    pairs = [(document.text, page.text) for document, page in read]
    figures: Figures = {}
    if any(page.text for page in pages):
        flows = all(page.flows for page in pages)
        figures |= page_figures(pairs, rule=rule, flows=flows, unknown=unknown)
    if any(page.places for page in pages):
        counts = reduce(add, (_found(document, page) for document, page in read), Detection())
        figures |= {
            "detection_f1": counts.f1,
            "detection_precision": counts.precision,
            "detection_recall": counts.recall,
        }
    glyphs = [_is_read(glyph, document) for document, page in read for glyph in page.glyphs]
    if glyphs:
        figures["glyphs_read_in_place"] = sum(glyphs) / len(glyphs)
    return figures


def _found(document: Document, page: TruePage) -> Detection:
    """Count the boxes of a page at the level of its truth: lines against lines, words against words."""
    lines = [line for each in document.pages for line in each.lines]
    words = [word.polygon for line in lines for word in line.words]
    found = [line.polygon for line in lines] if page.level == "line" else words
    known = [place.polygon for place in page.places if place.text is not None]
    unknown = [place.polygon for place in page.places if place.text is None]
    return detect(found, known, ignored=unknown)


def _is_read(glyph: Place, document: Document) -> bool:
    """Tell whether a character of the glyph's text has the centre of its box within the glyph's."""
    box = bounds(glyph.polygon)
    lines = [line for page in document.pages for line in page.lines]
    chars = (char for line in lines for word in line.words for char in word.chars)
    return any(char.text in (glyph.text or "") and centre_inside(char.polygon, box) for char in chars)
