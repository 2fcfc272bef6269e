"""Batches for the line model: rendered masks and real crops, made by worker processes, asked as queries."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from foveal.alphabet import Alphabet
from foveal.synth import batches
from foveal.synth.looks import KINDS
from foveal.train import crops
from foveal.train.queries import ask

Tensors = dict[str, Tensor]

_APART = 8


@dataclass(frozen=True)
class Shape:
    """One kind of batch. `source`: word, line (rendered) or crops (real); width in strip pixels."""

    source: Literal["word", "line", "crops"]
    batch: int
    width: int
    characters: int
    fixations: int
    shares: tuple[tuple[str, float], ...] = ()
    """For crops: how often each set is drawn."""


class _Endless(IterableDataset[Tensors]):
    def __init__(self, make: Callable[[int], Iterator[Tensors]], seed: int) -> None:
        self.make, self.seed = make, seed

    def __iter__(self) -> Iterator[Tensors]:
        info = get_worker_info()
        return self.make(self.seed * 1000 + (info.id if info else 0))


def rendered(fonts: Path, shape: Shape) -> Callable[[int], Iterator[Tensors]]:
    """Return a maker of endless rendered batches: masks, widths, boxes, kinds and queries."""
    kind: Literal["word", "line"] = "word" if shape.source == "word" else "line"

    def make(seed: int) -> Iterator[Tensors]:
        torch.set_num_threads(1)
        rng, alphabet = np.random.default_rng(seed), Alphabet()
        for batch in batches.stream(
            fonts, kind=kind, batch=shape.batch, width=shape.width, seed=seed, worker=seed % 1000
        ):
            asked = ask(
                batch.texts, alphabet, rng, characters=shape.characters, fixations=shape.fixations
            )
            boxes = np.zeros((shape.batch, shape.characters, 4), np.float32)
            kept = min(shape.characters, batch.boxes.shape[1])
            boxes[:, :kept] = batch.boxes[:, :kept]
            yield {
                "masks": torch.from_numpy(batch.masks),
                "widths": torch.from_numpy(batch.widths.astype(np.int64)),
                "boxes": torch.from_numpy(boxes),
                "kinds": torch.tensor([KINDS.index(kind) for kind in batch.kinds]),
                **asked.tensors(),
            }

    return make


def real(path: Path, shape: Shape) -> Callable[[int], Iterator[Tensors]]:
    """Return a maker of endless batches of real crops: images, widths, caseless and queries."""

    def make(seed: int) -> Iterator[Tensors]:
        torch.set_num_threads(1)
        rng, alphabet = np.random.default_rng(seed), Alphabet()
        drawn = crops.stream(
            path,
            dict(shape.shares),
            batch=shape.batch,
            width=shape.width,
            longest=shape.characters,
            seed=seed,
        )
        for batch in drawn:
            asked = ask(batch.texts, alphabet, rng, characters=shape.characters, fixations=shape.fixations)
            yield {
                "images": torch.from_numpy(batch.images),
                "widths": torch.from_numpy(batch.widths.astype(np.int64)),
                "caseless": torch.from_numpy(batch.caseless),
                **asked.tensors(),
            }

    return make


class Feed:
    """Endless batches of one kind on a device; `waited` counts the seconds spent waiting for them.

    echo: how often each batch is given, some batches apart; drawn or augmented anew each time, it is a new
    batch that cost the processor nothing (data echoing; Choi et al., 2019).
    """

    def __init__(
        self,
        make: Callable[[int], Iterator[Tensors]],
        *,
        workers: int,
        seed: int,
        device: torch.device,
        echo: int = 1,
    ) -> None:
        loader = DataLoader(
            _Endless(make, seed),
            batch_size=None,
            num_workers=workers,
            prefetch_factor=6 if workers else None,
            pin_memory=device.type == "cuda",
        )
        self._batches, self._device = iter(loader), device
        self._echo, self._kept = echo, deque[tuple[Tensors, int]]()
        self.waited = 0.0

    def __next__(self) -> Tensors:
        """Return the next batch on the device."""
        if len(self._kept) > _APART * (self._echo - 1):
            batch, left = self._kept.popleft()
        else:
            batch, left = self._fresh(), self._echo
        if left > 1:
            self._kept.append((batch, left - 1))
        return batch

    def _fresh(self) -> Tensors:
        begin = time.perf_counter()
        batch = next(self._batches)
        self.waited += time.perf_counter() - begin
        return {name: value.to(self._device, non_blocking=True) for name, value in batch.items()}
