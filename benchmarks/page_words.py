"""Why words of photos count as wrong: `python benchmarks/page_words.py SET [--model accurate] [--list]`.

SET: pages whose truth is words with boxes. Every true word is laid on what was read in its place:
- right: the same by the rule of the set;
- but for marks: the same letters and digits, with other punctuation;
- cut otherwise: one is part of the other (WHSmith, read as one word, is W, H and Smith in the truth);
- read otherwise; not found: nothing was read there.
Extra: words read where the truth has none. Ceiling: the F1 of words if all but *read otherwise*, *not found*
and *extra* counted as right. `--list` names each word that is not right.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import foveal
from foveal.document import Word
from foveal.geometry import area, bounds, box_overlap
from foveal.measure.rules import rule_named, rule_of
from foveal.measure.sets import Place, read_pages
from foveal.measure.text import alphanumeric

Found = tuple[str, str, str]
"""What became of a word, the truth, what was read."""

_SAME_PLACE, _INSIDE = 0.3, 0.6


def inside(one: Place, other: Word) -> float:
    """Return the share of a true word's box that lies in that of a word that was read."""
    left, top, right, bottom = bounds(one.polygon)
    x0, y0, x1, y1 = bounds(other.polygon)
    shared = max(0.0, min(right, x1) - max(left, x0)) * max(0.0, min(bottom, y1) - max(top, y0))
    return shared / max(1e-6, (right - left) * (bottom - top))


def fate(place: Place, words: list[Word], rule: str) -> Found:
    """Tell what became of a true word."""
    same, text = rule_named(rule), place.text or ""
    near = max(words, key=lambda word: box_overlap(place.polygon, word.polygon), default=None)
    if near is not None and box_overlap(place.polygon, near.polygon) < _SAME_PLACE:
        near = max(words, key=lambda word: inside(place, word))
        near = near if inside(place, near) > _INSIDE else None
    if near is None:
        return "not found", text, ""
    true, read = alphanumeric(text), alphanumeric(near.text)
    if same(text) == same(near.text):
        return "right", text, near.text
    if true == read:
        return "but for marks", text, near.text
    parted = min(len(true), len(read)) > 0 and (true in read or read in true)
    return "cut otherwise" if parted else "read otherwise", text, near.text


def fates(folder: Path, model: str) -> Iterator[Found]:
    """Yield what became of every word of a set, and the words that the truth does not have."""
    reader, rule = foveal.load(model), rule_of(folder)
    for page in read_pages(folder):
        words = [word for line in reader.read(page.image).pages[0].lines for word in line.words]
        places = [place for place in page.places if place.text]
        yield from (fate(place, words, rule) for place in places)
        for word in words:
            box = sum(area(place.polygon) * inside(place, word) for place in page.places)
            if box < _SAME_PLACE * area(word.polygon):
                yield "extra", "", word.text


def main() -> None:
    """Print how many words met with which fate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="accurate")
    parser.add_argument("--list", action="store_true")
    asked = parser.parse_args()
    found = list(fates(asked.folder, asked.model))
    if asked.list:
        print(*("\t".join(one) for one in found if one[0] != "right"), sep="\n")
    counts = Counter(what for what, *_ in found)
    print(*(f"{what}: {count}" for what, count in counts.most_common()), sep="\n")
    wrong, missed, extra = (counts[what] for what in ("read otherwise", "not found", "extra"))
    fine = sum(counts.values()) - wrong - missed - extra
    print(f"ceiling: {2 * fine / (2 * fine + 2 * wrong + missed + extra):.3f}")


if __name__ == "__main__":
    main()
