"""Draw the weights of every mechanism on one line of an image, for docs/attention.md.

    python tools/attention_pictures.py examples/printed_page.jpg docs/attention --line 9 --head 0

Queries and keys are those of one head in the last block of the shipped `fast` model; a mechanism's own
parameters are as they begin. Above stands the strip; below, a row for each of its columns: how much it looks
at the columns above, each row darkest at its largest weight.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from foveal import Reader
from foveal.alphabet import Alphabet
from foveal.attention import MECHANISMS, build, recall
from foveal.images import pages
from foveal.models import checkpoint
from foveal.models.line import LineModel
from foveal.reading.cut import cut
from foveal.reading.transcribe import to_strip

WEIGHTS = Path(__file__).parent.parent / "foveal" / "weights"
CELL = 4
"""Pixels of a picture to a column of the grid: as many as of the strip."""


def first_line(image: Path, number: int) -> tuple[str, NDArray[np.uint8]]:
    """Return the text of a line of the image, counted from 1, and its strip."""
    (page,) = pages(image)
    line = Reader("fast").read_page(page).lines[number - 1]
    return line.text, to_strip(cut(page.pixels, line.polygon, height=32).image)


def queries_and_keys(strip: NDArray[np.uint8], head: int) -> tuple[Tensor, Tensor]:
    """Return q and k "1 n d" of one head in the last block of the shipped model."""
    model = LineModel("fast", len(Alphabet())).eval()
    checkpoint.load(model, WEIGHTS / "line-fast-glance.onnx")
    pixels = torch.from_numpy(strip).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad(), recall(model) as calls:
        model.glance(pixels)
    (call,) = calls[f"blocks.{len(model.blocks) - 1}.attention.mechanism"]
    return call.q[:, head], call.k[:, head]


def picture(strip: NDArray[np.uint8], weights: NDArray[np.float32]) -> Image.Image:
    """Return the strip with the weights "n n" below it."""
    shares = np.abs(weights) / np.abs(weights).max(1, keepdims=True).clip(1e-9)
    levels = (255 * (1 - shares)).astype(np.uint8).repeat(CELL, 0).repeat(CELL, 1)
    grey = np.asarray(Image.fromarray(strip).convert("L"))
    between = np.full((CELL, grey.shape[1]), 160, np.uint8)
    return Image.fromarray(np.concatenate([grey, between, levels])).quantize(32)


def main() -> None:
    """Read the line, and draw every mechanism on it."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("image", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--line", type=int, default=1)
    parser.add_argument("--head", type=int, default=0)
    asked = parser.parse_args()
    text, strip = first_line(asked.image, asked.line)
    q, k = queries_and_keys(strip, asked.head)
    asked.folder.mkdir(parents=True, exist_ok=True)
    for name in MECHANISMS:
        torch.manual_seed(0)
        mechanism = build(MECHANISMS, name, q_dim=q.shape[-1], k_dim=k.shape[-1], heads=1).eval()
        with torch.no_grad():
            weights = mechanism.weights(q, k)[0].numpy()
        picture(strip, weights).save(asked.folder / f"{name}.png", optimize=True)
    print(f"{text}: {len(MECHANISMS)} pictures of {weights.shape[0]} columns in {asked.folder}")


if __name__ == "__main__":
    main()
