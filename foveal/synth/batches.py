"""Endless batches of drawn words or lines, ready for a worker process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import ALPHABET
from foveal.synth.draw import HEIGHT, Drawing, draw
from foveal.synth.fonts import KINDS, Face, Faces
from foveal.synth.lexicon import Lexicon
from foveal.synth.setting import Framing
from foveal.synth.texts import Texts

STRIP = 32
"""Height of the final strip, px; widths are asked for in its pixels."""

# (share, use of the text, kinds of face in order of preference)
_WORDS = (
    (0.17, "scene", ("display", "sans", "serif")),
    (0.22, "scene", ("sans", "display", "serif")),
    (0.10, "scene", ("serif", "sans", "display")),
    (0.13, "receipt", ("mono", "sans", "serif")),
    (0.18, "print", ("serif", "sans", "display")),
    (0.10, "hand", ("hand", "serif", "sans")),
    (0.02, "old", ("black", "serif", "display")),
    (0.05, "signs", ()),
    (0.03, "foreign", ()),
)
_LINES = (
    (0.19, "print", ("serif", "sans", "display")),
    (0.13, "print", ("sans", "serif", "display")),
    (0.15, "receipt", ("mono", "sans", "serif")),
    (0.28, "hand", ("hand", "serif", "sans")),
    (0.09, "old", ("black", "serif", "display")),
    (0.06, "old", ("serif", "black", "display")),
    (0.03, "scene", ("display", "sans", "serif")),
    (0.04, "signs", ()),
    (0.03, "foreign", ()),
)
_SQUEEZE = 2.0
"""How much wider than the strip a word may be before it is squeezed into it."""
_CROP = 0.85
"""Height of a line over that of its crop, about."""


@dataclass(frozen=True)
class Batch:
    """Drawn texts: `masks` "b h w" ink coverage 0..255, zero beyond `widths` "b" px; `boxes` "b n 4"
    x0 y0 x1 y1 in mask px, zero beyond a text's length; `texts` and the `kinds` of their faces.
    """

    masks: NDArray[np.uint8]
    widths: NDArray[np.int32]
    boxes: NDArray[np.float32]
    texts: list[str]
    kinds: list[str]


def stream(
    faces_dir: Path,
    *,
    kind: Literal["word", "line"],
    batch: int,
    width: int,
    seed: int,
    worker: int = 0,
    alphabet: str = ALPHABET,
) -> Iterator[Batch]:
    """Yield batches of `batch` words or lines without end; the same seed and worker give the same batches.

    `width` is that of the final strip of 32 px height, so masks are `width * 48 // 32` px wide. `faces_dir`
    is a pack made by tools/fetch_fonts.py: faces, `fonts.tsv` and `words.json.gz`.
    """
    cv2.setNumThreads(1)  # one worker, one core
    artist = Artist(Faces(faces_dir), Texts(Lexicon.load(faces_dir / "words.json.gz"), alphabet=alphabet))
    random, rng = Random(f"{seed}/{worker}/{kind}/{width}"), np.random.default_rng([seed, worker, width])
    across = width * HEIGHT // STRIP
    make = artist.word if kind == "word" else artist.line
    while True:
        yield collate([make(random, rng, max_width=across) for _ in range(batch)], width=across)


def collate(drawings: list[Drawing], *, width: int) -> Batch:
    """Lay drawings of at most `width` px into one batch."""
    longest = max(len(drawing.text) for drawing in drawings)
    masks = np.zeros((len(drawings), HEIGHT, width), np.uint8)
    boxes = np.zeros((len(drawings), longest, 4), np.float32)
    for place, drawing in enumerate(drawings):
        masks[place, :, : drawing.mask.shape[1]] = drawing.mask
        boxes[place, : len(drawing.text)] = drawing.boxes
    widths = np.array([drawing.mask.shape[1] for drawing in drawings], np.int32)
    texts, kinds = [drawing.text for drawing in drawings], [drawing.kind for drawing in drawings]
    return Batch(masks, widths, boxes, texts, kinds)


class Artist:
    """Chooses a use, a text and a face that covers it, and draws."""

    def __init__(self, faces: Faces, texts: Texts) -> None:
        self._faces = faces
        self._texts = texts

    def word(self, random: Random, rng: np.random.Generator, *, max_width: int) -> Drawing:
        """Draw a word: mostly as on signs, then print, tills and hands; one of five in a line's frame."""
        framing: Framing = "tight" if rng.random() < 0.8 else "line"
        while True:
            use, kinds = _pick(_WORDS, rng)
            if use == "foreign":
                foreign = self.foreign(random, rng, length=8, framing=framing, max_width=max_width)
                if foreign is not None:
                    return foreign
                continue
            if use == "signs":
                text, face = self._signs(random, rng, longest=8)
            else:
                text = self._texts.word(random, use=use)
                face = self._faces.choose(rng, text, kinds=kinds)
            if face is not None and len(text) * face.pace * HEIGHT < _SQUEEZE * max_width:
                return draw(_told(text, face), face, rng, framing=framing, max_width=max_width)

    def line(self, random: Random, rng: np.random.Generator, *, max_width: int) -> Drawing:
        """Draw a line that fills a half or more of `max_width`: print, tills, hands, old print."""
        framing: Framing = "line" if rng.random() < 0.85 else "tight"
        while True:
            use, kinds = _pick(_LINES, rng)
            first = self._faces.any(rng, kind=kinds[0] if kinds else "serif")
            natural = max_width / (HEIGHT * _CROP * first.pace)
            length = int(min(150, max(1, natural * (0.45 + 0.45 * rng.random()))))
            if use == "foreign":
                foreign = self.foreign(random, rng, length=length, framing=framing, max_width=max_width)
                if foreign is not None:
                    return foreign
                continue
            if use == "signs":
                text, face = self._signs(random, rng, longest=length)
            else:
                text = self._texts.line(random, use=use, length=length)
                face = first if first.covers(text) else self._faces.choose(rng, text, kinds=kinds)
            if face is not None:
                return draw(_told(text, face), face, rng, framing=framing, max_width=max_width)

    def foreign(
        self, random: Random, rng: np.random.Generator, *, length: int, framing: Framing, max_width: int
    ) -> Drawing | None:
        """Draw a text of another script, told as signs that cannot be written; None if no face holds it."""
        text = self._texts.foreign(random, length=length)
        if text is None:
            return None
        kinds = [KINDS[place] for place in rng.permutation(len(KINDS))]
        face = self._faces.choose(rng, text.drawn, kinds=kinds)
        if face is None or len(text.drawn) > 150:
            return None
        if len(text.drawn) * face.pace * HEIGHT >= _SQUEEZE * max_width:
            return None
        drawing = draw(text.drawn, face, rng, framing=framing, max_width=max_width)
        return replace(drawing, text=text.told)

    def _signs(self, random: Random, rng: np.random.Generator, *, longest: int) -> tuple[str, Face | None]:
        """Return signs taken evenly from what one face can draw, one of them from the whole alphabet."""
        sign = self._texts.rare(random)
        face = self._faces.choose(rng, sign, kinds=[KINDS[place] for place in rng.permutation(len(KINDS))])
        if face is None:
            return sign, None
        text = self._texts.signs(random, among=face.characters, longest=max(1, longest - 1), with_sign=sign)
        return text, face if face.covers(text) else None


def _told(text: str, face: Face) -> str:
    """Return what can be read of `text` in `face`: capitals, if that is how its small letters look."""
    capitals = text.upper()
    return capitals if face.unicase and face.covers(capitals) and len(capitals) == len(text) else text


def _pick(
    mix: tuple[tuple[float, str, tuple[str, ...]], ...], rng: np.random.Generator
) -> tuple[str, tuple[str, ...]]:
    """Return the use and the kinds of face of one entry of a mix, by share."""
    left = rng.random()
    for share, use, kinds in mix:
        left -= share
        if left < 0:
            return use, kinds
    return mix[0][1:]
