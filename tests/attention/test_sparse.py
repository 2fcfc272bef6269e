"""Sparse mechanisms: the pattern is the formula's, and the fast route equals the masked definition."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import Largest, assert_same_in_value_and_gradient, numpy_weights, tensors
from torch import Tensor
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint

from foveal.attention.sampled import Random, RandomDynamic, Structured, drawn
from foveal.attention.sparse import Chunked, Local, Local2D, Sparse
from foveal.errors import ConfigError

MECHANISMS: dict[str, Callable[[], Sparse]] = {
    "local": lambda: Local(window=3),
    "local, itself only": lambda: Local(window=0),
    "local, wider than the line": lambda: Local(window=200),
    "local 2-D": lambda: Local2D(inner=4, window=(2, 1)),
    "local 2-D, one row": lambda: Local2D(inner=7, window=(0, 5)),
    "local 2-D, a map narrower than its window": lambda: Local2D(inner=2, window=(3, 9)),
    "chunked": lambda: Chunked(size=5),
    "chunked, one chunk": lambda: Chunked(size=500),
    "random": lambda: Random(keys=3, block=4),
    "random, by query": lambda: Random(keys=3, block=1),
    "random, all keys": lambda: Random(keys=500),
    "dynamic": lambda: RandomDynamic(keys=3).eval(),
    "structured": lambda: Structured(window=2, anchors=3, keys=2, block=4),
    "structured, random only": lambda: Structured(window=0, anchors=0, keys=1, block=4),
    "structured, all anchors": lambda: Structured(anchors=500),
}


def local_2d(inner: int, outer_window: int, inner_window: int) -> Callable[[int, int], bool]:
    def near(i: int, j: int) -> bool:
        (row, column), (other_row, other_column) = divmod(i, inner), divmod(j, inner)
        return abs(row - other_row) <= outer_window and abs(column - other_column) <= inner_window

    return near


@pytest.mark.parametrize(
    ("mechanism", "near"),
    [
        (Local(window=3), lambda i, j: abs(i - j) <= 3),
        (Local(window=0), lambda i, j: i == j),
        (Local2D(inner=4, window=(2, 1)), local_2d(4, 2, 1)),
        (Local2D(inner=3, window=(0, 1)), local_2d(3, 0, 1)),
        (Chunked(size=5), lambda i, j: i // 5 == j // 5),
    ],
)
@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (23, 29), (41, 13)])
@pytest.mark.parametrize("masked", [False, True])
def test_both_routes_equal_numpy(
    mechanism: Sparse, near: Callable[[int, int], bool], queries: int, keys: int, masked: bool
) -> None:
    q, k, v = (x.detach() for x in tensors((queries, 11), (keys, 11), (keys, 13)))
    mask = torch.rand(queries, keys, generator=torch.Generator().manual_seed(1)) > 0.4 if masked else None
    weights = numpy_weights(q.numpy(), k.numpy(), near, None if mask is None else mask.numpy())
    assert_close(mechanism.weights(q, k, mask), torch.from_numpy(weights))
    assert_close(mechanism(q, k, v, mask), torch.from_numpy(weights @ v.numpy()))


@pytest.mark.parametrize("name", MECHANISMS)
@settings(max_examples=12, deadline=None)
@given(
    queries=st.integers(1, 61),
    keys=st.integers(1, 61),
    mask_shape=st.sampled_from([None, "q k", "1 k", "q 1"]),
    biased=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_the_fast_route_is_the_masked_definition(
    name: str, queries: int, keys: int, mask_shape: str | None, biased: bool, seed: int
) -> None:
    mechanism = MECHANISMS[name]()
    leaves = tensors((2, 3, queries, 11), (2, 3, keys, 11), (2, 3, keys, 13), (3, queries, keys), seed=seed)
    mask = None
    if mask_shape is not None:
        size = [{"q": queries, "k": keys}.get(axis, 1) for axis in mask_shape.split()]
        mask = torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(seed)) > 0.5

    def fast(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        return mechanism(q, k, v, mask, bias if biased else bias * 0)

    def plain(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        return mechanism.weights(q, k, mask, bias if biased else bias * 0) @ v

    assert_same_in_value_and_gradient(leaves, fast, plain)
    q, k, v, _ = (x.detach() for x in leaves)
    assert_close(mechanism(q, k, v, mask), mechanism.weights(q, k, mask) @ v)
    some = torch.tensor([queries - 1, 0])
    assert_close(mechanism.rows(q, k, some, mask), mechanism.weights(q, k, mask)[..., some, :])


@pytest.mark.parametrize(("queries", "keys"), [(20, 20), (20, 15), (15, 20), (18, 18)])
def test_whole_chunks_are_the_masked_definition(queries: int, keys: int) -> None:
    mechanism = Chunked(size=5)
    assert_same_in_value_and_gradient(
        tensors((2, 3, queries, 11), (2, 3, keys, 11), (2, 3, keys, 13)),
        mechanism,
        lambda q, k, v: mechanism.weights(q, k) @ v,
    )


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_query_that_may_look_nowhere_gives_zeros(name: str) -> None:
    q, k, v = tensors((2, 3, 23, 11), (2, 3, 29, 11), (2, 3, 29, 13))
    mask = torch.ones(2, 1, 23, 29, dtype=torch.bool)
    mask[:, :, 5] = False
    out = MECHANISMS[name]()(q, k, v, mask)
    out.sum().backward()
    assert (out[:, :, 5] == 0).all()
    assert all(x.grad is not None and x.grad.isfinite().all() for x in (q, k, v))
    assert q.grad is not None
    assert (q.grad[:, :, 5] == 0).all()


@pytest.mark.parametrize("name", MECHANISMS)
def test_half_precision_stays_near(name: str) -> None:
    mechanism = MECHANISMS[name]()
    q, k, v = (x.detach() for x in tensors((2, 3, 37, 11), (2, 3, 41, 11), (2, 3, 41, 13)))
    half = mechanism(*(x.bfloat16() for x in (q, k, v)))
    assert half.dtype == torch.bfloat16
    assert_close(half.double(), mechanism(q, k, v), atol=3e-2, rtol=3e-2)


@pytest.mark.parametrize(
    "mechanism",
    [
        Local(window=16),
        Local2D(inner=32, window=(3, 3)),
        Chunked(size=16),
        Random(keys=16),
        RandomDynamic(keys=16),
        Structured(window=8, anchors=2, keys=8),
    ],
)
def test_cost_grows_with_the_length_not_its_square(mechanism: Sparse) -> None:
    """Nothing of q × k values is made, forward or backward, and four times the length takes 4 × as much."""
    largest = []
    for places in (1024, 4096):
        q, k, v = tensors((1, places, 4), (1, places, 4), (1, places, 4), dtype=torch.float32)
        with Largest() as seen:
            mechanism(q, k, v).sum().backward()
        largest.append(seen.values)
    assert largest[0] < 1024 * 1024 / 4
    assert largest[1] < 4.5 * largest[0]


def test_a_key_mask_is_not_spread_over_queries() -> None:
    q, k, v = tensors((1, 2048, 4), (1, 2048, 4), (1, 2048, 4), dtype=torch.float32)
    with Largest() as seen:
        Local(window=8)(q, k, v, torch.rand(1, 1, 2048) > 0.5)
    assert seen.values < 2048 * 2048 / 8


@pytest.mark.parametrize(("count", "keys"), [(1, 1), (3, 7), (7, 7), (5, 3), (16, 1000)])
def test_keys_are_drawn_without_repeats_and_in_reach(count: int, keys: int) -> None:
    places = drawn(torch.tensor(3), torch.arange(50), count, keys)
    assert places.shape == (50, min(count, keys))
    assert (places.sort(dim=1).values.diff(dim=1) > 0).all()
    assert places.min() >= 0
    assert places.max() < keys


def test_every_key_is_drawn_about_equally_often() -> None:
    places = drawn(torch.tensor(0), torch.arange(20_000), 4, 10)
    share = torch.bincount(places.flatten(), minlength=10) / 20_000
    assert_close(share, torch.full((10,), 0.4), atol=0.015, rtol=0)  # 4 standard deviations
    assert (places[:-1].sort(1).values == places[1:].sort(1).values).all(1).float().mean() < 0.05


def test_each_query_of_random_sees_its_number_of_keys() -> None:
    allowed = Random(keys=5, block=4).pattern(torch.arange(23), 37)
    assert (allowed.sum(1) == 5).all()
    assert (allowed[:4] == allowed[0]).all()
    assert (allowed[4] != allowed[0]).any()


def test_structured_sees_near_global_and_drawn_keys() -> None:
    random = Random(keys=2, block=4, seed=7).pattern(torch.arange(23), 29)
    allowed = Structured(window=2, anchors=3, keys=2, block=4, seed=7).pattern(torch.arange(23), 29)
    for i in range(23):
        for j in range(29):
            assert allowed[i, j] == (abs(i - j) <= 2 or i < 3 or j < 3 or bool(random[i, j]))


def test_the_seed_decides() -> None:
    q, k, v = (x.detach() for x in tensors((1, 40, 8), (1, 40, 8), (1, 40, 8)))
    for kind in (Random, Structured):
        assert_close(kind(seed=5, keys=3)(q, k, v), kind(seed=5, keys=3)(q, k, v), atol=0, rtol=0)
        assert (kind(seed=5, keys=3)(q, k, v) != kind(seed=6, keys=3)(q, k, v)).any()


def test_dynamic_draws_anew_only_while_training_and_weights_show_the_last_draw() -> None:
    mechanism = RandomDynamic(keys=3)
    q, k, v = (x.detach() for x in tensors((1, 40, 8), (1, 40, 8), (1, 40, 8)))
    torch.manual_seed(0)
    outs = [mechanism(q, k, v) for _ in range(2)]
    assert (outs[0] != outs[1]).any()
    assert_close(outs[1], mechanism.weights(q, k) @ v)
    looked, weights = mechanism.look(q, k, v)
    assert (looked != outs[1]).any()
    assert_close(weights, mechanism.weights(q, k))
    torch.manual_seed(0)
    assert_close(mechanism(q, k, v), outs[0], atol=0, rtol=0)
    mechanism.eval()
    assert_close(mechanism(q, k, v), mechanism(q, k, v), atol=0, rtol=0)
    again = RandomDynamic(keys=3)
    again.load_state_dict(mechanism.state_dict())
    assert_close(again.eval()(q, k, v), mechanism(q, k, v), atol=0, rtol=0)


def test_checkpointing_sees_the_same_draw_twice() -> None:
    mechanism, leaves = RandomDynamic(keys=3), tensors((1, 40, 8), (1, 40, 8), (1, 40, 8))
    torch.manual_seed(0)
    expected = torch.autograd.grad(mechanism(*leaves).square().sum(), leaves)
    torch.manual_seed(0)
    out = checkpoint(mechanism, *leaves, use_reentrant=False)
    assert_close(torch.autograd.grad(out.square().sum(), leaves), expected)


@pytest.mark.parametrize("score", ["dot", "additive", {"name": "mlp", "hidden": 5}])
@pytest.mark.parametrize("kind", [Local, Chunked, Random, Structured])
def test_a_pattern_may_lie_over_any_score(kind: type[Sparse], score: str | dict[str, object]) -> None:
    torch.manual_seed(0)
    mechanism = kind(11, 11, score=score, normaliser="sparsemax").double()
    q, k, v = (x.detach() for x in tensors((2, 23, 11), (2, 29, 11), (2, 29, 13)))
    assert_close(mechanism(q, k, v), mechanism.weights(q, k) @ v)
    dense = mechanism.scorer.weights(q, k, mechanism.pattern(torch.arange(23), 29))
    assert_close(mechanism.weights(q, k), dense)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Local(window=-1), "window"),
        (lambda: Local2D(window=3), "window"),  # type: ignore[arg-type]
        (lambda: Local2D(window=(3, -1)), "window"),
        (lambda: Chunked(size=0), "size"),
        (lambda: Random(keys=0), "keys"),
        (lambda: Structured(block=0), "block"),
        (lambda: Local(score="additive"), "k_dim"),
        (lambda: Local(score={"name": "dot", "normaliser": "softmax"}), "normaliser"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], Sparse], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()
