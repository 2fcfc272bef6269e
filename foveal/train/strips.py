"""Batches of strips by number, from folders of crops and from fonts; a number always gives the same batch.

So a run that was cut short goes on with the batches that were to come, and processes draw each their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from foveal.alphabet import Alphabet
from foveal.errors import ConfigError, InputMissing, UnreadableImage
from foveal.measure.rules import rule_of
from foveal.measure.sets import Crop, read_crops
from foveal.synth.batches import Artist, collate
from foveal.synth.draw import HEIGHT, Drawing
from foveal.synth.fonts import KINDS, Faces
from foveal.synth.lexicon import Lexicon
from foveal.synth.texts import Texts
from foveal.train.crops import fit
from foveal.train.feed import Tensors
from foveal.train.queries import ask

_TRIES = 200
"""Drawings made in search of a text that is short enough."""


@dataclass(frozen=True)
class DataSpec:
    """What a batch is made of.

    batch: strips on one device; width: of a strip in its pixels (32 high); characters: longer texts are not
    learned from; kind: what is rendered; rendered: share of rendered batches where there are crops and fonts;
    scene: share of rendered strips that look like a photographed sign; augment: 0 … 1, how much crops are
    bent and worn; start, grow: texts have `start` characters at most at first and all lengths after `grow`
    steps (curriculum; Bengio et al., 2009), no limit unless grow > 0; echo: steps that a batch is taken for,
    its strips drawn or worn anew each time (data echoing; Choi et al., 2019).
    """

    batch: int = 64
    width: int = 128
    characters: int = 24
    kind: Literal["word", "line"] = "word"
    rendered: float = 0.5
    scene: float = 0.5
    augment: float = 0.8
    start: int = 4
    grow: int = 0
    echo: int = 1

    @property
    def fixations(self) -> int:
        """Fixations asked of a strip: one a character, and the ends of its words."""
        return self.characters + self.characters // 2 + 4

    def longest(self, step: int) -> int:
        """Return the characters a text may have at a step."""
        if step >= self.grow:
            return self.characters
        return self.start + (self.characters - self.start) * step // self.grow


@dataclass(frozen=True)
class Sources:
    """Where strips come from: folders of crops, a pack of fonts (tools/fetch_fonts.py), or both.

    held: images in the folders that are not to be learned from.
    """

    folders: tuple[Path, ...] = ()
    fonts: Path | None = None
    held: frozenset[Path] = frozenset()

    def __post_init__(self) -> None:
        """Refuse nothing to learn from."""
        if not self.folders and self.fonts is None:
            raise ConfigError(
                "there is nothing to train on", remedy="give --train DIR, --fonts PACK, or both"
            )


class StripBatches(Dataset[Tensors]):
    """batches[number]: the tensors that `train.feed` makes too, boxes for crops among them where known.

    seed: another seed gives other batches; alphabet: what can be written, texts with more are left out;
    readers: processes that take batches of their own at each step, as many numbers further on.
    """

    def __init__(
        self, sources: Sources, spec: DataSpec, *, seed: int, alphabet: Alphabet, readers: int = 1
    ) -> None:
        self.sources, self.spec, self.seed, self.alphabet = sources, spec, seed, alphabet
        self.readers = readers
        self.crops = [
            (crop, rule_of(folder) == "caseless")
            for folder in sources.folders
            for crop in read_crops(folder)
            if crop.image not in sources.held and self._can_learn(crop)
        ]
        self.crops.sort(key=lambda item: len(item[0].text))
        if sources.folders and not self.crops:
            raise InputMissing(
                f"no crop of {', '.join(map(str, sources.folders))} can be learned from",
                remedy=f"texts must be written in the alphabet, {spec.characters} characters at most",
            )

    def __getitem__(self, number: int) -> Tensors:
        """Return one batch."""
        rng = np.random.default_rng([self.seed, number])
        draws = rng.random() < self.spec.rendered if self.crops else True
        made = self._drawn(number, rng) if draws and self.sources.fonts else self._cut(number, rng)
        return made

    def _longest(self, number: int) -> int:
        """Return the characters a text may have at the step that takes this batch first."""
        return self.spec.longest(number // self.readers * self.spec.echo)

    def _can_learn(self, crop: Crop) -> bool:
        return 0 < len(crop.text) <= self.spec.characters and not self.alphabet.unwritable(crop.text)

    @cached_property
    def _artist(self) -> Artist:
        assert self.sources.fonts is not None
        cv2.setNumThreads(1)  # one worker, one core
        words = Lexicon.load(self.sources.fonts / "words.json.gz")
        return Artist(Faces(self.sources.fonts), Texts(words, alphabet=self.alphabet.characters))

    def _drawn(self, number: int, rng: np.random.Generator) -> Tensors:
        spec, random = self.spec, Random(f"{self.seed}/{number}")
        make = self._artist.word if spec.kind == "word" else self._artist.line
        across, longest = spec.width * HEIGHT // 32, self._longest(number)
        room = across if spec.kind == "word" else max(HEIGHT, across * longest // spec.characters)

        def drawing() -> Drawing:
            for _ in range(_TRIES):
                made = make(random, rng, max_width=room)
                if len(made.text) <= longest:
                    break
            return made

        batch = collate([drawing() for _ in range(spec.batch)], width=across)
        return {
            "masks": torch.from_numpy(batch.masks),
            "kinds": torch.tensor([KINDS.index(kind) for kind in batch.kinds]),
            **self._asked(batch.texts, batch.boxes, batch.widths, rng),
        }

    def _cut(self, number: int, rng: np.random.Generator) -> Tensors:
        spec = self.spec
        longest = self._longest(number)
        short = max(1, sum(len(crop.text) <= longest for crop, _ in self.crops))
        picked = [self.crops[i] for i in rng.integers(short, size=spec.batch)]
        images, widths, places = zip(*(self._fitted(crop) for crop, _ in picked), strict=True)
        boxes = np.zeros((spec.batch, spec.characters, 4), np.float32)
        for row, known in enumerate(places):
            boxes[row, : len(known)] = known
        texts = [crop.text for crop, _ in picked]
        return {
            "images": torch.from_numpy(np.stack(images)),
            "caseless": torch.tensor([caseless for _, caseless in picked]),
            **self._asked(texts, boxes, np.array(widths), rng),
        }

    def _fitted(self, crop: Crop) -> tuple[NDArray[np.uint8], int, NDArray[np.float32]]:
        """Return a crop at 48 px, the width it fills, and its characters' boxes there ("0 4" if unknown)."""
        image = cv2.imread(str(crop.image), cv2.IMREAD_COLOR_RGB)
        if image is None:
            raise UnreadableImage(f"{crop.image}: not an image", remedy="remove its row from labels.tsv")
        canvas, used = fit(np.asarray(image, np.uint8), self.spec.width * HEIGHT // 32)
        high, wide = image.shape[:2]
        scale = np.array([used / wide, HEIGHT / high] * 2)
        known = np.array(crop.chars if len(crop.chars) == len(crop.text) else [], np.float32).reshape(-1, 4)
        return canvas, used, (known.clip(0, [wide, high, wide, high]) * scale).astype(np.float32)

    def _asked(
        self,
        texts: Sequence[str],
        boxes: NDArray[np.float32],
        widths: NDArray[np.int32],
        rng: np.random.Generator,
    ) -> Tensors:
        spec = self.spec
        placed = np.zeros((len(texts), spec.characters, 4), np.float32)
        placed[:, : boxes.shape[1]] = boxes[:, : spec.characters]
        asked = ask(list(texts), self.alphabet, rng, characters=spec.characters, fixations=spec.fixations)
        return {
            "widths": torch.from_numpy(np.asarray(widths, np.int64)),
            "boxes": torch.from_numpy(placed),
            **asked.tensors(),
        }
