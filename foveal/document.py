"""What a reading is: Document › Page › Block › Line › Word › Char, and the Look of a character.

All polygons are in pixels of the page image as it was opened (x to the right, y down), as a tuple of (x, y)
corners in reading direction: top-left, top-right, bottom-right, bottom-left of the text they hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from foveal.errors import ConfigError

Point = tuple[float, float]
Polygon = tuple[Point, ...]


@dataclass(frozen=True)
class Look:
    """Where one character was looked for: attention over the columns of its strip, and the way to the page.

    `weights`: "rows columns", sums to one. `cell`: width and height in strip pixels of one weight.
    `strip_size`: width and height of the strip in pixels. `to_page`: 3 × 3 homography, strip to page pixels.
    """

    weights: NDArray[np.float32]
    cell: tuple[float, float]
    strip_size: tuple[float, float]
    to_page: NDArray[np.float64]

    @property
    def point(self) -> Point:
        """The page pixel at the centre of the heaviest cell."""
        row, column = np.unravel_index(int(self.weights.argmax()), self.weights.shape)
        x, y = (float(column) + 0.5) * self.cell[0], (float(row) + 0.5) * self.cell[1]
        px, py, scale = self.to_page @ np.array([x, y, 1.0])
        return float(px / scale), float(py / scale)


@dataclass(frozen=True)
class Alternative:
    """Another character that could stand in a place, and how likely it is, 0 to 1."""

    text: str
    confidence: float


@dataclass(frozen=True)
class Char:
    """One character. `confidence`: the model's own word for it.

    `flag`: "guessed" where what stands in its place is no ground for it, else "".
    """

    text: str
    polygon: Polygon
    confidence: float
    alternatives: tuple[Alternative, ...] = ()
    look: Look | None = None
    flag: str = ""


@dataclass(frozen=True)
class Remedy:
    """That a word was read otherwise than it looked at first. `before`: what it read then.

    `kind`: "listed", a word of the language stands where what was seen left a doubt; "context", what stands
    around it and what usually follows that decided; "code", a figure stands for a letter beside figures; or
    how it was looked at again because its looks had gone wrong: "monotonic", the looks kept in order, or
    "split", in halves.
    """

    kind: str
    before: str


@dataclass(frozen=True)
class Word:
    """Characters without a space between them. `confidence`: the chance that all of them are right.

    `remedy`: why it is read otherwise than it looked at first, None if it is not.
    """

    polygon: Polygon
    confidence: float
    chars: tuple[Char, ...]
    remedy: Remedy | None = None

    @property
    def text(self) -> str:
        """The characters joined."""
        return "".join(char.text for char in self.chars)

    @property
    def flag(self) -> str:
        """What the first flagged character is flagged as, "" if none is."""
        return next((char.flag for char in self.chars if char.flag), "")


@dataclass(frozen=True)
class Move:
    """Read the `char`-th character of a line, from 1, from the page pixel `to`."""

    char: int
    to: Point


@dataclass(frozen=True)
class Add:
    """Read one character more, from the page pixel `to`, after the `after`-th; 0: before the first.

    It joins that character's word, or begins a word of its own.
    """

    after: int
    to: Point
    new_word: bool = False


@dataclass(frozen=True)
class Remove:
    """Read without the `char`-th character."""

    char: int


@dataclass(frozen=True)
class Widen:
    """Read the `char`-th character from a place so many times as wide; less than 1 narrows it."""

    char: int
    by: float = 2.0


@dataclass(frozen=True)
class Forbid:
    """Read nothing of a line between the left and the right end of a polygon in page pixels."""

    polygon: Polygon


Steer = Move | Add | Remove | Widen | Forbid
"""How a person moves the looks of a line; see `Line.reread`."""


class Rereads(Protocol):
    """What holds a line's pixels and can read them again."""

    def reread(self, looks: Sequence[Steer]) -> Line:
        """Return the line under looks that were moved."""
        ...


@dataclass(frozen=True)
class Line:
    """Words on one line, left to right. `confidence`: the chance that all of the line is right.

    `held`: its pixels and how they were read, kept with the looks for `reread`; not part of what was read.
    """

    polygon: Polygon
    confidence: float
    words: tuple[Word, ...]
    held: Rereads | None = field(default=None, repr=False, compare=False)

    def reread(self, looks: Sequence[Steer]) -> Line:
        """Return the line as it reads when looks are moved, one change after another; see docs/asking.md.

        Characters are counted from 1, each time in the line that the changes before have left. What is not
        touched stays as it was read. Raises ConfigError for a line that was read without looks, or that came
        from a file, and for a character that there is not.

        >>> foveal.read("receipt.jpg", looks=True).pages[0].lines[2].reread([Remove(4)])  # doctest: +SKIP
        """
        if self.held is None:
            raise ConfigError("the line has no pixels to read again", remedy="read it with looks=True")
        return self.held.reread(looks)

    @property
    def text(self) -> str:
        """The words joined by single spaces."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True)
class Block:
    """Lines that belong together, in reading order. `label`: text, title, list, table or figure."""

    polygon: Polygon
    confidence: float
    lines: tuple[Line, ...]
    label: str = "text"

    @property
    def text(self) -> str:
        """The lines joined by line breaks."""
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True)
class Page:
    """One page: its blocks in reading order. `number` counts from 1 within its file.

    `rotation`: degrees (0, 90, 180, 270) the page image has to be turned clockwise to stand upright.
    `skew`: degrees it has to be turned clockwise after that for its lines to lie level.
    `unread`: places where text was found that could not be written in the alphabet; listed, not dropped.
    """

    number: int
    width: int
    height: int
    blocks: tuple[Block, ...]
    rotation: int = 0
    skew: float = 0.0
    unread: tuple[Polygon, ...] = ()

    @property
    def text(self) -> str:
        """The blocks joined by empty lines."""
        return "\n\n".join(block.text for block in self.blocks)

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines in reading order."""
        return tuple(line for block in self.blocks for line in block.lines)

    @property
    def polygon(self) -> Polygon:
        """The page's own rectangle."""
        width, height = float(self.width), float(self.height)
        return (0.0, 0.0), (width, 0.0), (width, height), (0.0, height)

    @property
    def confidence(self) -> float:
        """Mean confidence of the page's lines; 1 for an empty page."""
        return float(np.mean([line.confidence for line in self.lines])) if self.lines else 1.0


@dataclass(frozen=True)
class Document:
    """All pages of one input. `source`: its path, URL or "-". `model`: the name of the model that read it."""

    source: str
    pages: tuple[Page, ...]
    model: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The pages joined by form feeds."""
        return "\n\f\n".join(page.text for page in self.pages)

    @property
    def polygon(self) -> Polygon:
        """The rectangle of the first page; empty for a document without pages."""
        return self.pages[0].polygon if self.pages else ()

    @property
    def confidence(self) -> float:
        """Mean confidence of the pages; 1 for a document without pages."""
        return float(np.mean([page.confidence for page in self.pages])) if self.pages else 1.0

    def to_json(self) -> str:
        """Return everything, looks included, as JSON in the schema `formats/document.schema.json`.

        `metadata` must hold what JSON can hold. Numbers read back exactly.
        """
        from foveal import document_json

        return document_json.write(self)

    @staticmethod
    def from_json(text: str) -> Document:
        """Return the document that `to_json` wrote; raises FovealError for any other text."""
        from foveal import document_json

        return document_json.read(text)
