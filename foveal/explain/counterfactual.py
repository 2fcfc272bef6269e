"""Why 3 and not 8? The pixels that speak for either, and the fewest that would have to change.

All by occlusion, on ONNX Runtime alone. A pixel can change in two ways: to the line's paper, or to its ink.
What a change does is the change of the *margin*: log p(character) − log p(rival), of fixation and glance
together as the reader weighs them, the character's place held. Patches give the map of what speaks for
and against. The smallest change is looked for greedily, cell by cell, until the reader reads the rival; then
cells are given back as long as it does. A smaller change may exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.errors import ConfigError
from foveal.explain.causal import own_columns
from foveal.explain.examiner import Asked
from foveal.reading.eye import Floats, Gaze, Glimpse, Image, load_eye
from foveal.reading.transcribe import STRIDE, WEIGHT, load_transcriber

CELL = 2
"""Side of the squares that are changed, in strip pixels."""
PATCH = 5
"""Side of the squares that are occluded for the map of evidence, in strip pixels."""
MOST = 0.5
"""The search is given up when so much of the character's place was changed."""

_PLAIN = 24  # a cell nearer to its new colour than this, of 255, does not change
_AROUND = 2  # strip pixels on either side of a character that may change too
_FIRST = 2  # ids below are "nothing" and the space
_SIZES = (1, 2, 3, 4, 6, 8, 12)  # cells changed, or given back, together in one round
_ROUNDS = 12
_OPEN = 80  # cells tried in every round but the first: those that did most in it
_ALPHABET = Alphabet()

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Contrast:
    """A character against its rival. chance, rival_chance: as read; width: of the strip.

    strip: "32 w 3"; left, right: columns that were examined; evidence: "32 w", in nats, positive where what
    is seen speaks for the character, negative where for the rival; changed: the strip after the smallest
    change found, None if none was; ink, paper: the colours.
    """

    text: str
    rival: str
    chance: float
    rival_chance: float
    strip: Image
    left: int
    right: int
    evidence: Floats
    changed: Image | None
    paper: Image
    ink: Image

    @cached_property
    def added(self) -> Mask:
        """Pixels that became ink, "32 w"."""
        return self._turned(self.ink)

    @cached_property
    def removed(self) -> Mask:
        """Pixels that became paper, "32 w"."""
        return self._turned(self.paper)

    def _turned(self, colour: Image) -> Mask:
        if self.changed is None:
            return np.zeros(self.strip.shape[:2], bool)
        differs = (self.changed != self.strip).any(axis=2)
        return np.asarray(differs & (self.changed == colour).all(axis=2))

    def sentence(self) -> str:
        """Say in one sentence what speaks for each, and what would turn the one into the other."""
        read = f"“{self.text}” {self.chance:.0%}, “{self.rival}” {self.rival_chance:.0%}"
        says = f"{read}: for “{self.text}” speaks {self._what(self.evidence)}"
        if -self.evidence.min() > 0.1 * self.evidence.max():
            says += f", for “{self.rival}” {self._what(-self.evidence)}"
        if self.changed is None:
            return f"{says}; no change that makes it “{self.rival}” was found."
        parts = [
            f"{int(mask.sum())} pixels of {what} {self._where(mask.astype(np.float32))}"
            for mask, what in ((self.added, "ink more"), (self.removed, "ink less"))
            if mask.any()
        ]
        share = (self.added.sum() + self.removed.sum()) / (32 * (self.right - self.left))
        return f"{says}; {' and '.join(parts)} ({share:.1%} of its place) would make it “{self.rival}”."

    def _what(self, weights: Floats) -> str:
        """Say whether most of the weights are on ink or on paper, and where; negative ones do not count."""
        share = np.maximum(weights, 0)
        dark, light = (
            np.abs(self.strip - end.astype(np.float32)).sum(axis=2) for end in (self.ink, self.paper)
        )
        on_ink = float(share[dark < light].sum()) > 0.5 * float(share.sum())
        return f"{'ink' if on_ink else 'paper'} {self._where(weights)}"

    def _where(self, weights: Floats) -> str:
        """Name the ninth of the place that most of the weights are in; what is negative does not count."""
        part = np.maximum(weights[:, self.left : self.right], 0)
        rows = [rest.sum(axis=0) for rest in np.array_split(part, 3, axis=0)]
        ninths = np.array([[cell.sum() for cell in np.array_split(row, 3)] for row in rows])
        row, column = np.unravel_index(int(ninths.argmax()), (3, 3))
        height, side = ("at the top", "in the middle", "at the bottom")[row], ("left", "", "right")[column]
        return f"{height} {side}".strip()


@dataclass(frozen=True, eq=False)
class _Question:
    """One character of a word, in the columns left to right of its strip, against a rival id."""

    asked: Asked
    model: str
    place: int
    rival: int
    left: int
    right: int
    fills: tuple[Image, Image]

    def margins(self, strips: Image) -> Floats:
        """Return the margin on altered strips "s 32 w 3": "s"."""
        own = int(self.asked.ids[self.place])
        fixed, glanced = _log_probs(self.asked, self.model, self.place, strips)
        both = WEIGHT * fixed + (1 - WEIGHT) * glanced
        return np.asarray(both[:, own] - both[:, self.rival])

    def is_rival(self, strips: Image) -> Mask:
        """Tell on which strips the rival is read in the character's place."""
        sign = _ALPHABET.decode([self.rival])
        readings = load_transcriber(self.model).read(list(strips), again=False)
        chars = [[char for word in reading.words for char in word.chars] for reading in readings]
        return np.array(
            [
                any(one.text == sign and self.left <= (one.x0 + one.x1) / 2 <= self.right for one in read)
                for read in chars
            ]
        )


def contrast(asked: Asked, model: str, place: int, *, rival: str | None = None) -> Contrast:
    """Return why the character at a place of a word was read and not its rival: the runner-up unless told.

    Raises ConfigError for a rival that the model cannot write. Costs some hundred glances at the word.
    """
    asked = asked.alone()
    log_probs = _log_probs(asked, model, place, asked.strip[None])[0][0]
    own, other = int(asked.ids[place]), _rival(log_probs, int(asked.ids[place]), rival)
    left, right = own_columns(asked, place)
    left, right = max(left - _AROUND, 0), min(right + _AROUND, asked.strip.shape[1])
    question = _Question(asked, model, place, other, left, right, colours(asked.strip))
    return Contrast(
        text=asked.text[place],
        rival=_ALPHABET.decode([other]),
        chance=float(np.exp(log_probs[own])),
        rival_chance=float(np.exp(log_probs[other])),
        strip=asked.strip,
        left=left,
        right=right,
        evidence=_evidence(question),
        changed=_smallest(question),
        paper=question.fills[0],
        ink=question.fills[1],
    )


def _rival(log_probs: Floats, own: int, rival: str | None) -> int:
    if rival is None:
        return next(int(i) for i in np.argsort(-log_probs) if i >= _FIRST and i != own)
    if len(rival) != 1 or rival not in _ALPHABET or rival == " ":
        raise ConfigError(f"“{rival}” is no character that can be read", remedy="give a single one")
    (found,) = _ALPHABET.encode(rival)
    if found == own:
        raise ConfigError(f"“{rival}” is what was read", remedy="ask for another character")
    return found


def _log_probs(asked: Asked, model: str, place: int, strips: Image) -> tuple[Floats, Floats]:
    """Return the log-probabilities of a character on altered strips "s 32 w 3", its place held: "s C" each.

    First the fixation's, then the glance's: the most it gives to each sign in a column of the character.
    """
    s, f = len(strips), len(asked.positions)
    eye = load_eye(model)
    seen = eye.glance(strips)
    held = Glimpse(seen.features, seen.log_probs, np.repeat(asked.count[None], s, 0))
    window = np.tile(np.array(asked.window, np.int64), (s, f, 1))
    gaze = Gaze(np.repeat(asked.positions[None], s, 0), np.zeros((s, f), np.int64), window)
    left, right = own_columns(asked, place)
    columns = slice(left // STRIDE, -(-right // STRIDE))
    return eye.fixate(held, gaze)[0][:, place], seen.log_probs[:, columns].max(axis=1)


def colours(strip: Image) -> tuple[Image, Image]:
    """Return the colours of paper and ink of a strip "h w 3": its median, and that of what is farthest."""
    pixels = strip.reshape(-1, 3).astype(np.float32)
    paper = np.median(pixels, axis=0)
    far = np.abs(pixels - paper).sum(axis=1)
    ink = np.median(pixels[far >= np.quantile(far, 0.95)], axis=0)
    return paper.astype(np.uint8), ink.astype(np.uint8)


def _evidence(question: _Question) -> Floats:
    """Return what is lost for the character where a patch is occluded, shared out over the patch: "32 w".

    A patch takes the colour, of paper and ink, that it differs from most: what stands there is undone.
    """
    strip = question.asked.strip
    across = range(question.left, question.right - PATCH + 1, 2)
    corners = [(y, x) for y in range(0, len(strip) - PATCH + 1, 2) for x in across]
    covered = np.repeat(strip[None], len(corners), axis=0)
    for one, (y, x) in zip(covered, corners, strict=True):
        patch = one[y : y + PATCH, x : x + PATCH]
        patch[:] = max(question.fills, key=lambda fill: _difference(patch, fill))
    lost = question.margins(strip[None])[0] - question.margins(covered)
    total, times = np.zeros(strip.shape[:2], np.float32), np.zeros(strip.shape[:2], np.float32)
    for loss, (y, x) in zip(lost, corners, strict=True):
        total[y : y + PATCH, x : x + PATCH] += loss
        times[y : y + PATCH, x : x + PATCH] += 1
    return np.asarray(total / np.maximum(times, 1))


def _difference(patch: Image, fill: Image) -> float:
    return float(np.abs(patch - fill.astype(np.float32)).mean())


_Cell = tuple[int, int, int]
"""Top and left of a square, and which of the two colours it takes."""


def _cells(question: _Question) -> list[_Cell]:
    """Return the squares that a colour would change."""
    strip = question.asked.strip
    return [
        (y, x, which)
        for y in range(0, len(strip), CELL)
        for x in range(question.left, question.right - CELL + 1, CELL)
        for which, fill in enumerate(question.fills)
        if _difference(strip[y : y + CELL, x : x + CELL], fill) > _PLAIN
    ]


def _changed(question: _Question, choices: Sequence[Sequence[_Cell]]) -> Image:
    """Return the strip with each choice of cells changed, "s 32 w 3"."""
    made = np.repeat(question.asked.strip[None], len(choices), axis=0)
    for one, cells in zip(made, choices, strict=True):
        for y, x, which in cells:
            one[y : y + CELL, x : x + CELL] = question.fills[which]
    return made


def _smallest(question: _Question) -> Image | None:
    """Return the strip with the fewest cells changed that were found to make it the rival."""
    open_to = _cells(question)
    changed: list[_Cell] = []
    most = MOST * len(question.asked.strip) * (question.right - question.left) / CELL**2
    for _ in range(_ROUNDS):
        taken = {cell[:2] for cell in changed}
        tried = [cell for cell in open_to if cell[:2] not in taken]
        if not tried or len(changed) > most:
            return None
        order = np.argsort(question.margins(_changed(question, [[*changed, cell] for cell in tried])))
        open_to = [tried[i] for i in order[:_OPEN]]
        best = list({cell[:2]: cell for cell in reversed(open_to)}.values())[::-1]  # a square, one colour
        steps = [[*changed, *best[:size]] for size in _SIZES]
        strips = _changed(question, steps)
        turned = np.flatnonzero(question.is_rival(strips))
        if len(turned):
            found: Image = _changed(question, [_given_back(question, steps[turned[0]])])[0]
            return found
        changed = steps[int(question.margins(strips).argmin())]
    return None


def _given_back(question: _Question, changed: list[_Cell]) -> list[_Cell]:
    """Take cells back, those first that matter least, as many together as leave it the rival."""
    while len(changed) > 1:
        without = [changed[:i] + changed[i + 1 :] for i in range(len(changed))]
        order = np.argsort(question.margins(_changed(question, without)))
        fewer = [
            [cell for i, cell in enumerate(changed) if i not in set(order[:size])]
            for size in _SIZES
            if size < len(changed)
        ]
        still = np.flatnonzero(question.is_rival(_changed(question, fewer)))
        if not len(still):
            break
        changed = fewer[still[-1]]
    return changed
