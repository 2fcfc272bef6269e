"""Scenes as flat sheets: receipts on tables, signs in photographs, screens, and pictures without text."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageDraw

from foveal.geometry import Transform, bounds, box
from foveal.synth.pages_layout import Column, Kit, Style, bullets, fit, paragraph
from foveal.synth.pages_paper import colour, paper
from foveal.synth.pages_sheet import Colour, Pen, Sheet, font_of
from foveal.synth.pages_words import number, phrase


def receipt(kit: Kit) -> Sheet:
    """A narrow slip on a table or in a scanner: centred head, rows of label and price, totals, thanks."""
    rng = kit.rng
    filled = kit.chance(0.45)
    width = kit.width if filled else int(kit.width * rng.uniform(0.45, 0.95))
    slip = Sheet(paper(rng, width, kit.height))
    pen = kit.pen(("mono", "mono", "sans", "serif"), width / float(rng.uniform(18, 52)))
    ink: Colour = (int(rng.integers(0, 110)),) * 3
    margin = width * float(rng.uniform(0.02, 0.16 if filled else 0.08))
    column = Column(margin, width - 2 * margin, kit.height + 99)
    y, step = float(rng.uniform(0, 40)), pen.size * float(rng.uniform(1.05, 1.7))
    while y < kit.height:
        y = _slip_part(kit, slip, column, y=y, pen=pen, step=step, ink=ink) + step * float(
            rng.uniform(0, 0.8)
        )
    if filled:
        return slip
    table = Sheet(kit.scene(kit.width, kit.height) if kit.chance(0.7) else _plain(kit))
    corner = (int(rng.uniform(0, kit.width - width + 1)), int(rng.uniform(-0.1, 0.15) * kit.height))
    table.paste(slip, Image.new("L", slip.image.size, 255), corner)
    return table


def _plain(kit: Kit) -> Image.Image:
    return Image.new("RGB", (kit.width, kit.height), colour(kit.rng))


def _slip_part(
    kit: Kit, slip: Sheet, column: Column, *, y: float, pen: Pen, step: float, ink: Colour
) -> float:
    rng, draw, width = kit.rng, kit.rng.random(), column.width
    if draw < 0.3:
        head = pen.sized(pen.size * float(rng.choice([1, 1, 1, 1.4, 2])))
        align = float(rng.choice([0.5, 0.5, 0.5, 0.0]))
        style = Style(ink, length=(2, 14), align=align, leading=step / pen.size, numbers=0.25)
        return paragraph(kit, slip, column, y=y, pen=head, style=style)
    if draw < 0.4:
        y += step
        text = str(rng.choice(["-", "=", "*", "_", "."])) * 80
        text = fit(pen, text, width)
        slip.draw.text((column.left, y), text, fill=ink, font=font_of(pen.path, pen.size), anchor="ls")
        return y
    if draw < 0.46:
        return _barcode(kit, slip, column, y=y + step * 0.5, height=step * 2)
    return _slip_rows(kit, slip, column, y=y, pen=pen, step=step, ink=ink)


def _slip_rows(
    kit: Kit, slip: Sheet, column: Column, *, y: float, pen: Pen, step: float, ink: Colour
) -> float:
    """Set label and price in rows, some with a number that stands alone between them."""
    rng, width = kit.rng, column.width
    rows, quantity, wide = int(rng.integers(1, 10)), kit.chance(0.4), kit.chance(0.2)
    counted = kit.chance(0.3)
    top, indent = y, pen.size * float(rng.choice([0, 0, 2]))
    for _ in range(rows):
        y += step
        price = number(rng) if kit.chance(0.3) else f"{rng.integers(0, 400)}.{rng.integers(0, 100):02d}"
        size = pen.sized(pen.size * 1.5) if wide and kit.chance(0.2) else pen
        room = width - size.length(price) - 1.8 * size.size
        label = fit(size, phrase(rng, 5) if kit.chance(0.8) else number(rng), room)
        slip.write(price, size, x=column.left + width - size.length(price), y=y, colour=ink)
        if label:
            slip.write(label, size, x=column.left, y=y, colour=ink)
            free = room - size.length(label)
            if counted and free > 3 * size.size:  # a number alone between name and price
                slip.write(str(rng.integers(1, 10)), size, x=column.left + room - size.size, y=y, colour=ink)
        if quantity and kit.chance(0.6):
            y += step
            text = fit(
                size, f"{rng.integers(1, 20)} x {rng.integers(0, 90)}.{rng.integers(0, 100):02d}", room
            )
            slip.write(text, size, x=column.left + indent, y=y, colour=ink)
    slip.region(
        "table" if rows > 2 else "text", column.left, top + 2, column.left + width, y + pen.size * 0.3
    )
    return y


def _barcode(kit: Kit, slip: Sheet, column: Column, *, y: float, height: float) -> float:
    x, end = column.left + column.width * 0.15, column.left + column.width * 0.85
    while x < end:
        bar = float(kit.rng.uniform(1, 5))
        slip.draw.rectangle((x, y, x + bar, y + height), fill=(0, 0, 0))
        x += bar + float(kit.rng.uniform(1, 5))
    return y + height


def signs(kit: Kit) -> Sheet:
    """A photograph with up to two dozen pieces of writing at any angle and size, some on boards."""
    sheet = Sheet(kit.scene(kit.width, kit.height))
    taken: list[tuple[float, float, float, float]] = []
    tilt = float(kit.rng.normal(0, 8))
    tries = kit.rng.integers(1, 6) if kit.chance(0.6) else kit.rng.integers(6, 25)
    for _ in range(int(tries)):
        _put_sign(kit, sheet, taken, tilt=tilt)
    return sheet


def _put_sign(kit: Kit, sheet: Sheet, taken: list[tuple[float, float, float, float]], *, tilt: float) -> None:
    rng = kit.rng
    pen = kit.pen(("sans", "sans", "display", "display", "serif", "hand"), kit.size(9, 260))
    count = 1 if kit.chance(0.55) else int(rng.integers(2, 5))
    texts = [phrase(rng, 3) if kit.chance(0.85) else number(rng) for _ in range(count)]
    angle = tilt + float(rng.normal(0, 4))
    if kit.chance(0.12):
        angle += float(rng.choice([-90, 90, -30, 30, 45]))
    board = _board(kit, texts, pen)
    turned, mask, move = _turn(board, angle)
    x = float(rng.uniform(-0.1, 1) * max(kit.width - turned.width * 0.8, 1))
    y = float(rng.uniform(-0.05, 1) * max(kit.height - turned.height * 0.8, 1))
    place = (x, y, x + turned.width, y + turned.height)
    if any(place[0] < t[2] and t[0] < place[2] and place[1] < t[3] and t[1] < place[3] for t in taken):
        return
    taken.append(place)
    moved = Sheet(turned)
    for line in board.lines:
        moved.record(line.text, move.to(np.concatenate([line.upper, line.lower[::-1]])))
    for region in board.regions:
        moved.regions.append(type(region)(move.to(region.polygon), region.kind))
    sheet.paste(moved, mask, (int(x), int(y)))


def _board(kit: Kit, texts: list[str], pen: Pen) -> Sheet:
    """Return a small sheet with stacked lines; its alpha channel says what covers the photograph."""
    rng, step = kit.rng, pen.size * float(kit.rng.uniform(1.0, 1.6))
    pens = [pen.sized(pen.size * float(rng.choice([1, 1, 0.6, 0.4]))) for _ in texts]
    width = max(p.length(t) for p, t in zip(pens, texts, strict=True)) + pen.size
    height = step * len(texts) + pen.size * 0.8
    ground = colour(rng)
    front = colour(rng)
    while abs(sum(front) - sum(ground)) < 150:
        front, ground = colour(rng), colour(rng)
    solid = kit.chance(0.55)
    board = Sheet(Image.new("RGBA", (int(width), int(height)), (*ground, 255 if solid else 0)))
    if solid and kit.chance(0.4):
        board.draw.rectangle((2, 2, width - 3, height - 3), outline=front, width=max(2, pen.size // 20))
    align = float(rng.choice([0, 0.5, 0.5]))
    for index, (text, one) in enumerate(zip(texts, pens, strict=True)):
        x = pen.size * 0.5 + (width - pen.size - one.length(text)) * align
        y = step * (index + 1)
        if not solid and kit.chance(0.5):
            _shadow(board, text, one, place=(x, y), tone=ground)
        board.write(text, one, x=x, y=y, colour=(*front, 255))  # type: ignore[arg-type]
    board.region("title" if pen.size > 50 else "text", 0, 0, width, height)
    return board


def _shadow(board: Sheet, text: str, pen: Pen, *, place: tuple[float, float], tone: Colour) -> None:
    """Lay an outline or a cast shadow under a text, as signs have."""
    font, reach = font_of(pen.path, pen.size), max(pen.size // 18, 1)
    board.draw.text(
        (place[0] + reach / 2, place[1] + reach / 2), text, fill=(*tone, 255), font=font, anchor="ls",
        stroke_width=reach, stroke_fill=(*tone, 255),
    )  # fmt: skip


def _turn(board: Sheet, angle: float) -> tuple[Image.Image, Image.Image, Transform]:
    """Turn a board clockwise; return its picture, its mask, and the way its points went."""
    spin = Transform.turn(angle)
    left, top, right, bottom = bounds(spin.to(box(0, 0, board.width, board.height)))
    way = spin.then(Transform.shift(-left, -top))
    half = Transform.shift(0.5, 0.5)  # OpenCV counts from pixel centres, we from their corners
    matrix = half.then(way).then(half.inverse).matrix[:2]
    size = (int(np.ceil(right - left)), int(np.ceil(bottom - top)))
    turned = Image.fromarray(np.asarray(cv2.warpAffine(np.asarray(board.image), matrix, size), np.uint8))
    return turned.convert("RGB"), turned.getchannel("A"), way


def screen(kit: Kit) -> Sheet:
    """A window on a display: bars, a side list, buttons, text panes; light or dark."""
    rng, dark = kit.rng, kit.chance(0.4)
    ground = colour(rng, 0, 60) if dark else colour(rng, 215, 255)
    ink = colour(rng, 190, 255) if dark else colour(rng, 0, 90)
    sheet = Sheet(Image.new("RGB", (kit.width, kit.height), ground))
    pen = kit.pen(("sans", "sans", "mono"), kit.size(8, 24))
    bar = pen.size * 2.4
    shade = colour(rng)
    while abs(sum(shade) - sum(ink)) < 200:
        shade = colour(rng)
    sheet.draw.rectangle((0, 0, kit.width, bar), fill=shade)
    _row(kit, sheet, (pen.size, bar * 0.65, kit.width), pen=pen, ink=ink)
    side = kit.width * float(rng.uniform(0.15, 0.3)) if kit.chance(0.6) else 0.0
    for y in (
        np.arange(bar + pen.size * 2, kit.height, pen.size * float(rng.uniform(1.6, 2.6))) if side else ()
    ):
        text = fit(pen, phrase(rng, 3), side - pen.size * 1.5)
        if text:
            sheet.write(text, pen, x=pen.size * 0.6, y=float(y), colour=ink)
    column = Column(side + pen.size * 2, kit.width - side - pen.size * 4, kit.height)
    style = Style(ink, leading=float(rng.uniform(1.2, 1.8)), length=(3, 60))
    y = bar + pen.size
    while y < kit.height:
        part = kit.rng.random()
        if part < 0.2:
            head = pen.sized(pen.size * 1.6)
            y = paragraph(kit, sheet, column, y=y, pen=head, style=style.with_(kind="title", length=(1, 6)))
        elif part < 0.35:
            y = bullets(kit, sheet, column, y=y, pen=pen, style=style)
        elif part < 0.55:
            y = _buttons(kit, sheet, column, y=y, pen=pen)
        else:
            y = paragraph(kit, sheet, column, y=y, pen=pen, style=style)
        y += pen.size * float(rng.uniform(0.5, 2))
    return sheet


def _row(kit: Kit, sheet: Sheet, place: tuple[float, float, float], *, pen: Pen, ink: Colour) -> None:
    x, y, end = place
    while x < end:
        text = phrase(kit.rng, 2)
        if x + pen.length(text) < end:
            sheet.write(text, pen, x=x, y=y, colour=ink)
        x += pen.length(text) + pen.size * float(kit.rng.uniform(2.2, 4))


def _buttons(kit: Kit, sheet: Sheet, column: Column, *, y: float, pen: Pen) -> float:
    x, high = column.left, pen.size * 2.1
    while x < column.left + column.width:
        text = phrase(kit.rng, 2)
        width = pen.length(text) + pen.size * 2
        fill = colour(kit.rng)
        sheet.draw.rounded_rectangle((x, y, x + width, y + high), radius=pen.size * 0.4, fill=fill)
        front: Colour = (255, 255, 255) if sum(fill) < 380 else (0, 0, 0)
        sheet.write(text, pen, x=x + pen.size, y=y + high * 0.5 + pen.size * 0.35, colour=front)
        x += width + pen.size * float(kit.rng.uniform(0.8, 2))
        if kit.chance(0.4):
            break
    return y + high


def bare(kit: Kit) -> Sheet:
    """A picture or a sheet without any text: what must not be read."""
    if kit.chance(0.3):
        return kit.sheet()
    return Sheet(kit.scene(kit.width, kit.height))


def stroke_noise(kit: Kit, sheet: Sheet) -> None:
    """Draw what crosses pages but is not text: pen strokes, stamps' rings, stains, folds."""
    draw, rng = ImageDraw.Draw(sheet.image), kit.rng
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(0, 1, 2) * (kit.width, kit.height)
        reach = float(rng.uniform(10, 200))
        if kit.chance(0.5):
            path = np.array([x, y]) + np.cumsum(rng.normal(0, reach / 6, (8, 2)), axis=0)
            draw.line([tuple(p) for p in path], fill=colour(rng, 0, 140), width=int(rng.integers(1, 5)))
        else:
            draw.ellipse(
                (x, y, x + reach, y + reach), outline=colour(rng, 0, 160), width=int(rng.integers(1, 6))
            )
