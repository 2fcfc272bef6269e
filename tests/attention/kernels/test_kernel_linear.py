"""Linear attention in Triton is its formula, in values and in gradients."""

from collections.abc import Callable

import pytest
import torch
from held import distances
from torch import Tensor

from foveal.attention import kernels

B, H, Q, K, D, DV = 2, 3, 5, 7, 11, 13
PLAIN = {"elu": lambda x: torch.nn.functional.elu(x) + 1, "relu": lambda x: torch.relu(x) + 1e-6}

FEATURES = PLAIN | {f"{name}_causal": phi for name, phi in PLAIN.items()}


def formula(name: str) -> Callable[..., Tensor]:
    def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        likeness = FEATURES[name](q) @ FEATURES[name](k).mT
        if name.endswith("causal"):
            likeness = likeness.tril()
        if mask is not None:
            likeness = likeness * mask
        return likeness / likeness.sum(-1, keepdim=True).clamp(min=1e-300) @ v

    return attend


def inputs(device: torch.device, sizes: tuple[int, ...] = (B, H, Q, K, D, DV)) -> list[Tensor]:
    b, h, q, k, d, dv = sizes
    draw = torch.Generator().manual_seed(0)
    shapes = (b, h, q, d), (b, h, k, d), (b, h, k, dv)
    return [torch.randn(shape, generator=draw).to(device) for shape in shapes]


MASKS = {
    "none": None,
    "padding": (torch.arange(K) < torch.tensor([[K], [K - 3]]))[:, None, None],
    "heads": torch.rand(B, H, 1, K, generator=torch.Generator().manual_seed(3)) > 0.4,
    "common": torch.arange(K) % 2 == 0,
    "one empty": torch.tensor([True, False])[:, None, None, None],
}


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("kind", MASKS)
def test_equals_the_formula_under_every_mask(name: str, kind: str, device: torch.device) -> None:
    mask = MASKS[kind]
    options = {} if mask is None else {"mask": mask.to(device)}
    apart = distances(kernels.load(name), formula(name), inputs(device), **options)
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("sizes", [(1, 1, 200, 130, 5, 20), (1, 2, 3, 300, 20, 3), (1, 1, 70, 2, 33, 33)])
def test_equals_the_formula_across_tiles_and_splits(
    name: str, sizes: tuple[int, ...], device: torch.device
) -> None:
    apart = distances(kernels.load(name), formula(name), inputs(device, sizes))
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("name", PLAIN)
def test_one_program_may_sum_several_tiles(
    name: str, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    from foveal.attention.kernels import linear

    monkeypatch.setattr(linear, "PROGRAMS", 2)
    apart = distances(kernels.load(name), formula(name), inputs(device, (1, 1, 200, 300, 4, 3)))
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("kind", MASKS)
def test_one_program_may_do_all_of_a_group(
    name: str, kind: str, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    from foveal.attention.kernels import linear

    monkeypatch.setattr(linear, "MANY", 1)
    mask = MASKS[kind]
    options = {} if mask is None else {"mask": mask.to(device)}
    apart = distances(kernels.load(name), formula(name), inputs(device), **options)
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("name", PLAIN)
def test_one_program_may_do_all_of_a_group_of_many_tiles(
    name: str, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    from foveal.attention.kernels import linear

    monkeypatch.setattr(linear, "MANY", 1)
    apart = distances(kernels.load(name), formula(name), inputs(device, (1, 2, 70, 130, 5, 20)))
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("name", FEATURES)
def test_half_precision_is_as_near_as_its_rounding(name: str, device: torch.device) -> None:
    given = [x.bfloat16() for x in inputs(device)]
    apart = distances(kernels.load(name), formula(name), given)
    assert all(d < 4e-2 for d in apart), apart
