"""What a look does: it is taken away, moved, swapped or levelled, and the character is read again.

A look is set exactly: the features it weighs are summed to one column more, and the fixation may look at no
other. (A head's values are linear in the features and its weights sum to one, so attention to that column is
attention with those weights, in every head and layer.) The other fixations of the word keep their looks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.explain.examiner import Asked
from foveal.reading.eye import Eye, Floats, Gaze, Glimpse, Image
from foveal.reading.transcribe import STRIDE

_ALPHABET = Alphabet()
_LEAST = -12.0  # log of a chance: what is less likely is no likelier than this


@dataclass(frozen=True)
class Effect:
    """What an intervention did. read: the character read then, "" for none; chance: of the one before."""

    read: str
    chance: float


@dataclass(frozen=True)
class Cause:
    """Why one character of a word was read. chance: 0 to 1; effects: by the names of INTERVENTIONS.

    sight: the share of the evidence that its own pixels give, 0 to 1; the rest its neighbours' pixels give.
    """

    text: str
    chance: float
    effects: dict[str, Effect]
    sight: float

    def to_json(self) -> dict[str, Any]:
        """Return the fields, chances with four decimals."""
        effects = {
            name: {"read": one.read, "chance": round(one.chance, 4)} for name, one in self.effects.items()
        }
        return {
            "text": self.text,
            "chance": round(self.chance, 4),
            "effects": effects,
            "sight": round(self.sight, 4),
        }


def _shifted(asked: Asked, place: int) -> Floats:
    """Move a look to the right by the mean width of the word's characters."""
    steps = max(round(float(np.ptp(asked.boxes)) / len(asked.ids)), 1)
    moved = np.zeros_like(asked.looks[place])
    moved[steps:] = asked.looks[place][:-steps]
    return np.asarray(moved)


def _swapped(asked: Asked, place: int) -> Floats:
    """Return the look of the next character, or of the one before the last."""
    return np.asarray(asked.looks[place + 1 if place + 1 < len(asked.looks) else place - 1])


def _level(asked: Asked, _: int) -> Floats:
    low, high = asked.window
    look = np.zeros(len(asked.count), np.float32)
    look[low:high] = 1 / (high - low)
    return look


INTERVENTIONS: dict[str, Callable[[Asked, int], Floats]] = {
    "own": lambda asked, place: asked.looks[place],
    "zero": lambda asked, _: np.zeros(len(asked.count), np.float32),
    "shift": _shifted,
    "swap": _swapped,
    "uniform": _level,
}
"""The look "n" that takes the place of a character's own.

own: the look that is shown, in place of those of every head and layer: whether it alone says what was read;
zero: none; shift: the same, a character's width to the right; swap: that of its neighbour; uniform: level
over the word.
"""


def causes(asked: Asked, eye: Eye) -> list[Cause]:
    """Return for each character of a word what its look and its pixels do.

    Costs a glance at 2t + 2 strips and a fixation of 5t words for t characters.
    """
    glimpse = eye.glance(asked.strip[None])
    effects = {name: _effects(asked, eye, glimpse, look) for name, look in INTERVENTIONS.items()}
    chances, sights = _sights(asked, eye)
    return [
        Cause(text, float(chances[i]), {name: effects[name][i] for name in effects}, float(sights[i]))
        for i, text in enumerate(asked.text)
    ]


def set_looks(asked: Asked, eye: Eye, glimpse: Glimpse, looks: Sequence[tuple[int, Floats]]) -> Floats:
    """Return the log-probabilities "r f C" of a word's fixations, in each row one of them with another look.

    looks: (character, look "n") for each row; a look of zeros sees nothing. Other fixations are not touched.
    """
    r, f, n = len(looks), len(asked.positions), len(asked.count)
    weights = np.stack([look for _, look in looks])
    seen = weights @ glimpse.features[0]
    features = np.concatenate([np.repeat(glimpse.features, r, 0), seen[:, None]], axis=1)
    count = np.repeat(np.append(asked.count, asked.count[-1])[None], r, 0)
    window = np.tile(np.array(asked.window, np.int64), (r, f, 1))
    for row, (place, look) in enumerate(looks):
        window[row, place] = (n, n + 1) if look.any() else (0, 0)
    gaze = Gaze(np.repeat(asked.positions[None], r, 0), np.zeros((r, f), np.int64), window)
    return eye.fixate(Glimpse(features, glimpse.log_probs, count), gaze)[0]


def _effects(asked: Asked, eye: Eye, glimpse: Glimpse, look: Callable[[Asked, int], Floats]) -> list[Effect]:
    looks = [(place, look(asked, place)) for place in range(len(asked.ids))]
    log_probs = set_looks(asked, eye, glimpse, looks)
    found = []
    for place, symbol in enumerate(asked.ids):
        own = log_probs[place, place]
        best = int(own.argmax())
        found.append(Effect(_ALPHABET.decode([best]) if best else "", float(np.exp(own[symbol]))))
    return found


def _sights(asked: Asked, eye: Eye) -> tuple[Floats, NDArray[np.float64]]:
    """Return the chance of each character, and the share that its own pixels have in it: "t" each.

    By Shapley's values of two players, the character's own columns and all others, who are blanked in turn;
    the worth of what is left is the log of the character's chance.
    """
    t = len(asked.ids)
    own = [_blanked(asked, place, keep=False) for place in range(t)]
    others = [_blanked(asked, place, keep=True) for place in range(t)]
    nothing = np.broadcast_to(_paper(asked.strip), asked.strip.shape).astype(np.uint8)
    worth = _worth(asked, eye, np.stack([asked.strip, nothing, *own, *others]))
    places = np.arange(t)
    both, none = worth[0], worth[1]
    without_own, alone = worth[2 : 2 + t][places, places], worth[2 + t :][places, places]
    sight = np.maximum((alone - none + both - without_own) / 2, 0)
    context = np.maximum((without_own - none + both - alone) / 2, 0)
    return np.exp(both), sight / np.maximum(sight + context, 1e-9)


def _worth(asked: Asked, eye: Eye, strips: Image) -> Floats:
    """Return the log-chance of each character on altered strips "s 32 w 3", its place held: "s t"."""
    s, f = len(strips), len(asked.positions)
    seen = eye.glance(strips)
    held = Glimpse(seen.features, seen.log_probs, np.repeat(asked.count[None], s, 0))
    window = np.tile(np.array(asked.window, np.int64), (s, f, 1))
    gaze = Gaze(np.repeat(asked.positions[None], s, 0), np.zeros((s, f), np.int64), window)
    log_probs = eye.fixate(held, gaze)[0]
    return np.maximum(log_probs[:, np.arange(len(asked.ids)), asked.ids], _LEAST)


def _paper(strip: Image) -> Image:
    return np.asarray(np.median(strip, axis=(0, 1)), np.uint8)


def _blanked(asked: Asked, place: int, *, keep: bool) -> Image:
    """Return the strip with one character's columns blanked, or all others if it is to be kept."""
    left, right = own_columns(asked, place)
    inside = np.zeros(asked.strip.shape[1], bool)
    inside[left:right] = True
    made: Image = asked.strip.copy()
    made[:, ~inside if keep else inside] = _paper(asked.strip)
    return made


def own_columns(asked: Asked, place: int) -> tuple[int, int]:
    """Return first and last pixel column (exclusive) of a character: half-way to its neighbours."""
    ends = asked.boxes
    left = ends[place, 0] - 0.5 if place == 0 else (ends[place - 1, 1] + ends[place, 0]) / 2
    last = place == len(ends) - 1
    right = ends[place, 1] + 0.5 if last else (ends[place, 1] + ends[place + 1, 0]) / 2
    low = max(round(float(left) * STRIDE), 0)
    return low, min(max(round(float(right) * STRIDE), low + 1), asked.strip.shape[1])
