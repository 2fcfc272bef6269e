"""What the words of a language are worth at which weight: `python benchmarks/words.py SET… [--share 0 0.6]`.

The words are those of the language of a set's first fifty lines; the CER is that of the lines after them.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from foveal.alphabet import Alphabet
from foveal.images import pages
from foveal.measure.rules import exact
from foveal.measure.sets import read_crops
from foveal.measure.text import cer
from foveal.reading.line_graphs import load_line
from foveal.reading.transcribe import Transcriber
from foveal.reading.words import Words
from foveal.train.vocabulary import vocabulary

LEARNT = 50


def main() -> None:
    """Print the table, and the CPU seconds of a reading."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--model", default="fast")
    parser.add_argument("--share", type=float, nargs="+", default=[0, 0.4, 0.6, 0.8])
    parser.add_argument("--limit", type=int, default=100)
    asked = parser.parse_args()
    print(f"{'set':<32}" + "".join(f"{share:>8}      s" for share in asked.share))
    graphs, alphabet = load_line(asked.model), Alphabet()
    for folder in asked.sets:
        crops = read_crops(folder)
        learnt, rest = crops[:LEARNT], crops[LEARNT : LEARNT + asked.limit]
        images = [next(iter(pages(crop.image))).pixels for crop in rest]
        known = vocabulary([crop.text for crop in learnt], alphabet)
        cells = ""
        for share in asked.share:
            words = Words(known.chances, alphabet, share=share) if known and share else None
            begun = time.process_time()
            readings = Transcriber(graphs.glance, graphs.fixate, words=words).read(images)
            spent = time.process_time() - begun
            texts = [" ".join(word.text for word in reading.words) for reading in readings]
            both = zip(texts, rest, strict=True)
            cells += f"{cer((exact(text), exact(crop.text)) for text, crop in both):>8.4f}{spent:>7.1f}"
        print(f"{folder.name:<32}{cells}", flush=True)


if __name__ == "__main__":
    main()
