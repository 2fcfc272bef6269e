"""How one text is set: size, spacing, slant, weight, rules, and how the crop is framed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Framing = Literal["tight", "line"]
_EMS = {"tight": 72, "line": 44}


@dataclass(frozen=True)
class Setting:
    """The choices for one drawing. Lengths are in em unless said otherwise.

    em: px to the em square. tracking: added between characters. spacing: factor on the width of a space.
    tab: (which character, extra width) of one wide gap, or none. slant: dx/dy. weight: px added to strokes.
    stretch: width over height. margins: left, up, right, down as parts of the framed height. neighbours:
    distance of the lines above and below, 0 for none. clips: whether ink beyond the line's height is lost.
    stop_gap: before , ; : ! and ? as printers once set them.
    """

    em: int
    framing: Framing
    hand: bool
    tracking: float
    kerned: bool
    spacing: float
    tab: tuple[int, float]
    small_caps: bool
    slant: float
    weight: int
    stretch: float
    margins: tuple[float, float, float, float]
    neighbours: float
    clips: bool
    rule: Literal["", "under", "strike", "dots", "border"]
    rule_width: float
    rule_drop: float
    stop_gap: float

    @classmethod
    def sample(cls, rng: np.random.Generator, *, text: str, kind: str, framing: Framing) -> Setting:
        """Choose at random, as often as print and handwriting show each."""
        u = rng.random(24).tolist()
        line, hand, mono = framing == "line", kind == "hand", kind == "mono"
        tracking = _tracking(u[0], u[1], joined=hand or kind == "black")
        neighbours = 1.05 + 0.5 * u[2] if u[3] < (0.3 if line else 0.06) else 0.0
        return cls(
            em=_EMS[framing],
            framing=framing,
            hand=hand and u[4] < 0.85,
            tracking=tracking,
            kerned=not mono and tracking < 0.1,
            spacing=_spacing(u[5], u[6]),
            tab=(int(u[7] * len(text)), 1 + 5 * u[8] ** 2)
            if line and u[9] < (0.3 if mono else 0.04)
            else (-1, 0.0),
            small_caps=u[10] < 0.05 and not hand and text.isupper(),
            slant=_slant(u[11], u[12], hand=hand),
            weight=_weight(u[13], fine=line),
            stretch=float(np.clip(np.exp(0.13 * (u[14] + u[15] + u[16] - 1.5) * 2), 0.7, 1.45)),
            margins=_margins(u[17:21], line=line, neighbours=bool(neighbours)),
            stop_gap=0.05 + 0.2 * u[2]
            if u[1] < (0.3 if kind in ("black", "serif") and line else 0.02)
            else 0.0,
            neighbours=neighbours,
            clips=u[21] < (0.6 if hand else 0.15),
            rule=_rule(u[22], line=line, hand=hand),
            rule_width=0.03 + 0.05 * u[23],
            rule_drop=0.06 + 0.14 * u[16],
        )

    def space(self, advance: float, place: int) -> float:
        """Return how far the pen moves for the space at `place`, px, given the face's own advance."""
        wide = self.tab[1] * self.em if place == self.tab[0] else 0.0
        return max(0.15 * self.em, advance * self.spacing) + self.tracking * self.em * 1.5 + wide

    def em_of(self, char: str, before: str) -> int:
        """Return the em for one character: smaller inside a word set in small capitals."""
        return self.em * 25 // 32 if self.small_caps and before.isalpha() and char.isalpha() else self.em

    def drift(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return how a hand wanders over `count` characters: "count 4" radians, scale, dx, dy in px."""
        noise = rng.standard_normal((count, 4))
        slow = np.sin(np.arange(count) * (0.1 + 0.3 * rng.random()) + 6 * rng.random())
        strength = rng.random(2)
        turn = 0.05 * strength[0] * noise[:, 0]
        scale = np.exp(0.06 * strength[1] * noise[:, 1] + 0.04 * slow)
        along = 0.015 * self.em * noise[:, 2]
        down = self.em * (0.03 * strength[0] * noise[:, 3] + 0.04 * strength[1] * slow)
        return np.stack([turn, np.clip(scale, 0.75, 1.3), along, down], axis=1)


def _tracking(which: float, much: float, *, joined: bool) -> float:
    if joined:
        if which > 0.95:
            return 0.05 + 0.2 * much
        return 0.0 if which < 0.75 else -0.02 + 0.06 * much
    if which < 0.5:
        return 0.0
    if which < 0.9:
        return -0.035 + 0.12 * much
    return 0.1 + 0.35 * much if which < 0.98 else 0.45 + 0.7 * much


def _spacing(which: float, much: float) -> float:
    if which < 0.45:
        return 1.0
    return 0.55 + 0.5 * much if which < 0.8 else 1.0 + 1.2 * much


def _slant(which: float, much: float, *, hand: bool) -> float:
    if hand:
        return -0.15 + 0.5 * much if which < 0.6 else 0.0
    if which < 0.12:
        return 0.12 + 0.18 * much
    return -0.06 + 0.12 * much if which < 0.3 else 0.0


def _weight(which: float, *, fine: bool) -> int:
    if which < 0.16:
        return 1 if fine or which < 0.1 else 2
    return -1 if which > 0.96 and not fine else 0


def _margins(u: list[float], *, line: bool, neighbours: bool) -> tuple[float, float, float, float]:
    if line:
        reach = 0.35 if neighbours else 0.22  # far enough to see the lines above and below
        return 0.02 + 0.5 * u[0] ** 2, -0.05 + reach * u[1], 0.02 + 0.5 * u[2] ** 2, -0.05 + reach * u[3]
    reach = 0.3 if neighbours else 0.18
    return -0.02 + 0.22 * u[0], -0.03 + reach * u[1], -0.02 + 0.22 * u[2], -0.03 + reach * u[3]


def _rule(which: float, *, line: bool, hand: bool) -> Literal["", "under", "strike", "dots", "border"]:
    if which < 0.03 or (hand and which > 0.88):
        return "under"
    if which < 0.04:
        return "border"
    if which < 0.045:
        return "strike"
    return "dots" if line and which < 0.06 else ""
