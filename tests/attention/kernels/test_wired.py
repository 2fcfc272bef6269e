"""A mechanism that has a kernel takes it when routed there, and gives what it gives by the plain route."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from foveal.attention import MECHANISMS, Attention, build, kernels
from foveal.attention.routes import route

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in exp2:RuntimeWarning")  # inf is meant

CASES: list[tuple[str, dict[str, Any], bool]] = [
    ("additive", {"name": "additive", "hidden": 19}, False),
    ("mlp", {"name": "mlp"}, False),
    ("additive_by_sines", {"name": "additive_by_sines", "terms": 5}, False),
    ("additive", {"name": "additive"}, True),
    ("mlp", {"name": "mlp"}, True),
    ("biased", {"name": "scaled_dot"}, True),
    ("biased", {"name": "dot"}, True),
    ("random", {"name": "random", "keys": 3, "block": 2}, False),
    ("random", {"name": "structured", "window": 1, "anchors": 1, "keys": 2, "block": 2}, False),
    ("local", {"name": "local", "window": 2}, False),
]


def results(attend: Attention, device: torch.device, *, biased: bool) -> list[torch.Tensor]:
    torch.manual_seed(1)
    leaves = [torch.randn(2, 3, n, d, device=device).requires_grad_() for n, d in ((5, 11), (7, 11), (7, 13))]
    bias = [torch.randn(1, 3, 5, 7, device=device).requires_grad_()] if biased else []
    mask = torch.rand(2, 1, 5, 7, device=device) > 0.4
    mask[0, 0, 2] = False
    out = attend(*leaves, mask, *bias)
    return [out, *torch.autograd.grad(out.square().sum(), [*leaves, *bias, *attend.parameters()])]


@pytest.mark.parametrize(("name", "spec", "biased"), CASES)
def test_a_mechanism_takes_its_kernel(
    name: str, spec: dict[str, Any], biased: bool, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    attend, loaded, load = build(MECHANISMS, spec, q_dim=11, k_dim=11).to(device), [], kernels.load
    monkeypatch.setattr(kernels, "load", lambda asked: loaded.append(asked) or load(asked))
    with route("plain"):
        expected = results(attend, device, biased=biased)
    assert loaded == []
    with route("kernel"):
        found = results(attend, device, biased=biased)
    assert loaded == [name]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=2e-4)


def test_what_a_kernel_does_not_know_goes_plain(device: torch.device) -> None:
    q, k, v = (torch.randn(2, 5, 11, device=device) for _ in range(3))
    for spec in ({"name": "additive", "normaliser": "sparsemax"}, {"name": "mlp", "layers": 3}):
        attend = build(MECHANISMS, spec, q_dim=11, k_dim=11).to(device)
        with route("kernel"):
            torch.testing.assert_close(attend(q, k, v), attend.weights(q, k) @ v)
