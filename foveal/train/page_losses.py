"""What the page model is trained to: text cores as in DB, line height, direction and kinds."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from foveal.models.page import PageMaps
from foveal.train.page_targets import UNKNOWN

SHARPNESS = 50.0
"""k of DB's step function 1 / (1 + exp(−k (P − T)))."""


def losses(maps: PageMaps, truth: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weighted parts of the loss; their sum is minimised.

    core: cross-entropy with small lines weighted up, plus dice of the probability P; step: dice of DB's
    differentiable binarisation (Liao et al., 2020), by which the threshold T learns to part lines.
    """
    maps = PageMaps(*(m.float() for m in maps))
    core, band, sure = (truth[name].float() for name in ("core", "band", "sure"))
    core, band = core / 255, band / 255
    on = truth["on"].float()
    weight = sure * (1 + 4 * functional.interpolate(_smallness(truth, on)[:, None], scale_factor=2.0)[:, 0])
    logit, border = maps.core[:, 0], maps.border[:, 0].sigmoid()
    seen = logit.sigmoid()
    step = torch.sigmoid(SHARPNESS * (seen - border))
    entropy = functional.binary_cross_entropy_with_logits(logit, core, weight, reduction="sum") / weight.sum()
    ring = band * (1 - core)
    inside = on.sum().clamp(min=1)
    direction, height = truth["direction"].float(), truth["height"].float()
    return {
        "core": 4 * entropy + dice(seen, core, weight),
        "step": dice(step, core, weight),
        "border": 2
        * ((border - 0.3 - 0.4 * ring).abs() * band * sure).sum()
        / (band * sure).sum().clamp(min=1),
        "height": (
            functional.smooth_l1_loss(maps.height[:, 0], height, reduction="none", beta=0.2) * on
        ).sum()
        / inside,
        "direction": ((maps.direction - direction).square().sum(1) * on).sum() / inside,
        "kind": 0.5 * kind_loss(maps.kind, truth["kind"].long()),
    }


def kind_loss(kind: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy over the places whose kind is known; zero if there are none."""
    total = functional.cross_entropy(kind, truth, ignore_index=UNKNOWN, reduction="sum")
    return total / (truth != UNKNOWN).sum().clamp(min=1)


def _smallness(truth: dict[str, Tensor], on: Tensor) -> Tensor:
    """Return 1 on lines of 8 px or less, falling as 1/height: a line counts for its length, not its area."""
    return on * torch.exp2(-truth["height"].float() - 1).clamp(0.05, 1)


def dice(seen: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """1 − 2·overlap / (seen + truth), over the batch."""
    both = (seen * truth * weight).sum()
    return 1 - 2 * both / ((seen * weight).sum() + (truth * weight).sum() + 1)
