"""The law of pyramid fusion: shares of the levels sum to one, and forward takes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from plain import assert_same_in_value_and_gradient, exported, values
from torch import Tensor, nn
from torch.testing import assert_close

from foveal.attention.pyramid import FUSIONS, Fusion, ScaleGates, TaskScale, enlarge


def levels(channels: int) -> list[torch.Tensor]:
    return [torch.randn(2, channels, 24 // 2**i, 16 // 2**i) for i in range(3)]


@pytest.mark.parametrize("name", FUSIONS)
def test_a_fusion_shares_out_one(name: str) -> None:
    torch.manual_seed(0)
    fuse, maps = FUSIONS[name](6, levels=3), levels(6)
    share = fuse.weights(maps)
    assert share.shape == (2, 3, 24, 16)
    assert share.min() >= 0
    assert_close(share.sum(1), torch.ones(2, 24, 16))
    plain = sum(share[:, i : i + 1] * x for i, x in enumerate(enlarge(maps)))
    assert_close(fuse(maps), plain)
    assert_close(Fusion.forward(fuse, maps), plain)


def test_pyramid_attention_depends_on_place_and_scale() -> None:
    torch.manual_seed(0)
    share = FUSIONS["pyramid"](6, levels=3).weights(levels(6))
    assert share.std(dim=(2, 3)).min() > 1e-3


def scored(p: dict[str, np.ndarray], maps: list[np.ndarray]) -> np.ndarray:
    """s_l(x_l), each repeated to the finest grid: "l h w"."""
    grown = []
    for i, x in enumerate(maps):
        hidden = np.maximum(np.einsum("oc,chw->ohw", p[f"score.{i}.0.weight"][:, :, 0, 0], x)
                            + p[f"score.{i}.0.bias"][:, None, None], 0)  # fmt: skip
        score = np.einsum("c,chw->hw", p[f"score.{i}.2.weight"][0, :, 0, 0], hidden)
        grown.append(np.kron(score + p[f"score.{i}.2.bias"][0], np.ones((2**i, 2**i))))
    return np.stack(grown)


def softmax(x: np.ndarray) -> np.ndarray:
    raised = np.exp(x - x.max(0))
    return raised / raised.sum(0)


def sparsemax(x: np.ndarray) -> np.ndarray:
    low, high = x.max(0) - 1, x.max(0)
    for _ in range(60):
        middle = (low + high) / 2
        over = np.maximum(x - middle, 0).sum(0) > 1
        low, high = np.where(over, middle, low), np.where(over, high, middle)
    return np.maximum(x - low, 0)


def content(p: dict[str, np.ndarray], maps: list[np.ndarray]) -> np.ndarray:
    means = np.concatenate([x.mean((1, 2)) for x in maps])
    hidden = np.maximum(p["narrow.weight"] @ means + p["narrow.bias"], 0)
    return softmax(p["judge.weight"] @ hidden + p["judge.bias"])[:, None, None]


FUSION_FORMS = {
    "sum": lambda p, maps: np.full((3, 1, 1), 1 / 3),  # noqa: ARG005
    "pyramid": lambda p, maps: softmax(scored(p, maps)),
    "dynamic": lambda p, maps: sparsemax(scored(p, maps)),
    "content": content,
    "task": lambda p, maps: softmax(p["tasks"][0])[:, None, None],  # noqa: ARG005
}


def fusion_of(name: str) -> Fusion:
    torch.manual_seed(1)
    fuse = FUSIONS[name](6, levels=3).double()
    for parameter in fuse.parameters():
        nn.init.normal_(parameter)
    return fuse


@pytest.mark.parametrize("name", FUSIONS)
def test_a_fusion_is_what_its_formula_says(name: str) -> None:
    fuse, maps = fusion_of(name), [x.double() for x in levels(6)]
    share, fused = fuse.weights(maps).detach(), fuse(maps).detach().numpy()
    for b in range(2):
        one = [x[b].numpy() for x in maps]
        expected = np.broadcast_to(FUSION_FORMS[name](values(fuse), one), share[b].shape)
        np.testing.assert_allclose(share[b].numpy(), expected, atol=1e-9)
        grown = np.stack([np.kron(x, np.ones((1, 2**i, 2**i))) for i, x in enumerate(one)])
        np.testing.assert_allclose(fused[b], (expected[:, None] * grown).sum(0), atol=1e-7)


@pytest.mark.parametrize("name", FUSIONS)
def test_a_fusion_forward_is_its_weights_in_gradient(name: str) -> None:
    fuse = fusion_of(name)
    maps = [x.double().requires_grad_() for x in levels(6)]
    leaves = [*maps, *fuse.parameters()]
    assert_same_in_value_and_gradient(leaves, lambda *_: fuse(maps), lambda *_: Fusion.forward(fuse, maps))


@pytest.mark.parametrize("name", FUSIONS)
def test_a_fusion_exports_for_any_page(name: str) -> None:
    class Listed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fuse = fusion_of(name).float()

        def forward(self, x: Tensor) -> Tensor:
            half = nn.functional.avg_pool2d(x, 2)
            fused: Tensor = self.fuse([x, half, nn.functional.avg_pool2d(half, 2)])
            return fused

    model = Listed().eval()
    run = exported(model, [torch.randn(2, 6, 20, 12)], [(0, 2, 3)])
    for x in (torch.randn(2, 6, 20, 12), torch.randn(1, 6, 8, 28)):
        assert_close(run(x)[0], model(x), atol=1e-5, rtol=1e-5)


def test_dynamic_choice_leaves_levels_out() -> None:
    share = fusion_of("dynamic").weights([x.double() for x in levels(6)])
    nothing = (share == 0).double().mean()
    assert nothing > 0.3
    assert_close(share.sum(1), torch.ones(2, 24, 16, dtype=torch.float64))


def test_the_content_of_a_map_decides_for_it_alone() -> None:
    fuse, maps = fusion_of("content"), [x.double() for x in levels(6)]
    share = fuse.weights(maps)
    assert (share[0, :, 0, 0] != share[1, :, 0, 0]).any()
    assert_close(fuse.weights([x[1:] for x in maps]), share[1:])


def test_each_task_has_its_scales() -> None:
    torch.manual_seed(0)
    fuse, maps = TaskScale(6, levels=3, tasks=4), levels(6)
    nn.init.normal_(fuse.tasks)
    both = fuse(maps, torch.tensor([3, 1]))
    assert_close(both[0], fuse(maps, 3)[0])
    assert_close(both[1], fuse(maps, 1)[1])
    assert (fuse(maps, 3) != fuse(maps, 1)).any()
    assert_close(fuse.weights(maps, torch.tensor([3, 1]))[:, :, 0, 0], fuse.tasks[[3, 1]].softmax(-1))
    (slope,) = torch.autograd.grad(fuse(maps, 2).square().sum(), fuse.tasks)
    assert (slope[2] != 0).any()
    assert (slope[[0, 1, 3]] == 0).all()


@pytest.mark.parametrize("gate", ["spatial", {"name": "channel", "reduction": 2}])
def test_every_scale_has_its_own_gate(gate: str | dict[str, object]) -> None:
    torch.manual_seed(0)
    gates, maps = ScaleGates(6, levels=3, gate=gate), levels(6)
    kept = gates.weights(maps)
    for out, weight, x in zip(gates(maps), kept, maps, strict=True):
        assert_close(out, weight * x)
        assert weight.min() >= 0
        assert weight.max() <= 1
    same = [maps[0]] * 3
    first, second, _ = gates.weights(same)
    assert (first != second).any()
