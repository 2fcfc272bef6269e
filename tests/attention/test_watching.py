"""Watching and recalling: by module name, under autocast, torch.compile, checkpoints and DDP; same result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from cases import CASES, Q, inputs, make, some, title
from torch import Tensor, nn
from torch.testing import assert_close

from foveal.attention import MECHANISMS, MultiHead, recall, watch


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = MultiHead(12, 3, mechanism="additive")
        self.blocks = nn.ModuleList(MultiHead(12, 3, position="alibi") for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return x


NAMES = ["first.mechanism", "blocks.0.mechanism", "blocks.1.mechanism"]


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    return Model()


@pytest.fixture
def x() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(2, 5, 12)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    """A group of one process, for DDP."""
    store = f"file://{tmp_path}/store"
    torch.distributed.init_process_group("gloo", init_method=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_looks_are_collected_by_name_and_only_inside(model: Model, x: Tensor) -> None:
    plain = model(x)
    with watch(model) as maps:
        watched = model(x)
        model(x[:1])
    model(x)
    assert list(maps) == NAMES
    assert [look.shape for look in maps["blocks.1.mechanism"]] == [(2, 3, 5, 5), (1, 3, 5, 5)]
    assert not maps["first.mechanism"][0].requires_grad
    assert_close(watched, plain)


def test_what_is_not_part_of_the_watched_model_is_not_collected(model: Model, x: Tensor) -> None:
    with watch(model.blocks[0]) as maps:
        model(x)
    assert list(maps) == ["mechanism"]
    assert len(maps["mechanism"]) == 1


def test_one_may_watch_inside_another_watch(model: Model, x: Tensor) -> None:
    with watch(model) as outer:
        with watch(model.first) as inner:
            model(x)
        model(x)
    assert list(inner) == ["mechanism"]
    assert [len(found) for found in outer.values()] == [1, 1, 1]


def test_an_error_inside_ends_the_watching(model: Model, x: Tensor) -> None:
    with pytest.raises(ValueError, match="stop"), watch(model) as maps:
        raise ValueError("stop")
    model(x)
    assert maps == {}


@torch.no_grad()
def test_a_compiled_model_is_watched_by_the_same_names(model: Model, x: Tensor) -> None:
    plain = model(x)
    whole = torch.compile(model, backend="eager", fullgraph=True)
    assert_close(whole(x), plain)  # compiled before anybody watched, in one graph
    with watch(whole) as maps:
        assert_close(whole(x), plain)
    assert list(maps) == NAMES
    model.blocks[1] = torch.compile(model.blocks[1], backend="eager")
    model(x)
    with recall(model) as calls:
        model(x)
    assert list(calls) == NAMES
    assert_close(calls["blocks.1.mechanism"][0].rows([2]), maps["blocks.1.mechanism"][0][..., 2:3, :])


@pytest.mark.usefixtures("alone")
def test_a_distributed_model_is_watched_by_the_same_names(model: Model, x: Tensor) -> None:
    shared = nn.parallel.DistributedDataParallel(model)
    with watch(shared) as maps, recall(shared) as calls:
        shared(x).sum().backward()
    assert maps == {}  # the inner one listens
    assert list(calls) == NAMES
    with watch(shared) as maps:
        shared(x).sum().backward()
    assert list(maps) == NAMES


def test_looks_under_autocast_are_those_of_the_reduced_precision(model: Model, x: Tensor) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        with watch(model) as maps:
            model(x)
        with recall(model) as calls:
            model(x)
    with watch(model) as exact:
        model(x)
    for name in NAMES:
        look = maps[name][0].float()
        assert_close(look, exact[name][0], atol=0.03, rtol=0.1)
        assert_close(calls[name][0].rows(range(5)).float(), look, atol=0.02, rtol=0.05)


@pytest.mark.parametrize("spec", CASES, ids=title)
def test_recalled_rows_are_rows_of_the_weights(spec: dict[str, Any]) -> None:
    attend, mask = make(spec), some("any")
    q, k, v = inputs(attend)
    with recall(attend) as calls:
        attend(q, k, v, mask)
    call, whole = calls[""][0], attend.weights(q, k, mask).detach()
    assert_close(call.rows([4, 2]), whole[..., [4, 2], :])
    assert_close(call.rows([0, 2, 3], keys=[6, 1]), whole[..., [0, 2, 3], :][..., [6, 1]])
    assert_close(call.rows([3, 4], keys=[0]), whole[..., [3, 4], :1])


@pytest.mark.parametrize("name", [name for name, kind in MECHANISMS.items() if kind.draws])
def test_each_call_has_its_draw(name: str) -> None:
    attend = make({"name": name, "keys": 2, "block": 2}).train()
    q, k, v = inputs(attend)
    with recall(attend) as calls:
        outs = [attend(q, k, v) for _ in range(3)]
    assert (outs[0] != outs[2]).any()
    for call, out in zip(calls[""], outs, strict=True):
        assert_close(call.rows(range(Q)) @ v, out)
    with watch(attend) as maps:
        out = attend(q, k, v)
    assert_close(maps[""][0] @ v, out)


def test_recalling_builds_nothing_of_queries_times_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr("foveal.attention.recalling._BLOCK", 16)
    attend = MultiHead(12, 3, mechanism="additive", position="relative")
    x = torch.randn(1, 50, 12)
    with recall(attend) as calls:
        attend(x)
    call = calls["mechanism"][0]
    with watch(attend) as maps:
        attend(x)
    largest: list[int] = []
    score = type(call.mechanism).score

    def measured(self: nn.Module, q: Tensor, k: Tensor) -> Tensor:
        found: Tensor = score(self, q, k)
        largest.append(found.shape[-2] * found.shape[-1])
        return found

    monkeypatch.setattr(type(call.mechanism), "score", measured)
    found = call.rows([7], keys=[3, 40])
    assert_close(found, maps["mechanism"][0][..., 7:8, [3, 40]])
    assert max(largest) == 16
    asked = len(largest)
    call.rows([7], keys=[3, 40])
    assert largest[asked:] == [2]  # the log-sum-exp is stored
