"""The picture of a line's looks: colour and curve stand where the weight is."""

import numpy as np
from damaged import page

from foveal import Reader
from foveal.document import Char, Line, Look, Word
from foveal.explain.looks import looks

OUTLINE = ((0.0, 0.0), (200.0, 0.0), (200.0, 20.0), (0.0, 20.0))
PAPER = np.full((20, 200, 3), 255, np.uint8)


def line_looking_at(*columns: int) -> Line:
    """A line of characters, each looking at one of 50 columns of 4 strip pixels; the strip is the page."""
    chars = []
    for column in columns:
        weights = np.zeros((1, 50), np.float32)
        weights[0, column] = 1
        look = Look(weights, (4.0, 20.0), (200.0, 20.0), np.eye(3))
        chars.append(Char("e", OUTLINE, 1.0, look=look))
    return Line(OUTLINE, 1.0, (Word(OUTLINE, 1.0, tuple(chars)),))


def coloured(picture: np.ndarray) -> np.ndarray:
    return np.ptp(picture.astype(int), axis=2) > 20


def test_colour_curve_and_character_stand_where_the_weight_is() -> None:
    picture = looks(PAPER, line_looking_at(10, 30), width=800)
    assert picture.shape[1] == 800
    strip, below = picture[:80], picture[80:]
    for part in (strip, below):
        x = np.flatnonzero(coloured(part).any(axis=0))
        # centres at (10.5, 30.5) columns × 4 strip px × 4; a column on either side is reached, and a letter
        assert set(x) <= {*range(168 - 34, 168 + 34), *range(488 - 34, 488 + 34)}
        assert {168, 488} <= set(x)
    deepest = np.flatnonzero(coloured(below[:60]).sum(axis=0) == coloured(below[:60]).sum(axis=0).max())
    assert min(abs(deepest - 168)) < 4


def test_neighbours_differ_in_colour() -> None:
    picture = looks(PAPER, line_looking_at(10, 30), width=800)
    assert not np.array_equal(picture[40, 168], picture[40, 488])


def test_a_line_without_looks_leaves_the_strip_as_it_is() -> None:
    strip = np.random.default_rng(1).integers(0, 256, (20, 200, 3), dtype=np.uint8)
    picture = looks(strip, Line(OUTLINE, 1.0, ()), width=200)
    assert np.array_equal(picture[:20], strip)
    assert (picture[20:] == 255).all()


def test_a_read_line_shows_every_character() -> None:
    strip = np.asarray(page().crop((30, 50, 480, 110)).convert("RGB"))
    (read,) = Reader(threads=1).transcribe([strip], looks=True)
    picture = looks(strip, read, width=900)
    assert coloured(picture[-30:]).any(axis=0).sum() > 4 * len(read.text.replace(" ", ""))
