"""From a batch to the losses of a recogniser of any kind: main, attention, regular and glance, by name.

Fixations keep their own objective (train/objective.py), whose look loss becomes the one that was chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from foveal.alphabet import Alphabet
from foveal.models.line import STRIDE, Glance
from foveal.models.recogniser import Fixating, Glancing, Recogniser, Spelling
from foveal.synth import style
from foveal.train import losses
from foveal.train.feed import Tensors
from foveal.train.objective import Objective, Question, Weights
from foveal.train.regular import Regular, Tasks
from foveal.train.replay import Replay
from foveal.train.strips import DataSpec
from foveal.train.supervision import Alignment, find


@dataclass(frozen=True)
class Aims:
    """What is learned. smoothing: share of each target spread over all classes (Szegedy et al., 2016)."""

    alignment: Alignment = field(default_factory=Alignment)
    regular: Regular = field(default_factory=Regular)
    tasks: Tasks = field(default_factory=Tasks)
    smoothing: float = 0.0


class Lesson:
    """The losses of a recogniser on the batches of `strips.StripBatches`; no call depends on those before."""

    def __init__(
        self, model: Recogniser, aims: Aims, data: DataSpec, *, alphabet: Alphabet, seed: int
    ) -> None:
        device = next(model.parameters()).device
        self.model, self.aims, self.data, self.seed = model, aims, data, seed
        self.generator = torch.Generator(device)
        self.fold = losses.CaseFold(alphabet, device)
        self.half = torch.bfloat16 if device.type == "cuda" else torch.float32
        self._render = Replay(self._rendered, generators=(self.generator,))
        self._augment = Replay(self._augmented, generators=(self.generator,))
        self._fixations = _Fixations(model, aims, alphabet, seed) if isinstance(model, Fixating) else None

    def compute_in(self, kind: torch.dtype) -> None:
        """Compute in bfloat16 or float32; on a GPU it is bfloat16 unless told."""
        self.half = kind
        if self._fixations is not None:
            self._fixations.half = kind

    def draw(self, batch: Tensors, number: int) -> Question:
        """Draw or augment the strips of a batch; the same number gives the same strips."""
        self.generator.manual_seed(self.seed * 1_000_003 + number)
        if self._fixations is not None:
            self._fixations.noise.manual_seed(self.seed * 1_000_003 + number)
        real = "images" in batch
        draw = self._augment if real else self._render
        pixels = batch["images"] if real else batch["masks"]
        kinds = batch["caseless"] if real else batch["kinds"]
        images, widths, boxes = draw(pixels, batch["widths"], batch["boxes"], kinds)
        return Question(images, widths, batch, boxes, batch.get("caseless"))

    def _rendered(self, masks: Tensor, widths: Tensor, boxes: Tensor, kinds: Tensor) -> tuple[Tensor, ...]:
        strips = style.render(
            masks, widths, boxes, kinds, width=self.data.width, scene=self.data.scene,
            generator=self.generator
        )  # fmt: skip
        return strips.images, strips.widths, strips.boxes

    def _augmented(
        self,
        pixels: Tensor,
        widths: Tensor,
        boxes: Tensor,
        caseless: Tensor,  # noqa: ARG002
    ) -> tuple[Tensor, ...]:
        if self.data.augment == 0:
            return self._resized(pixels, widths, boxes)
        strips = style.augment(
            pixels.permute(0, 3, 1, 2).float() / 255, widths, width=self.data.width, boxes=boxes,
            generator=self.generator, strength=self.data.augment,
        )  # fmt: skip
        return strips.images, strips.widths, strips.boxes

    def _resized(self, pixels: Tensor, widths: Tensor, boxes: Tensor) -> tuple[Tensor, ...]:
        """Return crops as they are, at a strip's height."""
        images = pixels.permute(0, 3, 1, 2).float() / 255
        scale = 32 / images.shape[2]
        images = functional.interpolate(images, (32, self.data.width), mode="bilinear", antialias=True)
        return images, (widths * scale).round().long().clamp(min=STRIDE), boxes * scale

    def parts(self, asked: Question) -> Tensors:
        """Return the losses by name; where characters are named one by one, "right", the share named so."""
        if self._fixations is not None:
            return self._fixations.parts(asked)
        if isinstance(self.model, Glancing):
            return self._glancing(self.model, asked)
        assert isinstance(self.model, Spelling)
        return self._spelling(self.model, asked)

    def _seen(self, asked: Question) -> tuple[Tensor, Tensor]:
        """Return the columns of each strip, "b", and which columns these are, "b n"."""
        columns = (asked.widths + STRIDE - 1) // STRIDE
        places = torch.arange((asked.images.shape[-1] + STRIDE - 1) // STRIDE, device=columns.device)
        return columns, places < columns[:, None]

    def _glance(self, logits: Tensor, asked: Question, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Return the CTC loss and the log-probabilities it is of."""
        log_probs, ids = logits.float().log_softmax(-1), asked.queries["ids"]
        if asked.caseless is not None:
            log_probs = self.fold.probabilities(log_probs, asked.caseless)
            ids = self.fold.ids(ids, asked.caseless)
        return losses.glance_loss(log_probs, ids, asked.queries["lengths"], columns), log_probs

    def _glancing(self, model: Glancing, asked: Question) -> Tensors:
        columns, valid = self._seen(asked)
        with self._precision():
            logits = model(asked.images, valid)
        return {"main": self._glance(logits, asked, columns)[0]}

    def _spelling(self, model: Spelling, asked: Question) -> Tensors:
        columns, valid = self._seen(asked)
        before, target, char = spelled(asked.queries["ids"], asked.queries["lengths"], model.decoder.classes)
        with self._precision():
            read, glanced = model(asked.images, valid, before)
        log_probs = read.logits.float().log_softmax(-1)
        if asked.caseless is not None:
            log_probs = self.fold.probabilities(log_probs, asked.caseless)
            target = self.fold.ids(target, asked.caseless)
        parts = {"main": naming_loss(log_probs, target, self.aims.smoothing)}
        seen: Tensor | None = None
        if glanced is not None:
            parts["glance"], seen = self._glance(glanced, asked, columns)
        if read.looks is not None:
            parts |= looking(self.aims, (read.looks,), asked, char=char, glance=seen)
        exists = target >= 0
        parts["right"] = ((log_probs.argmax(-1) == target) & exists).sum() / exists.sum().clamp(min=1)
        return parts

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.generator.device.type, self.half, enabled=self.half != torch.float32)


def looking(
    aims: Aims, looks: tuple[Tensor, ...], asked: Question, *, char: Tensor, glance: Tensor | None
) -> Tensors:
    """Return the losses of looks "b t n" of the characters "b t" (−1: none), each the mean over layers."""
    parts: Tensors = {}
    known = find(asked, glance, aims.alignment.sources) if aims.tasks.attention else None
    if known is not None:
        aligned = [aims.alignment.loss(look, known, char) for look in looks]
        parts["attention"] = torch.stack(aligned).mean()
    regular = [aims.regular.loss(look[char >= 0]) for look in looks]
    some = [loss for loss in regular if loss is not None]
    if some:
        parts["regular"] = torch.stack(some).mean()
    return parts


@dataclass(frozen=True)
class _Counted(Weights):
    """The weights of what fixations learn besides looking; looks are weighed by `Tasks`."""

    looking: float = 0.0
    attention: float = 0.0
    regular: float = 0.0


class _Fixations(Objective):
    """The objective of glance and fixations, with the losses of looks that were chosen."""

    def __init__(self, model: Fixating, aims: Aims, alphabet: Alphabet, seed: int) -> None:
        device = next(model.parameters()).device
        super().__init__(model, device=device, seed=seed)
        self.aims, self.weights, self.fold = aims, _Counted(), losses.CaseFold(alphabet, device)

    def parts(self, asked: Question) -> Tensors:
        """Return main, attention, regular and right; crops are aligned by the glance, boxed or not."""
        if asked.caseless is not None:
            assert asked.boxes is not None
            asked = asked._replace(boxes=None, queries={**asked.queries, "placed": asked.boxes})
        parts = self(asked)
        found = {"main": parts["loss"], "right": parts["right"]}
        return found | {name: parts[name] for name in ("attention", "regular") if name in parts}

    def _grounding(
        self, glance: Glance, looks: tuple[Tensor, ...], asked: Question, queries: Tensors, valid: Tensor
    ) -> Tensors:
        parts = super()._grounding(glance, looks, asked, queries, valid)
        log_probs = glance.logits.float().log_softmax(-1)
        placed = asked._replace(boxes=queries.get("placed", asked.boxes))
        return parts | looking(self.aims, looks, placed, char=queries["char"], glance=log_probs)


def spelled(ids: Tensor, lengths: Tensor, first: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return what a decoder is told before each place, what it must name there, and the character's number.

    ids: "b n" of texts of `lengths`; each "b n+1". Behind the text comes its end, class 0; beyond, −1.
    """
    places = torch.arange(ids.shape[1] + 1, device=ids.device)
    before = functional.pad(ids, (1, 0), value=first)
    target = torch.where(places <= lengths[:, None], functional.pad(ids, (0, 1)), -1)
    char = torch.where(places < lengths[:, None], places, -1)
    return before, target, char


def naming_loss(log_probs: Tensor, target: Tensor, smoothing: float) -> Tensor:
    """Return the cross-entropy a character, ends included; target −1 does not count. log_probs: "b t C"."""
    exists = target >= 0
    named = log_probs.gather(-1, target.clamp(min=0)[..., None]).squeeze(-1)
    right = (1 - smoothing) * named + smoothing * log_probs.mean(-1)
    return -(right * exists).sum() / exists.sum().clamp(min=1)
