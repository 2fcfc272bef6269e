"""Steering: a person moves, adds, removes or widens a look, or forbids a place; the line is read again.

A fixation that is told where to look stands alone: it looks at as many columns as a narrow letter has, about
the place it was given, and must name a character. The rest of the line stays as it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from foveal.document import Add, Forbid, Line, Move, Point, Polygon, Remove, Steer, Widen
from foveal.errors import ConfigError
from foveal.reading.compose import compose_line
from foveal.reading.cut import Strip
from foveal.reading.eye import Floats, Gaze, Glimpse, load_eye
from foveal.reading.grounded import blanked
from foveal.reading.inked import with_boxes
from foveal.reading.line_graphs import load_line
from foveal.reading.readings import ReadChar, Reading, ReadWord
from foveal.reading.transcribe import STRIDE, load_transcriber, to_strip

WINDOW = 3
"""Columns that a fixation looks at which is told where: the most that obeys (benchmarks/steering.py)."""

_FIRST = 2  # ids below are "nothing" and the space: a fixation that is told to look must name a character


@dataclass(frozen=True, eq=False)
class Held:
    """A strip, what was read on it, by which model, and how the line lies on its page: see `compose_line`."""

    strip: Strip
    reading: Reading
    model: str
    margin: float = 0.0
    polygon: Polygon | None = None

    def plain(self) -> Line:
        """Return the reading as a Line in page pixels."""
        height, width = self.strip.image.shape[:2]
        return compose_line(
            self.reading,
            size=(width, height),
            to_page=self.strip.to_page,
            margin=self.margin,
            polygon=self.polygon,
        )

    def line(self) -> Line:
        """Return the reading as a Line that can be read again."""
        return replace(self.plain(), held=self)

    def reread(self, looks: Sequence[Steer]) -> Line:
        """Return the line after one change of looks after another."""
        held = self
        for look in looks:
            held = _steered(held, look)
        return held.line()

    def with_words(self, words: Sequence[ReadWord]) -> Held:
        """Return the same strip with other words on it."""
        kept = tuple(word for word in words if word.chars)
        return replace(self, reading=replace(self.reading, words=kept, chance=None))


def _steered(held: Held, look: Steer) -> Held:
    match look:
        case Move(char, to):
            place = _place(held, to)
            return _changed(held, char, lambda one: (_told(held, place, _wide(one)),))
        case Add():
            return _added(held, look)
        case Remove(char):
            return _changed(held, char, lambda _: ())
        case Widen(char, by):
            if not 0.1 <= by <= 10:
                raise ConfigError(f"a look cannot be made {by:g} times as wide", remedy="give 0.1 to 10")
            return _changed(held, char, lambda one: (_told(held, (one.x0 + one.x1) / 2, _wide(one), by=by),))
        case Forbid(polygon):
            return _without(held, polygon)


def _added(held: Held, add: Add) -> Held:
    words = held.reading.words
    widths = [_wide(char) for word in words for char in word.chars]
    wide = float(np.median(widths)) if widths else held.strip.image.shape[0] / 2
    one = _told(held, _place(held, add.to), wide)
    if add.after == 0 or not words:
        joined = words[1:] if words and not add.new_word else words
        first = words[0].chars if len(joined) < len(words) else ()
        return held.with_words([ReadWord((one, *first)), *joined])
    if not add.new_word:
        return _changed(held, add.after, lambda before: (before, one))
    at, place = _find(held.reading, add.after)
    chars = words[at].chars
    parted = [words[at]] if place == len(chars) - 1 else [ReadWord(chars[: place + 1])]
    rest = ReadWord(chars[place + 1 :])
    return held.with_words([*words[:at], *parted, ReadWord((one,)), rest, *words[at + 1 :]])


def _changed(held: Held, number: int, change: Callable[[ReadChar], tuple[ReadChar, ...]]) -> Held:
    """Put others in the place of one character; what was fitted to the whole word no longer holds."""
    words = list(held.reading.words)
    at, place = _find(held.reading, number)
    chars = words[at].chars
    changed = (*chars[:place], *change(chars[place]), *chars[place + 1 :])
    words[at] = ReadWord(changed)
    return held.with_words(words)


def _find(reading: Reading, number: int) -> tuple[int, int]:
    """Return the word, and the place in it, of a character counted from 1."""
    places = [(at, i) for at, word in enumerate(reading.words) for i in range(len(word.chars))]
    if 1 <= number <= len(places):
        return places[number - 1]
    raise ConfigError(f"there is no char {number}", remedy=f"the last one is {len(places)}")


def _place(held: Held, point: Point) -> float:
    """Return how far along the strip a page pixel lies, in strip pixels."""
    x = float(held.strip.to_strip([point])[0, 0])
    width = held.strip.image.shape[1]
    if not 0 <= x <= width:
        raise ConfigError(f"the line does not reach to {point}", remedy="give page pixels on the line")
    return x


def _wide(char: ReadChar) -> float:
    left, right = char.ends
    return right - left


def _told(held: Held, x: float, width: float, *, by: float = 1.0) -> ReadChar:
    """Return what a fixation reads at x; its box is so wide, or so many times as wide. Strip pixels."""
    strip = to_strip(held.strip.image)
    cell = held.strip.image.shape[1] * STRIDE / strip.shape[1]
    log_probs, look = fixate_at(held.model, load_eye(held.model).glance(strip[None]), x / cell, by=by)
    chances = np.exp(log_probs)
    best = _FIRST + int(chances[_FIRST:].argmax())
    others = [int(i) for i in np.argsort(-chances)[:4] if i >= _FIRST and i != best and chances[i] > 0.01]
    alphabet = load_line(held.model).alphabet
    return ReadChar(
        alphabet.decode([best]),
        x - width * by / 2,
        x + width * by / 2,
        float(chances[best]),
        tuple((alphabet.decode([i]), float(chances[i])) for i in others),
        _on_grid(look, cell, held),
    )


def _on_grid(look: Floats, cell: float, held: Held) -> Floats:
    """Return a look over columns `cell` wide over those of a reading: a second look may have set its grid."""
    n = round(held.strip.image.shape[1] / held.reading.cell)
    if n == len(look):
        return look
    centres = (np.arange(n) + 0.5) * held.reading.cell
    moved = np.interp(centres, (np.arange(len(look)) + 0.5) * cell, look)
    return np.asarray(moved / max(moved.sum(), 1e-9), np.float32)


def fixate_at(model: str, glimpse: Glimpse, place: float, *, by: float = 1.0) -> tuple[Floats, Floats]:
    """Return log-probabilities "C" and look "n" of a fixation that is told to look at a place, in columns.

    It knows of no other character. by: as many times as wide; what stands in that width counts as one
    character. A second fixation follows it in the same window, so that it is not taken for a word's end.
    """
    count, n = glimpse.count[0], glimpse.count.shape[1]
    wide = min(max(round(WINDOW * by), 1), n)
    low = int(np.clip(np.floor(place - wide / 2 + 0.5), 0, n - wide))
    here = float(np.interp(place - 0.5, np.arange(n), count))
    gaze = Gaze(
        np.array([[here, here + 1]], np.float32),
        np.zeros((1, 2), np.int64),
        np.array([[[low, low + wide]] * 2], np.int64),
    )
    stretched = (here + (count - here) / by).astype(np.float32)
    log_probs, looks = load_eye(model).fixate(replace(glimpse, count=stretched[None]), gaze)
    return log_probs[0, 0], looks[0, 0]


def _without(held: Held, polygon: Polygon) -> Held:
    """Blank a part of the strip and read again the words that reach into it."""
    ends = held.strip.to_strip(polygon)[:, 0]
    left, right = float(ends.min()), float(ends.max())
    image = blanked(held.strip.image, left, right)
    words = held.reading.words
    touched = [word for word in words if word.x0 < right and word.x1 > left]
    low, high = min([left, *(word.x0 for word in touched)]), max([right, *(word.x1 for word in touched)])
    (again,) = load_transcriber(held.model).read([image], looks=True)
    again = with_boxes(again, image, margin=held.margin)
    new = [
        replace(word, chars=tuple(char for char in word.chars if _is_read(char, low, high, (left, right))))
        for word in _regridded(again, held)
    ]
    kept = [word for word in words if word not in touched]
    every = sorted((word for word in (*kept, *new) if word.chars), key=lambda word: word.x0)
    return replace(held, strip=replace(held.strip, image=image)).with_words(every)


def _regridded(again: Reading, held: Held) -> list[ReadWord]:
    """Return the words of another reading of a strip, their looks over the columns of what is held."""

    def moved(char: ReadChar) -> ReadChar:
        return char if char.look is None else replace(char, look=_on_grid(char.look, again.cell, held))

    return [replace(word, chars=tuple(map(moved, word.chars))) for word in again.words]


def _is_read(char: ReadChar, low: float, high: float, forbidden: tuple[float, float]) -> bool:
    """Tell whether a character stands where the line is read again, and not where nothing may be read."""
    middle = (char.x0 + char.x1) / 2
    return low <= middle <= high and not forbidden[0] <= middle <= forbidden[1]
