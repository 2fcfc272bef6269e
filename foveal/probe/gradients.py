"""What gradients say a character was read from, beside its look: Grad-CAM and integrated gradients (Captum).

Both return a weight for every column of the strip's grid, "n", as a look does, so that all can be held to the
same test (`foveal.measure.faithfulness`). Nothing here is negative: what speaks against a character is left
out by Grad-CAM and counted like what speaks for it by integrated gradients.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from foveal.errors import MissingExtra
from foveal.explain.examiner import Asked
from foveal.models.line import STRIDE, LineModel
from foveal.probe.line import WordModule, as_tensor

try:
    from captum.attr import IntegratedGradients, LayerGradCam
except ModuleNotFoundError as error:
    raise MissingExtra("gradients need captum", remedy='pip install "foveal[dev]"') from error

Floats = NDArray[np.float64]


def grad_cam(model: LineModel, word: Asked, i: int) -> Floats:
    """Return Grad-CAM of a word's i-th character over the stem's last maps, its rows summed: "n".

    ReLU(Σ_c α_c A_c), α_c the mean gradient of log p in channel c (Selvaraju et al., 2017). One pass back.
    """
    method = LayerGradCam(WordModule(model, word), model.stem.gate)
    strip = as_tensor(word.strip[None]).requires_grad_()
    found: Tensor = method.attribute(strip, target=i, relu_attributions=True)
    return np.asarray(found[0, 0].sum(0).detach().numpy(), np.float64)


def integrated_gradients(model: LineModel, word: Asked, i: int, *, steps: int = 16) -> Floats:
    """Return integrated gradients of a word's i-th character from paper to strip, as Σ |·| by column: "n".

    (x − x₀) ∫ ∂ log p / ∂x along the straight way from x₀, paper without ink (Sundararajan et al., 2017).
    Costs `steps` passes back.
    """
    strip = as_tensor(word.strip[None])
    paper = strip.flatten(2).median(-1).values[..., None, None].expand_as(strip)
    method = IntegratedGradients(WordModule(model, word))
    found: Tensor = method.attribute(strip, paper, target=i, n_steps=steps)
    pixels = found[0].detach().abs().sum((0, 1))
    return np.asarray(pixels.reshape(-1, STRIDE).sum(1).numpy(), np.float64)
