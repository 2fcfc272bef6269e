"""The mixed gate in Triton is the mixed gate, in values and in gradients."""

import copy

import pytest
import torch
from held import distance
from torch import Tensor

from foveal.attention import kernels, route
from foveal.attention.gates import MixedGate
from foveal.attention.kernels.gate import mixed

B, C, H, W = 2, 11, 5, 7


@pytest.fixture(autouse=True)
def exact_convolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU the judge's convolutions are otherwise made of numbers of 10 bits."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def slopes(out: Tensor, x: Tensor, gate: MixedGate) -> list[Tensor]:
    given = torch.randn(out.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    return [out, *torch.autograd.grad(out, [x, *gate.parameters()], given.to(out))]


def apart(x: Tensor, mask: Tensor | None, device: torch.device) -> list[float]:
    """Distances of the result and of all gradients from the plain gate's in float64."""
    torch.manual_seed(0)
    exact = MixedGate(x.shape[1]).double()
    gate = copy.deepcopy(exact).to(device, x.dtype)
    own, other = x.to(device).requires_grad_(), x.double().requires_grad_()
    found = slopes(mixed(own, gate.judge, None if mask is None else mask.to(device)), own, gate)
    expected = slopes(exact(other, mask), other, exact)
    return [distance(one, two) for one, two in zip(found, expected, strict=True)]


def map_(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


MASKS = {
    "none": None,
    "padding": (torch.arange(W) < torch.tensor([[W], [W - 3]]))[:, None, None],
    "places": torch.rand(B, 1, H, W, generator=torch.Generator().manual_seed(2)) > 0.4,
    "empty": torch.tensor([True, False])[:, None, None, None],
}


@pytest.mark.parametrize("kind", MASKS)
def test_equals_the_gate_under_every_mask(kind: str, device: torch.device) -> None:
    assert all(d < 1e-5 for d in apart(map_(B, C, H, W), MASKS[kind], device))


def test_equals_the_gate_across_blocks(device: torch.device) -> None:
    assert all(d < 1e-5 for d in apart(map_(1, 300, 9, 40), None, device))


def test_channels_that_share_the_maximum_share_its_slope(device: torch.device) -> None:
    x = map_(B, C, H, W).round()  # whole numbers: many ties
    assert all(d < 1e-5 for d in apart(x, MASKS["places"], device))


def test_the_gate_takes_it_when_routed_there(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    gate, x, loaded, load = MixedGate(C).to(device), map_(B, C, H, W).to(device), [], kernels.load
    monkeypatch.setattr(kernels, "load", lambda asked: loaded.append(asked) or load(asked))
    with route("plain"):
        expected = gate(x)
    assert loaded == []
    with route("kernel"):
        torch.testing.assert_close(gate(x), expected)
    assert loaded == ["mixed"]


def test_half_precision_is_as_near_as_its_rounding(device: torch.device) -> None:
    x = map_(B, C, H, W).bfloat16()
    assert all(d < 4e-2 for d in apart(x, None, device))
