"""One page: find its lines, order them, cut them out, transcribe the strips, put the words on the page."""

from __future__ import annotations

from collections.abc import Iterator

from foveal.document import Block, Line, Page
from foveal.images import PageImage
from foveal.reading.compose import as_polygon, compose_block, compose_line
from foveal.reading.cut import MARGIN, cut
from foveal.reading.engine import Session
from foveal.reading.find import FoundLine, find
from foveal.reading.order import FoundBlock, order
from foveal.reading.transcribe import Transcriber


def read_page(image: PageImage, finder: Session, transcriber: Transcriber, *, looks: bool = False) -> Page:
    """Return the reading of one page image; a page without text has no blocks.

    A line in which nothing could be read is listed in `unread` by its outline.
    """
    height, width = image.pixels.shape[:2]
    found = find(image.pixels, finder)
    blocks = order(found, width, height)
    every = [line for block in blocks for line in block.lines]
    lines = _lines(image, every, transcriber, looks=looks)
    unread = tuple(line.polygon for line in lines if not line.words)
    rotation = -found.rotation % 360  # the text lies turned by the one, the other turns it back
    written = tuple(_blocks(blocks, iter(lines)))
    return Page(image.number, width, height, written, rotation, 0.0 - found.skew, unread)


def _lines(image: PageImage, found: list[FoundLine], transcriber: Transcriber, *, looks: bool) -> list[Line]:
    strips = [cut(image.pixels, line.polygon) for line in found]
    readings = transcriber.read([strip.image for strip in strips], looks=looks)
    return [
        compose_line(
            reading,
            size=(strip.image.shape[1], strip.image.shape[0]),
            to_page=strip.to_page,
            margin=MARGIN,
            polygon=as_polygon(line.polygon),
        )
        for line, strip, reading in zip(found, strips, readings, strict=True)
    ]


def _blocks(found: list[FoundBlock], lines: Iterator[Line]) -> Iterator[Block]:
    """Deal the lines out to the blocks they were found in; a block in which nothing was read is left out."""
    for block in found:
        mine = [line for line in (next(lines) for _ in block.lines) if line.words]
        if mine:
            yield compose_block(mine, label=block.kind, polygon=as_polygon(block.polygon))
