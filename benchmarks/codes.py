"""Which letters beside figures are figures: `python benchmarks/codes.py PAGES [--model fast] [--limit 150]`.

PAGES: a set of pages with texts, receipts above all. Every word that `reading/codes.py` would write with
figures is looked up in the page's truth, both as it was read and with figures; where the truth has just one
of the two it counts, by the figure and by how much less likely it is than the letter, in nats.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import foveal
from foveal.alphabet import Alphabet
from foveal.reading import codes, deciding
from foveal.reading.decode import Trial
from foveal.reading.remedy import Word, likelihood

EDGES = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0)

Met = tuple[str, str, float]
"""A word as it was read, with figures, and how many nats that loses."""


def met(folder: Path, model: str, limit: int) -> Iterator[tuple[Met, Counter[str]]]:
    """Yield the words in question with the words of their page's truth."""
    seen: list[Met] = []

    def as_code(
        ids: tuple[int, ...], word: Word, trials: Sequence[Trial], alphabet: Alphabet, *, trust: float
    ) -> tuple[int, ...]:
        text = alphabet.decode(ids)
        if (code := codes.figured(text)) != text:
            meant = tuple(alphabet.encode(code))
            lost = likelihood(ids, trials, word, trust) - likelihood(meant, trials, word, trust)
            seen.append((text, code, lost))
        return ids

    deciding.as_code = as_code  # type: ignore[attr-defined]
    reader = foveal.load(model)
    with (folder / "pages.jsonl").open(encoding="utf-8") as file:
        for _, line in zip(range(limit), file, strict=False):
            page = json.loads(line)
            texts = [place.get("text") or "" for place in page.get("lines", [])] or [page.get("text") or ""]
            truth = Counter(" ".join(texts).upper().split())
            seen.clear()
            reader.read(folder / page["image"])
            yield from ((one, truth) for one in seen)


def main() -> None:
    """Print how often the figure and how often the letter was right, by figure and loss."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--limit", type=int, default=150)
    asked = parser.parse_args()
    found: Counter[tuple[str, float, bool]] = Counter()
    for (text, code, lost), truth in met(asked.folder, asked.model, asked.limit):
        if (truth[text.upper()] > 0) == (truth[code.upper()] > 0):
            continue
        band = next((edge for edge in EDGES if lost <= edge), float("inf"))
        for figure in {one for one, sign in zip(code, text, strict=True) if one != sign}:
            found[figure, band, truth[code.upper()] > 0] += 1
    print("| figure | nats lost, at most | the figure is right | the letter is right |\n|---|--:|--:|--:|")
    for figure, band in sorted({(figure, band) for figure, band, _ in found}):
        print(f"| {figure} | {band:g} | {found[figure, band, True]} | {found[figure, band, False]} |")


if __name__ == "__main__":
    main()
