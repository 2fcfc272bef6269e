"""How the glance and the fixations are weighed against each other, on sets of crops.

    python benchmarks/fusion.py SET… [--model accurate] [--limit 300] [--trust 0 0.25 0.5 0.75 1]

trust 0 is the glance alone (CTC), 1 the fixations alone. Scene words: accuracy over a–z0–9; lines: CER.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from foveal.images import pages
from foveal.measure.rules import rule_of
from foveal.measure.sets import read_crops
from foveal.measure.text import accuracy, alphanumeric, cer
from foveal.reading.engine import load_session
from foveal.reading.transcribe import Transcriber


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--model", default="accurate")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--trust", type=float, nargs="+", default=[0, 0.25, 0.5, 0.75, 1])
    asked = parser.parse_args()
    sessions = [load_session(f"line-{asked.model}-{step}", 2) for step in ("glance", "fixate")]
    readers = {trust: Transcriber(*sessions, weight=trust) for trust in asked.trust}
    print(f"{asked.model:32}" + "".join(f"{trust:>9}" for trust in asked.trust))
    for folder in asked.sets:
        crops = read_crops(folder)[: asked.limit]
        images = [next(iter(pages(crop.image))).pixels for crop in crops]
        observed = readers[asked.trust[0]].observe(images)
        figures = []
        for reader in readers.values():
            both = zip(observed, crops, strict=True)
            pairs = [(reader.decide(seen).text, crop.text) for seen, crop in both]
            words = rule_of(folder) == "alphanumeric"
            folded = [(alphanumeric(read), alphanumeric(true)) for read, true in pairs]
            figures.append(accuracy(folded) if words else cer(pairs))
        print(f"{folder.name:32}" + "".join(f"{100 * figure:9.2f}" for figure in figures), flush=True)


if __name__ == "__main__":
    main()
