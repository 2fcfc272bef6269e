"""Documents as flat sheets: articles, books, letters, tables, forms and written notes.

A sheet shows a window on a page at its final scale, so text may run over its edges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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
        path: Path = chosen[self.rng.integers(len(chosen))].path
        return Pen(path, 4).sized(size)

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


def article(kit: Kit) -> Sheet:
    """One to three columns of text with titles, lists, figures and tables: articles, books, reports."""
    sheet, rng = kit.sheet(), kit.rng
    columns = int(rng.choice([1, 1, 1, 2, 2, 3]))
    pen = kit.pen(("serif", "serif", "sans", "mono") if kit.chance(0.95) else ("black",), kit.size(7, 34))
    ink = kit.ink(sheet)
    style = Style(
        ink, leading=float(rng.uniform(1.02, 1.9)), justified=kit.chance(0.6),
        indent=float(rng.choice([0, 0, 1.2, 2.5])), length=(10, int(rng.integers(30, 160))),
    )  # fmt: skip
    margin = float(rng.uniform(-0.15, 0.14)) * kit.width
    gap = pen.size * float(rng.uniform(1.6, 4)) if columns > 1 else 0
    width = (kit.width - 2 * margin - gap * (columns - 1)) / columns
    if pen.size * 8 > width:
        columns, width = 1, kit.width - 2 * margin
    title = kit.pen(("serif", "sans", "display"), pen.size)
    for index in range(columns):
        left = margin + index * (width + gap)
        if index and kit.chance(0.2):
            sheet.rule((left - gap / 2, 0), (left - gap / 2, kit.height), colour=ink, width=1)
        column = Column(left, width, kit.height - float(rng.uniform(-0.1, 0.12)) * kit.height)
        _fill(kit, sheet, column, pens=(pen, title), style=style)
    if columns == 1 and kit.chance(0.4):
        page = number(rng) if kit.chance(0.3) else str(rng.integers(1, 900))
        sheet.write(
            page, pen, x=margin + width * float(rng.choice([0, 0.5, 0.95])), y=kit.height - 12, colour=ink
        )
    return sheet


def _fill(kit: Kit, sheet: Sheet, column: Column, *, pens: tuple[Pen, Pen], style: Style) -> None:
    pen, title = pens
    y = float(kit.rng.uniform(-0.05, 0.12)) * kit.height
    while y < column.bottom:
        draw = kit.rng.random()
        if draw < 0.14:
            big = title.sized(pen.size * float(kit.rng.uniform(1.0, 2.6)))
            align = float(kit.rng.choice([0, 0, 0.5]))
            head = style.with_(
                kind="title", length=(1, 9), align=align, justified=False, indent=0.0, leading=1.2
            )
            y = paragraph(kit, sheet, column, y=y, pen=big, style=head)
        elif draw < 0.22:
            y = bullets(kit, sheet, column, y=y, pen=pen, style=style)
        elif draw < 0.29:
            y = figure(kit, sheet, column, y=y, pen=pen, style=style)
        elif draw < 0.34:
            y = grid(
                kit,
                sheet,
                column,
                y=y,
                pen=pen.sized(pen.size * float(kit.rng.uniform(0.7, 1))),
                ink=style.ink,
            )
        else:
            y = paragraph(kit, sheet, column, y=y, pen=pen, style=style)
        y += pen.size * float(kit.rng.choice([0, 0.3, 0.8, 1.5, 3]))


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


def table_page(kit: Kit) -> Sheet:
    """A page that is mostly tables."""
    sheet = kit.sheet()
    pen, ink = kit.pen(("sans", "serif", "mono"), kit.size(7, 26)), kit.ink(sheet)
    margin = float(kit.rng.uniform(-0.05, 0.12)) * kit.width
    column, y = Column(margin, kit.width - 2 * margin, kit.height), float(kit.rng.uniform(0, 60))
    while y < kit.height:
        if kit.chance(0.6):
            y = paragraph(kit, sheet, column, y=y, pen=pen, style=Style(ink, length=(2, 40)))
        y = grid(kit, sheet, column, y=y + pen.size, pen=pen, ink=ink) + pen.size * 2
    return sheet


def form(kit: Kit) -> Sheet:
    """Labels with boxes, rules or ticks beside them, filled in by hand or by machine."""
    sheet, rng = kit.sheet(), kit.rng
    ink, label = kit.ink(sheet), kit.pen(("sans", "serif"), kit.size(7, 24))
    fill = kit.pen(("hand", "mono", "sans"), label.size * float(rng.uniform(1, 1.7)))
    margin, y = float(rng.uniform(0, 0.1)) * kit.width, label.size * 2.0
    step = label.size * float(rng.uniform(2, 3.4))
    while y < kit.height + step:
        fields = int(rng.integers(1, 4))
        width = (kit.width - 2 * margin) / fields
        boxed = kit.chance(0.4)
        for index in range(fields):
            _field(
                kit, sheet, (margin + index * width, y, width, step), pens=(label, fill), ink=ink, boxed=boxed
            )
        y += step
        if kit.chance(0.1):
            column = Column(margin, kit.width - 2 * margin, kit.height)
            y = paragraph(kit, sheet, column, y=y, pen=label, style=Style(ink, length=(5, 60))) + label.size
    return sheet


def _field(
    kit: Kit,
    sheet: Sheet,
    place: tuple[float, float, float, float],
    *,
    pens: tuple[Pen, Pen],
    ink: Colour,
    boxed: bool,
) -> None:
    x, y, width, height = place
    label, fill = pens
    name = fit(label, phrase(kit.rng, 3), width * 0.45)
    if boxed:
        sheet.draw.rectangle((x, y - height * 0.7, x + width, y + height * 0.3), outline=ink)
    if name:
        sheet.write(name, label, x=x + label.size * 0.3, y=y, colour=ink)
    start = x + label.length(name) + label.size * float(kit.rng.uniform(2.2, 3))
    room = x + width - start - label.size
    if not boxed and room > 0:
        sheet.rule((start, y + 2), (start + room, y + 2), colour=ink, width=1)
    answer = number(kit.rng) if kit.chance(0.4) else phrase(kit.rng, 3)
    answer = fit(fill, answer, room)
    if answer and kit.chance(0.75):
        tone = colour(kit.rng, 0, 120) if kit.chance(0.5) else ink
        sheet.write(answer, fill, x=start, y=y + float(kit.rng.normal(0, 1)), colour=tone)
    elif kit.chance(0.3):
        side = label.size * 0.8
        sheet.draw.rectangle((start, y - side, start + side, y), outline=ink)


def letter(kit: Kit) -> Sheet:
    """Letterhead, address, date, body, closing; or a typed memo."""
    sheet, rng = kit.sheet(), kit.rng
    ink, pen = kit.ink(sheet), kit.pen(("serif", "sans", "mono", "mono"), kit.size(8, 32))
    margin = float(rng.uniform(0.02, 0.14)) * kit.width
    column, y = Column(margin, kit.width - 2 * margin, kit.height - 4), float(rng.uniform(0, 50))
    short = Style(ink, length=(2, 5), leading=float(rng.uniform(1.05, 1.5)))
    head = kit.pen(("display", "sans", "serif"), pen.size * float(rng.uniform(1.2, 3)))
    for size, align, count in ((head, 0.5, 2), (pen, float(rng.choice([0.0, 1.0])), 4), (pen, 0.0, 4)):
        for _ in range(int(rng.integers(0, count + 1))):
            y = paragraph(kit, sheet, column, y=y, pen=size, style=short.with_(align=align))
        y += pen.size * float(rng.uniform(0.5, 3))
    body = short.with_(length=(15, 110), justified=kit.chance(0.3), leading=float(rng.uniform(1.1, 2.2)))
    while y < kit.height:
        y = paragraph(kit, sheet, column, y=y, pen=pen, style=body) + pen.size * float(rng.uniform(0.3, 1.5))
        if kit.chance(0.2):
            hand = kit.pen(("hand",), pen.size * 1.8)
            y = paragraph(kit, sheet, column, y=y, pen=hand, style=short.with_(length=(1, 4)))
    return sheet


def note(kit: Kit) -> Sheet:
    """A hand-written page, ruled, squared or plain; lines wander."""
    sheet, rng = kit.sheet(), kit.rng
    pen = kit.pen(("hand",), kit.size(16, 64))
    leading = float(rng.uniform(0.85, 1.6))
    ink = colour(rng, 0, 120)
    margin = float(rng.uniform(-0.05, 0.15)) * kit.width
    rules = colour(rng, 130, 230)
    ruled, squared = kit.chance(0.45), kit.chance(0.15)
    step = pen.size * leading
    for y in np.arange(step, kit.height, step) if ruled or squared else ():
        sheet.rule((0, y + 3), (kit.width, y + 3), colour=rules, width=int(rng.integers(1, 3)))
    for x in np.arange(0, kit.width, step) if squared else ():
        sheet.rule((x, 0), (x, kit.height), colour=rules, width=1)
    style = Style(
        ink, leading=leading, wander=float(rng.uniform(0, 0.25)), indent=float(rng.choice([0, 1.5]))
    )
    column, y = Column(margin, kit.width - 2 * max(margin, 0), kit.height - 4), 0.0
    while y < kit.height:
        y = paragraph(kit, sheet, column, y=y, pen=pen, style=style)
        y += step * float(rng.integers(0, 3))
    return sheet
