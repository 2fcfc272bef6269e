"""The files of examples/: what is read of them, and that every look lies on its line."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveal import Reader
from foveal.document import Char, Look
from foveal.geometry import Transform, bounds
from foveal.images import pages
from foveal.measure.rules import exact
from foveal.measure.text import bag_of_words, cer
from foveal.reading.cut import cut

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
MOST_ERRORS = {  # CER where lines follow each other, else what bag-of-words F1 lacks of 1
    "book_page.pdf": 0.08,
    "fraktur.png": 0.10,
    "handwritten_note.jpg": 0.35,
    "old_print.jpg": 0.04,
    "printed_page.jpg": 0.02,
    "receipt.jpg": 0.25,
    "sign.jpg": 0.10,
    "two_columns.png": 0.08,
}
COLUMNS = {"receipt.jpg", "two_columns.png"}


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def errors(read: str, name: str) -> float:
    truth = (EXAMPLES / name).with_suffix(".txt").read_text(encoding="utf-8")
    pairs = [(exact(read), exact(truth))]
    return 1 - bag_of_words(pairs) if name in COLUMNS else cer(pairs)


def test_every_example_is_known() -> None:
    texts = {path.stem for path in EXAMPLES.glob("*.txt")}
    assert texts == {Path(name).stem for name in MOST_ERRORS}


@pytest.mark.parametrize("name", MOST_ERRORS)
def test_an_example_is_read(name: str, reader: Reader) -> None:
    assert errors(reader.read(EXAMPLES / name).text, name) < MOST_ERRORS[name]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_receipt_is_read(turn: int, reader: Reader) -> None:
    with Image.open(EXAMPLES / "receipt.jpg") as upright:
        (read,) = reader.read(upright.rotate(turn, expand=True)).pages
    assert read.rotation == turn
    assert errors(read.text, "receipt.jpg") < MOST_ERRORS["receipt.jpg"]


def test_looks_sum_to_one_and_lie_on_their_line(reader: Reader) -> None:
    (page,) = reader.read(EXAMPLES / "receipt.jpg", looks=True).pages
    inside = []
    for line in page.lines:
        left, top, right, bottom = bounds(line.polygon)
        slack = (bottom - top) / 2  # a strip is a little wider than its line
        for char in (char for word in line.words for char in word.chars):
            look = look_of(char)
            assert look.weights.min() >= 0
            assert look.weights.sum() == pytest.approx(1, abs=1e-2)
            grid = np.array([[0, 0], [look.weights.shape[1], look.weights.shape[0]]]) * look.cell
            (x0, y0), (x1, y1) = Transform(look.to_page).to(grid)
            assert left - slack <= x0 < x1 <= right + slack
            assert top - slack <= y0 < y1 <= bottom + slack
            edges = bounds(char.polygon)
            inside.append(edges[0] - slack / 2 <= look.point[0] <= edges[2] + slack / 2)
    assert np.mean(inside) > 0.95


def look_of(char: Char) -> Look:
    assert char.look is not None
    return char.look


def test_lines_read_the_same_alone_together_and_by_several_threads(reader: Reader) -> None:
    (image,) = pages(EXAMPLES / "printed_page.jpg")
    lines = reader.read_page(image).lines[:10]
    strips = [cut(image.pixels, line.polygon).image for line in lines]
    together = reader.transcribe(strips, looks=True)
    with ThreadPoolExecutor(4) as pool:
        apart = list(pool.map(lambda strip: reader.transcribe([strip], looks=True)[0], strips))
    assert [line.text for line in together] == [line.text for line in apart]
    for one, other in zip(together, apart, strict=True):
        assert one.confidence == pytest.approx(other.confidence, rel=1e-3)
        both = zip(one.words, other.words, strict=True)
        chars = [pair for words in both for pair in zip(words[0].chars, words[1].chars, strict=True)]
        for mine, theirs in chars:
            assert look_of(mine).weights == pytest.approx(look_of(theirs).weights, abs=1e-3)
