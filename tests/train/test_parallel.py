"""A model shared out among two processes, or four, learns what one alone learns."""

import json
from pathlib import Path

import pytest
import torch
from forked import ended, started
from parallel_worker import FOUR, WAYS, compare

from foveal.errors import ConfigError
from foveal.models.encoders import EncoderSpec
from foveal.models.line import Block
from foveal.models.recogniser import Glancing
from foveal.train.parallel import Stage, check_heads


def told_by(processes: int, folder: Path) -> list[dict[str, float]]:
    ranks = range(processes)
    assert not any(ended(*(started(compare, rank, folder, processes) for rank in ranks)))
    return [json.loads((folder / f"{rank}.json").read_text(encoding="utf-8")) for rank in ranks]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    return told_by(2, tmp_path_factory.mktemp("two"))


@pytest.mark.parametrize("way", WAYS)
def test_two_processes_learn_what_one_learns(way: str, found: list[dict[str, float]]) -> None:
    for rank in (0, 1):
        assert isinstance(found[rank][way], float), found[rank][way]
        assert found[rank]["moved"] > 1e-3  # the weights have moved, and alike
        assert found[rank][way] < 2e-6


def test_four_processes_that_share_weights_and_heads_learn_what_one_learns(tmp_path: Path) -> None:
    for told in told_by(4, tmp_path):
        for way in FOUR:
            assert isinstance(told[way], float), told[way]
            assert told["moved"] > 1e-3
            assert told[way] < 2e-6


def test_what_cannot_be_shared_out_is_said() -> None:
    for options, said in (
        ({"heads": 3}, "3 heads"),
        ({"heads": 2, "attention": "additive"}, "parameters"),
        ({"heads": 2, "position": "alibi"}, "bias"),
        ({"mixer": "lstm"}, "without blocks"),
    ):
        with pytest.raises(ConfigError, match=said):
            check_heads(Glancing(EncoderSpec(dim=12, **options), 5), 2)
    with pytest.raises(ConfigError, match="stages"):
        Stage(Glancing(EncoderSpec(dim=16, mixer="lstm"), 5), 0, 1)


def stages_of(**options: bool) -> tuple[Glancing, Stage, Stage]:
    torch.manual_seed(0)
    model = Glancing(EncoderSpec(stem=(4, 8, 8), dim=16, depth=3, heads=2, norm="group", **options), 5)
    if model.encoder.rectify is not None:  # else it leaves strips as they are
        torch.nn.init.normal_(model.encoder.rectify.move.weight)
    return model, Stage(model, 0, 2), Stage(model, 2, 3)


@pytest.mark.parametrize("rectify", [False, True], ids=["", "rectified"])
def test_stages_one_after_another_are_the_model(rectify: bool) -> None:
    model, first, last = stages_of(rectify=rectify)
    strips = torch.rand(2, 3, 32, 64)
    torch.testing.assert_close(last(first(strips)), model(strips))
    whole = {id(p) for p in model.parameters()}
    assert {id(p) for stage in (first, last) for p in stage.parameters()} == whole


@pytest.mark.parametrize("recompute", [False, True], ids=["kept", "recomputed"])
def test_stages_recompute_where_the_model_does(recompute: bool) -> None:
    model, *stages = stages_of(recompute=recompute)
    calls: list[torch.nn.Module] = []
    for module in model.encoder.modules():
        if isinstance(module, Block):
            module.register_forward_pre_hook(lambda block, _: calls.append(block))
    for stage in stages:
        stage.train()
    stages[1](stages[0](torch.rand(2, 3, 32, 64))).sum().backward()
    assert len(calls) == (6 if recompute else 3)
