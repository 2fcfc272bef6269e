"""The mean of weights reads as one model and keeps what the files say; strangers are refused."""

from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

import foveal
from foveal.alphabet import Alphabet
from foveal.errors import ConfigError
from foveal.models import checkpoint
from foveal.models.line import LineModel
from foveal.models.mean import mean

EMBEDDED = Path(foveal.__file__).parent / "weights"


def written(folder: Path, name: str, seed: int, **facts: str) -> Path:
    torch.manual_seed(seed)
    path = folder / f"{name}.safetensors"
    checkpoint.save(LineModel("tiny", len(Alphabet())), path, **({"kind": "line", "size": "tiny"} | facts))
    return path


def weight(path: Path) -> torch.Tensor:
    model = LineModel("tiny", len(Alphabet()))
    checkpoint.load(model, path)
    return model.read.weight


def test_every_parameter_is_the_mean_by_shares(tmp_path: Path) -> None:
    one, other = written(tmp_path, "one", 1, step="7"), written(tmp_path, "other", 2, step="9")
    mean([one, other], tmp_path / "mean.safetensors")
    assert_close(
        weight(tmp_path / "mean.safetensors"), (weight(one) + weight(other)) / 2, rtol=1e-3, atol=1e-3
    )
    mean([one, other], tmp_path / "most.safetensors", shares=[3, 1])
    assert_close(
        weight(tmp_path / "most.safetensors"), weight(one) * 0.75 + weight(other) * 0.25, rtol=1e-3, atol=1e-3
    )
    assert checkpoint.facts(tmp_path / "mean.safetensors") == {"kind": "line", "size": "tiny"}


def test_models_that_differ_in_size_or_positions_are_refused(tmp_path: Path) -> None:
    one, turned = written(tmp_path, "one", 1), written(tmp_path, "turned", 1, position='{"name": "rotary"}')
    with pytest.raises(ConfigError, match="different sizes"):
        mean([one, turned], tmp_path / "mean.safetensors")
    with pytest.raises(ConfigError, match="1 shares for 2 models"):
        mean([one, one], tmp_path / "mean.safetensors", shares=[1.0])


def test_a_model_and_the_graph_that_it_began_from_have_a_mean(tmp_path: Path) -> None:
    graph, model = EMBEDDED / "line-fast-glance.onnx", LineModel("fast", len(Alphabet()))
    path = tmp_path / "trained.safetensors"
    checkpoint.save(model, path, kind="line", size="fast")
    mean([path, graph], tmp_path / "mean.safetensors", shares=[0.25, 0.75])
    began, found = LineModel("fast", len(Alphabet())), LineModel("fast", len(Alphabet()))
    checkpoint.load(began, graph)
    checkpoint.load(found, tmp_path / "mean.safetensors")
    meant = model.read.weight * 0.25 + began.read.weight * 0.75
    assert_close(found.read.weight, meant, rtol=1e-3, atol=1e-3)
    with pytest.raises(ConfigError, match="graphs only"):
        mean([graph, graph], tmp_path / "mean.safetensors")
