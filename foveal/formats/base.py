"""What every format is, and what several of them need: legible text and boxes in whole pixels."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from typing import ClassVar

from foveal.document import Document, Page, Polygon
from foveal.document_json import Boxes
from foveal.geometry import bounds

__all__ = ["NO_PAGE", "Boxes", "Format", "legible", "pixel_box", "turn"]

NO_PAGE = Page(number=1, width=0, height=0, blocks=())
"""Stands for the pages of a document without any, in formats that must hold one."""

# controls, lone surrogates, line and paragraph separators, and what XML 1.0 excludes
_ILLEGIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


class Format(ABC):
    """One way to write a document down.

    `name`: what a user types. `suffix`: how a file of it ends. `one_page`: True where a file holds one page
    only; `write` then raises ConfigError for a document of several pages. `lists_unread`: whether it says
    where text was found that could not be read.
    """

    name: ClassVar[str]
    suffix: ClassVar[str]
    one_page: ClassVar[bool] = False
    lists_unread: ClassVar[bool] = True

    @abstractmethod
    def write(self, document: Document, *, boxes: Boxes = "word") -> str:
        """Return the whole file. `boxes` says how deep it goes, where the format has boxes."""


def legible(text: str) -> str:
    """Return `text` with a replacement sign for every character that would break a file or a line of it.

    >>> legible("a\\fb")
    'a\ufffdb'
    """
    return _ILLEGIBLE.sub("\ufffd", text)


def pixel_box(polygon: Polygon) -> tuple[int, int, int, int]:
    """Return the smallest box of whole pixels around a polygon: left, top, right, bottom, none below zero."""
    left, top, right, bottom = (max(edge, 0.0) for edge in bounds(polygon))
    return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)


def turn(page: Page) -> float:
    """Return the degrees, above -180 to 180, to turn the page clockwise by, for it to stand straight."""
    return 180 - (180 - page.rotation - page.skew) % 360
