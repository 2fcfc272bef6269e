"""Documents as flat sheets: articles, books, letters, tables, forms and written notes.

A sheet shows a window on a page at its final scale, so text may run over its edges.
"""

from __future__ import annotations

import numpy as np

from foveal.synth.pages_layout import Column, Kit, Style, bullets, figure, fit, grid, paragraph
from foveal.synth.pages_paper import colour
from foveal.synth.pages_sheet import Colour, Pen, Sheet
from foveal.synth.pages_words import number, phrase


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
    if kit.chance(0.3):  # a colon that stands alone, as on many forms
        colon = x + label.length(name) + label.size * float(kit.rng.uniform(0.9, 2))
        sheet.write(":", label, x=colon, y=y, colour=ink)
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
