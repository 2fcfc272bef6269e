"""Reads strips with a recogniser that has no fixations: spelt by a decoder, or by CTC alone.

The recogniser may run in torch or in ONNX Runtime (reading/steps.py says what is asked of it); texts are
looked for by the one loop of reading/search.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.reading.beam import aligned
from foveal.reading.decode import Floats, Symbol, best_path
from foveal.reading.readings import ReadChar, Reading, ReadWord
from foveal.reading.search import CtcSteps, Search, Spelt, spell
from foveal.reading.steps import Glances, Spells
from foveal.reading.transcribe import STRIDE, to_strip

Image = NDArray[np.uint8]


class Scribe:
    """Reads strips, each by itself, as a Transcriber does. Safe to share between threads.

    search: how texts are looked for, greedily unless given; model: the name by which others load the same
    recogniser; threads: strips read at a time.
    """

    def __init__(
        self,
        recogniser: Spells | Glances,
        alphabet: Alphabet,
        *,
        search: Search | None = None,
        model: str = "",
        threads: int = 1,
    ) -> None:
        self._recogniser, self._alphabet = recogniser, alphabet
        self._search = Search() if search is None else search
        self._threads = threads
        self.model = model

    def read(
        self,
        images: Sequence[Image],
        *,
        looks: bool = False,
        again: bool = True,  # noqa: ARG002  # second looks are the fixations', and so is a page's language
        one_text: bool = False,  # noqa: ARG002
    ) -> list[Reading]:
        """Return the reading of each strip image "h w 3" (RGB, any size), in their order.

        looks: keep for every character the attention over the columns of its strip, if there is any.
        """
        read = partial(self._reading, looks=looks)
        if self._threads == 1:
            return list(map(read, images))
        with ThreadPoolExecutor(self._threads) as pool:
            return list(pool.map(read, images))

    def _reading(self, image: Image, *, looks: bool) -> Reading:
        strip = to_strip(image)
        cell = image.shape[1] * STRIDE / strip.shape[1]
        if not isinstance(self._recogniser, Spells):
            symbols = self._glanced(self._recogniser.glance(strip))
            chars = [self._char(s.id, s.probability, s.first * cell, (s.last + 1) * cell) for s in symbols]
            return Reading(by_words(chars), cell)
        state, first = self._recogniser.start(strip), len(self._alphabet)
        found = spell(self._recogniser, state, self._search, lines=1, first=first)[0]
        edges = places(found, image.shape[1], cell)
        kept = found.looks if looks and found.looks is not None else [None] * len(found.ids)
        parts = zip(found.ids, found.probabilities, edges[:-1], edges[1:], kept, strict=True)
        return Reading(by_words([self._char(*part) for part in parts]), cell)

    def _glanced(self, log_probs: Floats) -> list[Symbol]:
        """Return the best path, or what the search finds by summing over paths, if it is asked to."""
        if self._search.beam == 1 and self._search.language is None:
            return best_path(log_probs)
        steps = CtcSteps(log_probs)
        found = spell(steps, steps.start(), self._search, lines=1, first=log_probs.shape[1])[0]
        path = aligned(log_probs, found.ids) if found.ids else []
        assert path is not None  # what has no room has no path, and was not found
        return [
            Symbol(symbol.id, symbol.first, symbol.last, chance)
            for symbol, chance in zip(path, found.probabilities, strict=True)
        ]

    def _char(self, one: int, chance: float, x0: float, x1: float, look: Floats | None = None) -> ReadChar:
        return ReadChar(self._alphabet.decode([one]), x0, x1, chance, (), look)


def places(found: Spelt, width: int, cell: float) -> list[float]:
    """Return the edges between characters, midway between looks; evenly spread if there are none."""
    count = len(found.ids)
    if found.looks is None or count == 0:
        return [float(x) for x in np.linspace(0, width, count + 1)]
    middles = (found.looks.argmax(-1) + 0.5) * cell
    between = (middles[1:] + middles[:-1]) / 2
    return [float(x) for x in np.sort(np.concatenate(([0.0], between, [width])))]


def by_words(chars: Sequence[ReadChar]) -> tuple[ReadWord, ...]:
    """Return characters as words, parted at spaces."""
    parts = groupby(chars, key=lambda char: char.text == " ")
    return tuple(ReadWord(tuple(word)) for space, word in parts if not space)
