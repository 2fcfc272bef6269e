"""What context is worth, and what it costs: `python benchmarks/context.py SET… [--model fast accurate]`.

Each set of lines is read without and with it: CER, CPU milliseconds a line, how many lines were in doubt and
how many of them came to be read otherwise. `--share`, `--longer`: other weights of the language and of each
character (foveal/reading/beam.py). `--limit`: only the first lines of each set.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from foveal.images import pages
from foveal.measure.rules import exact
from foveal.measure.sets import read_crops
from foveal.measure.text import cer
from foveal.reading.beam import BEAM, Beam
from foveal.reading.context import Context
from foveal.reading.line_graphs import load_line
from foveal.reading.transcribe import Transcriber, load_transcriber


def readers(model: str, beam: Beam) -> tuple[Transcriber, Transcriber, Context]:
    """Return what reads without and with context, and that context."""
    loaded = load_line(model)
    context = Context(own=loaded.context.own, beam=beam)
    steps, kept = (loaded.glance, loaded.fixate), {"alphabet": loaded.alphabet, "words": loaded.words}
    within = Transcriber(*steps, **kept, context=context)
    return load_transcriber(model, context=False), within, context


def row(folder: Path, model: str, beam: Beam, limit: int | None) -> str:
    """Return the figures of one set."""
    crops = read_crops(folder)[:limit]
    images = [next(iter(pages(crop.image, select=[1]))).pixels for crop in crops]
    without, within, context = readers(model, beam)
    figures, texts, doubtful = "", [], 0
    for reader in (without, within):
        begun = time.process_time()
        read = reader.read(images)
        spent = 1000 * (time.process_time() - begun) / len(crops)
        pairs = [(exact(one.text), exact(crop.text)) for one, crop in zip(read, crops, strict=True)]
        figures += f"{100 * cer(pairs):>9.2f}{spent:>8.0f}"
        texts.append([one.text for one in read])
        if reader is without:
            doubtful = sum(map(context.doubts, read))
    changed = sum(one != other for one, other in zip(*texts, strict=True))
    return f"{folder.name:<32}{model:<10}{len(crops):>6}{figures}{doubtful:>8}{changed:>9}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--model", nargs="+", default=["fast", "accurate"])
    parser.add_argument("--share", type=float, default=BEAM.share)
    parser.add_argument("--longer", type=float, default=BEAM.longer)
    parser.add_argument("--limit", type=int)
    asked = parser.parse_args()
    print(f"{'set':<32}{'model':<10} lines  without      ms     with      ms   doubt  changed")
    for model in asked.model:
        for folder in asked.sets:
            beam = Beam(share=asked.share, longer=asked.longer)
            print(row(folder, model, beam, asked.limit), flush=True)


if __name__ == "__main__":
    main()
