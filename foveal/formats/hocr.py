"""hOCR 1.2: an HTML page with boxes in its titles (https://kba.github.io/hocr-spec/1.2/)."""

from __future__ import annotations

import math
from xml.etree.ElementTree import Element, indent

from foveal.document import Block, Char, Document, Line, Page, Polygon, Word
from foveal.formats.base import Boxes, Format, pixel_box, turn
from foveal.formats.markup import add, serialise, software

_DOCTYPE = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
)
_CAPABILITIES = ["ocr_page", "ocr_carea", "ocr_par", "ocr_line"]


class Hocr(Format):
    """hOCR 1.2, as Tesseract lays it out: page, area, paragraph, line, word, character."""

    name = "hocr"
    suffix = ".hocr"

    def write(self, document: Document, *, boxes: Boxes = "word") -> str:
        """Return XHTML that also reads as HTML; `x_wconf` and `x_conf` are 0 to 100, `x_flag` "guessed"."""
        root = Element("html", {"xmlns": "http://www.w3.org/1999/xhtml"})
        _head(root, document, boxes)
        body = add(root, "body")
        for number, page in enumerate(document.pages, 1):
            _page(body, page, (number,), image=document.source, boxes=boxes)
        indent(root, space=" ")
        _close_up(root)
        return serialise(root, doctype=_DOCTYPE, collapse=False)


def _head(root: Element, document: Document, boxes: Boxes) -> None:
    capabilities = list(_CAPABILITIES)
    if boxes != "line":
        capabilities += ["ocrx_word", "ocrp_wconf"]
    if boxes == "char":
        capabilities.append("ocrx_cinfo")
    head = add(root, "head")
    add(head, "title", text=document.source)
    add(head, "meta", {"http-equiv": "Content-Type", "content": "text/html;charset=utf-8"})
    add(head, "meta", {"name": "ocr-system", "content": " ".join((*software(), document.model)).strip()})
    add(head, "meta", {"name": "ocr-capabilities", "content": " ".join(capabilities)})
    add(head, "meta", {"name": "ocr-number-of-pages", "content": str(len(document.pages))})


def _page(body: Element, page: Page, place: tuple[int, ...], *, image: str, boxes: Boxes) -> None:
    title = [f"image {_quoted(image)}", _bbox(page.polygon), f"ppageno {page.number - 1}"]
    if turn(page):
        title.append(f"x_turn {turn(page):.6g}")
    element = _element(body, "div", "ocr_page", place, title)
    for number, block in enumerate(page.blocks, 1):
        _block(element, block, (*place, number), boxes=boxes)
    for number, polygon in enumerate(page.unread, len(page.blocks) + 1):
        _element(element, "div", "ocr_carea", (*place, number), [*_place(polygon), 'x_label "unread"'])


def _block(parent: Element, block: Block, place: tuple[int, ...], *, boxes: Boxes) -> None:
    title = [*_place(block.polygon), f"x_label {_quoted(block.label)}"]
    area = _element(parent, "div", "ocr_carea", place, title)
    if block.lines:
        paragraph = _element(area, "p", "ocr_par", (*place, 1), _place(block.polygon))
        for number, line in enumerate(block.lines, 1):
            _line(paragraph, line, (*place, 1, number), boxes=boxes)


def _line(parent: Element, line: Line, place: tuple[int, ...], *, boxes: Boxes) -> None:
    angle = _textangle(line.polygon)
    title = _place(line.polygon) + ([f"textangle {angle:.4g}"] if abs(angle) >= 0.1 else [])
    if boxes == "line":
        title.append(f"x_wconf {round(100 * line.confidence)}")
    text = line.text if boxes == "line" else None
    element = _element(parent, "span", "ocr_line", place, title, text=text)
    for number, word in enumerate(() if boxes == "line" else line.words, 1):
        _word(element, word, (*place, number), with_chars=boxes == "char")


def _word(parent: Element, word: Word, place: tuple[int, ...], *, with_chars: bool) -> None:
    title = [*_place(word.polygon), f"x_wconf {round(100 * word.confidence)}", *_flag(word)]
    text = None if with_chars else word.text
    element = _element(parent, "span", "ocrx_word", place, title, text=text)
    for char in word.chars if with_chars else ():
        box = " ".join(map(str, pixel_box(char.polygon)))
        title = [f"x_bboxes {box}", f"x_conf {100 * char.confidence:.4g}", *_flag(char)]
        add(element, "span", {"class": "ocrx_cinfo", "title": "; ".join(title)}, text=char.text)


def _flag(part: Word | Char) -> list[str]:
    return [f"x_flag {_quoted(part.flag)}"] if part.flag else []


def _element(
    parent: Element, tag: str, kind: str, place: tuple[int, ...], title: list[str], *, text: str | None = None
) -> Element:
    """Append an element of class `kind`, named by its place: the numbers of its page, block, paragraph, …"""
    name = f"{kind.split('_')[1]}_{'_'.join(map(str, place))}"
    return add(parent, tag, {"class": kind, "id": name, "title": "; ".join(title)}, text=text)


def _quoted(text: str) -> str:
    """Return a string of a title; quotes end it and ";" parts the properties, so both are percent-encoded."""
    return '"' + text.replace('"', "%22").replace(";", "%3B") + '"'


def _bbox(polygon: Polygon) -> str:
    return "bbox " + " ".join(map(str, pixel_box(polygon)))


def _place(polygon: Polygon) -> list[str]:
    """Return the box, and the polygon where it is not upright."""
    left, top, right, bottom = pixel_box(polygon)
    rounded = [(max(round(x), 0), max(round(y), 0)) for x, y in polygon]
    if set(rounded) == {(left, top), (right, top), (right, bottom), (left, bottom)}:
        return [_bbox(polygon)]
    return [_bbox(polygon), "poly " + " ".join(f"{x} {y}" for x, y in rounded)]


def _textangle(polygon: Polygon) -> float:
    """Return the degrees by which a line's upper edge is turned counter-clockwise, -180 to 180."""
    (x0, y0), (x1, y1) = polygon[:2]
    return math.degrees(math.atan2(y0 - y1, x1 - x0))


def _close_up(root: Element) -> None:
    """Take the indentation out of words: between characters it would be read as spaces."""
    for word in root.iter("span"):
        if word.get("class") == "ocrx_word" and len(word):
            word.text = None
            for char in word:
                char.tail = None
