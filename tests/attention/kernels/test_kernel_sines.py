"""The approximate additive attention is its series, and the series is near tanh as far as it says."""

import math

import pytest
import torch
from held import distance, distances, masks, softmax_over
from test_kernel_pairwise import B, H, K, Q, inputs
from torch import Tensor

from foveal.attention.kernels import sines
from foveal.attention.kernels.sines import LEAST, additive_by_sines, residue

MASKS = masks((B, H), Q, K)


def series(x: Tensor, length: Tensor, terms: int) -> Tensor:
    """Σ c_r sin(ω_r x), term by term."""
    total = torch.zeros_like(x)
    for r in range(1, terms + 1):
        omega = (2 * r - 1) * math.pi / (2 * length)
        total = total + (math.pi / length) / torch.sinh(math.pi * omega / 2) * torch.sin(omega * x)
    return total


def formula(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, mask: Tensor | None = None, *, terms: int = 8
) -> Tensor:
    length = (q.abs().amax(-2) + k.abs().amax(-2)).clamp(min=LEAST).detach()[..., None, None, :]
    waves = series(q.unsqueeze(-2) + k.unsqueeze(-3), length, terms)
    return softmax_over((waves * w[..., None, None, :]).sum(-1), mask) @ v


@pytest.mark.parametrize("kind", MASKS)
def test_equals_its_series(kind: str, device: torch.device) -> None:
    mask = MASKS[kind]
    options = {} if mask is None else {"mask": mask.to(device)}
    apart = distances(additive_by_sines, formula, inputs(device, scale=2.0), **options)
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("terms", [1, 5])
def test_groups_in_parts_equal_all_at_once(
    terms: int, monkeypatch: pytest.MonkeyPatch, device: torch.device
) -> None:
    monkeypatch.setattr(sines, "SCRATCH", 1)
    apart = distances(additive_by_sines, formula, inputs(device), terms=terms)
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("reach", [0.5, 4.0, 8.0, 30.0])
@pytest.mark.parametrize("terms", [4, 8, 16])
def test_the_series_is_as_near_to_tanh_as_it_says(reach: float, terms: int) -> None:
    x = torch.linspace(-reach, reach, 4001, dtype=torch.float64)
    apart = (series(x, torch.tensor(max(reach, LEAST), dtype=torch.float64), terms) - x.tanh()).abs().max()
    assert apart <= residue(reach, terms)
    assert residue(reach, terms) < 50 * apart + 1e-9  # and the bound is not idle


def test_more_terms_come_nearer_to_additive_attention(device: torch.device) -> None:
    q, k, v, w = inputs(device, scale=2.0)
    exact = softmax_over((torch.tanh(q.unsqueeze(-2) + k.unsqueeze(-3)) @ w), None) @ v
    apart = [distance(additive_by_sines(q, k, v, w, terms=terms), exact) for terms in (2, 4, 8, 16)]
    assert apart == sorted(apart, reverse=True)
    assert apart[2] < 5e-3
    assert apart[3] < 1e-4


def test_half_precision_is_as_near_as_its_rounding(device: torch.device) -> None:
    given = [x.bfloat16() for x in inputs(device)]
    apart = distances(additive_by_sines, formula, given, mask=MASKS["pairs"].to(device))
    assert all(d < 4e-2 for d in apart), apart


def test_a_query_that_may_look_nowhere_gives_zeros(device: torch.device) -> None:
    given = [x.requires_grad_() for x in inputs(device)]
    out = additive_by_sines(*given, MASKS["pairs"].to(device))
    out.sum().backward()
    assert (out[0, :, 2] == 0).all()
    assert all(x.grad.isfinite().all() for x in given)
