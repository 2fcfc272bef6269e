"""XML that is always well formed: elements with plain attributes, written out as text."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from xml.etree.ElementTree import Element, SubElement, tostring

from foveal.document import Polygon
from foveal.formats.base import legible

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def add(
    parent: Element, tag: str, attributes: dict[str, str] | None = None, *, text: str | None = None
) -> Element:
    """Append an element to `parent`, its attributes and text made legible, and return it."""
    child = SubElement(parent, tag, {name: legible(value) for name, value in (attributes or {}).items()})
    child.text = None if text is None else legible(text)
    return child


def serialise(root: Element, *, doctype: str = "", collapse: bool = True) -> str:
    """Return the file. `collapse=False` writes <a></a> for <a/>, which HTML readers need."""
    return DECLARATION + doctype + tostring(root, encoding="unicode", short_empty_elements=collapse) + "\n"


def share(confidence: float) -> str:
    """Return a confidence as text, 0 to 1 with four digits; rounding of the model's last bit is cut off."""
    return f"{min(max(confidence, 0.0), 1.0):.4g}"


def points(polygon: Polygon, width: int, height: int) -> str:
    """Return "x,y x,y …" in whole pixels, within a page of width × height."""
    return " ".join(f"{min(max(round(x), 0), width)},{min(max(round(y), 0), height)}" for x, y in polygon)


def software() -> tuple[str, str]:
    """Return the name and the version of the program that writes."""
    try:
        return "foveal", version("foveal")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "foveal", "0"
