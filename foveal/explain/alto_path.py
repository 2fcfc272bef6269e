"""A page as ALTO with the trajectories of its lines: for archives that keep ALTO and ask where it was looked.

ALTO has no element for it, but lets a tag hold any XML. Every line with looks refers (TAGREFS) to an OtherTag
of its own, LABEL "trajectory", whose XmlData holds one `trajectory` of the namespace below: COVERAGE, PITCH
(strip pixels), and a `fixation` for each character in the order of the text: GLYPH (the ID of the first Glyph
of its character), X, Y in pixels of the page, PLACE, SPREAD and STEP in pitches, DWELL and MAIN as in
trajectory.json, and KIND, "jump" or "back-step", where it is one. `skip` elements name ink that was not
looked at, START and END in pitches; `repeat` elements two fixations at one place, by their numbers from 1.
docs/explaining.md defines all.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement, fromstring, indent, register_namespace, tostring

from foveal.document import Document, Page
from foveal.explain.trajectory import Fixation, Trajectory
from foveal.formats.alto import NAMESPACE, Alto
from foveal.reading.steer import Held

TRAJECTORY = "urn:foveal:trajectory"
_ALTO = f"{{{NAMESPACE}}}"
_OWN = f"{{{TRAJECTORY}}}"


def alto_with_paths(page: Page, paths: Mapping[int, Trajectory], *, source: str) -> str:
    """Return a page as ALTO 4.4 with characters and the trajectories of its lines by number from 1."""
    model = next((line.held.model for line in page.lines if isinstance(line.held, Held)), "")
    plain = Alto().write(Document(source, (page,), model), boxes="char")
    root = fromstring(plain)
    tags = _tags(root)
    for number, line in enumerate(root.iter(f"{_ALTO}TextLine"), 1):
        path = paths.get(number)
        if path is None or not path.fixations:
            continue
        name = f"trajectory-{number}"
        tag = SubElement(tags, f"{_ALTO}OtherTag", {"ID": name, "LABEL": "trajectory"})
        _describe(SubElement(tag, f"{_ALTO}XmlData"), path, _first_glyphs(line, path))
        line.set("TAGREFS", " ".join(filter(None, (line.get("TAGREFS"), name))))
    register_namespace("", NAMESPACE)
    register_namespace("look", TRAJECTORY)
    indent(root, space=" ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _tags(root: Element) -> Element:
    """Return the declarations of tags, made where there are none: before the layout."""
    found = root.find(f"{_ALTO}Tags")
    if found is None:
        found = Element(f"{_ALTO}Tags")
        places = [child.tag for child in root]
        root.insert(places.index(f"{_ALTO}Layout"), found)
    return found


def _first_glyphs(line: Element, path: Trajectory) -> list[str]:
    """Return for each fixation the ID of the first glyph of its character; a character may have several."""
    glyphs = [glyph.get("ID", "") for glyph in line.iter(f"{_ALTO}Glyph")]
    chars = [char for word in path.line.words for char in word.chars]
    starts = [sum(len(char.text) for char in chars[:i]) for i in range(len(chars))]
    first = {id(char): glyphs[start] for char, start in zip(chars, starts, strict=True)}
    return [first[id(one.char)] for one in path.fixations]


def _describe(data: Element, path: Trajectory, glyphs: list[str]) -> None:
    own = SubElement(
        data, f"{_OWN}trajectory", {"COVERAGE": f"{path.coverage:.3f}", "PITCH": f"{path.pitch:.2f}"}
    )
    for one, glyph in zip(path.fixations, glyphs, strict=True):
        SubElement(own, f"{_OWN}fixation", _measured(one, path.pitch) | {"GLYPH": glyph})
    for start, end in path.skips:
        SubElement(
            own, f"{_OWN}skip", {"START": f"{start / path.pitch:.2f}", "END": f"{end / path.pitch:.2f}"}
        )
    for first, second in path.repeats:
        SubElement(own, f"{_OWN}repeat", {"FIRST": str(first.number), "SECOND": str(second.number)})


def _measured(one: Fixation, pitch: float) -> dict[str, str]:
    kind = "jump" if one.is_jump else "back-step" if one.is_back_step else ""
    return {
        "X": f"{one.point[0]:.1f}",
        "Y": f"{one.point[1]:.1f}",
        "PLACE": f"{one.place / pitch:.2f}",
        "SPREAD": f"{one.spread / pitch:.2f}",
        "STEP": f"{one.step:.2f}",
        "DWELL": f"{one.dwell:.3f}",
        "MAIN": f"{one.main:.3f}",
    } | ({"KIND": kind} if kind else {})
