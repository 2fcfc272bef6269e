"""PAGE-XML 2019-07-15, the XML of layout and ground truth (https://github.com/PRImA-Research-Lab/PAGE-XML)."""

from __future__ import annotations

from datetime import datetime, timezone
from xml.etree.ElementTree import Element, indent

from foveal.document import Block, Char, Document, Line, Page, Polygon, Word
from foveal.errors import ConfigError
from foveal.formats.base import NO_PAGE, Boxes, Format, legible, turn
from foveal.formats.markup import add, points, serialise, share, software

NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
_TEXT_TYPES = {"text": "paragraph", "title": "heading"}


class PageXml(Format):
    """PAGE-XML 2019 with reading order; a file holds one page."""

    name = "page-xml"
    suffix = ".page.xml"
    one_page = True

    def write(self, document: Document, *, boxes: Boxes = "word") -> str:
        """Return the file of the only page. Raises ConfigError for a document of several pages."""
        if len(document.pages) > 1:
            raise ConfigError(
                f"{document.source}: PAGE-XML holds one page a file, the document has {len(document.pages)}",
                remedy="write into a folder: --output FOLDER/; or choose alto",
            )
        page = document.pages[0] if document.pages else NO_PAGE
        root = Element(
            "PcGts",
            {
                "xmlns": NAMESPACE,
                "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
                "xsi:schemaLocation": f"{NAMESPACE} {NAMESPACE}/pagecontent.xsd",
            },
        )
        _describe(root, document)
        _page(root, page, image=document.source, boxes=boxes)
        indent(root, space=" ")
        return serialise(root)


def _describe(root: Element, document: Document) -> None:
    metadata = add(root, "Metadata")
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    add(metadata, "Creator", text=" ".join(software()))
    add(metadata, "Created", text=now)
    add(metadata, "LastChange", text=now)
    item = {"type": "processingStep", "name": "text recognition", "value": document.model}
    add(metadata, "MetadataItem", item)


def _page(root: Element, page: Page, *, image: str, boxes: Boxes) -> None:
    attributes = {"imageFilename": image, "imageWidth": str(page.width), "imageHeight": str(page.height)}
    attributes |= {"orientation": f"{turn(page):.6g}", "conf": share(page.confidence)}
    element = add(root, "Page", attributes)
    if page.blocks:
        order = add(add(element, "ReadingOrder"), "OrderedGroup", {"id": "order"})
        for number in range(len(page.blocks)):
            add(order, "RegionRefIndexed", {"index": str(number), "regionRef": f"r{number + 1}"})
    for number, block in enumerate(page.blocks, 1):
        _region(element, block, f"r{number}", page=page, boxes=boxes)
    for number, polygon in enumerate(page.unread, 1):
        unread = add(element, "UnknownRegion", {"id": f"u{number}", "custom": "structure {type:unread;}"})
        _coords(unread, polygon, page)


def _region(parent: Element, block: Block, name: str, *, page: Page, boxes: Boxes) -> None:
    attributes = {"id": name, "custom": f"structure {{type:{block.label};}}"}
    if block.label == "figure" and not block.lines:
        _coords(add(parent, "ImageRegion", attributes), block.polygon, page)
        return
    element = add(parent, "TextRegion", attributes | {"type": _TEXT_TYPES.get(block.label, "other")})
    _coords(element, block.polygon, page)
    for number, line in enumerate(block.lines, 1):
        _line(element, line, f"{name}_l{number}", page=page, boxes=boxes)
    _text(element, block.text, block.confidence)


def _line(region: Element, line: Line, name: str, *, page: Page, boxes: Boxes) -> None:
    element = add(region, "TextLine", {"id": name})
    _coords(element, line.polygon, page)
    if boxes != "line":
        for number, word in enumerate(line.words, 1):
            _word(element, word, f"{name}_w{number}", page=page, with_chars=boxes == "char")
    _text(element, line.text, line.confidence)


def _word(line: Element, word: Word, name: str, *, page: Page, with_chars: bool) -> None:
    element = add(line, "Word", {"id": name} | _flag(word))
    _coords(element, word.polygon, page)
    if with_chars:
        for number, char in enumerate(word.chars, 1):
            _glyph(element, char, f"{name}_g{number}", page=page)
    _text(element, word.text, word.confidence)


def _glyph(word: Element, char: Char, name: str, *, page: Page) -> None:
    element = add(word, "Glyph", {"id": name} | _flag(char))
    _coords(element, char.polygon, page)
    _text(element, char.text, char.confidence, index=0 if char.alternatives else None)
    for index, other in enumerate(char.alternatives, 1):
        _text(element, other.text, other.confidence, index=index)


def _flag(part: Word | Char) -> dict[str, str]:
    return {"custom": f"flag {{type:{part.flag};}}"} if part.flag else {}


def _coords(element: Element, polygon: Polygon, page: Page) -> None:
    add(element, "Coords", {"points": points(polygon, page.width, page.height)})


def _text(element: Element, text: str, confidence: float, *, index: int | None = None) -> None:
    """Add a reading of `element`; among several, the one with the lowest `index` is the text."""
    place = {} if index is None else {"index": str(index)}
    unicode = add(add(element, "TextEquiv", place | {"conf": share(confidence)}), "Unicode")
    unicode.text = "\n".join(legible(line) for line in text.split("\n"))
