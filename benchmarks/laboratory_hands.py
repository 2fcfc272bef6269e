"""Words of hands and of old print as crops: `python benchmarks/laboratory_hands.py train.zip dev.zip OUT`.

Both zips are those of tools/pack_crops.py with the cuts of tools/cut_words.py. OUT gets `train/SET` and
`dev/SET`: words of 24 characters at most, of each set some by chance, always the same. Words were cut where
an embedded model reads as many words in a line as its label has, and each mostly right: the worst hands are
missing.
"""

from __future__ import annotations

import argparse
from itertools import groupby
from pathlib import Path
from zlib import crc32

import cv2

from foveal.errors import InputMissing
from foveal.train.crops import Crops, Piece

LONGEST = 24
NARROWEST = 8
"""Pixels, at a height of 48: what is narrower is a stroke."""


def cut(packed: Path, folder: Path, *, limit: int, left_out: tuple[str, ...] = ()) -> dict[str, int]:
    """Write sets of words; return how many each has."""
    crops, found = Crops(packed), dict[str, list[Piece]]()
    for pieces in crops.pieces().values():
        for piece in pieces:
            if len(piece.text) <= LONGEST and piece.crop.set_name not in left_out:
                found.setdefault(piece.crop.set_name, []).append(piece)
    if not found:
        raise InputMissing(f"{packed}: holds no cuts of words", remedy="make them with tools/cut_words.py")
    return {name: _write(crops, sorted(own, key=_chance)[:limit], folder / name)
            for name, own in found.items()}  # fmt: skip


def _chance(piece: Piece) -> int:
    return crc32(f"{piece.crop.path} {piece.low:.4f}".encode())


def _write(crops: Crops, pieces: list[Piece], folder: Path) -> int:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for crop, own in groupby(sorted(pieces, key=lambda piece: piece.crop.path), lambda piece: piece.crop):
        image = cv2.cvtColor(crops.image(crop), cv2.COLOR_RGB2BGR)
        for piece in own:
            word = image[:, round(piece.low * image.shape[1]) : round(piece.high * image.shape[1])]
            if word.shape[1] >= NARROWEST:
                name = f"images/{len(rows):05}.jpg"
                cv2.imwrite(str(folder / name), word)
                rows.append(f"{name}\t{piece.text}\n")
    (folder / "labels.tsv").write_text("".join(rows), encoding="utf-8")
    return len(rows)


def main() -> None:
    """Write the sets to learn from and those to judge by."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("train", type=Path)
    parser.add_argument("dev", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--limit", type=int, default=6000, help="words of a set to learn from")
    parser.add_argument("--judge", type=int, default=300, help="words of a set to judge by")
    parser.add_argument("--unseen", nargs="*", default=["handwriting_lathrop"], help="sets to judge by only")
    asked = parser.parse_args()
    print("train", cut(asked.train, asked.output / "train", limit=asked.limit, left_out=tuple(asked.unseen)))
    print("dev", cut(asked.dev, asked.output / "dev", limit=asked.judge))


if __name__ == "__main__":
    main()
