"""Tab-separated values as Tesseract writes them."""

from __future__ import annotations

from collections.abc import Iterator

from foveal.document import Block, Document, Line, Page, Polygon
from foveal.formats.base import Boxes, Format, legible, pixel_box

COLUMNS = ["level", "page_num", "block_num", "par_num", "line_num", "word_num"]
COLUMNS += ["left", "top", "width", "height", "conf", "text"]


class Tsv(Format):
    """Tesseract's table: a row for each page (level 1), block, paragraph, line and word (level 5)."""

    name = "tsv"
    suffix = ".tsv"
    lists_unread = False

    def write(self, document: Document, *, boxes: Boxes = "word") -> str:
        """Return a header and the rows; nothing is quoted, `conf` is 0 to 100 and -1 where there is no text.

        With `boxes="line"` the lines (level 4) carry the text. The table has no level below words.
        """
        rows = [COLUMNS]
        for page in document.pages:
            rows += _page(page, with_words=boxes != "line")
        return "\n".join("\t".join(row) for row in rows) + "\n"


def _page(page: Page, *, with_words: bool) -> Iterator[list[str]]:
    yield _row((1, page.number), page.polygon)
    for number, block in enumerate(page.blocks, 1):
        yield from _block((page.number, number), block, with_words=with_words)


def _block(place: tuple[int, int], block: Block, *, with_words: bool) -> Iterator[list[str]]:
    yield _row((2, *place), block.polygon)
    yield _row((3, *place, 1), block.polygon)
    for number, line in enumerate(block.lines, 1):
        yield from _line((*place, 1, number), line, with_words=with_words)


def _line(place: tuple[int, ...], line: Line, *, with_words: bool) -> Iterator[list[str]]:
    if not with_words:
        yield _row((4, *place), line.polygon, confidence=line.confidence, text=line.text)
        return
    yield _row((4, *place), line.polygon)
    for number, word in enumerate(line.words, 1):
        yield _row((5, *place, number), word.polygon, confidence=word.confidence, text=word.text)


def _row(
    place: tuple[int, ...], polygon: Polygon, *, confidence: float | None = None, text: str = ""
) -> list[str]:
    left, top, right, bottom = pixel_box(polygon)
    numbers = [*place, *[0] * (6 - len(place)), left, top, right - left, bottom - top]
    conf = "-1" if confidence is None else f"{100 * confidence:.6g}"
    return [*map(str, numbers), conf, legible(text)]
