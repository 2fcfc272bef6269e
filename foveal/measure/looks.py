"""Whether the reader looked at the character it wrote: the heaviest cell of a look against the true box.

Definition of *look accuracy*: of the characters of all words read right (by the rule of their set, signs that
the rule drops left out), the share whose look's heaviest cell has its centre within the true x-span of that
character, edges included, in pixels of the crop. `near` grows the span by half a cell on either side, which
is as exact as a grid of cells can say. `mass` is the mean share of a look's weight in cells whose centres lie
within the span. Characters without a look count as missed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from foveal.document import Char, Line, Look
from foveal.geometry import bounds, box, box_overlap
from foveal.measure.boxes import centre_inside
from foveal.measure.sets import Box


@dataclass(frozen=True)
class LookCount:
    """Counts over characters: `inside`, `near` and the sum of `mass`; they add up over words."""

    chars: int = 0
    inside: int = 0
    near: int = 0
    mass: float = 0.0

    def __add__(self, other: LookCount) -> LookCount:
        """Return the counts of both."""
        mine, others = astuple(self), astuple(other)
        return LookCount(*(a + b for a, b in zip(mine, others, strict=True)))


@dataclass(frozen=True)
class BoxCount:
    """Counts over characters of words read right: overlap of boxes summed, centres inside the true box."""

    chars: int = 0
    overlap: float = 0.0
    centred: int = 0

    def __add__(self, other: BoxCount) -> BoxCount:
        """Return the counts of both."""
        return BoxCount(self.chars + other.chars, self.overlap + other.overlap, self.centred + other.centred)


def paired(
    line: Line, truth: str, boxes: Sequence[Box], *, fold: Callable[[str], str]
) -> list[tuple[Char, Box]]:
    """Return the characters of a line with their true boxes if it was read right under `fold`, else nothing.

    A character that `fold` drops, read or true, has no partner; both sides must keep as many.
    """
    if fold(line.text) != fold(truth) or len(boxes) != len(truth):
        return []
    chars = [char for word in line.words for char in word.chars if fold(char.text)]
    kept = [span for sign, span in zip(truth, boxes, strict=True) if fold(sign)]
    return list(zip(chars, kept, strict=True)) if len(chars) == len(kept) else []


def look_count(pairs: Sequence[tuple[Char, Box]]) -> LookCount:
    """Count where the looks of characters fell; see the definition above."""
    total = LookCount()
    for char, (left, _, right, _) in pairs:
        if char.look is None:
            total += LookCount(chars=1)
            continue
        x = char.look.point[0]
        half = _cell_width(char.look) / 2
        centres = _cell_centres(char.look)
        within = (centres >= left) & (centres <= right)
        total += LookCount(
            chars=1,
            inside=int(left <= x <= right),
            near=int(left - half <= x <= right + half),
            mass=float(char.look.weights[within].sum()),
        )
    return total


def box_count(pairs: Sequence[tuple[Char, Box]]) -> BoxCount:
    """Count how well the boxes of characters lie; only for truth with boxes, not for cuts."""
    total = BoxCount()
    for char, true in pairs:
        if not np.isfinite(true).all():
            continue
        overlap = box_overlap(char.polygon, box(*true))
        total += BoxCount(chars=1, overlap=overlap, centred=int(centre_inside(char.polygon, true)))
    return total


def _cell_centres(look: Look) -> NDArray[np.float64]:
    """Return the x of every cell's centre in page pixels, "rows columns"."""
    rows, columns = look.weights.shape
    x = np.broadcast_to((np.arange(columns) + 0.5) * look.cell[0], (rows, columns))
    y = np.broadcast_to(((np.arange(rows) + 0.5) * look.cell[1])[:, None], (rows, columns))
    px, _, scale = np.einsum("ij,jrc->irc", look.to_page, np.stack([x, y, np.ones_like(x)]))
    return np.asarray(px / scale, dtype=np.float64)


def _cell_width(look: Look) -> float:
    """Return the width in page pixels of the heaviest cell."""
    row, column = np.unravel_index(int(look.weights.argmax()), look.weights.shape)
    x, y = column * look.cell[0], row * look.cell[1]
    corners = np.array([[x, y, 1.0], [x + look.cell[0], y + look.cell[1], 1.0]]) @ look.to_page.T
    left, _, right, _ = bounds(corners[:, :2] / corners[:, 2:])
    return right - left
