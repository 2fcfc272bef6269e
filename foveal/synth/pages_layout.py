"""What sheets are laid out from: pens, paragraphs, lists, figures and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveal.synth.fonts import Faces
from foveal.synth.pages_paper import colour, paper, scenery
from foveal.synth.pages_sheet import Colour, Pen, Sheet
from foveal.synth.pages_words import number, phrase, words

Rng = np.random.Generator


@dataclass(frozen=True)
class Stock:
    """What pages are made from: faces; photographs "h w 3" without text; pictures "h w" of lines by name."""

    faces: Faces
    photos: Sequence[NDArray[np.uint8]] = ()
    scraps: Mapping[str, Sequence[NDArray[np.uint8]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Kit:
    """What every layout draws with: chance, stock, and the size of the sheet in pixels."""

    rng: Rng
    stock: Stock
    width: int
    height: int

    def pen(self, kinds: Sequence[str], size: float) -> Pen:
        """Choose a face of one of the kinds, each as likely, at a size in pixels a em."""
        kinds = [kind for kind in kinds if self.stock.faces.by_kind[kind]]
        chosen = self.stock.faces.by_kind[str(self.rng.choice(kinds))] if kinds else self.stock.faces.all
        face = chosen[self.rng.integers(len(chosen))]
        return Pen(face.path, 4, face.characters).sized(size)

    def size(self, low: float = 7, high: float = 44) -> float:
        """Draw a text size in pixels a em, evenly in its logarithm."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def chance(self, share: float) -> bool:
        """Toss a coin."""
        return bool(self.rng.random() < share)

    def scene(self, width: int, height: int) -> Image.Image:
        """Return a picture of width × height without text: a piece of a photograph, or made up."""
        if not self.stock.photos or self.chance(0.35):
            return scenery(self.rng, width, height)
        photo = Image.fromarray(self.stock.photos[int(self.rng.integers(len(self.stock.photos)))])
        if self.chance(0.5):
            photo = photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return photo.resize((width, height), Image.Resampling.BILINEAR)

    def sheet(self) -> Sheet:
        """Return an empty sheet of paper; a few are dark."""
        if self.chance(0.06):
            from_dark = paper(self.rng, self.width, self.height).point(lambda level: 255 - level)
            return Sheet(from_dark)
        return Sheet(paper(self.rng, self.width, self.height))

    def ink(self, sheet: Sheet) -> Colour:
        """Return a colour that stands out on the sheet's paper."""
        level = sum(sheet.image.getpixel((2, 2))) / 3  # type: ignore[arg-type]
        tone = colour(self.rng, 0, 110) if self.chance(0.25) else (int(self.rng.integers(0, 60)),) * 3
        return tone if level > 110 else (255 - tone[0], 255 - tone[1], 255 - tone[2])


@dataclass(frozen=True)
class Column:
    """Where running text may go: left edge, width, and the lowest baseline, in pixels."""

    left: float
    width: float
    bottom: float


def wrap(pen: Pen, run: Sequence[str], width: float) -> list[list[str]]:
    """Break words into lines that fit a width; a word wider than the line stands alone."""
    space = pen.length(" ")
    lines: list[list[str]] = [[]]
    used = 0.0
    for one in run:
        length = pen.length(one)
        if lines[-1] and used + length > width:
            lines.append([])
            used = 0.0
        lines[-1].append(one)
        used += length + space
    return lines


def paragraph(kit: Kit, sheet: Sheet, column: Column, *, y: float, pen: Pen, style: Style) -> float:
    """Set a paragraph from y (its top) down to the column's bottom; return the y below it."""
    count = int(kit.rng.integers(*style.length))
    lines = wrap(pen, words(kit.rng, count, numbers=style.numbers), column.width)
    top = y
    for index, line in enumerate(lines):
        y += pen.size * style.leading
        if y > column.bottom:
            return y
        indent = pen.size * style.indent if index == 0 else 0.0
        last = index == len(lines) - 1
        if style.justified and not last and len(line) > 3 and not indent:
            sheet.write_spread(line, pen, x=column.left, y=y, width=column.width, colour=style.ink)
            continue
        text = " ".join(line)
        rest = column.width - pen.length(text)
        x = column.left + (indent if indent else rest * style.align)
        x += float(kit.rng.normal(0, style.wander * pen.size)) if style.wander else 0.0
        drift = float(kit.rng.normal(0, style.wander * 0.2 * pen.size)) if style.wander else 0.0
        sheet.write(text, pen, x=x, y=y + drift, colour=style.ink)
    sheet.region(
        style.kind, column.left, top + pen.size * 0.2, column.left + column.width, y + pen.size * 0.25
    )
    return y


@dataclass(frozen=True)
class Style:
    """How a paragraph is set. Lengths in words; leading, indent, wander in ems; align 0 left to 1 right."""

    ink: Colour
    leading: float = 1.3
    justified: bool = False
    indent: float = 0.0
    align: float = 0.0
    wander: float = 0.0
    numbers: float = 0.05
    length: tuple[int, int] = (8, 120)
    kind: str = "text"

    def with_(self, **changes: object) -> Style:
        """Return a copy with other values."""
        return Style(**{**self.__dict__, **changes})


def bullets(kit: Kit, sheet: Sheet, column: Column, *, y: float, pen: Pen, style: Style) -> float:
    """Set a list: a mark or number, then a hanging paragraph; each first line holds its mark."""
    top, indent = y, pen.size * float(kit.rng.uniform(1.2, 2.5))
    mark = str(kit.rng.choice(["•", "-", "*", "–", "1.", "(a)"]))
    body = Column(column.left + indent, max(column.width - indent, pen.size * 4), column.bottom)
    for index in range(int(kit.rng.integers(2, 7))):
        shown = f"{index + 1}." if mark == "1." else f"({chr(97 + index)})" if mark == "(a)" else mark
        before = len(sheet.lines)
        y = paragraph(
            kit, sheet, body, y=y, pen=pen, style=style.with_(length=(2, 25), indent=0.0, align=0.0)
        )
        if len(sheet.lines) == before:
            break
        first = sheet.lines[before]
        base = float(top + pen.size * style.leading) if index == 0 else float(first.lower[0, 1])
        base = min(base, float(first.lower[0, 1]))
        start = len(sheet.lines)
        sheet.write(shown, pen, x=column.left, y=base, colour=style.ink)
        if len(sheet.lines) > start:
            left = sheet.lines.pop().upper[0, 0]
            first.upper[0, 0] = first.lower[0, 0] = left
            first.text = f"{shown} {first.text}"
        if sheet.regions and sheet.regions[-1].kind == "text":
            sheet.regions.pop()
    sheet.region("list", column.left, top + pen.size * 0.2, column.left + column.width, y + pen.size * 0.25)
    return y


def figure(kit: Kit, sheet: Sheet, column: Column, *, y: float, pen: Pen, style: Style) -> float:
    """Place a picture with a caption."""
    width = column.width * float(kit.rng.uniform(0.4, 1))
    height = width * float(kit.rng.uniform(0.3, 0.9))
    left = column.left + (column.width - width) / 2
    if height >= 8 and width >= 8:
        picture = kit.scene(int(width), int(height))
        if kit.chance(0.4):
            picture = picture.convert("L").convert("RGB")
        sheet.image.paste(picture, (int(left), int(y + pen.size)))
        sheet.region("figure", left, y + pen.size, left + width, y + pen.size + height)
    y += height + pen.size * 1.3
    small = style.with_(length=(3, 30), indent=0.0, justified=False)
    return paragraph(kit, sheet, column, y=y, pen=pen.sized(pen.size * 0.85), style=small)


def grid(kit: Kit, sheet: Sheet, column: Column, *, y: float, pen: Pen, ink: Colour) -> float:
    """Set a table; every cell is a line of its own. Ruled, half ruled or open."""
    rng, top = kit.rng, y + pen.size * 0.6
    columns = int(np.clip(column.width / (pen.size * rng.uniform(4, 9)), 2, 10))
    step = pen.size * float(rng.uniform(1.25, 2.2))
    edges = np.cumsum(np.append(0, rng.uniform(0.6, 1.4, columns)))
    edges = column.left + edges / edges[-1] * column.width
    rows, align, ruled = int(rng.integers(2, 14)), rng.choice([0.0, 0.5, 1.0], columns), rng.random(2) < 0.5
    line = max(1, round(pen.size / 14))
    for row in range(rows):
        y = top + row * step
        if ruled[0] or row in (0, 1):
            sheet.rule((edges[0], y), (edges[-1], y), colour=ink, width=line)
        for index in range(columns):
            if kit.chance(0.12):
                continue
            room = edges[index + 1] - edges[index] - 0.9 * pen.size
            text = phrase(rng, 3) if index == 0 or row == 0 or kit.chance(0.15) else number(rng)
            text = fit(pen, text, room)
            x = edges[index] + 0.45 * pen.size + (room - pen.length(text)) * align[index]
            if text:
                sheet.write(text, pen, x=x, y=y + step * 0.5 + pen.size * 0.33, colour=ink)
    bottom = top + rows * step
    sheet.rule((edges[0], bottom), (edges[-1], bottom), colour=ink, width=line)
    for x in edges if ruled[1] else ():
        sheet.rule((x, top), (x, bottom), colour=ink, width=line)
    sheet.region("table", edges[0], top, edges[-1], bottom)
    return float(bottom)


def fit(pen: Pen, text: str, room: float) -> str:
    """Return as much of a text as fits into a width."""
    while text and pen.length(text) > room:
        text = text[:-1].rstrip()
    return text
