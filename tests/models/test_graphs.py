"""Weights kept in graphs come back as they were stored."""

from pathlib import Path
from typing import get_args

import pytest
import torch

from foveal.models import checkpoint
from foveal.models.export import export, rounded
from foveal.models.graphs import Storage
from foveal.models.line import LineModel


@pytest.mark.parametrize("storage", get_args(Storage))
def test_a_model_trains_on_from_its_graphs(storage: Storage, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = rounded(LineModel("tiny", 41).eval(), storage)
    export(model, tmp_path, "tiny", storage=storage)
    again = LineModel("tiny", 41)
    checkpoint.load(again, tmp_path / "line-tiny-glance.onnx")
    for name, value in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=1e-3, atol=1e-6)
