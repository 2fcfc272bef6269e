"""Linear attention: sums equal the effective weights, features are what they estimate, and cost is linear."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import Largest, assert_same_in_value_and_gradient, exported, tensors
from torch import Tensor
from torch.testing import assert_close

from foveal.attention.linear import (
    CHUNK,
    Elu,
    FourierFeatures,
    LinearAttention,
    RandomFeatures,
    Relu,
    causal_sum,
    orthogonal,
)
from foveal.attention.scores import ScaledDot
from foveal.errors import ConfigError

KINDS: dict[str, Callable[..., LinearAttention]] = {
    "elu": Elu,
    "relu": Relu,
    "random features": lambda **options: RandomFeatures(11, features=19, **options),
    "fourier features": lambda **options: FourierFeatures(11, features=64, **options),
}
every = pytest.mark.parametrize("kind", KINDS)
both = pytest.mark.parametrize("causal", [False, True])


@every
@both
@settings(max_examples=15, deadline=None)
@given(
    queries=st.integers(1, 2 * CHUNK + 5),
    keys=st.integers(1, 2 * CHUNK + 5),
    mask_shape=st.sampled_from([None, "q k", "1 k", "q 1", "1 1"]),
    seed=st.integers(0, 1000),
)
def test_the_sums_are_the_effective_weights(
    kind: str, causal: bool, queries: int, keys: int, mask_shape: str | None, seed: int
) -> None:
    attend = KINDS[kind](causal=causal).double()
    leaves = tensors((2, 3, queries, 11), (2, 3, keys, 11), (2, 3, keys, 13), seed=seed)
    leaves = [(x.detach() * 0.3).requires_grad_() for x in leaves]  # short, for the Fourier features' sake
    mask = None
    if mask_shape is not None:
        size = [{"q": queries, "k": keys}.get(axis, 1) for axis in mask_shape.split()]
        mask = torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(seed)) > 0.5
    assert_same_in_value_and_gradient(
        leaves,
        lambda q, k, v: attend(q, k, v, mask),
        lambda q, k, v: attend.weights(q, k, mask) @ v,
    )
    some = torch.tensor([queries - 1, 0])
    q, k, _ = leaves
    assert_close(attend.rows(q, k, some, mask), attend.weights(q, k, mask)[..., some, :])


@every
@both
def test_a_mask_of_keys_is_the_same_as_leaving_them_out(kind: str, causal: bool) -> None:
    attend = KINDS[kind](causal=causal)
    q, k, v = (x.detach() * 0.3 for x in tensors((2, 23, 11), (2, 29, 11), (2, 29, 13), dtype=torch.float32))
    mask = torch.ones(2, 1, 29, dtype=torch.bool)
    mask[..., 19:] = False
    short = attend(q, k[:, :19], v[:, :19])
    k[:, 19:], v[:, 19:] = 50.0, 1e4  # what is left out is large
    assert_close(attend(q, k, v, mask), short, atol=1e-4, rtol=1e-4)
    mask[1] = False
    assert (attend(q, k, v, mask)[1] == 0).all()


@every
def test_causal_sees_no_later_key(kind: str) -> None:
    attend = KINDS[kind](causal=True).double()
    q, k, v = (x.detach() * 0.3 for x in tensors((2, 131, 11), (2, 131, 11), (2, 131, 13)))
    early = attend(q, k, v)[:, :70]
    assert_close(early, attend(q[:, :70], k[:, :70], v[:, :70]))
    assert (attend.weights(q, k).triu(1) == 0).all()


def test_the_causal_sum_is_the_masked_product() -> None:
    phi_q, phi_k, v = tensors((3, 150, 5), (3, 140, 5), (3, 140, 7))
    assert_same_in_value_and_gradient(
        [phi_q, phi_k, v], causal_sum, lambda a, b, c: (a @ b.transpose(-1, -2)).tril() @ c
    )


@pytest.mark.parametrize("kind", [RandomFeatures, FourierFeatures])
def test_many_random_features_are_softmax_attention(kind: type[RandomFeatures | FourierFeatures]) -> None:
    q, k = (x.detach() * 0.4 for x in tensors((1, 23, 16), (1, 29, 16)))
    exact = ScaledDot().weights(q, k)

    def error(features: int) -> float:
        draws = [kind(16, features=features, seed=seed).double() for seed in range(8)]
        return max(float((attend.weights(q, k) - exact).abs().max()) for attend in draws)

    few, many = error(64), error(4096)
    assert many < 0.01
    assert many < 0.35 * few  # 1/√64 of the variance would be 0.125


def test_random_features_are_unbiased() -> None:
    """The mean of φ(q)ᵀφ(k) over draws is exp(qᵀk / √d)."""
    q, k = (x.detach() * 0.3 for x in tensors((6, 8), (7, 8)))
    exact = (q @ k.T / 8**0.5).exp()
    draws = []
    for seed in range(400):
        attend = RandomFeatures(8, features=16, seed=seed).double()
        log_q, log_k = attend.logarithms(q, k)
        scale = (attend.project(q)[1]).exp() * 16  # the factor that `logarithms` leaves out
        draws.append(log_q.exp() @ log_k.exp().T / scale)
    assert_close(torch.stack(draws).mean(0), exact, rtol=0.05, atol=0)


def test_projections_stand_at_right_angles_by_groups() -> None:
    omega = orthogonal(25, 11, seed=3).double()
    assert omega.shape == (25, 11)
    for group in omega.split(11):
        products = group @ group.T
        assert_close(products, products.diagonal().diag(), atol=1e-5, rtol=0)
    lengths = orthogonal(11 * 400, 11, seed=0).square().sum(1)
    assert abs(float(lengths.mean()) - 11) < 0.3  # χ² of 11 degrees
    assert abs(float(lengths.var()) - 22) < 2.5
    assert (orthogonal(25, 11, seed=4) != orthogonal(25, 11, seed=3)).any()


@pytest.mark.parametrize("causal", [False, True])
def test_large_queries_and_keys_stay_finite(causal: bool) -> None:
    for kind in ("elu", "relu", "random features"):
        attend = KINDS[kind](causal=causal)
        leaves = tensors((2, 70, 11), (2, 70, 11), (2, 70, 13), dtype=torch.float32)
        out = attend(leaves[0] * 50, leaves[1] * 50, leaves[2])
        slopes = torch.autograd.grad(out.sum(), leaves)
        assert all(x.isfinite().all() for x in (out, *slopes))


def test_random_features_agree_with_their_weights_where_exponents_are_huge() -> None:
    attend = RandomFeatures(11, features=32)
    q, k, v = (x.detach() for x in tensors((2, 9, 11), (2, 9, 11), (2, 9, 13), dtype=torch.float32))
    assert_close(attend(q * 8, k * 8, v), attend.weights(q * 8, k * 8) @ v, atol=1e-3, rtol=1e-3)
    assert_close(attend.weights(q * 8, k * 8).sum(-1), torch.ones(2, 9))


@every
@both
def test_half_precision_stays_near(kind: str, causal: bool) -> None:
    attend = KINDS[kind](causal=causal)
    leaves = [x.detach() * 0.5 for x in tensors((2, 70, 11), (2, 70, 11), (2, 70, 13), dtype=torch.float32)]
    for dtype in (torch.bfloat16, torch.float16):
        low = [x.to(dtype) for x in leaves]
        out = attend(*low)
        assert out.dtype == dtype
        assert_close(out.float(), attend(*(x.float() for x in low)), atol=0.05, rtol=0.05)


@every
@both
def test_cost_grows_with_the_length_not_its_square(kind: str, causal: bool) -> None:
    largest = []
    for places in (1024, 4096):
        leaves = tensors((1, places, 11), (1, places, 11), (1, places, 4), dtype=torch.float32)
        with Largest() as seen:
            KINDS[kind](causal=causal)(*leaves, torch.rand(1, 1, places) > 0.5).sum().backward()
        largest.append(seen.values)
    assert largest[0] <= 1024 * 128
    assert largest[1] <= 4 * largest[0]


@pytest.mark.parametrize("kind", ["elu", "random features"])
def test_a_causal_graph_reads_any_length(kind: str) -> None:
    attend = KINDS[kind](causal=True)

    def inputs(batch: int, queries: int, keys: int) -> list[Tensor]:
        shapes = ((batch, queries, 11), (batch, keys, 11), (batch, keys, 13))
        mask = torch.rand(batch, 1, keys, generator=torch.Generator().manual_seed(keys)) > 0.3
        return [*(x.detach() * 0.3 for x in tensors(*shapes, dtype=torch.float32)), mask]

    run = exported(attend, inputs(2, 37, 41), [(0, 1), (0, 1), (0, 1), (0, 2)])
    for size in ((2, 37, 41), (3, 131, 150), (1, 5, 7)):
        assert_close(run(*inputs(*size))[0], attend(*inputs(*size)), atol=1e-4, rtol=1e-4)


@every
def test_a_bias_is_refused_on_every_route(kind: str) -> None:
    attend, bias = KINDS[kind](), torch.zeros(5, 5)
    q, k, v = tensors((5, 11), (5, 11), (5, 13), dtype=torch.float32)
    for call in (
        lambda: attend(q, k, v, None, bias),
        lambda: attend.weights(q, k, None, bias),
        lambda: attend.rows(q, k, torch.tensor([0]), None, bias),
    ):
        with pytest.raises(ConfigError, match="bias"):
            call()
