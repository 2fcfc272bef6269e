import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from foveal.alphabet import ALPHABET
from foveal.synth.batches import Batch, stream

PACK = Path(__file__).parent.parent / "data" / "fonts"


def first(seed: int, worker: int) -> Batch:
    return next(stream(PACK, kind="word", batch=7, width=100, seed=seed, worker=worker))


@pytest.mark.parametrize(("kind", "width"), [("word", 96), ("line", 333)])
def test_batches_hold_masks_boxes_and_texts(kind, width):
    for batch in islice(stream(PACK, kind=kind, batch=11, width=width, seed=1), 12):
        across = width * 48 // 32
        assert batch.masks.shape == (11, 48, across)
        assert batch.masks.dtype == np.uint8
        assert batch.boxes.shape == (11, max(map(len, batch.texts)), 4)
        assert len(batch.texts) == len(batch.kinds) == len(batch.widths) == 11
        for mask, used, boxes, text in zip(batch.masks, batch.widths, batch.boxes, batch.texts, strict=True):
            assert set(text) <= set(ALPHABET)
            assert not mask[:, used:].any()
            assert not boxes[len(text) :].any()
            assert (boxes[:, 2] <= used).all()


def test_a_seed_and_a_worker_decide_the_batch():
    assert np.array_equal(first(1, 0).masks, first(1, 0).masks)
    assert first(1, 0).texts != first(1, 1).texts
    assert first(1, 0).texts != first(2, 0).texts


def test_a_spawned_worker_draws_the_same():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(first, 5, 2).result()
    assert there.texts == first(5, 2).texts
    assert np.array_equal(there.masks, first(5, 2).masks)


def test_drawing_needs_no_torch():
    code = "import sys, foveal.synth.batches; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
