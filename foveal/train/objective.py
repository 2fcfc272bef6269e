"""From a batch to the line model's losses: draw or augment the strips, ask, and compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from foveal.alphabet import FOREIGN, Alphabet
from foveal.models.line import STRIDE, Fixations, Glance, LineModel
from foveal.synth import style
from foveal.train import losses
from foveal.train.alignment import align
from foveal.train.feed import Tensors
from foveal.train.queries import Windows, windows
from foveal.train.replay import Replay

ALIGNED = -0.7
"""A real crop's fixations count only if its text fits the glance so well (mean log-probability a column)."""

SPAN = 6
"""Columns that are hidden together: about two letters of a hand."""


@dataclass(frozen=True)
class Weights:
    """How much each loss counts."""

    fixation: float = 1.0
    glance: float = 0.3
    looking: float = 0.2
    counting: float = 0.3
    teaching: float = 1.0


class Question(NamedTuple):
    """Strips and what is asked of them. boxes: "b n 4" in strip pixels, None if unknown; caseless: "b"."""

    images: Tensor
    widths: Tensor
    queries: Tensors
    boxes: Tensor | None
    caseless: Tensor | None


class Places(NamedTuple):
    """Where the fixations of a batch may look, and the chances that move them: one for pupil and teacher."""

    windows: Windows
    lengths: Tensor
    jitter: Tensor


class Objective:
    """The losses of a LineModel on rendered and on real batches.

    teacher: a trained model whose answers, on the same grid, are learnt besides the truth (distillation;
    Hinton et al., 2015). photos: real surfaces that signs are drawn on (synth/photos.py). hide: share of the
    columns whose ink is withheld from the pupil, in spans (as Li et al., 2025, do for handwriting); the
    teacher sees them.
    """

    def __init__(
        self,
        model: LineModel,
        *,
        device: torch.device,
        seed: int,
        teacher: LineModel | None = None,
        photos: Tensor | None = None,
        hide: float = 0.0,
    ) -> None:
        self.model, self.teacher, self.photos, self.weights = model, teacher, photos, Weights()
        self.hide = hide
        self.generator = torch.Generator(device).manual_seed(seed)
        self.noise = torch.Generator(device).manual_seed(seed + 1)
        self.fold = losses.CaseFold(Alphabet(), device)
        (self.foreign,) = Alphabet().encode(FOREIGN)
        self.half = torch.bfloat16 if device.type == "cuda" else torch.float32
        self._drawn: dict[tuple[str, int, float], Replay] = {}

    def question(self, batch: Tensors, *, width: int, scene: float) -> Question:
        """Draw a rendered batch or augment a real one into strips."""
        if "masks" in batch:
            draw = self._replay("render", width, scene)
            images, widths, boxes = draw(batch["masks"], batch["widths"], batch["boxes"], batch["kinds"])
            return Question(images, widths, batch, boxes, None)
        images, widths = self._replay("augment", width, scene)(batch["images"], batch["widths"])
        return Question(images, widths, batch, None, batch["caseless"])

    def _replay(self, what: str, width: int, scene: float) -> Replay:
        """Return the drawing of one kind of batch, recorded at its first use."""

        def render(masks: Tensor, widths: Tensor, boxes: Tensor, kinds: Tensor) -> tuple[Tensor, ...]:
            strips = style.render(
                masks,
                widths,
                boxes,
                kinds,
                width=width,
                generator=self.generator,
                scene=scene,
                photos=self.photos,
            )
            return strips.images, strips.widths, strips.boxes

        def augment(pixels: Tensor, widths: Tensor) -> tuple[Tensor, ...]:
            images = pixels.permute(0, 3, 1, 2).float() / 255
            strips = style.augment(images, widths, width=width, generator=self.generator)
            return strips.images, strips.widths

        key = (what, width, scene)
        if key not in self._drawn:
            function = render if what == "render" else augment
            self._drawn[key] = Replay(function, generators=(self.generator,))
        return self._drawn[key]

    def __call__(self, asked: Question) -> Tensors:
        """Return every loss by name; `loss` is their weighted sum."""
        columns = (asked.widths + STRIDE - 1) // STRIDE
        valid = torch.arange(asked.images.shape[-1] // STRIDE, device=columns.device) < columns[:, None]
        images = asked.images.contiguous(memory_format=torch.channels_last)
        with self._precision():
            glance = self.model.glance(images, valid, self._hidden(valid) if self.hide else None)
        log_probs = glance.logits.float().log_softmax(-1)
        ids, target = asked.queries["ids"], asked.queries["target"]
        if asked.caseless is not None:
            log_probs = self.fold.probabilities(log_probs, asked.caseless)
            ids, target = self.fold.ids(ids, asked.caseless), self.fold.ids(target, asked.caseless)
        boxes, queries = asked.boxes, {**asked.queries, "target": target}
        if boxes is None:
            boxes, sure = self._boxes(log_probs, ids, queries["lengths"], columns)
            queries["target"] = target = torch.where(sure[:, None], target, -1)
        places = self._places(boxes, asked.widths, queries)
        seen = self._fixate(self.model, glance, places, queries)
        found = answered = seen.logits.float().log_softmax(-1)
        if asked.caseless is not None:
            found = self.fold.probabilities(found, asked.caseless)
        parts = {
            "glance": losses.glance_loss(log_probs, ids, queries["lengths"], columns),
            "fixation": losses.fixation_loss(found, target),
            **self._grounding(glance, seen.looks, asked, queries, valid),
        }
        if self.teacher is not None:
            ours = glance.logits.float().log_softmax(-1), answered
            parts["teaching"] = self._teaching(self.teacher, ours, images, valid, places, queries)
        weighed = [getattr(self.weights, name) * loss for name, loss in parts.items()]
        parts["loss"] = torch.stack(weighed).sum()
        exists = target >= 0
        parts["right"] = ((found.argmax(-1) == target) & exists).sum() / exists.sum().clamp(min=1)
        return parts

    def _hidden(self, valid: Tensor) -> Tensor:
        """Return which columns "b n" are hidden: of each strip another share, twice `hide` at the most."""
        share = 2 * self.hide * torch.rand(len(valid), 1, device=valid.device, generator=self.noise)
        begins = torch.rand(valid.shape, device=valid.device, generator=self.noise) < share / SPAN
        spread = functional.max_pool1d(functional.pad(begins.float()[:, None], (SPAN - 1, 0)), SPAN, 1)
        return spread[:, 0] > 0

    def _boxes(
        self, log_probs: Tensor, ids: Tensor, lengths: Tensor, columns: Tensor
    ) -> tuple[Tensor, Tensor]:
        first, last, score = align(log_probs.detach(), ids, lengths, columns)
        low, high = first * float(STRIDE), (last + 1) * float(STRIDE)
        boxes = torch.stack((low, torch.zeros_like(low), high, torch.full_like(low, 32.0)), -1)
        return boxes, score > ALIGNED

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.noise.device.type, self.half, enabled=self.half != torch.float32)

    def _places(self, boxes: Tensor, widths: Tensor, queries: Tensors) -> Places:
        shape = (*queries["target"].shape, 2)
        edges, lengths = torch.rand(2, *shape, device=boxes.device, generator=self.noise)
        jitter = torch.randn(shape[:2], device=boxes.device, generator=self.noise) * 0.1
        return Places(windows(boxes, widths, queries, edges), lengths, jitter)

    def _fixate(self, model: LineModel, glance: Glance, places: Places, queries: Tensors) -> Fixations:
        window, lengths, jitter = places
        positions = window.positions(glance.density.detach(), queries, lengths) + jitter
        with self._precision():
            return model.fixate(
                glance.features, glance.count.detach(), positions, queries["word"], window.window
            )

    def _teaching(
        self,
        teacher: LineModel,
        ours: tuple[Tensor, Tensor],
        images: Tensor,
        valid: Tensor,
        places: Places,
        queries: Tensors,
    ) -> Tensor:
        with torch.no_grad(), self._precision():
            glance = teacher.glance(images, valid)
            seen = self._fixate(teacher, glance, places, queries)
        known = (queries["ids"] != self.foreign).all(-1, keepdim=True)  # it may not know other scripts
        glances = losses.teaching_loss(ours[0], glance.logits.float().log_softmax(-1), valid & known)
        fixations = losses.teaching_loss(
            ours[1], seen.logits.float().log_softmax(-1), (queries["target"] >= 0) & known
        )
        characters = queries["lengths"].sum().clamp(min=1)
        return fixations + 0.5 * glances * valid.sum() / characters  # both per character

    def _grounding(
        self, glance: Glance, looks: tuple[Tensor, ...], asked: Question, queries: Tensors, valid: Tensor
    ) -> Tensors:
        ink = (queries["ids"] > 1).float()  # neither padding (0) nor the space (1)
        if asked.boxes is None:
            zero = glance.density.sum() * 0
            return {"looking": zero, "counting": losses.total_loss(glance.density, ink.sum(-1))}
        within = losses.inside(asked.boxes, valid.shape[1])
        wanted = (ink[..., None] * within / within.sum(-1, keepdim=True).clamp(min=1e-3)).sum(1)
        char = queries["char"]
        per_query = within.gather(1, char.clamp(min=0)[..., None].expand(-1, -1, within.shape[-1]))
        known = (char >= 0).float()
        looking = torch.stack([losses.looking_loss(look.float(), per_query, known) for look in looks]).mean()
        counting = losses.counting_loss(glance.density, wanted, valid, ink.sum(-1))
        return {"looking": looking, "counting": counting}


