"""The weights that a training run wrote, and the recogniser they are of: the recipe stands beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from foveal.alphabet import Alphabet
from foveal.config import settle
from foveal.errors import ConfigError
from foveal.models import checkpoint
from foveal.models.encoders import EncoderSpec
from foveal.models.recogniser import Fixating, Recogniser, recogniser


@dataclass(frozen=True, eq=False)
class RunFile:
    """A recogniser, ready to read, the alphabet it writes in, and its recipe as JSON."""

    model: Recogniser
    alphabet: Alphabet
    recipe: str


def open_run(path: Path) -> RunFile:
    """Return what a run wrote to read with. Raises InputMissing, and ConfigError for another file."""
    facts = checkpoint.facts(path)
    if "recipe" not in facts or "run" in facts:
        raise ConfigError(
            f"{path}: not the weights of a recogniser",
            remedy="give best.safetensors or final.safetensors of foveal train",
        )
    alphabet = Alphabet(json.loads(facts["recipe"])["alphabet"])
    model = built(facts["recipe"], len(alphabet))
    checkpoint.load(model, path)
    return RunFile(model.eval(), alphabet, facts["recipe"])


def built(recipe: str, classes: int) -> Recogniser:
    """Return the recogniser of a recipe as JSON, untrained; what a recipe says of training is not asked."""
    told = json.loads(recipe)
    encoder = settle(EncoderSpec, told["encoder"], where="encoder")
    return recogniser(encoder, told["decoder"], classes, glance=told["aims"]["tasks"]["glance"] > 0)


def fixating(recipe: str, classes: int) -> Fixating:
    """Return the recogniser of a recipe for glance and fixations, untrained."""
    model = built(recipe, classes)
    assert isinstance(model, Fixating)
    return model


def sets_of(path: Path) -> list[Path]:
    """Return the folders of crops that a run knew of: to judge by first, then to learn from."""
    return [Path(folder) for folder in checkpoint.facts(path).get("sets", "").splitlines()]
