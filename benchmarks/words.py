"""What the words of languages are worth, and at which weight: `python benchmarks/words.py SET…`.

CER in % of lines and accuracy in % of words, of sets of crops, without a second look; the language of each
line is found out from the line alone, then (`text`) from the whole set. Seconds are those of deciding.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from foveal.alphabet import Alphabet
from foveal.images import pages
from foveal.measure.rules import rule_named, rule_of
from foveal.measure.sets import read_crops
from foveal.measure.text import accuracy, cer
from foveal.reading.line_graphs import load_line
from foveal.reading.observation import Observation
from foveal.reading.transcribe import Transcriber
from foveal.reading.words import Words


def figure(folder: Path, texts: Sequence[str], truths: Sequence[str]) -> float:
    """Return the headline figure of a set in %."""
    name = rule_of(folder)
    fold = rule_named(name)
    pairs = [(fold(text), fold(truth)) for text, truth in zip(texts, truths, strict=True)]
    return 100 * (accuracy(pairs) if name == "alphanumeric" else cer(pairs))


def decided(reads: Transcriber, seen: Sequence[Observation], *, one_text: bool) -> list[str]:
    """Return the text of each line."""
    tongue = reads.tongue(seen) if one_text else None
    return [reads.decide(one, tongue=tongue).text for one in seen]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--model", default="fast")
    parser.add_argument("--share", type=float, nargs="+", default=[0.2, 0.4, 0.6])
    parser.add_argument("--limit", type=int)
    asked = parser.parse_args()
    print(f"{asked.model:<32}   none" + "".join(f"  {share:>7}  text  ms" for share in asked.share))
    graphs = load_line(asked.model)
    for folder in asked.sets:
        crops = read_crops(folder)[: asked.limit]
        truths = [crop.text for crop in crops]
        plain = Transcriber(graphs.glance, graphs.fixate)
        seen = plain.observe([next(iter(pages(crop.image))).pixels for crop in crops])
        cells = f"{figure(folder, decided(plain, seen, one_text=False), truths):>7.2f}"
        for share in asked.share:
            reads = Transcriber(graphs.glance, graphs.fixate, words=Words(Alphabet(), share=share))
            begun = time.process_time()
            alone = figure(folder, decided(reads, seen, one_text=False), truths)
            spent = 1000 * (time.process_time() - begun) / len(seen)
            together = figure(folder, decided(reads, seen, one_text=True), truths)
            cells += f"  {alone:>7.2f}{together:>6.2f}{spent:>4.0f}"
        print(f"{folder.name:<32}{cells}", flush=True)


if __name__ == "__main__":
    main()
