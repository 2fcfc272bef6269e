"""Plain text."""

from __future__ import annotations

from foveal.document import Block, Document, Page
from foveal.formats.base import Boxes, Format, legible


class Text(Format):
    """Plain text: line by line, blocks parted by an empty line, pages by a form feed."""

    name = "text"
    suffix = ".txt"
    lists_unread = False

    def write(self, document: Document, *, boxes: Boxes = "word") -> str:  # noqa: ARG002 - text has no boxes
        """Return the text, ending in a line feed; nothing for a document without text or pages."""
        pages = "\n\f\n".join(_page(page) for page in document.pages)
        return pages + "\n" if pages else ""


def _page(page: Page) -> str:
    return "\n\n".join(_block(block) for block in page.blocks if block.lines)


def _block(block: Block) -> str:
    return "\n".join(legible(line.text) for line in block.lines)
