"""A page image, the choice of pages, the limits of opening, and what is said when some pages fail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from foveal.errors import ConfigError, ImageTooLarge, InputMissing, UnreadableImage


@dataclass(frozen=True)
class Limits:
    """What is opened at most. `pixels`: of a page. `bytes`, `seconds`: of a download or of standard input."""

    pixels: int = 178_000_000
    bytes: int = 512 * 2**20
    seconds: float = 60.0

    def check(self, width: int, height: int, *, name: str) -> None:
        """Raise ImageTooLarge for a size beyond the limit; asked before a pixel is decoded."""
        if width * height > self.pixels:
            raise ImageTooLarge(
                f"{name}: {width:,} × {height:,} pixels are more than the {self.pixels:,} that are opened",
                remedy="scale the image down or cut it into parts",
            )


@dataclass(frozen=True)
class PageImage:
    """One page as it was opened. `pixels`: RGB "h w 3". `number` counts from 1 within its file.

    `dpi`: the resolution a PDF page was drawn at; None where the source has pixels of its own.
    """

    number: int
    pixels: NDArray[np.uint8]
    dpi: float | None = None


@dataclass(frozen=True)
class Selection:
    """Which pages are wanted, as (first, last) ranges that count from 1; `last` may be infinite.

    >>> [number for number in range(1, 10) if number in Selection.parse("1-2,5,8-")]
    [1, 2, 5, 8, 9]
    """

    ranges: tuple[tuple[int, float], ...] = ((1, float("inf")),)

    @classmethod
    def parse(cls, pages: str | Iterable[int] | None) -> Selection:
        """Return the selection for "1-3,5,8-", for page numbers, or for None (all). Raises ConfigError."""
        if pages is None:
            return cls()
        if not isinstance(pages, str):
            return cls(tuple((number, number) for number in pages))
        return cls(tuple(_range(part.strip(), whole=pages) for part in pages.split(",")))

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.ranges)

    def __str__(self) -> str:
        return ",".join(
            f"{a}" if a == b else f"{a}-" + (f"{b}" if b < float("inf") else "") for a, b in self.ranges
        )

    @property
    def last(self) -> float:
        """The highest page wanted; nothing needs to be opened beyond it."""
        return max((last for _, last in self.ranges), default=0)


def _range(part: str, *, whole: str) -> tuple[int, float]:
    first, dash, last = part.partition("-")
    try:
        start = int(first)
        stop = float("inf") if dash and not last.strip() else int(last or first)
    except ValueError:
        start, stop = 0, 0
    if not 1 <= start <= stop:
        raise ConfigError(f"pages '{whole}' cannot be understood", remedy="write them as 1-3,5,8-")
    return start, stop


@dataclass
class Faults:
    """Which pages of the file `name` were opened and which failed; said once, after the last page."""

    name: str
    opened: list[int] = field(default_factory=list)
    failed: list[tuple[int, str]] = field(default_factory=list)
    cut_off: bool = False

    def check(self, selection: Selection, total: int) -> None:
        """Raise UnreadableImage if a page failed or the file is cut off, InputMissing if none was wanted."""
        if self.failed or self.cut_off:
            raise UnreadableImage(f"{self.name}: {self._what(total)}", remedy="get the file again")
        if not self.opened:
            missing = f"{self.name}: none of the pages {selection} is there"
            raise InputMissing(missing, remedy=f"it has {total}")

    def _what(self, total: int) -> str:
        read = f"; {numbers(self.opened)} read" if self.opened else ""
        if not self.failed:
            return f"the file is cut off{read} as far as possible"
        number, reason = self.failed[0]
        if total == 1:
            return f"cannot be decoded: {reason}"
        more = f" (and {len(self.failed) - 1} more)" if len(self.failed) > 1 else ""
        return f"page {number}{more} cannot be decoded: {reason}{read}"


def numbers(pages: list[int]) -> str:
    """Return "page 2 was", "pages 1–3 were" or "pages 1, 2, 5 were".

    >>> numbers([1, 2, 3])
    'pages 1–3 were'
    """
    if len(pages) == 1:
        return f"page {pages[0]} was"
    if pages == list(range(pages[0], pages[-1] + 1)):
        return f"pages {pages[0]}–{pages[-1]} were"
    return f"pages {', '.join(map(str, pages))} were"
