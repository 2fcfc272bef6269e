"""One page: find its lines, cut them out, transcribe the strips, order what was read, put it on the page."""

from __future__ import annotations

from dataclasses import replace

from foveal.document import Block, Line, Page
from foveal.geometry import points
from foveal.images import PageImage
from foveal.reading.between import between
from foveal.reading.compose import as_polygon, compose_block
from foveal.reading.cut import MARGIN, Strip, cut
from foveal.reading.engine import Session
from foveal.reading.find import find
from foveal.reading.foreign import parted
from foveal.reading.found import FoundLine, shared
from foveal.reading.inked import with_boxes
from foveal.reading.marks import without_doubtful_marks
from foveal.reading.order import FoundBlock, order
from foveal.reading.reach import reach
from foveal.reading.readings import Reading, sureness
from foveal.reading.recognisers import Reads
from foveal.reading.stacks import falling, stacks
from foveal.reading.steer import Held

READABLE = 0.45
"""Least confidence of a long line that was surely found; see `is_read`."""

SHORT = 0.6
"""How much surer a line of a single character must be; of n characters, an nth of it."""

SURE = 0.75
"""What the page model says of most text: found with less, a line must be read with more confidence."""

ENOUGH = 0.65
"""With this confidence any line of a document is read; on a sign, a brick or a wheel may look like an I."""

READ_WELL = 0.6
"""Least confidence of a line seen from afar."""

UNDER = 0.3
"""Lines that share this much of the smaller one's area are readings of the same place."""

FEW = 24
"""With more lines a page is a document: second looks, and doubts about marks, are for signs."""

MARKS = 48
"""On pages of up to so many lines and marks, letters under each other that are not read alone are joined."""

ROWS = 12
"""With fewer lines a page is no list: figures by themselves are not looked for."""

FIGURE = 0.9
"""Least confidence of a figure by itself."""

DOUBTFUL = 0.9
"""Below this confidence a page is tried upside down."""

TRIED = 5
"""How many lines are tried upside down."""

Pair = tuple[FoundLine, Line]
"""A line as it was found and as it was read."""


def read_page(image: PageImage, finder: Session, transcriber: Reads, *, looks: bool = False) -> Page:
    """Return the reading of one page image; a page without text has no blocks.

    What looked like a line but could not be read as one is listed in `unread` by its outline, and so are
    words of other scripts.
    """
    height, width = image.pixels.shape[:2]
    found = find(image.pixels, finder)
    most = ENOUGH if len(found.lines) > FEW else 1.0
    if len(found.lines) > FEW:
        found = replace(found, lines=reach(found.lines, image.pixels))
    near = _lines(image, found.lines, transcriber, looks=looks)
    if is_upside_down(image, near, transcriber):
        found = found.turned_over()
        near = _lines(image, found.lines, transcriber, looks=looks)
    near = upended(image, near, transcriber, rotation=found.rotation, looks=looks)
    if len(found.lines) <= MARKS:
        near = unstacked(image, near, transcriber, rotation=found.rotation, looks=looks)
    afar = _lines(image, found.afar, transcriber, looks=looks)
    read = better([pair for pair in near if is_read(*pair, most=most)], afar)
    read += figures(image, read, transcriber, looks=looks)
    near_places = {id(place) for place, _ in near}
    instead = [place for place, _ in read if id(place) not in near_places]
    left = [pair for pair in near if not is_read(*pair, most=most)]
    unread = tuple(
        line.polygon for place, line in left if not any(shared(place, one) > UNDER for one in instead)
    )
    unread += tuple(outline for place, _ in read for outline in place.foreign)
    places = [where_written(place, line) for place, line in read]
    blocks = order(replace(found, lines=places), width, height)
    of = {id(place): line for place, (_, line) in zip(places, read, strict=True)}
    written = tuple(_block(block, [of[id(place)] for place in block.lines]) for block in blocks)
    rotation = -found.rotation % 360  # the text lies turned by the one, the other turns it back
    return Page(image.number, width, height, written, rotation, 0.0 - found.skew, unread)


def figures(image: PageImage, read: list[Pair], transcriber: Reads, *, looks: bool) -> list[Pair]:
    """Return the figures that stand alone in the gaps of a page's rows, if they are read surely."""
    if len(read) < ROWS:
        return []
    places = between([place for place, _ in read], image.pixels)
    pairs = _lines(image, places, transcriber, looks=looks) if places else []
    return [pair for pair in pairs if _stands_alone(pair[1].text) and _sureness([pair]) >= FIGURE]


def _stands_alone(text: str) -> bool:
    return text.isalnum() or text == ":"


def is_upside_down(image: PageImage, near: list[Pair], transcriber: Reads) -> bool:
    """Tell whether a page that is hard to read reads better upside down, by the longest of its lines."""
    longest = sorted(near, key=lambda pair: -pair[0].length)[:TRIED]
    if not longest or _sureness(longest) > DOUBTFUL:
        return False
    over = _lines(image, [place.turned_over() for place, _ in longest], transcriber, looks=False)
    return _evidence(over) > 2 * _evidence(longest) + 1


def upended(
    image: PageImage, near: list[Pair], transcriber: Reads, *, rotation: int, looks: bool
) -> list[Pair]:
    """Read lines that climb or fall across the page, and are hard to read, from their other end as well.

    Letters on a spine or a shop's side run up as often as down, and few lines beside them tell which.
    """
    steep = [pair for pair in near if _is_steep(pair[0], rotation) and _sureness([pair]) <= DOUBTFUL]
    if not steep:
        return near
    over = _lines(image, [place.turned_over() for place, _ in steep], transcriber, looks=looks)
    instead = {
        id(pair): other
        for pair, other in zip(steep, over, strict=True)
        if _evidence([other]) > 2 * _evidence([pair]) + 1
    }
    return [instead.get(id(pair), pair) for pair in near]


def unstacked(
    image: PageImage, near: list[Pair], transcriber: Reads, *, rotation: int, looks: bool
) -> list[Pair]:
    """Read pieces under each other as one line, downwards and upwards, and keep it if it reads better."""
    pieces = [pair for pair in near if _is_steep(pair[0], rotation) or not is_read(*pair, most=1.0)]
    columns = stacks([place for place, _ in pieces])
    down = [falling(column) for column in columns]
    ways = [*down, *(place.turned_over() for place in down)]
    read = _lines(image, ways, transcriber, looks=looks) if ways else []
    for number in range(len(columns)):
        best = max(read[number], read[number + len(columns)], key=lambda pair: _evidence([pair]))
        under = [pair for pair in pieces if shared(pair[0], best[0]) > UNDER]
        parts = [pair for pair in under if is_read(*pair, most=1.0)]
        if _sureness([best]) <= DOUBTFUL or not is_read(*best, most=1.0):
            continue
        if len(best[1].text) >= len(columns[number]) and _evidence([best]) > _evidence(parts):
            near = [pair for pair in near if all(pair is not other for other in under)] + [best]
    return near


def _is_steep(place: FoundLine, rotation: int) -> bool:
    """Tell whether a line runs at more than 45° to the rows of its page."""
    off = abs((place.angle - rotation + 90) % 180 - 90)
    return off > 45 and place.length > 2 * place.height


def _sureness(pairs: list[Pair]) -> float:
    """Return what the model itself says of the characters: what the thresholds above are made for."""
    return sureness([char.confidence for _, line in pairs for word in line.words for char in word.chars])


def _evidence(pairs: list[Pair]) -> float:
    """Return how many characters are read rather than guessed: guesses seldom are surer than 0.7."""
    return sum(max(_sureness([pair]) - 0.7, 0.0) / 0.3 * len(pair[1].text) for pair in pairs)


def is_read(place: FoundLine, line: Line, *, most: float = ENOUGH) -> bool:
    """Tell text from bricks, leaves and dashes.

    The less sure a line was found, and the shorter it is, the surer it must be read; `most`: but not surer.
    """
    if not line.words:
        return False
    doubt = 2 * max(SURE - place.sure, 0.0)
    return _weight([(place, line)]) >= READABLE + doubt or _sureness([(place, line)]) >= most


def _weight(pairs: list[Pair]) -> float:
    """Return how sure lines were read, less where they are short: a few letters are easily made out."""
    characters = sum(len(word.chars) for _, line in pairs for word in line.words)
    return _sureness(pairs) - SHORT / characters if characters else -SHORT


def where_written(place: FoundLine, line: Line) -> FoundLine:
    """Return a line from its first word to its last: the outline it was found by may reach into a gutter."""
    first, last = line.words[0].polygon, line.words[-1].polygon
    return replace(place, upper=points([first[0], last[1]]), lower=points([first[3], last[2]]))


def better(near: list[Pair], afar: list[Pair]) -> list[Pair]:
    """Add the large lines seen from afar that were read well, and better than the lines under them."""
    for place, line in afar:
        under = [pair for pair in near if shared(place, pair[0]) > UNDER]
        if _sureness([(place, line)]) > READ_WELL and _weight([(place, line)]) > _weight(under):
            near = [pair for pair in near if all(pair is not other for other in under)] + [(place, line)]
    return near


def _lines(image: PageImage, found: list[FoundLine], transcriber: Reads, *, looks: bool) -> list[Pair]:
    strips = [cut(image.pixels, place.polygon) for place in found]
    again = len(found) <= FEW
    images = [strip.image for strip in strips]
    readings = transcriber.read(images, looks=looks, again=again, one_text=True)
    if again:
        readings = [without_doubtful_marks(reading) for reading in readings]
    return [
        _written(place, strip, reading, model=transcriber.model, looks=looks)
        for place, strip, reading in zip(found, strips, readings, strict=True)
    ]


def _written(place: FoundLine, strip: Strip, reading: Reading, *, model: str, looks: bool) -> Pair:
    """Return a line as it was found and as it is written: without words of other scripts."""
    reading, foreign = parted(reading)
    outline = as_polygon(place.polygon)
    held = Held(strip, with_boxes(reading, strip.image, margin=MARGIN), model, MARGIN, outline)
    if foreign:
        words = held.with_words(foreign).plain().words
        place = replace(place, foreign=tuple(word.polygon for word in words))
    return place, held.line() if looks else held.plain()


def _block(block: FoundBlock, lines: list[Line]) -> Block:
    return compose_block(lines, label=block.kind, polygon=as_polygon(block.polygon))
