"""A page's reading as one HTML file that needs nothing else: suspicious places first, then every line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.document import Char, Line, Word
from foveal.explain.anomalies import KINDS, Anomaly, anomalies
from foveal.explain.deletion import Tested, deletions, note
from foveal.explain.maps import heat_map, multiples
from foveal.explain.scanpath import data_uri, vectors
from foveal.explain.trajectory import Trajectory

Image = NDArray[np.uint8]
Found = list[tuple[int, Anomaly]]
"""Anomalies with the number of their line, worst first."""

MOST = 24
"""Suspicious places shown with a picture; the rest stand in their lines."""

_SIDE = 1400  # of the page's picture, in pixels at most

_STYLE = """
.foveal { font: 15px/1.45 system-ui, sans-serif; color: #1c1c1c; background: #fff; max-width: 1280px; }
.foveal h1 { font-size: 22px; } .foveal h2 { font-size: 18px; margin: 28px 0 8px; }
.foveal img, .foveal svg { max-width: 100%; height: auto; }
.foveal .cards { display: flex; flex-wrap: wrap; gap: 12px; }
.foveal .card { border: 1px solid #d5d5d5; border-radius: 6px; padding: 8px; max-width: 300px; }
.foveal .card img { max-height: 170px; display: block; margin-bottom: 6px; }
.foveal .kind { font-weight: 600; color: #b3261e; }
.foveal .text { font: 17px/1.5 ui-monospace, monospace; white-space: pre-wrap; }
.foveal details { border-top: 1px solid #e3e3e3; padding: 6px 0; } .foveal summary { cursor: pointer; }
.foveal .sheet { position: relative; } .foveal .sheet svg { position: absolute; left: 0; top: 0; }
"""


def find(paths: Mapping[int, Trajectory]) -> Found:
    """Return the anomalies of lines by their numbers, worst first."""
    found = [(number, one) for number, path in paths.items() for one in anomalies(path)]
    return sorted(found, key=lambda pair: -pair[1].severity)


def report(image: Image, paths: Mapping[int, Trajectory], *, title: str) -> str:
    """Return the whole file for a page image "h w 3" and the trajectories of its lines by number."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · foveal</title></head><body>\n"
        f"{body(image, paths, title=title)}</body></html>\n"
    )


def body(image: Image, paths: Mapping[int, Trajectory], *, title: str) -> str:
    """Return the report as a part of another page, such as a notebook."""
    found = find(paths)
    tested = {number: _tested(paths[number].line) for number in {number for number, _ in found}}
    parts = [
        f'<style>{_STYLE}</style><div class="foveal"><h1>{escape(title)}</h1>',
        _summary(paths, found),
        _cards(image, paths, tested, found),
        _sheet(image, found),
        "<h2>Lines</h2>",
        *(
            _line(image, number, path, tested.get(number, {}), [one for n, one in found if n == number])
            for number, path in paths.items()
        ),
        "</div>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _summary(paths: Mapping[int, Trajectory], found: Found) -> str:
    count = Counter(one.kind for _, one in found)
    fixations = sum(len(path.fixations) for path in paths.values())
    said = "; ".join(f"{count[kind]} × {kind} ({meaning})" for kind, meaning in KINDS.items() if count[kind])
    return f"<p>{len(paths)} lines, {fixations} fixations. {escape(said) or 'Nothing is suspicious.'}</p>"


def _tested(line: Line) -> Tested:
    return deletions(line, [char for word in line.words for char in word.chars])


def _cards(image: Image, paths: Mapping[int, Trajectory], tested: Mapping[int, Tested], found: Found) -> str:
    if not found:
        return ""
    cards = "\n".join(
        _card(image, number, paths[number], tested[number], one) for number, one in found[:MOST]
    )
    more = len(found) - MOST
    rest = f"<p>{more} more stand in their lines below.</p>" if more > 0 else ""
    return f'<h2>Suspicious places</h2><div class="cards">{cards}</div>{rest}'


def _card(image: Image, number: int, path: Trajectory, tested: Tested, one: Anomaly) -> str:
    char = path.fixations[max(one.number - 1, 0)].char
    shown = [Word(char.polygon, char.confidence, (char,))]
    said = note(path.line, shown, tested)
    picture = data_uri(heat_map(image, path.line, shown, polygon=one.polygon, note=said))
    return (
        f'<div class="card"><img src="{picture}" alt="look of {escape(char.text)}">'
        f'<span class="kind">{one.kind}</span> in <a href="#line-{number}">line {number}</a><br>'
        f"{escape(one.says)}</div>"
    )


def _sheet(image: Image, found: Found) -> str:
    """Return the page with its suspicious places outlined, each a link to its line."""
    height, width = image.shape[:2]
    scale = min(_SIDE / max(height, width), 1.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    picture = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    outlines = [
        f'<a href="#line-{number}"><polygon points="{" ".join(f"{x:.0f},{y:.0f}" for x, y in one.polygon)}" '
        f'fill="#b3261e" fill-opacity="0.25" stroke="#b3261e" stroke-width="{1.5 / scale:.1f}">'
        f"<title>{escape(one.says)}</title></polygon></a>"
        for number, one in found
    ]
    return (
        f'<h2>The page</h2><div class="sheet"><img src="{data_uri(picture)}" alt="the page" '
        f'width="{size[0]}">'
        f'<svg viewBox="0 0 {width} {height}" width="{size[0]}">{"".join(outlines)}</svg></div>'
    )


def _line(image: Image, number: int, path: Trajectory, tested: Tested, found: list[Anomaly]) -> str:
    """Return one line; open and with a tile for every character where something is suspicious."""
    text = " ".join("".join(_char(char) for char in word.chars) for word in path.line.words)
    head = f'<summary>{number} · {path.line.confidence:.0%} · <span class="text">{text}</span></summary>'
    says = "".join(f"<li>{one.kind}: {escape(one.says)}</li>" for one in found)
    drawn = _tiles(image, number, path, tested) if found else ""
    told = f"<p>coverage of the ink {path.coverage:.1%}, pitch {path.pitch:.1f} pixels of the strip</p>"
    state = " open" if found else ""
    inside = f"<ul>{says}</ul>{vectors(image, path)}{drawn}{told}"
    return f'<details id="line-{number}"{state}>{head}{inside}</details>'


def _tiles(image: Image, number: int, path: Trajectory, tested: Tested) -> str:
    tiles = multiples(image, path.line, note=note(path.line, path.line.words, tested))
    return f'<img src="{data_uri(tiles)}" alt="looks of line {number}">'


def _char(char: Char) -> str:
    others = ", ".join(f"{other.text} {other.confidence:.0%}" for other in char.alternatives)
    said = escape(f"{char.confidence:.0%}" + (f"; or {others}" if others else ""), quote=True)
    doubt = min(max(1 - char.confidence, 0.0), 1.0)
    return (
        f'<span title="{said}" style="background: rgba(214, 39, 40, {doubt:.2f})">{escape(char.text)}</span>'
    )
