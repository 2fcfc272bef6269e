"""A model shared out among two processes learns what one alone learns."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from parallel_worker import WAYS

from foveal.attention import MultiHead
from foveal.errors import ConfigError
from foveal.models.encoders import EncoderSpec
from foveal.models.recogniser import Glancing
from foveal.train.parallel import Stage, _share_heads

WORKER = Path(__file__).parent / "parallel_worker.py"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    folder = tmp_path_factory.mktemp("two")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    two = [
        subprocess.Popen([sys.executable, str(WORKER), str(rank), str(folder)], env=environment,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for rank in (0, 1)
    ]  # fmt: skip
    for process in two:
        process.wait(timeout=300)
    return [json.loads((folder / f"{rank}.json").read_text(encoding="utf-8")) for rank in (0, 1)]


@pytest.mark.parametrize("way", WAYS)
def test_two_processes_learn_what_one_learns(way: str, found: list[dict[str, float]]) -> None:
    for rank in (0, 1):
        assert isinstance(found[rank][way], float), found[rank][way]
        assert found[rank]["moved"] > 1e-3  # the weights have moved, and alike
        assert found[rank][way] < 2e-6


def test_what_cannot_be_shared_out_is_said() -> None:
    with pytest.raises(ConfigError, match="3 heads"):
        _share_heads(MultiHead(12, 3), 2)
    with pytest.raises(ConfigError, match="parameters"):
        _share_heads(MultiHead(12, 2, mechanism="additive"), 2)
    with pytest.raises(ConfigError, match="bias"):
        _share_heads(MultiHead(12, 2, position="alibi"), 2)
    with pytest.raises(ConfigError, match="stages"):
        Stage(Glancing(EncoderSpec(dim=16, mixer="lstm"), 5), 0, 1)


def test_stages_one_after_another_are_the_model() -> None:
    torch.manual_seed(0)
    model = Glancing(EncoderSpec(stem=(4, 8, 8), dim=16, depth=3, heads=2), 5).eval()
    strips = torch.rand(2, 3, 32, 64)
    cut = Stage(model, 2, 3)(Stage(model, 0, 2)(strips))
    torch.testing.assert_close(cut, model(strips))
