"""Real crops for training: drawn by share, at one height, without what cannot be written."""

import io
import zipfile
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from crops_zip import ROWS, write_crops
from PIL import Image

from foveal.errors import InputMissing
from foveal.train.crops import HEIGHT, HELD, Crops, fit, held_out, page_of, stream

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


SHADES = {"one": 40, "two": 80, "three": 120, "four": 160, "five": 60, "six": 100}


def write_cut_page(path: Path) -> Path:
    """Two lines of one page, each word a flat shade as wide as it is high, above white paper."""
    words = list(SHADES)
    with zipfile.ZipFile(path, "w") as packed:
        labels, cuts = [], []
        for number, line in enumerate((words[:3], words[3:])):
            image = np.full((HEIGHT, 3 * HEIGHT, 3), 255, np.uint8)
            for place, word in enumerate(line):
                image[:8, place * HEIGHT : (place + 1) * HEIGHT] = SHADES[word]
                cuts.append(f"images/a/p_{number}.png\t{place / 3:.4f}\t{(place + 1) / 3:.4f}\t{word}\n")
            file = io.BytesIO()
            Image.fromarray(image).save(file, "PNG")
            packed.writestr(f"images/a/p_{number}.png", file.getvalue())
            labels.append(f"images/a/p_{number}.png\ta\t0\t{' '.join(line)}\n")
        packed.writestr("labels.tsv", "".join(labels))
        packed.writestr("words.tsv", "".join(cuts))
    return path


def test_lines_are_put_together_anew_from_the_words_of_their_page(tmp_path: Path) -> None:
    drawn = stream(write_cut_page(tmp_path / "cut.zip"), {"a": 1}, batch=80, width=256, longest=40, seed=2)
    batch = next(drawn)
    known = {"one two three", "four five six"}
    anew = [text for text in batch.texts if text not in known]
    assert 0.3 < len(anew) / 80 < 0.6
    assert {len(text.split()) for text in anew} > {2, 4}
    for image, text in zip(batch.images, batch.texts, strict=True):
        shades = [int(image[4, (2 * place + 1) * HEIGHT // 2, 0]) for place in range(len(text.split()))]
        assert shades == pytest.approx([SHADES[word] for word in text.split()], abs=1)
    short = next(stream(tmp_path / "cut.zip", {"a": 1}, batch=40, width=256, longest=13, seed=2))
    assert max(map(len, short.texts)) <= 13


def test_whole_pages_are_held_out_and_never_more_than_a_twelfth() -> None:
    names = [f"page{page}_{line:03}" for page in range(60) for line in range(5 + page % 4)]
    held = held_out(names)
    assert 0 < len(held) <= len(names) / HELD
    assert held == held_out(names[::-1])  # not a matter of their order
    pages = {page_of(name) for name in held}
    assert held == {name for name in names if page_of(name) in pages}


def test_of_a_few_large_books_single_lines_are_held_out() -> None:
    names = [f"book{book}_{line:03}" for book in range(3) for line in range(40)]
    assert len(held_out(names)) == len(names) // HELD
    assert held_out(["a_1", "b_1"]) == set()


def test_what_is_held_out_is_not_drawn(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "crops.zip", "w") as packed:
        image = io.BytesIO()
        Image.new("RGB", (90, 48), "white").save(image, "PNG")
        rows = []
        for page in range(30):
            packed.writestr(f"images/page{page}_1.png", image.getvalue())
            rows.append(f"images/page{page}_1.png\tletters\t0\tpage {page}")
        packed.writestr("labels.tsv", "\n".join(rows))
    crops = Crops(tmp_path / "crops.zip")
    kept = crops.to_train_on()["letters"]
    assert 0 < len(crops.crops) - len(kept) <= 30 // HELD
    drawn = stream(tmp_path / "crops.zip", {"letters": 1.0}, batch=200, width=96, longest=20, seed=1)
    assert set(next(drawn).texts) <= {crop.text for crop in kept}
