"""Weights on disk: safetensors in half precision, with what is needed to build the model again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from foveal.errors import ConfigError, InputMissing
from foveal.models.graphs import parameters
from foveal.models.line import LineSize, size_of

_HALVES = ("glance", "fixate")


def save(model: nn.Module, path: Path, **facts: str) -> None:
    """Write the model's parameters and buffers in float16, whole, and `facts` beside them."""
    state = {
        name: (value.half() if value.is_floating_point() else value).detach().cpu().contiguous()
        for name, value in model.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    save_file(state, unfinished, metadata=facts)
    unfinished.replace(path)


def facts(path: Path) -> dict[str, str]:
    """Return what was saved beside the weights."""
    if not path.exists():
        raise InputMissing(f"{path}: no such file", remedy="train a model first, or check the path")
    with safe_open(path, "pt") as file:
        return dict(file.metadata() or {})


def built(facts: Mapping[str, str]) -> LineSize:
    """Return the size of a line model whose facts these are, with the positions it was trained with."""
    size = size_of(facts["size"])
    return replace(size, position=json.loads(facts["position"])) if "position" in facts else size


def load(model: nn.Module, path: Path) -> None:
    """Fill the model from `path`; every name and shape must agree.

    path: safetensors, an exported graph (`line-fast-glance.onnx` brings `line-fast-fixate.onnx` with it), or
    a file that holds both (one_file.py).
    """
    state = _from_graphs(model, path) if path.suffix == ".onnx" else _from_safetensors(path)
    own = model.state_dict()
    shapes, wanted = ({name: value.shape for name, value in each.items()} for each in (state, own))
    wrong = [name for name in own.keys() | state.keys() if shapes.get(name) != wanted.get(name)]
    if wrong:
        raise ConfigError(
            f"{path}: does not fit this model, beginning with '{sorted(wrong)[0]}'",
            remedy="build the model with the size and alphabet that the weights were trained with",
        )
    model.load_state_dict({name: value.to(own[name].dtype) for name, value in state.items()})


def _from_safetensors(path: Path) -> dict[str, Tensor]:
    facts(path)
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _from_graphs(model: nn.Module, path: Path) -> dict[str, Tensor]:
    if not path.exists():
        raise InputMissing(f"{path}: no such file", remedy="check the path")
    name, _, part = path.stem.rpartition("-")
    kin = [path.with_name(f"{name}-{half}.onnx") for half in _HALVES] if part in _HALVES else [path]
    kept = parameters(kin)
    own = model.state_dict()  # names that are no parameter of the model are the graph's own constants
    state = {name: torch.from_numpy(value) for name, value in kept.items() if name in own}
    counters = {name: value for name, value in own.items() if name.endswith("num_batches_tracked")}
    return {**counters, **state}
