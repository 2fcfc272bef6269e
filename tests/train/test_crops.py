"""Real crops for training: drawn by share, at one height, without what cannot be written."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from crops_zip import ROWS, write_crops

from foveal.errors import InputMissing
from foveal.train.crops import HEIGHT, fit, stream

SHARES = {"receipts_sroie": 1.0, "handwriting_copiste": 3.0}


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    return write_crops(tmp_path / "crops.zip")


def test_batches_hold_crops_of_the_sets_asked_for(crops: Path) -> None:
    drawn = stream(crops, SHARES, batch=40, width=128, longest=40, seed=1)
    texts = []
    for batch in islice(drawn, 2):
        assert batch.images.shape == (40, HEIGHT, 192, 3)
        for image, used, text, caseless in zip(
            batch.images, batch.widths, batch.texts, batch.caseless, strict=True
        ):
            assert (image[:, used:] == 128).all()
            assert caseless == (text == ROWS[0][2])
        texts += batch.texts
    assert set(texts) == {ROWS[0][2], ROWS[1][2]}
    assert 0.5 < texts.count(ROWS[1][2]) / len(texts) < 0.95


def test_long_texts_are_left_out_and_a_seed_decides(crops: Path) -> None:
    def first(seed: int) -> list[str]:
        drawn = stream(
            crops, {**SHARES, "scene_words_icdar2003": 1}, batch=20, width=64, longest=19, seed=seed
        )
        return next(drawn).texts

    assert set(first(1)) == {ROWS[0][2], ROWS[2][2]}
    assert first(1) == first(1) != first(2)


def test_a_wide_crop_is_squeezed_and_a_narrow_one_is_not() -> None:
    for wide, used in ((96, 48), (960, 200)):
        canvas, across = fit(np.zeros((96, wide, 3), np.uint8), 200)
        assert across == used
        assert (canvas[:, :used] == 0).all()
        assert (canvas[:, used:] == 128).all()


def test_a_missing_zip_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="pack_crops"):
        next(stream(tmp_path / "none.zip", SHARES, batch=1, width=64, longest=9, seed=0))
