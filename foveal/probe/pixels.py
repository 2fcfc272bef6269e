"""Why 3 and not 8, by gradients: the torch counterpart of the occlusion map of a contrast."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import torch
from torch import Tensor

from foveal.explain.counterfactual import PATCH, Contrast
from foveal.explain.examiner import Asked
from foveal.models.line import LineModel
from foveal.probe.line import as_tensor, log_p

STEPS = 16
"""Places on the way from nothing to the strip."""


def by_gradients(found: Contrast, word: Asked, i: int, model: LineModel, *, rival: int) -> Contrast:
    """Return a contrast with its evidence by integrated gradients, summed over colours: "32 w", in nats.

    (x − x₀) ∫ ∂ margin / ∂x along the straight way from x₀ (Sundararajan et al., 2017), the strip with the
    character's columns as grey as half-way from paper to ink, so that ink and paper both can speak. The
    margin is log p(character) − log p(rival) of the fixation; its place is held. Gradients of single pixels
    are mostly noise, so they are averaged over patches, as the map by occlusion is. word: as `found` was
    asked; rival: its id. Costs STEPS passes back.
    """
    word = word.alone()
    other = replace(word, ids=np.concatenate([word.ids[:i], [rival], word.ids[i + 1 :]]))
    strip = as_tensor(found.strip[None])
    nothing = strip.clone()
    grey = (found.paper.astype(np.float32) + found.ink) / 2 / 255
    nothing[:, :, :, found.left : found.right] = torch.from_numpy(grey)[None, :, None, None]
    total = torch.zeros_like(strip)
    for step in range(STEPS):
        share = (step + 0.5) / STEPS
        total += _gradient(model, (word, other), i, nothing + share * (strip - nothing)) / STEPS
    evidence = ((strip - nothing) * total)[0].sum(0).numpy()
    return replace(found, evidence=np.asarray(cv2.blur(evidence, (PATCH, PATCH)), np.float32))


def _gradient(model: LineModel, words: tuple[Asked, Asked], i: int, strip: Tensor) -> Tensor:
    """Return the gradient of the margin between two names of a word's i-th character at a strip."""
    strip = strip.detach().requires_grad_()
    features = model.glance(strip).features
    own, other = (log_p(model, [word], features)[0, i] for word in words)
    (found,) = torch.autograd.grad(own - other, strip)
    return found
