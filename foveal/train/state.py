"""A training run on disk: one safetensors file with all that it takes to go on, written whole; no pickles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from foveal.errors import ConfigError, InputMissing
from foveal.train.parallel import shared_like


@dataclass(frozen=True)
class Progress:
    """How far a run is. steps taken; seconds trained; best CER on --dev and how many evaluations ago."""

    step: int = 0
    seconds: float = 0.0
    best: float = float("inf")
    stale: int = 0


def write(path: Path, tensors: Mapping[str, Tensor], **facts: str) -> None:
    """Write tensors and facts to a new file, then rename it: a kill leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, unfinished, facts)
    unfinished.replace(path)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the facts of a file."""
    if not path.is_file():
        raise InputMissing(f"{path}: no such file", remedy="give a checkpoint of foveal train")
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's state by the number of its parameter."""
    state = optimiser.state_dict()["state"]
    return {
        f"{number}.{name}": torch.as_tensor(value)
        for number, own in state.items()
        for name, value in own.items()
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give the optimiser back what `optimiser_tensors` took; its rates and options stay as they are."""
    parameters: list[Tensor] = [p for group in optimiser.param_groups for p in group["params"]]
    kept: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, _, part = name.partition(".")
        kept.setdefault(int(number), {})[part] = shared_like(value, parameters[int(number)])
    groups: Any = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": kept, "param_groups": groups})


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with `prefix` and a point, without these."""
    start = f"{prefix}."
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}


def fill(module: nn.Module, tensors: Mapping[str, Tensor], *, path: Path) -> None:
    """Fill a module; every name and shape must agree."""
    own = {name: value.shape for name, value in module.state_dict().items()}
    theirs = {name: value.shape for name, value in tensors.items()}
    wrong = sorted(name for name in own.keys() | theirs.keys() if own.get(name) != theirs.get(name))
    if wrong:
        raise ConfigError(
            f"{path}: does not fit this recipe, beginning with '{wrong[0]}'",
            remedy="go on with the recipe it was made with, or give another --output",
        )
    module.load_state_dict(dict(tensors))


def progress_fact(progress: Progress) -> str:
    """Return a run's progress as JSON."""
    return json.dumps(asdict(progress))
