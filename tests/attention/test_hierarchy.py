"""Two levels, routes and exits: what is spared changes nothing that the definition says."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from plain import Largest, assert_same_in_value_and_gradient, tensors
from torch import Tensor, nn
from torch.testing import assert_close

from foveal.attention.adaptive import EarlyExit, Routed
from foveal.attention.hierarchy import TwoLevel
from foveal.attention.scores import ScaledDot
from foveal.errors import ConfigError
from foveal.models.line import Block


def mask_of(shape: str | None, queries: int, keys: int, seed: int) -> Tensor | None:
    if shape is None:
        return None
    size = [{"q": queries, "k": keys}.get(axis, 1) for axis in shape.split()]
    return torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(seed)) > 0.5


@settings(max_examples=60, deadline=None)
@given(
    window=st.sampled_from([1, 2, 3, 7, 16, 500]),
    queries=st.integers(1, 61),
    keys=st.integers(1, 61),
    mask_shape=st.sampled_from([None, "q k", "1 k", "q 1", "1 1"]),
    seed=st.integers(0, 1000),
)
@example(window=3, queries=11, keys=13, mask_shape="1 k", seed=0)
def test_two_levels_are_their_definition(
    window: int, queries: int, keys: int, mask_shape: str | None, seed: int
) -> None:
    attend, mask = TwoLevel(window=window), mask_of(mask_shape, queries, keys, seed)
    assert_same_in_value_and_gradient(
        tensors((2, 3, queries, 11), (2, 3, keys, 11), (2, 3, keys, 13), seed=seed),
        lambda q, k, v: attend(q, k, v, mask),
        lambda q, k, v: attend.weights(q, k, mask) @ v,
    )


def test_two_levels_are_exact_where_a_window_holds_one_key_and_its_copies() -> None:
    q, k, v = (x.detach() for x in tensors((2, 35, 11), (2, 7, 11), (2, 35, 13)))
    k = k.repeat_interleave(5, 1)
    assert_close(TwoLevel(window=5)(q, k, v), ScaledDot()(q, k, v))


def test_one_window_is_full_attention() -> None:
    q, k, v = (x.detach() for x in tensors((2, 23, 11), (2, 29, 11), (2, 29, 13)))
    assert_close(TwoLevel(window=29)(q, k, v), ScaledDot()(q, k, v))
    assert_close(TwoLevel(window=1)(q, k, v), ScaledDot()(q, k, v))


def test_far_keys_share_their_window_and_near_ones_do_not() -> None:
    q, k = (x.detach() for x in tensors((23, 11), (29, 11)))
    weights = TwoLevel(window=5).weights(q, k)
    assert_close(weights[0, 5:10], weights[0, 5:6].expand(5))
    assert (weights[0, :5].diff().abs() > 1e-4).all()


@pytest.mark.parametrize("masked", [False, True])
def test_two_levels_cost_less_than_pairs(masked: bool) -> None:
    q, k, v = tensors((1, 4096, 4), (1, 4096, 4), (1, 4096, 4), dtype=torch.float32)
    mask = torch.rand(1, 1, 4096) > 0.5 if masked else None
    with Largest() as seen:
        TwoLevel(window=64)(q, k, v, mask).sum().backward()
    assert seen.values <= 4096 * (64 + 64) * 2


ROUTED = {
    "default": {},
    "each query": {"one_in": 1},
    "few": {"one_in": 7, "cheap": "chunked"},
    "additive and near": {"one_in": 2, "cheap": {"name": "structured", "window": 1}, "full": "additive"},
}


@pytest.mark.parametrize("name", ROUTED)
@settings(max_examples=15, deadline=None)
@given(
    queries=st.integers(1, 41),
    keys=st.integers(1, 41),
    mask_shape=st.sampled_from([None, "q k", "1 k", "q 1"]),
    biased=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_routes_are_their_mixture(
    name: str, queries: int, keys: int, mask_shape: str | None, biased: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    attend, mask = Routed(11, 11, **ROUTED[name]).double(), mask_of(mask_shape, queries, keys, seed)
    leaves = tensors((2, 3, queries, 11), (2, 3, keys, 11), (2, 3, keys, 13), (3, queries, keys), seed=seed)
    assert_same_in_value_and_gradient(
        [*leaves, *attend.parameters()],
        lambda q, k, v, bias, *_: attend(q, k, v, mask, bias if biased else None),
        lambda q, k, v, bias, *_: attend.weights(q, k, mask, bias if biased else None) @ v,
    )


def test_the_router_chooses_the_share_it_was_told_and_by_its_own_judgement() -> None:
    torch.manual_seed(0)
    attend = Routed(11, 11, one_in=3, cheap={"name": "local", "window": 0}).double()
    q, k = (x.detach() for x in tensors((2, 23, 11), (2, 23, 11)))
    looks_far = (attend.weights(q, k) - torch.eye(23).double()).abs().sum(-1) > 1e-9
    assert (looks_far.sum(-1) == math.ceil(23 / 3)).all()
    logit = attend.router(q).squeeze(-1)
    least, most = logit.masked_fill(~looks_far, math.inf), logit.masked_fill(looks_far, -math.inf)
    assert (least.amin(-1) > most.amax(-1)).all()


def test_the_router_learns_to_send_queries_where_it_pays() -> None:
    """Half the queries ask for a far key; trained on values alone, the router gives those the full route."""
    torch.manual_seed(0)
    attend = Routed(8, 8, one_in=2, cheap={"name": "local", "window": 0})
    optimiser = torch.optim.Adam(attend.parameters(), lr=0.1)

    def draw() -> tuple[Tensor, Tensor, Tensor, Tensor]:
        k = nn.functional.normalize(torch.randn(16, 20, 8), dim=-1)
        k[..., 0] = 0
        far = torch.rand(16, 20) < 0.5
        wanted = torch.where(far, torch.randint(20, (16, 20)), torch.arange(20).expand(16, 20))
        q = k.gather(1, wanted[..., None].expand(-1, -1, 8)) * 20
        q[..., 0] = far.float() * 2 - 1  # how it can be told
        v = torch.randn(16, 20, 5)
        return q, k, v, far

    for _ in range(150):
        q, k, v, far = draw()
        loss = (attend(q, k, v) - ScaledDot()(q, k, v)).square()[far].mean()
        loss = loss + (attend(q, k, v) - v).square()[~far].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    q, _, _, far = draw()
    logit = attend.router(q).squeeze(-1)
    assert (logit > logit.median())[far].float().mean() > 0.9


def test_the_full_route_is_computed_for_the_chosen_queries_alone() -> None:
    q, k, v = tensors((1, 512, 4), (1, 512, 4), (1, 512, 4), dtype=torch.float32)
    attend = Routed(4, 4, one_in=8, cheap={"name": "local", "window": 4}, full="additive")
    with Largest() as seen:
        attend(q, k, v).sum().backward()
    assert seen.values <= 512 * 512 // 8 * 4


def exits(threshold: float) -> EarlyExit:
    torch.manual_seed(0)
    blocks = [Block(12, 2) for _ in range(4)]
    heads = [nn.Linear(12, 9) for _ in range(4)]
    for depth, head in enumerate(heads):
        nn.init.normal_(head.weight, std=0.5 + depth)  # the deeper, the surer
    return EarlyExit(blocks, heads, threshold=threshold).double().eval()


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.7, 1.1])
@pytest.mark.parametrize("masked", [False, True])
def test_a_line_leaves_with_what_it_said_when_it_was_sure(threshold: float, masked: bool) -> None:
    model = exits(threshold)
    (x,) = (x.detach() for x in tensors((11, 3, 12)))
    valid = torch.rand(11, 3, generator=torch.Generator().manual_seed(1)) > 0.3 if masked else None
    out, every = model(x, valid), model.exits(x, valid)
    for line in range(11):
        depth = 4
        for d in range(4):
            said = every[d, line].softmax(-1).max(-1).values
            if masked:
                said = said[valid[line]]  # type: ignore[index]
            if not len(said) or said.min() >= threshold:
                depth = d + 1
                break
        assert out.depth[line] == depth
        assert_close(out.logits[line], every[depth - 1, line])


def test_lines_leave_at_different_depths_and_cost_what_they_need() -> None:
    model, (x,) = exits(0.5), tensors((40, 3, 12))
    ran: list[int] = []
    for block in model.blocks:
        block.register_forward_pre_hook(lambda _, given: ran.append(len(given[0])))
    depth = model(x).depth
    assert len(depth.unique()) > 1
    assert ran == [int((depth >= d).sum()) for d in range(1, 1 + len(ran))]
    assert sum(ran) == depth.sum() < 160


def test_a_line_leaves_the_same_alone_and_in_company() -> None:
    model, (x,) = exits(0.5), tensors((11, 3, 12))
    together = model(x)
    for line in range(11):
        alone = model(x[line : line + 1])
        assert alone.depth[0] == together.depth[line]
        assert_close(alone.logits[0], together.logits[line])


def test_gradients_reach_the_blocks_that_were_needed_and_no_others() -> None:
    model, (x,) = exits(0.0), tensors((5, 3, 12))
    model(x).logits.sum().backward()
    reached = [any(p.grad is not None for p in block.parameters()) for block in model.blocks]
    assert reached == [True, False, False, False]
    model.exits(x).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="window"):
        TwoLevel(window=0)
    with pytest.raises(ConfigError, match="one_in"):
        Routed(11, one_in=0)
    with pytest.raises(ConfigError, match="no 'locl'"):
        Routed(11, cheap="locl")
    for own in (
        {"cheap": {"name": "local", "normaliser": "sparsemax"}},
        {"full": {"name": "dot", "normaliser": "softmax"}},
    ):
        with pytest.raises(ConfigError, match="give it to routed"):
            Routed(11, **own)
    with pytest.raises(ConfigError, match="head"):
        EarlyExit([nn.Identity()], [])
