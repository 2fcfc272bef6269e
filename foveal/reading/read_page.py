"""One page: find its lines, cut them out, transcribe the strips, order what was read, put it on the page."""

from __future__ import annotations

from dataclasses import replace

from foveal.document import Block, Line, Page
from foveal.images import PageImage
from foveal.reading.compose import as_polygon, compose_block, compose_line
from foveal.reading.cut import MARGIN, cut
from foveal.reading.engine import Session
from foveal.reading.find import FoundLine, find
from foveal.reading.order import FoundBlock, order
from foveal.reading.transcribe import Transcriber

READABLE = 0.3
"""Least confidence of a line that was surely found; see `is_read`."""

SURE = 0.75
"""What the page model says of text on the average: found with less, a line must be read with more confidence."""


def read_page(image: PageImage, finder: Session, transcriber: Transcriber, *, looks: bool = False) -> Page:
    """Return the reading of one page image; a page without text has no blocks.

    What looked like a line but could not be read as one is listed in `unread` by its outline.
    """
    height, width = image.pixels.shape[:2]
    found = find(image.pixels, finder)
    lines = _lines(image, found.lines, transcriber, looks=looks)
    pairs = list(zip(found.lines, lines, strict=True))
    read = {id(place): line for place, line in pairs if is_read(line, place)}
    unread = tuple(line.polygon for place, line in pairs if id(place) not in read)
    blocks = order(replace(found, lines=[place for place in found.lines if id(place) in read]), width, height)
    rotation = -found.rotation % 360  # the text lies turned by the one, the other turns it back
    written = tuple(_block(block, read) for block in blocks)
    return Page(image.number, width, height, written, rotation, 0.0 - found.skew, unread)


def is_read(line: Line, place: FoundLine) -> bool:
    """Tell text from bricks, leaves and dashes: the less sure it was found, the surer it must be read."""
    return bool(line.words) and line.confidence >= READABLE + 2 * max(SURE - place.sure, 0.0)


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


def _block(block: FoundBlock, read: dict[int, Line]) -> Block:
    lines = [read[id(place)] for place in block.lines]
    return compose_block(lines, label=block.kind, polygon=as_polygon(block.polygon))
