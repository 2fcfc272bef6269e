"""The line model's losses: reading (twice), looking inside the character, and counting.

Every loss is a mean per character, so batches of words and of lines weigh alike.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from foveal.alphabet import Alphabet
from foveal.models.line import STRIDE
from foveal.train.ctc import ctc_loss


def glance_loss(log_probs: Tensor, ids: Tensor, lengths: Tensor, columns: Tensor) -> Tensor:
    """Return the CTC loss per character (Graves et al., 2006). log_probs: "b n classes", float32."""
    loss = ctc_loss(log_probs, ids, lengths, columns)
    return loss.sum() / lengths.sum().clamp(min=1)


def fixation_loss(log_probs: Tensor, target: Tensor) -> Tensor:
    """Return the cross-entropy of the fixations, a word's end included; target −1 does not count."""
    loss = functional.nll_loss(log_probs.flatten(0, 1), target.flatten(), ignore_index=-1, reduction="sum")
    return loss / (target >= 0).sum().clamp(min=1)


def teaching_loss(ours: Tensor, theirs: Tensor, where: Tensor) -> Tensor:
    """Return the mean of KL(theirs ‖ ours) where `where` is true. ours, theirs: log-probabilities "… C"."""
    divergence = (theirs.exp() * (theirs - ours)).sum(-1)
    return (divergence * where).sum() / where.sum().clamp(min=1)


def inside(boxes: Tensor, columns: int) -> Tensor:
    """Return how far each column lies in each character: "b n columns", in [0, 1]. boxes: strip pixels.

    A character narrower than a column is taken as one column wide: finer than its grid no look can be.
    """
    edges = torch.arange(columns, device=boxes.device) * float(STRIDE)
    middle, half = (boxes[..., 0] + boxes[..., 2]) / 2, (boxes[..., 2] - boxes[..., 0]) / 2
    half = half.clamp(min=STRIDE / 2)
    low, high = (middle - half)[..., None], (middle + half)[..., None]
    overlap = torch.minimum(high, edges + STRIDE) - torch.maximum(low, edges)
    return (overlap / STRIDE).clamp(0, 1)


def looking_loss(look: Tensor, inside_char: Tensor, asked: Tensor) -> Tensor:
    """Return −log of the mass of each look inside its character (supervised attention; Liu et al., 2016).

    look: "b t n"; inside_char: "b t n" in [0, 1]; asked: "b t", fixations with a known character.
    """
    mass = (look * inside_char).sum(-1).clamp(1e-4, 1)
    return (-mass.log() * asked).sum() / asked.sum().clamp(min=1)


def counting_loss(density: Tensor, wanted: Tensor, valid: Tensor, characters: Tensor) -> Tensor:
    """Return how far the running count is off, in characters per character.

    density, wanted: "b n", characters a column, given and true; valid: "b n"; characters: "b".
    """
    local = ((density - wanted).abs() * valid).sum(-1)
    drift = (density - wanted).cumsum(-1)
    running = (functional.smooth_l1_loss(drift, torch.zeros_like(drift), reduction="none") * valid).sum(-1)
    return (local / characters.clamp(min=1)).mean() + 0.2 * (running / valid.sum(-1).clamp(min=1)).mean()


def total_loss(density: Tensor, characters: Tensor) -> Tensor:
    """Return how far the whole count is off where the boxes are unknown, per character."""
    return ((density.sum(-1) - characters).abs() / characters.clamp(min=1)).mean()


class CaseFold:
    """Moves the probability of lower-case letters to their capitals, for labels that do not know case.

    Each capital takes from one letter only: S from s and not from ſ, I from i and not from ı.
    """

    def __init__(self, alphabet: Alphabet, device: torch.device) -> None:
        pairs = [
            (low, alphabet.encode(character.upper())[0])
            for low, character in enumerate(alphabet.characters, start=1)
            if character == character.upper().lower() != character.upper() and character.upper() in alphabet
        ]
        self.low = torch.tensor([low for low, _ in pairs], dtype=torch.long, device=device)
        self.high = torch.tensor([high for _, high in pairs], dtype=torch.long, device=device)
        self.upper = torch.arange(len(alphabet), device=device)
        self.upper[self.low] = self.high

    def probabilities(self, log_probs: Tensor, caseless: Tensor) -> Tensor:
        """Return log-probabilities, folded for the samples where `caseless` ("b") is true."""
        folded = log_probs.clone()
        folded[..., self.high] = torch.logaddexp(log_probs[..., self.high], log_probs[..., self.low])
        # finite: CTC's backward pass makes NaN of infinities; a fill: what the host sends cannot be recorded
        folded = folded.index_fill(-1, self.low, -30.0)
        return torch.where(caseless[:, None, None], folded, log_probs)

    def ids(self, ids: Tensor, caseless: Tensor) -> Tensor:
        """Return ids (−1 kept), capitals for the samples where `caseless` is true."""
        folded = torch.where(ids >= 0, self.upper[ids.clamp(min=0)], ids)
        return torch.where(caseless[:, None], folded, ids)
