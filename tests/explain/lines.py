"""Lines whose looks are known: bars of ink on white, one look at a column of 4 pixels each."""

from collections.abc import Sequence

import numpy as np

from foveal.document import Char, Line, Look, Word

WIDE, TALL, CELL = 200, 20, 4
OUTLINE = ((0.0, 0.0), (float(WIDE), 0.0), (float(WIDE), float(TALL)), (0.0, float(TALL)))


def paper(*columns: int) -> np.ndarray:
    """A white strip "20 200 3" with a black bar 10 pixels wide in the middle of these columns."""
    page = np.full((TALL, WIDE, 3), 255, np.uint8)
    for column in columns:
        middle = round((column + 0.5) * CELL)
        page[4:16, middle - 5 : middle + 5] = 0
    return page


def looking(*columns: int, to_page: np.ndarray | None = None) -> Line:
    """A line of one word, a look for each column; the boxes lie about the looks."""
    looks = [one_column(column) for column in columns]
    return line_of(looks, [(column + 0.5) * CELL for column in columns], to_page=to_page)


def line_of(
    weights: Sequence[np.ndarray], middles: Sequence[float], *, to_page: np.ndarray | None = None
) -> Line:
    """A line of one word whose characters have these looks and boxes 10 pixels wide about these middles."""
    way = np.eye(3) if to_page is None else to_page
    chars = []
    for look, middle in zip(weights, middles, strict=True):
        box = ((middle - 5, 0.0), (middle + 5, 0.0), (middle + 5, float(TALL)), (middle - 5, float(TALL)))
        look_ = Look(look, (float(CELL), float(TALL)), (float(WIDE), float(TALL)), way)
        chars.append(Char("e", box, 1.0, look=look_))
    return Line(OUTLINE, 1.0, (Word(OUTLINE, 1.0, tuple(chars)),))


def one_column(*columns: int) -> np.ndarray:
    """A look "1 50" shared out alike among some columns."""
    weights = np.zeros((1, WIDE // CELL), np.float32)
    weights[0, list(columns)] = 1 / len(columns)
    return weights
