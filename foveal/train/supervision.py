"""Where a character is, told by one of four sources, and what a look that knows it should be (supervision).

Looks are "b t n": of b strips, t characters, n columns of the grid, 4 strip pixels each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from foveal.config import nearest
from foveal.errors import ConfigError
from foveal.models.line import STRIDE
from foveal.train.alignment import align
from foveal.train.losses import inside, looking_loss
from foveal.train.objective import ALIGNED, Question

_INK = 0.06
"""Deviation of a column's pixels, of 1, from which on it counts as ink."""


class Known(NamedTuple):
    """Where characters are. boxes: "b n 4" in strip pixels; sure: "b n", where a box can be relied on."""

    boxes: Tensor
    sure: Tensor


Source = Callable[[Question, Tensor | None], Known | None]
"""Takes strips with texts, and a CTC head's log-probabilities "b n classes" if any; None: nothing known."""


def rendered(asked: Question, glance: Tensor | None) -> Known | None:  # noqa: ARG001
    """Return the boxes that the renderer drew."""
    return None if asked.boxes is None or asked.caseless is not None else _given(asked.boxes)


def manual(asked: Question, glance: Tensor | None) -> Known | None:  # noqa: ARG001
    """Return the boxes that somebody drew (`charboxes.jsonl`, `charcuts.jsonl` of a set of crops)."""
    return None if asked.boxes is None or asked.caseless is None else _given(asked.boxes)


def _given(boxes: Tensor) -> Known:
    return Known(boxes, boxes[..., 2] > boxes[..., 0])


def equal(asked: Question, glance: Tensor | None) -> Known:  # noqa: ARG001
    """Return the ink of each strip, from its first column to its last, split evenly among the characters."""
    ids, lengths, widths = asked.queries["ids"], asked.queries["lengths"], asked.widths
    columns = torch.arange(asked.images.shape[-1], device=ids.device)
    deviation = asked.images.mean(1).std(1)  # b w
    ink = (deviation > _INK) & (columns < widths[:, None])
    some = ink.any(-1)
    left = torch.where(some, ink.int().argmax(-1), 0)
    right = torch.where(some, len(columns) - ink.flip(-1).int().argmax(-1), widths)
    place = torch.arange(ids.shape[1] + 1, device=ids.device)
    edges = left[:, None] + (right - left)[:, None] * place / lengths[:, None].clamp(min=1)
    return Known(_boxes(edges[:, :-1], edges[:, 1:]), place[:-1] < lengths[:, None])


def forced(asked: Question, glance: Tensor | None) -> Known | None:
    """Return the columns of the best CTC path of the text, where the text fits the glance well."""
    if glance is None:
        return None
    ids, lengths = asked.queries["ids"], asked.queries["lengths"]
    columns = (asked.widths + STRIDE - 1) // STRIDE
    first, last, score = align(glance.detach(), ids, lengths, columns)
    there = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]
    known = (score > ALIGNED)[:, None] & there
    return Known(_boxes(first * float(STRIDE), (last + 1) * float(STRIDE)), known)


def _boxes(left: Tensor, right: Tensor) -> Tensor:
    return torch.stack((left, torch.zeros_like(left), right, torch.full_like(left, 32.0)), -1).float()


SOURCES: dict[str, Source] = {"rendered": rendered, "manual": manual, "equal": equal, "ctc": forced}


def find(asked: Question, glance: Tensor | None, sources: Sequence[str]) -> Known | None:
    """Return for each character the box of the first of `sources` that knows it; None if none knows any."""
    found: Known | None = None
    for name in sources:
        known = SOURCES[name](asked, glance)
        if known is not None and found is not None:
            boxes = torch.where(found.sure[..., None], found.boxes, known.boxes)
            known = Known(boxes, found.sure | known.sure)
        found = found if known is None else known
    return found


def squares(look: Tensor, within: Tensor, asked: Tensor) -> Tensor:
    """Return ‖A − A_gt‖² a character, A_gt the box's columns with equal weights (Liu et al., 2016)."""
    wanted = within / within.sum(-1, keepdim=True).clamp(min=1e-6)
    return ((look - wanted).square().sum(-1) * asked).sum() / asked.sum().clamp(min=1)


def divergence(look: Tensor, within: Tensor, asked: Tensor) -> Tensor:
    """Return KL(A_gt ‖ A) a character, A_gt the box blurred by one column to each side.

    A blurred box forgives a look its neighbours and gives a gradient where a box alone has none.
    """
    kernel = torch.tensor([[[0.25, 0.5, 0.25]]], device=within.device, dtype=within.dtype)
    blurred = functional.conv1d(within.flatten(0, 1)[:, None], kernel, padding=1).view_as(within)
    wanted = blurred / blurred.sum(-1, keepdim=True).clamp(min=1e-6)
    apart = wanted * (wanted.clamp(min=1e-6).log() - look.clamp(min=1e-6).log())
    return (apart.sum(-1) * asked).sum() / asked.sum().clamp(min=1)


Form = Callable[[Tensor, Tensor, Tensor], Tensor]
FORMS: dict[str, Form] = {"squares": squares, "mass": looking_loss, "divergence": divergence}
"""Losses of looks "b t n" against boxes "b t n" in [0, 1] where "b t" is 1; `mass`: −log of that inside."""


@dataclass(frozen=True)
class Alignment:
    """How looks are supervised. form: one of FORMS; sources: of SOURCES, the first that knows is asked."""

    form: str = "mass"
    sources: tuple[str, ...] = ("rendered", "manual")

    def __post_init__(self) -> None:
        """Refuse names that do not exist."""
        if self.form not in FORMS:
            raise ConfigError(f"alignment has no form '{self.form}'", remedy=nearest(self.form, FORMS))
        for name in self.sources:
            if name not in SOURCES:
                raise ConfigError(f"alignment has no source '{name}'", remedy=nearest(name, SOURCES))

    def loss(self, look: Tensor, known: Known, char: Tensor) -> Tensor:
        """Return the loss of looks "b t n". char: "b t", the character of each, −1 for none."""
        within = inside(known.boxes, look.shape[-1])
        at = char.clamp(min=0)
        wanted = within.gather(1, at[..., None].expand(-1, -1, within.shape[-1]))
        asked = ((char >= 0) & known.sure.gather(1, at)).float()
        return FORMS[self.form](look.float(), wanted, asked)
