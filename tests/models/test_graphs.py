"""Graphs say what torch says, and weights kept in them come back as they were stored."""

from copy import deepcopy
from pathlib import Path
from typing import get_args

import onnx
import onnxruntime
import pytest
import torch

from foveal.errors import FovealError
from foveal.models import checkpoint
from foveal.models.export import NAMES, export, rounded, write
from foveal.models.graphs import Storage
from foveal.models.line import LineModel

Drawn = dict[str, onnx.ModelProto]


@pytest.fixture(scope="module")
def model() -> LineModel:
    torch.manual_seed(0)
    return LineModel("tiny", 41).eval()


@pytest.fixture(scope="module")
def floats(model: LineModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the model was exported to: torch takes half a minute for it, so that all tests store this one."""
    folder = tmp_path_factory.mktemp("floats")
    assert max(export(deepcopy(model), folder, "tiny", storage="float").values()) < 2e-3
    return folder


@pytest.fixture
def drawn(floats: Path) -> Drawn:
    return {part: onnx.load(floats / f"line-tiny-{part}.onnx") for part in NAMES}


@pytest.mark.parametrize("storage", get_args(Storage))
def test_a_model_trains_on_from_its_graphs(
    storage: Storage, model: LineModel, drawn: Drawn, tmp_path: Path
) -> None:
    write(drawn, deepcopy(model), tmp_path, "tiny", storage=storage)
    again = LineModel("tiny", 41)
    checkpoint.load(again, tmp_path / "line-tiny-glance.onnx")
    for name, value in rounded(deepcopy(model), storage).state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=1e-3, atol=1e-6)


def test_a_graph_reads_as_torch_does_at_any_batch_and_width(
    model: LineModel, drawn: Drawn, tmp_path: Path
) -> None:
    assert max(write(drawn, deepcopy(model), tmp_path, "tiny").values()) < 2e-2
    session = onnxruntime.InferenceSession(tmp_path / "line-tiny-glance.onnx")
    strips = torch.randint(0, 256, (3, 32, 208, 3), dtype=torch.uint8)
    features, log_probs, density = session.run(None, {"strips": strips.numpy()})
    assert features.shape[:2] == log_probs.shape[:2] == density.shape == (3, 52)


def test_nothing_is_written_beyond_what_may_move(
    model: LineModel, drawn: Drawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = write(deepcopy(drawn), deepcopy(model), tmp_path / "good", "tiny", storage="integer")
    assert good["glance moved"] < 0.03
    monkeypatch.setattr("foveal.models.parity.MOVED", 1e-6)
    with pytest.raises(FovealError, match="rounding moves"):
        write(drawn, deepcopy(model), tmp_path / "bad", "tiny", storage="integer")
    assert not (tmp_path / "bad").exists()
