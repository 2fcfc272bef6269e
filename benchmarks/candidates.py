"""Which fixations are best, under one budget: one trained encoder, new fixations of each kind over it.

    python benchmarks/candidates.py --fonts PACK --crops train.zip --dev dev.zip --init WEIGHTS --size fast
        [--minutes 1.5 | --steps 2000] [--only count spike index] [--device cuda]

The encoder and its glance stay as they are; the fixations begin anew and learn for so many minutes or steps
each, from the same batches. A fixation knows
- count: its number within its word; the keys carry the running count of characters (what foveal ships);
- spike: the column where the glance saw its character; the keys carry their columns (CTC-seeded windows);
- index: its number only, as a learned vector; the keys carry their columns (parallel position queries,
  Bautista and Atienza, 2022).
Prints, for each: the word accuracy over a–z0–9 of the glance and of the fixations, each alone.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from foveal.alphabet import Alphabet
from foveal.models.line import STRIDE, Fixations, Glance, LineModel
from foveal.train.crops import Crops
from foveal.train.feed import Tensors
from foveal.train.line import Leg, Trainer, rate_at
from foveal.train.objective import Objective, Places
from foveal.train.step import Step
from foveal.train.validate import greedy, plain, strip

LONGEST = 40
PER_CHARACTER = 2.5
"""Columns to a character, about: brings columns to the scale of counts."""


class Indexed(LineModel):
    """A line model whose fixations begin with a learned vector for their number."""

    def __init__(self, size: str, classes: int) -> None:
        super().__init__(size, classes)
        self.number = nn.Embedding(LONGEST, self.start.shape[0])

    def fixate(
        self, features: Tensor, count: Tensor, positions: Tensor, words: Tensor, window: Tensor
    ) -> Fixations:
        """Fixate by number: `positions` holds it, and enters as a vector only."""
        columns = torch.arange(features.shape[1], device=features.device)
        allowed = (columns >= window[..., :1]) & (columns < window[..., 1:])
        same = words[:, :, None] == words[:, None, :]
        x = self.start + self.number(positions.long().clamp(0, LONGEST - 1))
        looks: list[Tensor] = []
        for layer in self.fixate_layers:
            x, look = layer(x, features, (torch.zeros_like(positions), count), allowed, same)
            looks.append(look)
        return Fixations(self.name(self.norm_fixation(x)), tuple(looks))


def columns_of(features: Tensor) -> Tensor:
    """Return the place of every column, in characters about: "b n"."""
    places = torch.arange(features.shape[1], device=features.device) / PER_CHARACTER
    return places.expand(features.shape[:2])


class Seeded(Objective):
    """Asks of fixations what a candidate knows. kind: spike or index."""

    kind = "spike"

    def _places(self, boxes: Tensor, widths: Tensor, queries: Tensors) -> Places:
        self._centres = (boxes[..., 0] + boxes[..., 2]) / 2 / STRIDE
        return super()._places(boxes, widths, queries)

    def _fixate(self, model: LineModel, glance: Glance, places: Places, queries: Tensors) -> Fixations:
        if self.kind == "index":
            positions = queries["offset"].float()
        else:
            last = self._centres.shape[1] - 1
            seed = self._centres.gather(1, queries["char"].clamp(min=0))
            end = self._centres.gather(1, queries["last"].clamp(0, last))
            beyond = end + PER_CHARACTER * (queries["offset"] - (queries["last"] - queries["first"]))
            seed = torch.where(queries["char"] >= 0, seed, beyond)
            positions = seed / PER_CHARACTER + 3 * places.jitter
        with self._precision():
            keys = columns_of(glance.features)
            return model.fixate(glance.features, keys, positions, queries["word"], places.windows.window)


def prepare(kind: str, leg: Leg) -> Trainer:
    """Return a trainer of one kind of fixations over the frozen, trained encoder."""
    trainer = Trainer(leg)
    model = Indexed(leg.size, len(Alphabet())) if kind == "index" else LineModel(leg.size, len(Alphabet()))
    trained = {k: v for k, v in trainer.model.state_dict().items() if not mine(k)}
    model.load_state_dict(trained, strict=False)
    model.to(trainer.device)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(mine(name))
    objective = Objective if kind == "count" else Seeded
    trainer.model = model
    photos = trainer.objective.photos
    trainer.objective = objective(model, device=trainer.device, seed=leg.seed, photos=photos)
    if isinstance(trainer.objective, Seeded):
        trainer.objective.kind = kind
    trainer.move = Step(trainer.objective, trainer.rate, record=leg.record)
    return trainer


def mine(name: str) -> bool:
    """Tell whether a parameter belongs to the fixations."""
    return name.startswith(("fixate_layers", "start", "name", "norm_fixation", "number"))


def learn(trainer: Trainer, most: int | None) -> int:
    """Train for `most` steps or the leg's minutes, the encoder's statistics untouched; return the steps."""
    trainer.model.eval()
    begin, progress, step = time.perf_counter(), 0.0, 0
    kinds = trainer.kinds()
    while progress < 1:
        trainer.step(next(kinds), rate_at(progress, step=step))
        step += 1
        progress = step / most if most else (time.perf_counter() - begin) / (60 * trainer.leg.minutes)
    return step


@torch.no_grad()
def read(kind: str, model: LineModel, image: Tensor) -> tuple[str, str]:
    """Return a word as the glance and as the fixations read it, the latter over the whole strip."""
    glance = model.glance(image[None])
    ids = glance.logits.argmax(-1)[0].tolist()
    alphabet, n = Alphabet(), glance.features.shape[1]
    spikes = [i for i, one in enumerate(ids) if one and (i == 0 or one != ids[i - 1])]
    if kind == "count":
        mass = glance.density.sum()
        length = mass.round().clamp(min=1)
        places = (torch.arange(int(length) + 2, device=image.device)[None] + 0.5) * mass / length
        keys = glance.count
    else:
        keys = columns_of(glance.features)
        ends = [(spikes[-1] if spikes else 0) + PER_CHARACTER * (1 + i) for i in range(2)]
        seeds = [*(spike + 0.5 for spike in spikes), *ends]
        places = torch.tensor([seeds], device=image.device) / PER_CHARACTER
        if kind == "index":
            places = torch.arange(LONGEST, device=image.device)[None].float()
    window = torch.tensor([0, n], device=image.device).expand(1, places.shape[1], 2)
    words = torch.zeros(places.shape, dtype=torch.long, device=image.device)
    out = model.fixate(glance.features, keys, places, words, window).logits.argmax(-1)[0].tolist()
    return greedy(ids, alphabet), alphabet.decode(out[: out.index(0)] if 0 in out else out)


def score(kind: str, model: LineModel, dev: Path, device: torch.device) -> dict[str, float]:
    """Return the word accuracy in % of glance and fixations on the sets of words in a zip of crops."""
    crops, found = Crops(dev), {}
    for name, some in crops.by_set().items():
        if "words" not in name:
            continue
        pairs = [(read(kind, model, strip(crops.image(crop)).to(device)), plain(crop.text)) for crop in some]
        for i, which in enumerate(("glance", "fixations")):
            right = sum(plain(texts[i]) == truth for texts, truth in pairs)
            found[f"{name} {which}"] = round(100 * right / len(pairs), 2)
    return found


def main() -> None:
    """Train and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("fonts", "crops", "dev", "init"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--size", default="fast")
    parser.add_argument("--minutes", type=float, default=1.5)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--workers", type=int, default=12)
    parser.add_argument("--shrink", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=["count", "spike", "index"])
    asked = vars(parser.parse_args())
    only, dev, steps = asked.pop("only"), asked.pop("dev"), asked.pop("steps")
    for kind in only:
        trainer = prepare(kind, Leg(**asked, output=Path(), rate=1e-3, compile=False))
        taken = learn(trainer, steps)
        figures = score(kind, trainer.model.eval(), dev, trainer.device)
        print(json.dumps({"candidate": kind, "steps": taken, **figures}), flush=True)


if __name__ == "__main__":
    main()
