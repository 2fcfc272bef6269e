"""The scores beside torch's own modules, and what the scale of the dot product is for."""

from __future__ import annotations

import pytest
import torch
from cases import DV, UNEQUAL, B, D, H, K, Q, inputs, make, some
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close

from foveal.attention import MECHANISMS, build
from foveal.errors import ConfigError


@pytest.mark.parametrize("d", [16, 64, 256])
def test_the_scale_brings_the_variance_from_d_to_one(d: int) -> None:
    torch.manual_seed(0)
    q, k = torch.randn(2, 400, d)
    assert_close(build(MECHANISMS, "dot").score(q, k).var(), torch.tensor(float(d)), rtol=0.05, atol=0)
    assert_close(build(MECHANISMS, "scaled_dot").score(q, k).var(), torch.tensor(1.0), rtol=0.05, atol=0)


def test_learned_scores_start_at_a_variance_near_one() -> None:
    for name in ("bilinear", "additive", "mlp"):
        torch.manual_seed(0)
        attend = build(MECHANISMS, name, q_dim=64, k_dim=48)
        score = attend.score(torch.randn(200, 64), torch.randn(200, 48))
        assert 0.05 < score.var() < 2, name


@pytest.mark.parametrize("name", ["dot", "scaled_dot"])
@pytest.mark.parametrize("kind", ["none", "padding"])
def test_dot_equals_torch(name: str, kind: str) -> None:
    attend, mask = make({"name": name}), some(kind)
    q, k, v = inputs(attend)
    scale = None if name == "scaled_dot" else 1.0
    expected = scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale)
    assert_close(attend(q, k, v, mask), expected)


def test_bilinear_equals_torch() -> None:
    attend = make({"name": "bilinear"})
    theirs = nn.Bilinear(D, UNEQUAL, 1, bias=False).double()
    with torch.no_grad():
        theirs.weight.copy_(attend.weight[None])  # type: ignore[arg-type]
    q, k, _ = inputs(attend)
    left = q.unsqueeze(-2).expand(B, H, Q, K, D).contiguous()
    right = k.unsqueeze(-3).expand(B, H, Q, K, UNEQUAL).contiguous()
    assert_close(attend.score(q, k), theirs(left, right).squeeze(-1))


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.Tanh(), nn.GELU()])
@pytest.mark.parametrize("layers", [2, 3])
def test_mlp_equals_torch_on_joined_pairs(activation: nn.Module, layers: int) -> None:
    name = type(activation).__name__.lower()
    attend = make({"name": "mlp", "hidden": 19, "layers": layers, "activation": name})
    values = attend.state_dict()
    first, last = nn.Linear(D + UNEQUAL, 19), nn.Linear(19, 1, bias=False)
    first.load_state_dict(
        {"weight": torch.cat([values["query.weight"], values["key.weight"]], 1), "bias": values["query.bias"]}
    )
    last.load_state_dict({"weight": values["v"][None]})
    middle = [attend.middle, activation] if layers == 3 else []
    theirs = nn.Sequential(first, activation, *middle, last).double()
    q, k, _ = inputs(attend)
    pairs = torch.cat(
        [q.unsqueeze(-2).expand(B, H, Q, K, D), k.unsqueeze(-3).expand(B, H, Q, K, UNEQUAL)], -1
    )
    assert_close(attend.score(q, k), theirs(pairs).squeeze(-1))


def test_location_is_additive_for_the_first_query_and_follows_the_look_after() -> None:
    attend = make({"name": "location", "kernel": 3, "filters": 1})
    q, k, v = inputs(attend)
    additive = make({"name": "additive"})
    additive.load_state_dict({name: attend.state_dict()[name] for name in additive.state_dict()})
    looks, plain = attend.weights(q, k), additive.weights(q, k)
    assert_close(looks[..., 0, :], plain[..., 0, :])
    assert (looks - plain)[..., 1:, :].abs().max() > 1e-3
    with torch.no_grad():
        attend.place.weight.zero_()  # type: ignore[union-attr, operator]
    assert_close(attend(q, k, v), additive(q, k, v))


def test_location_can_learn_to_move_on() -> None:
    """With the filter that shifts a look by one place, each query looks one place after the last."""
    attend = build(MECHANISMS, {"name": "location", "kernel": 3, "filters": 1}, q_dim=4, k_dim=4)
    with torch.no_grad():
        for parameter in attend.parameters():
            parameter.zero_()
        attend.filters.weight[0, 0, 0] = 1.0  # type: ignore[union-attr, index]
        attend.place.weight.fill_(1.0)  # type: ignore[union-attr, operator]
        attend.v.fill_(20.0)  # type: ignore[union-attr, operator]
    bias = torch.zeros(1, 5, 6)
    bias[0, 0, 0] = 90.0  # the first query is told where to start
    looks = attend.weights(torch.zeros(1, 5, 4), torch.zeros(1, 6, 4), None, bias)
    assert looks[0].argmax(-1).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ({"name": "mlp", "layers": 4}, "2 or 3"),
        ({"name": "mlp", "activation": "geluu"}, "gelu"),
        ({"name": "location", "kernel": 4}, "odd"),
        ({"name": "additive", "hidden": 0}, "1 or more"),
        ({"name": "mlp", "hidden": -1}, "1 or more"),
        ({"name": "dot", "normaliser": "sparse_max"}, "sparsemax"),
        ({"name": "dot", "normaliser": {"name": "sigmoid", "shifts": 1}}, "shift"),
        ({"name": "aditive"}, "additive"),
        ({"nam": "additive"}, "no name"),
    ],
)
def test_what_cannot_be_built_names_the_way_out(spec: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        build(MECHANISMS, spec, q_dim=D, k_dim=DV)


def test_missing_sizes_are_named() -> None:
    with pytest.raises(ConfigError, match="k_dim, q_dim"):
        build(MECHANISMS, "additive")
    with pytest.raises(ConfigError, match="needs k_dim"):
        build(MECHANISMS, "additive", q_dim=3)


def test_sines_come_near_additive_attention_the_more_the_nearer() -> None:
    exact, (q, k, v) = make({"name": "additive"}), inputs(make({"name": "additive"}))
    wanted, apart = exact(q, k, v), []
    for terms in (2, 4, 8, 16):
        near = make({"name": "additive_by_sines", "terms": terms})
        near.load_state_dict(exact.state_dict())
        apart.append(float(((near(q, k, v) - wanted).norm() / wanted.norm()).detach()))
    assert apart == sorted(apart, reverse=True)
    assert apart[1] < 2e-2
    assert apart[2] < 5e-4
