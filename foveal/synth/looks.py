"""What a sample looks like: presets of documents and scenes, with the share and strength of every effect."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

KINDS = ("serif", "sans", "mono", "display", "hand", "black")
"""Kinds of fonts; `kinds` tensors index this tuple."""

LOOKS = ("clean", "scan", "receipt", "old", "pen", "screen", "scene")
"""Presets. All but the last are documents."""

# share of each document preset for a kind of font, in the order of LOOKS
SHARES = {
    "serif": (0.46, 0.22, 0.05, 0.20, 0.00, 0.07, 0.0),
    "sans": (0.44, 0.16, 0.20, 0.05, 0.00, 0.15, 0.0),
    "mono": (0.26, 0.16, 0.46, 0.04, 0.00, 0.08, 0.0),
    "display": (0.44, 0.12, 0.10, 0.14, 0.00, 0.20, 0.0),
    "hand": (0.04, 0.12, 0.00, 0.00, 0.84, 0.00, 0.0),
    "black": (0.16, 0.40, 0.00, 0.44, 0.00, 0.00, 0.0),
}
SCENE_FACTOR = {"hand": 0.4, "black": 0.4}

# effect: (share of samples that have it, greatest strength) for each preset, in the order of LOOKS
_NONE = (0.0, 0.0)
EFFECTS: dict[str, tuple[tuple[float, float], ...]] = {
    # geometry: rise of the baseline and sag in text heights, slant as a tangent, stretch as a logarithm
    "tilt": ((0.3, 0.10), (0.4, 0.15), (0.5, 0.25), (0.5, 0.20), (0.6, 0.35), (0.1, 0.1), (0.7, 0.9)),
    "slant": ((0.1, 0.20), (0.1, 0.20), (0.1, 0.10), (0.2, 0.20), (0.5, 0.35), (0.1, 0.2), (0.3, 0.25)),
    "stretch": ((0.5, 0.18), (0.5, 0.18), (0.6, 0.22), (0.5, 0.18), (0.7, 0.25), (0.5, 0.2), (0.6, 0.25)),
    "tip": (_NONE, _NONE, (0.2, 0.08), (0.2, 0.05), (0.2, 0.10), _NONE, (0.5, 0.28)),
    "arc": (_NONE, (0.1, 0.05), (0.3, 0.12), (0.3, 0.12), (0.3, 0.15), _NONE, (0.16, 0.55)),
    "wave": (_NONE, (0.1, 0.03), (0.2, 0.04), (0.3, 0.04), (0.6, 0.10), _NONE, (0.1, 0.07)),
    "elastic": (_NONE, _NONE, _NONE, (0.1, 0.012), (0.6, 0.035), _NONE, (0.05, 0.02)),
    "margin": ((0.8, 0.30), (0.8, 0.25), (0.8, 0.25), (0.8, 0.25), (0.8, 0.25), (0.8, 0.3), (0.8, 0.45)),
    "cut": (_NONE, (0.1, 0.2), (0.15, 0.25), (0.1, 0.2), (0.2, 0.25), _NONE, (0.35, 0.4)),
    "small": ((0.3, 0.60), (0.3, 0.50), (0.6, 0.6), (0.2, 0.45), (0.2, 0.40), (0.5, 0.65), (0.45, 0.66)),
    "pixels": ((0.05, 1.0), (0.2, 1.0), (0.1, 1.0), _NONE, _NONE, (0.2, 1.0), (0.05, 1.0)),
    # ink
    "spread": ((0.2, 0.20), (0.4, 0.32), (0.2, 0.25), (0.7, 0.40), (0.3, 0.25), (0.1, 0.1), (0.2, 0.2)),
    "thin": ((0.1, 0.12), (0.2, 0.20), (0.3, 0.20), (0.2, 0.15), (0.3, 0.20), _NONE, (0.1, 0.1)),
    "ragged": ((0.1, 0.10), (0.6, 0.35), (0.3, 0.25), (0.8, 0.40), (0.4, 0.25), _NONE, (0.1, 0.15)),
    "gaps": (_NONE, (0.1, 0.5), (0.2, 0.5), (0.3, 0.5), (0.3, 0.6), _NONE, (0.04, 0.4)),
    "fade": ((0.1, 0.20), (0.05, 0.3), (0.45, 0.5), (0.2, 0.3), (0.4, 0.4), _NONE, (0.05, 0.3)),
    "dots": (_NONE, (0.03, 0.6), (0.12, 0.8), _NONE, _NONE, _NONE, _NONE),
    "outline": (_NONE, _NONE, _NONE, _NONE, _NONE, (0.03, 1.0), (0.10, 1.4)),
    "hollow": ((0.005, 1.0), _NONE, _NONE, _NONE, _NONE, _NONE, (0.03, 1.0)),
    "shadow": (_NONE, _NONE, _NONE, _NONE, _NONE, (0.05, 0.8), (0.28, 1.1)),
    "bevel": (_NONE, _NONE, _NONE, _NONE, _NONE, (0.03, 0.6), (0.18, 0.9)),
    "glow": (_NONE, _NONE, _NONE, _NONE, _NONE, (0.02, 0.7), (0.06, 0.9)),
    "fill": (_NONE, _NONE, (0.2, 0.15), (0.4, 0.15), (0.5, 0.25), _NONE, (0.6, 0.25)),
    "mottled": (_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, (0.15, 0.25)),
    # paper and surroundings
    "photo": (_NONE, _NONE, (0.03, 0.02), _NONE, _NONE, (0.1, 0.3), (0.45, 1.0)),
    "grain": ((0.1, 0.04), (0.0, 0.0), (0.3, 0.06), (0.6, 0.09), (0.5, 0.07), _NONE, (0.7, 0.14)),
    "stain": (_NONE, (0.05, 0.3), (0.1, 0.15), (0.25, 0.25), (0.15, 0.2), _NONE, (0.15, 0.3)),
    "rules": ((0.02, 0.6), (0.03, 0.7), (0.05, 0.6), _NONE, (0.30, 0.6), _NONE, (0.02, 0.5)),
    "squares": (_NONE, (0.01, 0.5), _NONE, _NONE, (0.28, 0.5), _NONE, (0.02, 0.5)),
    "underline": ((0.02, 1), (0.02, 1), (0.02, 1), (0.01, 0.8), (0.02, 0.9), (0.04, 1.0), (0.02, 1)),
    "bleed": ((0.02, 0.15), (0.05, 0.35), (0.05, 0.15), (0.45, 0.35), (0.25, 0.30), _NONE, _NONE),
    "neighbours": ((0.12, 1), (0.2, 1), (0.2, 1), (0.25, 1), (0.25, 1), (0.1, 1), (0.16, 1)),
    "gradient": ((0.1, 0.10), (0.02, 0.2), (0.5, 0.25), (0.5, 0.25), (0.5, 0.25), (0.1, 0.3), (0.7, 0.4)),
    "spot": (_NONE, _NONE, (0.1, 0.2), (0.1, 0.15), (0.1, 0.2), _NONE, (0.15, 0.6)),
    "shade": (_NONE, (0.02, 0.2), (0.15, 0.3), (0.1, 0.25), (0.1, 0.3), _NONE, (0.10, 0.6)),
    "patches": ((0.01, 0.2), _NONE, (0.02, 0.2), _NONE, (0.02, 0.2), (0.15, 0.4), (0.16, 0.6)),
    "pattern": (_NONE, (0.01, 0.2), (0.01, 0.2), (0.05, 0.06), (0.04, 0.1), (0.03, 0.1), (0.08, 0.35)),
    "strokes": ((0.01, 0.6), (0.04, 0.7), (0.04, 0.5), (0.04, 0.5), (0.10, 0.7), (0.01, 0.5), (0.07, 0.8)),
    "frame": ((0.02, 0.8), (0.02, 0.8), (0.02, 0.8), _NONE, _NONE, (0.06, 0.8), (0.12, 0.9)),
    # camera, scanner and files
    "defocus": ((0.2, 0.6), (0.2, 0.5), (0.5, 1.0), (0.4, 0.7), (0.5, 0.8), (0.1, 0.4), (0.6, 1.1)),
    "motion": (_NONE, _NONE, (0.1, 1.0), (0.05, 0.7), (0.05, 0.8), _NONE, (0.1, 1.3)),
    "sharpen": ((0.1, 0.6), _NONE, (0.4, 1.0), (0.3, 0.8), (0.3, 0.8), (0.1, 0.4), (0.5, 0.9)),
    "noise": ((0.1, 0.03), (0.02, 0.1), (0.35, 0.05), (0.3, 0.05), (0.3, 0.05), _NONE, (0.35, 0.05)),
    "iso": (_NONE, _NONE, (0.1, 0.03), (0.05, 0.03), (0.05, 0.02), _NONE, (0.3, 0.03)),
    "fringe": (_NONE, _NONE, (0.05, 0.5), _NONE, _NONE, (0.25, 0.5), (0.2, 0.6)),
    "gamma": ((0.1, 0.3), _NONE, (0.35, 0.35), (0.3, 0.35), (0.35, 0.4), (0.1, 0.2), (0.4, 0.35)),
    "flat": ((0.08, 0.5), _NONE, (0.2, 0.5), (0.2, 0.4), (0.25, 0.5), (0.1, 0.3), (0.2, 0.45)),
    "glare": ((0.05, 0.2), _NONE, (0.2, 0.3), (0.1, 0.15), (0.2, 0.25), _NONE, (0.1, 0.45)),
    "grey": ((0.7, 1.0), (1.0, 1.0), (0.7, 1.0), (0.6, 1.0), (0.6, 1.0), (0.2, 1.0), (0.10, 1.0)),
    "bilevel": ((0.02, 1.0), (0.4, 1.0), (0.05, 1.0), (0.1, 1.0), (0.04, 1.0), _NONE, (0.01, 1.0)),
    "speckle": (_NONE, (0.15, 0.012), (0.05, 0.01), (0.06, 0.01), (0.02, 0.01), _NONE, _NONE),
    "levels": ((0.02, 1.0), (0.1, 1.0), (0.05, 1.0), (0.02, 1.0), (0.02, 1.0), (0.05, 1.0), (0.04, 1.0)),
    "jpeg": ((0.3, 1.0), (0.1, 0.6), (0.7, 1.0), (0.4, 0.8), (0.5, 0.8), (0.3, 0.9), (0.7, 1.0)),
    "negative": ((0.02, 1), (0.015, 1), (0.01, 1.0), (0.01, 1.0), (0.02, 1.0), (0.25, 1), _NONE),
}


@cache
def constant(values: tuple[Any, ...], device: torch.device) -> Tensor:
    """Nested tuples as a float tensor, sent to the device once, since sending waits for it."""
    return torch.tensor(values, device=device, dtype=torch.float32)


class Dice:
    """Random tensors for a batch of `batch` samples, all from one generator on its device."""

    def __init__(self, generator: torch.Generator, *, batch: int) -> None:
        self.generator = generator
        self.batch = batch
        self.device = generator.device

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform numbers in [low, high), shape "b *shape"."""
        draw = torch.rand(self.batch, *shape, generator=self.generator, device=self.device)
        return draw if (low, high) == (0.0, 1.0) else draw * (high - low) + low

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, shape "b *shape"."""
        return torch.randn(self.batch, *shape, generator=self.generator, device=self.device)


class Look:
    """The preset of each sample and the strengths of its effects, 0 where it lacks one."""

    def __init__(
        self, preset: Int[Tensor, " b"], strengths: Float[Tensor, "b e"], on: Float[Tensor, "b e"]
    ) -> None:
        self.preset = preset
        names = list(EFFECTS)
        self._strengths = dict(zip(names, strengths[:, :, None, None, None].unbind(1), strict=True))
        self._on = dict(zip(names, on[:, :, None, None, None].unbind(1), strict=True))

    def __getitem__(self, effect: str) -> Tensor:
        """Strength, never negative: shape "b 1 1 1"."""
        return self._strengths[effect]

    def on(self, effect: str) -> Tensor:
        """1.0 where the sample has the effect at all, 0.0 elsewhere: shape "b 1 1 1"."""
        return self._on[effect]

    def flat(self, effect: str) -> Tensor:
        """Strength as a vector: shape "b"."""
        return self._strengths[effect].flatten()

    def scaled(self, factor: float, *effects: str) -> Look:
        """The same look with the strengths of some effects, or of all, multiplied; which there are stays."""
        factors = dict.fromkeys(effects or EFFECTS, factor)
        scaled = [value * factors.get(name, 1.0) for name, value in self._strengths.items()]
        on = torch.stack(list(self._on.values()), 1)
        return Look(self.preset, torch.stack(scaled, 1)[..., 0, 0, 0], on[..., 0, 0, 0])

    def where(self, *presets: str) -> Tensor:
        """1.0 for samples of one of the presets, 0.0 elsewhere: shape "b 1 1 1"."""
        hit = sum((self.preset == LOOKS.index(name)).float() for name in presets)
        assert isinstance(hit, Tensor)
        return hit[:, None, None, None]


def draw_look(kinds: Int[Tensor, " b"], scene: float, dice: Dice) -> Look:
    """A preset for every sample by its kind of font, and the strengths of its effects, heavy at mild."""
    device = kinds.device
    factor = constant(tuple(SCENE_FACTOR.get(kind, 1.0) for kind in KINDS), device)
    edges = constant(tuple(SHARES[kind] for kind in KINDS), device).cumsum(1)[kinds]
    draw = dice.uniform(2)
    document = (draw[:, :1] > edges[:, :-1]).sum(1).clamp(max=len(LOOKS) - 2)
    preset = torch.where(draw[:, 1] < scene * factor[kinds], LOOKS.index("scene"), document)
    return draw_effects(preset, dice)


def draw_effects(preset: Int[Tensor, " b"], dice: Dice) -> Look:
    """The strengths of all effects for samples of given presets (indices into LOOKS)."""
    share, most = constant(tuple(EFFECTS.values()), preset.device)[:, preset].permute(2, 1, 0)
    draw = dice.uniform(2, len(EFFECTS))
    busy = dice.uniform(1, low=0.4, high=1.6)  # some samples are plain, some have much at once
    on = (draw[:, 0] < share * busy).float()
    return Look(preset, on * most * draw[:, 1].square(), on)
