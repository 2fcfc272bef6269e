"""Normalisers: exact against bisection and torch, forward and backward, with masks and empty rows."""

from __future__ import annotations

import numpy as np
import numpy_forms
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from foveal.attention import NORMALISERS, build

every = pytest.mark.parametrize("name", NORMALISERS)


def rows(seed: int = 0, *, size: float = 3.0) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    score = torch.randn(3, 5, 11, dtype=torch.float64) * size
    mask = torch.rand(3, 5, 11) > 0.4
    mask[1, 2] = False
    return score.requires_grad_(), mask


@every
@pytest.mark.parametrize("size", [0.1, 3.0, 200.0])
def test_it_is_its_formula(name: str, size: float) -> None:
    score, mask = rows(size=size)
    expected = numpy_forms.NORMALISERS[name](score.detach().numpy(), mask.numpy())
    np.testing.assert_allclose(build(NORMALISERS, name)(score, mask).detach().numpy(), expected, atol=1e-9)


@every
@pytest.mark.parametrize("masked", [False, True])
def test_its_gradient_is_that_of_its_values(name: str, masked: bool) -> None:
    score, mask = rows()
    normaliser = build(NORMALISERS, name)
    assert torch.autograd.gradcheck(lambda s: normaliser(s, mask if masked else None), score)


def test_the_gradient_of_sparsemax_is_that_of_the_paper() -> None:
    score, mask = rows()
    weights = build(NORMALISERS, "sparsemax")(score, mask)
    g = torch.randn_like(weights)
    (slope,) = torch.autograd.grad((weights * g).sum(), score)
    support = (weights > 0).double()
    mean = (g * support).sum(-1, keepdim=True) / support.sum(-1, keepdim=True).clamp(min=1)
    assert_close(slope, support * (g - mean))


def test_the_gradient_of_entmax_is_that_of_the_paper() -> None:
    score, mask = rows()
    weights = build(NORMALISERS, "entmax15")(score, mask)
    g = torch.randn_like(weights)
    (slope,) = torch.autograd.grad((weights * g).sum(), score)
    root = weights.sqrt()
    mean = (g * root).sum(-1, keepdim=True) / root.sum(-1, keepdim=True).clamp(min=1e-12)
    assert_close(slope, root * (g - mean))


@every
def test_an_empty_row_is_zero_with_zero_gradient(name: str) -> None:
    score, mask = rows()
    weights = build(NORMALISERS, name)(score, mask)
    assert (weights[1, 2] == 0).all()
    assert (weights[~mask] == 0).all()
    (slope,) = torch.autograd.grad(weights.square().sum(), score)
    assert slope.isfinite().all()
    assert (slope[~mask] == 0).all()


@every
def test_equal_scores_share_alike(name: str) -> None:
    weights = build(NORMALISERS, name)(torch.tensor([[2.0, 2.0, -9.0, 2.0]]))
    assert_close(weights[0, :1].expand(2), weights[0, [1, 3]])
    assert weights[0, 2] < 2e-4


@every
def test_huge_scores_spoil_no_sum(name: str) -> None:
    score = torch.tensor([[1e30, 0.0, 1e30, -1e30]])
    weights = build(NORMALISERS, name)(score, torch.tensor([True, True, True, False]))
    if build(NORMALISERS, name).shares:
        assert_close(weights, torch.tensor([[0.5, 0.0, 0.5, 0.0]]))


@pytest.mark.parametrize("name", [name for name, kind in NORMALISERS.items() if kind.shares])
@pytest.mark.parametrize("by", [-3e4, 3e4, -1e9])
def test_only_differences_of_scores_count(name: str, by: float) -> None:
    score, mask = rows()
    normaliser = build(NORMALISERS, name)
    assert_close(normaliser(score + by, mask), normaliser(score, mask), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(("name", "zeros"), [("softmax", 0), ("entmax15", 2), ("sparsemax", 3)])
def test_entmax_stands_between_softmax_and_sparsemax(name: str, zeros: int) -> None:
    weights = build(NORMALISERS, name)(torch.tensor([3.0, 2.6, 1.7, 0.9, 0.0]))
    assert int((weights == 0).sum()) == zeros
    assert (weights.diff() <= 0).all()


@every
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=9), st.data())
@settings(max_examples=60, deadline=None)
def test_any_row(name: str, scores: list[float], data: st.DataObject) -> None:
    normaliser = build(NORMALISERS, name)
    mask = torch.tensor(data.draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores))))
    weights = normaliser(torch.tensor(scores), mask)
    assert (weights >= 0).all()
    assert (weights[~mask] == 0).all()
    if normaliser.shares:
        assert_close(weights.sum(), mask.any().float(), atol=2e-5, rtol=0)


def test_a_shift_lets_sigmoid_rows_start_near_one() -> None:
    row = torch.zeros(1, 64)
    weights = build(NORMALISERS, {"name": "sigmoid", "shift": -4.158883})(row)  # −log 64
    assert_close(weights.sum(), torch.tensor(64 / 65))
