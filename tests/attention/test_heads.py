"""Multi-head attention: parity with torch, any mechanism, grouped keys, and steps equal to the whole."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from einops import repeat
from torch.nn import functional
from torch.testing import assert_close

from foveal.attention import MECHANISMS, POSITIONS, Attention, Cache, MultiHead, recall, watch
from foveal.attention.position import grid
from foveal.errors import ConfigError

B, Q, K, DIM, HEADS, MEMORY = 2, 5, 7, 24, 6, 17
STEPWISE = [name for name, kind in MECHANISMS.items() if kind.rows_alone]


def heads(**options: Any) -> MultiHead:
    torch.manual_seed(2)
    return MultiHead(DIM, HEADS, **options).double()


def lines(n: int = Q, dim: int = DIM, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.randn(B, n, dim, dtype=torch.float64)


def causal(n: int) -> torch.Tensor:
    return torch.ones(n, n, dtype=torch.bool).tril()[None]


@pytest.mark.parametrize("masked", [False, True])
def test_multi_head_equals_torch(masked: bool) -> None:
    ours = heads(memory_dim=MEMORY)
    theirs = torch.nn.MultiheadAttention(DIM, HEADS, batch_first=True, kdim=MEMORY, vdim=MEMORY).double()
    with torch.no_grad():
        theirs.q_proj_weight.copy_(ours.query.weight)
        theirs.k_proj_weight.copy_(ours.key.weight)
        theirs.v_proj_weight.copy_(ours.value.weight)
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    x, memory, mask = lines(), lines(K, MEMORY, seed=1), torch.ones(B, 1, K, dtype=torch.bool)
    mask[1, :, -2:] = not masked
    out, look = ours.look(x, memory, mask=mask)
    expected, weights = theirs(x, memory, memory, key_padding_mask=~mask[:, 0])
    assert_close(out, expected)
    assert_close(look, weights)
    assert_close(ours(x, memory, mask=mask), expected)


@pytest.mark.parametrize("key_heads", [1, 2, 3])
def test_grouped_keys_equal_torch(key_heads: int) -> None:
    ours, x, memory = heads(key_heads=key_heads), lines(), lines(K, seed=1)
    q, k, v = (
        project(t).view(B, t.shape[1], -1, DIM // HEADS).transpose(1, 2)
        for project, t in ((ours.query, x), (ours.key, memory), (ours.value, memory))
    )
    assert k.shape[1] == key_heads
    seen = functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    assert_close(ours(x, memory), ours.out(seen.transpose(1, 2).reshape(B, Q, DIM)))


@pytest.mark.parametrize("name", MECHANISMS)
def test_any_mechanism_can_have_heads(name: str) -> None:
    attend, x, memory = heads(mechanism=name, memory_dim=MEMORY), lines(), lines(K, MEMORY, seed=1)
    mask = torch.ones(B, 1, K, dtype=torch.bool)
    mask[1, :, -2:] = False
    out = attend(x, memory, mask=mask)
    assert out.shape == (B, Q, DIM)
    values, look = attend.look(x, memory, mask=mask)
    assert look.shape == (B, Q, K)
    assert_close(values, out)
    other = memory.clone()
    other[1, -2:] = 1e3
    assert_close(attend(x, other, mask=mask), out)


@pytest.mark.parametrize("position", [None, *POSITIONS])
@pytest.mark.parametrize("key_heads", [2, 6])
@pytest.mark.parametrize("at_once", [1, 3])
def test_steps_equal_the_whole(position: str | None, key_heads: int, at_once: int) -> None:
    attend, x = heads(key_heads=key_heads, position=position), lines(K)
    whole, cache = attend(x, mask=causal(K)), Cache()
    steps = [attend.step(part, cache) for part in x.split(at_once, 1)]
    assert_close(torch.cat(steps, 1), whole)
    assert cache.steps == K


@pytest.mark.parametrize("name", STEPWISE)
def test_steps_equal_the_whole_with_any_mechanism_that_can(name: str) -> None:
    attend, x, memory, cache = heads(mechanism=name), lines(), lines(K, seed=1), Cache()
    steps = [attend.step(part, cache) for part in x.split(2, 1)]
    assert_close(torch.cat(steps, 1), attend(x, mask=causal(Q)))
    known = attend.remember(memory)
    steps = [attend.step(part, known) for part in x.split(2, 1)]
    assert_close(torch.cat(steps, 1), attend(x, memory))


@pytest.mark.parametrize("position", POSITIONS)
def test_steps_over_a_memory_count_on(position: str) -> None:
    attend, x, memory = heads(position=position), lines(), lines(K, seed=1)
    mask = torch.ones(B, 1, K, dtype=torch.bool)
    mask[0, 0, 3:] = False
    known = attend.remember(memory)
    steps = [attend.step(part, known, mask=mask) for part in x.split(1, 1)]
    assert_close(torch.cat(steps, 1), attend(x, memory, mask=mask))


def test_padding_stays_masked_step_by_step() -> None:
    attend, x, cache = heads(position="alibi"), lines(), Cache()
    seen = torch.ones(B, 1, Q, dtype=torch.bool)
    seen[1, 0, 1] = False
    steps = [attend.step(x[:, t : t + 1], cache, mask=seen[..., : t + 1]) for t in range(Q)]
    assert_close(torch.cat(steps, 1), attend(x, mask=seen & causal(Q)))


@pytest.mark.parametrize("name", sorted(set(MECHANISMS) - set(STEPWISE)))
def test_steps_are_refused_where_queries_belong_together(name: str) -> None:
    attend = heads(mechanism=name)
    with pytest.raises(ConfigError, match="together"):
        attend.step(lines(1), Cache())


def test_positions_change_queries_and_keys_but_never_values() -> None:
    x = lines(1)
    for name in POSITIONS:
        attend = heads(position=name)
        here, there = (torch.full((B, 1), p, dtype=torch.float64) for p in (0.0, 9.0))
        assert_close(attend(x, positions=(here, here)), attend(x, positions=(there, there)))  # one key: all v


@pytest.mark.parametrize("name", POSITIONS)
def test_a_position_matters_to_where_heads_look(name: str) -> None:
    attend, x = heads(position=name), repeat(lines(1), "b 1 d -> b n d", n=K)
    for parameter in attend.position.parameters():
        torch.nn.init.normal_(parameter)
    look = attend.look(x, x)[1]
    assert (look - 1 / K).abs().max() > 1e-3  # without positions every place looks the same


@pytest.mark.parametrize(
    ("name", "options"), [("sinusoid", {}), ("rotary", {}), ("relative", {}), ("alibi", {})]
)
def test_places_of_a_map_are_given(name: str, options: dict[str, Any]) -> None:
    attend = MultiHead(DIM, 3, position={"name": name, "axes": 2, **options}).double()
    x, places = lines(6), grid(2, 3).expand(B, -1, -1)
    assert attend(x, positions=(places, places)).shape == x.shape
    with pytest.raises(ConfigError, match="grid"):
        attend(x)


def test_heads_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ConfigError, match="divide"):
        MultiHead(25, 6)
    for key_heads in (4, 0, -1, 12):
        with pytest.raises(ConfigError, match="divide"):
            MultiHead(24, 6, key_heads=key_heads)


@pytest.mark.parametrize("name", [name for name, kind in MECHANISMS.items() if not kind.takes_bias])
@pytest.mark.parametrize("position", POSITIONS)
def test_a_bias_that_nobody_takes_is_refused_at_the_door(name: str, position: str) -> None:
    if position in ("relative", "alibi", "distance"):
        with pytest.raises(ConfigError, match="rotary"):
            heads(mechanism=name, position=position)
    else:
        assert heads(mechanism=name, position=position)(lines()).shape == (B, Q, DIM)


def test_the_names_of_parameters_stay() -> None:
    names = {f"{part}.{kind}" for part in ("query", "key", "value", "out") for kind in ("weight", "bias")}
    assert set(heads(position="rotary").state_dict()) == names


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("mechanism", ["scaled_dot", "additive"])
def test_gradients_under_autocast_with_scaling_are_near_the_exact_ones(
    mechanism: str, dtype: torch.dtype
) -> None:
    attend, x = heads(mechanism=mechanism, position="alibi").float(), lines().float()
    exact = torch.autograd.grad(attend(x).square().mean(), list(attend.parameters()))
    scale = 2.0**12
    with torch.autocast("cpu", dtype):
        loss = attend(x).float().square().mean()
    scaled = torch.autograd.grad(loss * scale, list(attend.parameters()))
    for one, other in zip(scaled, exact, strict=True):
        assert (one / scale - other).norm() <= 0.05 * other.norm() + 1e-4


class Cosine(Attention):
    """A mechanism of one's own: all it takes is a score."""

    def score(self, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        return 5 * functional.normalize(q, dim=-1) @ functional.normalize(k, dim=-1).mT


def test_a_mechanism_of_ones_own_has_all_that_others_have() -> None:
    attend, x, cache = heads(mechanism=Cosine(normaliser="entmax15"), position="rotary"), lines(), Cache()
    with watch(attend) as maps:
        whole = attend(x, mask=causal(Q))
    with recall(attend) as calls:
        attend(x, mask=causal(Q))
    look = maps["mechanism"][0]
    assert_close(look.sum(-1), torch.ones_like(look[..., 0]))
    assert (look == 0).sum() > (~causal(Q)).sum() * B * HEADS  # sparse beyond the mask
    assert_close(calls["mechanism"][0].rows([3]), look[..., 3:4, :])
    assert_close(attend(x, mask=causal(Q), budget=10_000), whole)
    assert_close(torch.cat([attend.step(part, cache) for part in x.split(1, 1)], 1), whole)
