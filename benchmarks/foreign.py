"""Are words of other scripts told from those that can be written? `python benchmarks/foreign.py PACK SET…`

Lines of Cyrillic, Greek, Hebrew, Arabic, Chinese, Japanese and Korean words, with numbers and Latin words
among them, are rendered in the faces of PACK (tools/fetch_fonts.py) and read: words that training has not,
unless `--known`. Printed: the share of foreign words that are told; how many words of real Latin text in the
sets are taken for foreign.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import torch

from foveal.measure.sets import read_crops
from foveal.reading.foreign import is_foreign
from foveal.reading.reader import Reader
from foveal.synth import style
from foveal.synth.batches import Artist, collate
from foveal.synth.draw import HEIGHT
from foveal.synth.fonts import KINDS, Faces
from foveal.synth.lexicon import Lexicon, foreign_words
from foveal.synth.texts import Texts

WIDTH = 768


def unseen(lexicon: Lexicon) -> Lexicon:
    """Return a lexicon with the next commonest foreign words instead of those it has."""
    words = {
        language: tuple(sorted(set(each) - set(lexicon.foreign.get(language, ()))))
        for language, each in foreign_words(scale=2).items()
    }
    return replace(lexicon, foreign=words)


def rendered(pack: Path, count: int, *, seed: int, known: bool) -> tuple[list[np.ndarray], list[str]]:
    """Return images of foreign lines, and the texts to be read of them."""
    lexicon = Lexicon.load(pack / "words.json.gz")
    artist = Artist(Faces(pack), Texts(lexicon if known else unseen(lexicon)))
    random, rng = Random(seed), np.random.default_rng(seed)
    drawings = []
    while len(drawings) < count:
        length = int(rng.integers(4, 40))
        room = WIDTH * HEIGHT // 32
        drawing = artist.foreign(random, rng, length=length, framing="line", max_width=room)
        drawings += [drawing] if drawing is not None else []
    batch = collate(drawings, width=WIDTH * HEIGHT // 32)
    strips = style.render(
        torch.from_numpy(batch.masks),
        torch.from_numpy(batch.widths.astype(np.int64)),
        torch.from_numpy(batch.boxes),
        torch.tensor([KINDS.index(kind) for kind in batch.kinds]),
        width=WIDTH,
        generator=torch.Generator().manual_seed(seed),
        scene=0.1,
    )
    pixels = (strips.images.permute(0, 2, 3, 1) * 255).clamp(0, 255).byte().numpy()
    widths = strips.widths.tolist()
    return [one[:, : max(8, int(w))] for one, w in zip(pixels, widths, strict=True)], batch.texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("sets", nargs="*", type=Path)
    parser.add_argument("--model", nargs="+", default=["fast"])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--seed", type=int, default=77, help="other lines")
    parser.add_argument("--known", action="store_true", help="words that training has too")
    asked = parser.parse_args()
    images, texts = rendered(asked.pack, asked.count, seed=asked.seed, known=asked.known)
    for model in asked.model:
        reader = Reader(model, threads=1)
        told = every = 0
        for line, text in zip(reader.transcribe(images), texts, strict=True):
            here = sum(map(is_foreign, text.split()))
            every += here
            told += min(here, sum(map(is_foreign, line.text.split())))
        crops = [crop.image for folder in asked.sets for crop in read_crops(folder)[: asked.limit]]
        words = [word for line in reader.transcribe(crops) for word in line.text.split()] if crops else []
        wrong = sum(map(is_foreign, words))
        print(f"{model}: {told} of {every} foreign words told ({told / every:.3f}); "
              f"{wrong} of {len(words)} Latin words taken for foreign")  # fmt: skip


if __name__ == "__main__":
    main()
