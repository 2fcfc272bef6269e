"""Laws and parities of the line model's mechanisms. All sizes differ, so no swapped axis can pass."""

import pytest
import torch
from torch.testing import assert_close

from foveal.attention.heads import MultiHead
from foveal.attention.position import DistanceBias, Rotary
from foveal.attention.scores import ScaledDot
from foveal.attention.watching import watch

B, H, Q, K, D, DV = 2, 3, 5, 7, 11, 13


def inputs(seed: int = 0) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(seed)
    shapes = ((B, H, Q, D), (B, H, K, D), (B, H, K, DV))
    return tuple(torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes)


def mask() -> torch.Tensor:
    torch.manual_seed(1)
    allowed = torch.rand(B, 1, Q, K) > 0.4
    allowed[0, 0, 2] = False  # a query that may look nowhere
    return allowed


@pytest.mark.parametrize("masked", [False, True])
def test_forward_is_weights_times_values_in_value_and_gradient(masked: bool) -> None:
    attend, allowed = ScaledDot(), mask() if masked else None
    fast, plain = inputs(), inputs()
    out = attend(*fast, allowed)
    expected = attend.weights(plain[0], plain[1], allowed) @ plain[2]
    assert_close(out, expected)
    out.square().sum().backward()
    expected.square().sum().backward()
    for one, other in zip(fast, plain, strict=True):
        assert_close(one.grad, other.grad)


def test_a_query_that_may_look_nowhere_gives_zeros() -> None:
    q, k, v = inputs()
    out = ScaledDot()(q, k, v, mask())
    assert (out[0, :, 2] == 0).all()
    assert (ScaledDot().weights(q, k, mask())[0, :, 2] == 0).all()


def test_nothing_outside_the_mask_is_seen() -> None:
    q, k, v = inputs()
    allowed = torch.ones(B, 1, Q, K, dtype=torch.bool)
    allowed[..., -2:] = False
    changed = v.detach().clone()
    changed[:, :, -2:] = 1e6
    assert_close(ScaledDot()(q, k, v, allowed), ScaledDot()(q, k, changed, allowed))


def test_multi_head_equals_torch() -> None:
    torch.manual_seed(2)
    ours, theirs = MultiHead(12, 3), torch.nn.MultiheadAttention(12, 3, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(
            torch.cat([ours.query.weight, ours.key.weight, ours.value.weight])
        )
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    x, memory = torch.randn(2, 5, 12), torch.randn(2, 7, 12)
    out, look = ours.look(x, memory)
    expected, weights = theirs(x, memory, memory)
    assert_close(out, expected)
    assert_close(look, weights)
    assert_close(ours(x, memory), expected)


def test_rotary_depends_on_distance_only() -> None:
    rotary, (q, k) = Rotary(8).double(), torch.randn(2, 1, 1, 4, 8, dtype=torch.float64)
    places = torch.arange(4, dtype=torch.float64)[None]
    here = rotary(q, places) @ rotary(k, places).mT
    there = rotary(q, places + 31.5) @ rotary(k, places + 31.5).mT
    assert_close(here, there, atol=1e-5, rtol=1e-5)


def test_distance_bias_is_highest_at_the_expected_place() -> None:
    bias = DistanceBias(2)(torch.tensor([[2.0]]), torch.tensor([[0.0, 1.0, 2.0, 4.0]]))
    assert bias.argmax(-1).flatten().tolist() == [2, 2]
    assert_close(bias[0, 0, 0, 0], bias[0, 0, 0, 3])


def test_watching_collects_by_name_and_only_inside() -> None:
    model = torch.nn.ModuleDict({"one": MultiHead(12, 3), "two": MultiHead(12, 3)})
    x = torch.randn(2, 5, 12)
    with watch(model) as maps:
        watched = model["one"](x)
    assert list(maps) == ["one.mechanism"]
    assert maps["one.mechanism"][0].shape == (2, 3, 5, 5)
    assert_close(watched, model["one"](x))
    assert len(maps["one.mechanism"]) == 1
