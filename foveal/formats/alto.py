"""ALTO 4.4, the Library of Congress's XML for pages (https://www.loc.gov/standards/alto/)."""

from __future__ import annotations

from xml.etree.ElementTree import Element, indent

from foveal.document import Alternative, Block, Char, Document, Line, Page, Polygon, Word
from foveal.formats.base import NO_PAGE, Boxes, Format, pixel_box, turn
from foveal.formats.markup import add, points, serialise, share, software

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_LONGEST_VARIANT = 3


class Alto(Format):
    """ALTO 4.4 XML in pixels; at character depth each glyph has its confidence and its variants."""

    name = "alto"
    suffix = ".alto.xml"

    def write(self, document: Document, *, boxes: Boxes = "word") -> str:
        """Return one file for all pages. With `boxes="line"` a String holds a whole line."""
        root = Element(
            "alto",
            {
                "xmlns": NAMESPACE,
                "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
                "xsi:schemaLocation": f"{NAMESPACE} http://www.loc.gov/standards/alto/v4/alto-4-4.xsd",
                "SCHEMAVERSION": "4.4",
            },
        )
        _describe(root, document)
        tags = _tag(root, document)
        layout = add(root, "Layout")
        for number, page in enumerate(document.pages or (NO_PAGE,), 1):
            _page(layout, page, f"p{number}", tags=tags, boxes=boxes)
        indent(root, space=" ")
        return serialise(root)


def _describe(root: Element, document: Document) -> None:
    description = add(root, "Description")
    add(description, "MeasurementUnit", text="pixel")
    add(add(description, "sourceImageInformation"), "fileName", text=document.source)
    processing = add(description, "Processing", {"ID": "reading"})
    add(processing, "processingCategory", text="contentGeneration")
    add(processing, "processingStepDescription", text="text recognition")
    add(processing, "processingStepSettings", text=f"model {document.model}")
    name, version = software()
    program = add(processing, "processingSoftware")
    add(program, "softwareName", text=name)
    add(program, "softwareVersion", text=version)


def _tag(root: Element, document: Document) -> dict[str, str]:
    """Declare the labels of the blocks and the flags of words, and return the tag of each label."""
    labels = {block.label for page in document.pages for block in page.blocks}
    if any(page.unread for page in document.pages):
        labels.add("unread")
    tags = {label: f"label{number}" for number, label in enumerate(sorted(labels), 1)}
    words = (word for page in document.pages for line in page.lines for word in line.words)
    flags = {word.flag for word in words if word.flag}
    if tags or flags:
        declared = add(root, "Tags")
        for label, tag in tags.items():
            add(declared, "LayoutTag", {"ID": tag, "LABEL": label})
        for flag in sorted(flags):
            add(declared, "OtherTag", {"ID": _flag_tag(flag), "LABEL": flag})
    return tags


def _flag_tag(flag: str) -> str:
    return f"flag-{flag}"


def _page(layout: Element, page: Page, name: str, *, tags: dict[str, str], boxes: Boxes) -> None:
    size = {"WIDTH": str(page.width), "HEIGHT": str(page.height)}
    attributes = {"ID": name, "PHYSICAL_IMG_NR": str(page.number), **size, "PC": share(page.confidence)}
    # ALTO gives the turn of the text, counter-clockwise: the same number as the clockwise turn that undoes it
    attributes |= {"ROTATION": f"{turn(page):.6g}", "PROCESSINGREFS": "reading"}
    space = add(add(layout, "Page", attributes), "PrintSpace", {"HPOS": "0", "VPOS": "0", **size})
    for number, block in enumerate(page.blocks, 1):
        _block(space, block, f"{name}_b{number}", page=page, tag=tags[block.label], boxes=boxes)
    for number, polygon in enumerate(page.unread, 1):
        unread = {"ID": f"{name}_u{number}", "TAGREFS": tags["unread"], **_box(polygon)}
        _outline(add(space, "TextBlock", unread), polygon, page)


def _block(space: Element, block: Block, name: str, *, page: Page, tag: str, boxes: Boxes) -> None:
    kind = "TextBlock" if block.lines or block.label != "figure" else "Illustration"
    element = add(space, kind, {"ID": name, "TAGREFS": tag, **_box(block.polygon)})
    _outline(element, block.polygon, page)
    for number, line in enumerate(block.lines, 1):
        _line(element, line, f"{name}_l{number}", page=page, boxes=boxes)


def _line(block: Element, line: Line, name: str, *, page: Page, boxes: Boxes) -> None:
    element = add(block, "TextLine", {"ID": name, **_box(line.polygon)})
    _outline(element, line.polygon, page)
    if boxes == "line" or not line.words:  # a TextLine without a String is not ALTO
        _string(element, line, f"{name}_s1")
        return
    for number, word in enumerate(line.words, 1):
        if number > 1:
            add(element, "SP")
        string = _string(element, word, f"{name}_s{number}")
        if boxes == "char":
            _glyphs(string, word, f"{name}_s{number}")


def _string(line: Element, text: Line | Word, name: str) -> Element:
    attributes = {"ID": name, "CONTENT": text.text, "WC": share(text.confidence), **_box(text.polygon)}
    if isinstance(text, Word) and text.flag:
        attributes["TAGREFS"] = _flag_tag(text.flag)
    return add(line, "String", attributes)


def _glyphs(string: Element, word: Word, name: str) -> None:
    """Add a Glyph for each code point, as ALTO wants it: a base and its mark are two, in one box."""
    places = [(char, point) for char in word.chars for point in char.text]
    for number, (char, point) in enumerate(places, 1):
        attributes = {"ID": f"{name}_g{number}", "CONTENT": point, "GC": share(char.confidence)}
        glyph = add(string, "Glyph", attributes | _box(char.polygon))
        for other in _variants(char):
            add(glyph, "Variant", {"CONTENT": other.text, "VC": share(other.confidence)})


def _variants(char: Char) -> list[Alternative]:
    """Return what could stand in place of a single code point, as far as ALTO can hold it."""
    if len(char.text) != 1:
        return []
    return [other for other in char.alternatives if len(other.text) <= _LONGEST_VARIANT]


def _box(polygon: Polygon) -> dict[str, str]:
    left, top, right, bottom = pixel_box(polygon)
    return {"HPOS": str(left), "VPOS": str(top), "WIDTH": str(right - left), "HEIGHT": str(bottom - top)}


def _outline(element: Element, polygon: Polygon, page: Page) -> None:
    add(add(element, "Shape"), "Polygon", {"POINTS": points(polygon, page.width, page.height)})
