"""Recognisers from parts: an encoder, and glancing, spelling or fixating over what it saw.

Grids are "b n d" with one column for every 4 pixels of a strip "b 3 32 w"; classes are those of an alphabet,
0 "nothing"; valid is "b n", true where a column belongs to the strip.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from foveal.attention import Spec, build
from foveal.config import nearest
from foveal.errors import ConfigError
from foveal.models.decoder import Read
from foveal.models.decoders import DECODERS
from foveal.models.encoders import Encoder, EncoderSpec
from foveal.models.line import LineModel, LineSize


class Glancing(nn.Module):
    """CTC alone: every column names a character or nothing (Graves et al., 2006)."""

    def __init__(self, encoder: EncoderSpec, classes: int) -> None:
        super().__init__()
        self.encoder = Encoder(encoder)
        self.norm = nn.LayerNorm(encoder.dim)
        self.read = nn.Linear(encoder.dim, classes)

    def encode(self, images: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the grid."""
        grid: Tensor = self.norm(self.encoder(images, valid))
        return grid

    def forward(self, images: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return logits, "b n classes"."""
        logits: Tensor = self.read(self.encode(images, valid))
        return logits


class Spelling(nn.Module):
    """A decoder over the encoder; `glance`: a CTC head beside it, to align texts and to help learning."""

    def __init__(self, encoder: EncoderSpec, decoder: Spec, classes: int, *, glance: bool = False) -> None:
        super().__init__()
        self.encoder = Encoder(encoder)
        self.norm = nn.LayerNorm(encoder.dim)
        self.decoder = build(DECODERS, decoder, dim=encoder.dim, classes=classes)
        self.read = nn.Linear(encoder.dim, classes) if glance else None

    def encode(self, images: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the grid."""
        grid: Tensor = self.norm(self.encoder(images, valid))
        return grid

    def forward(self, images: Tensor, valid: Tensor, ids: Tensor) -> tuple[Read, Tensor | None]:
        """Return what is read given the characters before each, ids "b t", and the CTC head's logits."""
        grid = self.encode(images, valid)
        return self.decoder(grid, valid, ids), None if self.read is None else self.read(grid)


class Fixating(LineModel):
    """Glance, then fixate (models/line.py) over any encoder.

    hidden, depth: width (a multiple of 32) and layers of the fixations.
    """

    def __init__(self, encoder: EncoderSpec, classes: int, *, hidden: int = 128, depth: int = 2) -> None:
        size = LineSize(
            encoder.stem,
            encoder.convs,
            dim=encoder.dim,
            depth=0,
            heads=1,
            fixation=hidden,
            fixation_depth=depth,
        )
        super().__init__(size, classes, stem=Encoder(encoder))


Recogniser = Glancing | Spelling | Fixating

WHOLE: dict[str, type[Glancing] | type[Fixating]] = {"ctc": Glancing, "fixations": Fixating}
"""Recognisers that are no decoder over an encoder."""


def recogniser(encoder: EncoderSpec, decoder: Spec, classes: int, *, glance: bool = False) -> Recogniser:
    """Return the recogniser of an encoder and a decoder: one of DECODERS, or "ctc", or "fixations".

    glance: give a decoder of DECODERS a CTC head beside it.
    """
    options: dict[str, Any] = {"name": decoder} if isinstance(decoder, str) else dict(decoder)
    name = options.pop("name", None)
    if name in WHOLE:
        return WHOLE[name](encoder, classes, **_checked(WHOLE[name], options, name))
    if name not in DECODERS:
        raise ConfigError(f"there is no decoder '{name}'", remedy=nearest(str(name), WHOLE | DECODERS))
    return Spelling(encoder, decoder, classes, glance=glance)


def _checked(kind: type[nn.Module], options: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    signature = inspect.signature(kind).parameters.items()
    known = [key for key, parameter in signature if parameter.kind is parameter.KEYWORD_ONLY]
    for key in options:
        if key not in known:
            raise ConfigError(f"{name} has no option '{key}'", remedy=nearest(key, known))
    return options
