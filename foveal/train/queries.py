"""What the line model is asked for a text: CTC targets, and one fixation a character in its word's window."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from foveal.alphabet import Alphabet
from foveal.models.line import STRIDE


@dataclass(frozen=True)
class Queries:
    """The questions for a batch of texts, as arrays. n characters at most, t fixations at most.

    ids: "b n", 0 beyond the text; lengths: "b"; target: "b t", class of each fixation, −1 for none;
    char: "b t", the character it is about, −1 for the end of a word; word: "b t"; offset: "b t", its place
    in the word; first, last: "b t", the characters that begin and end its word.
    """

    ids: NDArray[np.int64]
    lengths: NDArray[np.int64]
    target: NDArray[np.int64]
    char: NDArray[np.int64]
    word: NDArray[np.int64]
    offset: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    def tensors(self) -> dict[str, Tensor]:
        """Return every field as a tensor, by name."""
        return {item.name: torch.from_numpy(getattr(self, item.name)) for item in fields(self)}


def ask(
    texts: list[str], alphabet: Alphabet, rng: np.random.Generator, *, characters: int, fixations: int
) -> Queries:
    """Return the queries of `texts`, cut to `characters` and `fixations`.

    Each word is followed by one fixation that must find its end, and by up to two more that must find nothing
    either, since a reader cannot know the length of a word before it has read it.
    """
    b = len(texts)
    ids = np.zeros((b, characters), np.int64)
    lengths = np.zeros(b, np.int64)
    table = np.zeros((6, b, fixations), np.int64)
    table[:2] = -1
    for row, text in enumerate(texts):
        encoded = alphabet.encode(text)[:characters]
        ids[row, : len(encoded)] = encoded
        lengths[row] = len(encoded)
        asked = _fixations(encoded, rng)[:fixations]
        if asked:
            table[:, row, : len(asked)] = np.array(asked).T
    return Queries(ids, lengths, *table)


def _fixations(encoded: list[int], rng: np.random.Generator) -> list[tuple[int, int, int, int, int, int]]:
    """Return (target, char, word, offset, first, last) of every fixation of one text; id 1 is the space."""
    asked: list[tuple[int, int, int, int, int, int]] = []
    edges = [-1, *(i for i, symbol in enumerate(encoded) if symbol == 1), len(encoded)]
    for word, (before, after) in enumerate(pairwise(edges)):
        first, last = before + 1, after - 1
        asked += [(encoded[i], i, word, i - first, first, last) for i in range(first, after)]
        ends = 1 + int(rng.integers(0, 3)) * int(rng.random() < 0.5)
        asked += [(0, -1, word, after - first + extra, first, last) for extra in range(ends)]
    return asked


class Windows(NamedTuple):
    """Where each fixation may look: "b t 2", first column and column after the last."""

    window: Tensor

    def positions(self, density: Tensor, queries: dict[str, Tensor], noise: Tensor) -> Tensor:
        """Return the running count at which each fixation expects its character, "b t".

        A word's mass is shared out among its characters, as the reader does with the length it assumes; noise
        "b t 2" in [0, 1] moves that assumption by one character for one word in six. density: "b n".
        """
        total = functional.pad(density.cumsum(-1), (1, 0))
        low, high = total.gather(1, self.window[..., 0]), total.gather(1, self.window[..., 1])
        draw = noise.gather(1, queries["word"].clamp(max=noise.shape[1] - 1)[..., None].expand(-1, -1, 2))
        wrong = (draw[..., 1] * 2 - 1).sign() * (draw[..., 0] < 1 / 6)
        length = (queries["last"] - queries["first"] + 1 + wrong).clamp(min=1)
        return low + (queries["offset"] + 0.5) * (high - low) / length


def windows(boxes: Tensor, widths: Tensor, queries: dict[str, Tensor], noise: Tensor) -> Windows:
    """Return the window of each fixation's word, its edges anywhere in the gaps beside the word.

    boxes: "b n 4" in strip pixels; widths: "b" valid strip width; noise: "b t 2" in [0, 1]. Fixations that do
    not exist (target −1) may look nowhere.
    """
    n = boxes.shape[1]
    first, last = queries["first"].clamp(0, n - 1), queries["last"].clamp(0, n - 1)
    lows, highs = boxes[..., 0], boxes[..., 2]
    begin, end = lows.gather(1, first), highs.gather(1, last)
    before = torch.where(first >= 2, highs.gather(1, (first - 2).clamp(min=0)), torch.zeros_like(begin))
    behind = torch.where(
        last + 2 < queries["lengths"][:, None],
        lows.gather(1, (last + 2).clamp(max=n - 1)),
        widths[:, None].to(end.dtype),
    )
    # one draw a word: noise is indexed by the word's number
    draw = noise.gather(1, queries["word"].clamp(max=noise.shape[1] - 1)[..., None].expand(-1, -1, 2))
    low = begin - (begin - before).clamp(min=0) * draw[..., 0]
    high = end + (behind - end).clamp(min=0) * draw[..., 1]
    columns = torch.stack(((low / STRIDE).floor(), (high / STRIDE).ceil()), -1).long()
    limit = (widths[:, None, None] + STRIDE - 1) // STRIDE
    columns = columns.clamp(min=0).minimum(limit)
    exists = (queries["target"] >= 0)[..., None]
    return Windows(columns * exists)
