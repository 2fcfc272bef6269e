"""The laws of attention, over every mechanism in the table: whoever adds a line there is tested here."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import numpy_forms
import pytest
import torch
from cases import CASES, DV, UNEQUAL, B, D, H, K, Q, a_bias, inputs, make, some, title
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from foveal.attention import MECHANISMS, Attention, build, watch
from foveal.attention.build import SIZES
from foveal.errors import ConfigError

every = pytest.mark.parametrize("spec", CASES, ids=title)
by_name = pytest.mark.parametrize("name", MECHANISMS)
MASKS = ("none", "padding", "any")


def gradients(out: Tensor, attend: Attention, leaves: list[Tensor]) -> list[Tensor]:
    torch.manual_seed(3)
    wanted = [*leaves, *attend.parameters()]
    found = torch.autograd.grad((out * torch.randn_like(out)).sum(), wanted, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, wanted, strict=True)]


@every
@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("biased", [False, True])
def test_forward_is_weights_times_values_in_value_and_gradient(
    spec: dict[str, Any], kind: str, biased: bool
) -> None:
    attend = make(spec)
    q, k, v = inputs(attend)
    mask, bias = some(kind), a_bias(attend) if biased else None
    leaves = [q, k, v] + ([] if bias is None else [bias.requires_grad_()])
    fast, plain = attend(q, k, v, mask, bias), attend.weights(q, k, mask, bias) @ v
    assert fast.shape == (B, H, Q, DV)
    assert_close(fast, plain)
    for one, other in zip(gradients(fast, attend, leaves), gradients(plain, attend, leaves), strict=True):
        assert_close(one, other)
        assert one.isfinite().all()


@every
@pytest.mark.parametrize("kind", MASKS)
def test_it_is_what_its_formula_says(spec: dict[str, Any], kind: str) -> None:
    attend = make(spec)
    q, k, _ = inputs(attend)
    mask, bias = some(kind), a_bias(attend)
    values = {name: x.detach().numpy() for name, x in attend.state_dict(keep_vars=True).items()}
    expected = numpy_forms.weights(
        spec, values, q.detach().numpy(), k.detach().numpy(),
        allowed=None if mask is None else mask.numpy(), bias=None if bias is None else bias.numpy(),
    )  # fmt: skip
    np.testing.assert_allclose(attend.weights(q, k, mask, bias).detach().numpy(), expected, atol=1e-7)


@every
@pytest.mark.parametrize("kind", MASKS)
def test_weights_are_shares_of_the_places_that_may_be_seen(spec: dict[str, Any], kind: str) -> None:
    attend, mask = make(spec), some(kind)
    q, k, _ = inputs(attend)
    weights = attend.weights(q, k, mask, a_bias(attend))
    assert weights.shape == (B, H, Q, K)
    if mask is not None:
        assert (weights[~mask.expand_as(weights)] == 0).all()
    if not attend.positive:
        return
    assert (weights >= 0).all()
    if attend.normaliser.shares:
        total = weights.sum(-1)
        seen = weights.detach().abs().sum(-1) > 0  # a pattern may leave a row nothing beside a mask
        assert_close(total[seen], torch.ones_like(total[seen]))
        if kind == "none":
            assert seen.all()


@every
def test_a_query_that_may_look_nowhere_gives_zeros(spec: dict[str, Any]) -> None:
    attend, mask = make(spec), some("any")
    q, k, v = inputs(attend)
    out = attend(q, k, v, mask, a_bias(attend))
    assert (out[0, :, 2] == 0).all()
    assert (attend.weights(q, k, mask)[0, :, 2] == 0).all()
    (slope,) = torch.autograd.grad(out[0, :, 2].sum(), q)
    assert (slope == 0).all()


@every
def test_nothing_outside_the_mask_is_seen(spec: dict[str, Any]) -> None:
    attend, mask = make(spec), some("padding")
    q, k, v = (x.detach() for x in inputs(attend))
    other_k, other_v = k.clone(), v.clone()
    other_k[1, :, -2:], other_v[1, :, -2:] = 3.0, 1e6
    assert_close(attend(q, k, v, mask), attend(q, other_k, other_v, mask))


@every
def test_some_rows_are_had_alone(spec: dict[str, Any]) -> None:
    attend, mask, rows = make(spec), some("any"), torch.tensor([3, 0])
    q, k, v = inputs(attend)
    bias = a_bias(attend)
    whole = attend.weights(q, k, mask, bias)
    assert_close(attend.rows(q, k, rows, mask, bias), whole[..., rows, :])
    values, weights = attend.look(q, k, v, mask, bias)
    assert_close(weights, whole)
    assert_close(values, attend(q, k, v, mask, bias))


@every
def test_the_order_of_keys_matters_only_where_it_is_said(spec: dict[str, Any]) -> None:
    attend, mask = make(spec), some("any")
    assert mask is not None
    q, k, v = inputs(attend)
    order = torch.tensor([3, 6, 0, 1, 5, 2, 4])
    moved = attend(q, k[..., order, :], v[..., order, :], mask[..., order])
    same = bool(torch.allclose(moved, attend(q, k, v, mask)))
    assert same or not attend.any_order


@every
def test_queries_know_nothing_of_each_other_where_it_is_said(spec: dict[str, Any]) -> None:
    attend, order = make(spec), torch.tensor([4, 1, 3])
    q, k, v = inputs(attend)
    alone, together = attend(q[..., order, :], k, v), attend(q, k, v)[..., order, :]
    assert bool(torch.allclose(alone, together)) or not attend.rows_alone


@every
def test_lines_of_a_batch_know_nothing_of_each_other(spec: dict[str, Any]) -> None:
    attend, mask = make(spec), some("any")
    assert mask is not None
    q, k, v = inputs(attend)
    together = attend(q, k, v, mask)
    for line in range(B):
        one = slice(line, line + 1)
        assert_close(attend(q[one], k[one], v[one], mask[one]), together[one])
    assert_close(attend(q[1, 2], k[1, 2], v[1, 2], mask[1, 0]), together[1, 2])


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_low_precision_is_near_the_exact_result(spec: dict[str, Any], dtype: torch.dtype) -> None:
    exact, low = make(spec), make(spec, dtype=dtype)
    q, k, v = (x.detach() for x in inputs(low, dtype=dtype))
    exact.load_state_dict(low.state_dict())
    mask, bias = some("any"), a_bias(low)
    out = low(q, k, v, mask, None if bias is None else bias.float())  # a bias may be more precise
    assert out.dtype == dtype
    error = (out.double() - exact(q.double(), k.double(), v.double(), mask, bias)).abs().max()
    size = exact.weights(q.double(), k.double(), mask, bias).abs().sum(-1).max()
    worse = max(1.0, float(size) ** 2)  # where weights of both signs cancel
    assert error < {torch.float32: 2e-5, torch.bfloat16: 0.15}[dtype] * worse


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_large_queries_and_keys_stay_finite(spec: dict[str, Any], dtype: torch.dtype) -> None:
    attend = make(spec, dtype=dtype)
    q, k, v = inputs(attend, dtype=dtype, size=50)
    out = attend(q, k, v, some("any"))
    assert out.isfinite().all()
    assert all(slope.isfinite().all() for slope in gradients(out, attend, [q, k, v]))


@every
def test_the_same_seed_gives_the_same(spec: dict[str, Any]) -> None:
    one, other = make(spec), make(spec)
    q, k, v = inputs(one)
    assert torch.equal(one(q, k, v), other(q, k, v))
    assert torch.equal(one(q, k, v), one(q, k, v))
    torch.manual_seed(99)
    sizes = {"q_dim": D, "k_dim": UNEQUAL if one.unequal else D}
    stranger = build(MECHANISMS, spec, **sizes).double().eval()
    stranger.load_state_dict(one.state_dict())
    assert torch.equal(stranger(q, k, v), one(q, k, v))


@every
def test_a_bias_counts_or_is_refused(spec: dict[str, Any]) -> None:
    attend = make(spec)
    q, k, v = inputs(attend)
    bias = torch.randn(1, H, Q, K, dtype=torch.float64)
    if attend.takes_bias:
        assert not torch.allclose(attend(q, k, v, None, bias), attend(q, k, v))
    else:
        with pytest.raises(ConfigError):
            attend(q, k, v, None, bias)


@by_name
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.uint8])
def test_a_mask_of_numbers_is_refused(name: str, dtype: torch.dtype) -> None:
    attend = make({"name": name})
    q, k, v = inputs(attend)
    for call in (attend, attend.look):
        with pytest.raises(ConfigError, match="mask"):
            call(q, k, v, torch.ones(Q, K, dtype=dtype))


@by_name
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_any_shapes_and_masks(name: str, data: st.DataObject) -> None:
    attend = make({"name": name})
    few = st.integers(1, 6)
    batch = data.draw(st.lists(st.integers(1, 3), max_size=2))
    n, m, dv = data.draw(few), data.draw(few), data.draw(few)
    torch.manual_seed(data.draw(st.integers(0, 99)))
    q = torch.randn(*batch, n, D, dtype=torch.float64)
    k = torch.randn(*batch, m, UNEQUAL if attend.unequal else D, dtype=torch.float64)
    v = torch.randn(*batch, m, dv, dtype=torch.float64)
    rows, columns = data.draw(st.sampled_from([1, n])), data.draw(st.sampled_from([1, m]))
    mask = torch.tensor(data.draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns)))
    mask = mask.view(rows, columns)
    out, weights = attend(q, k, v, mask), attend.weights(q, k, mask)
    assert out.shape == (*batch, n, dv)
    assert_close(out, weights @ v)
    assert (weights * ~mask == 0).all()


@every
@pytest.mark.parametrize(("b", "n", "m"), [(2, 0, 7), (2, 5, 0), (0, 5, 7), (2, 0, 0)])
def test_where_nothing_is_nothing_is_seen(spec: dict[str, Any], b: int, n: int, m: int) -> None:
    attend = make(spec, dtype=torch.float32)
    q, k, v = (torch.randn(b, H, x, d, requires_grad=True) for x, d in ((n, D), (m, UNEQUAL), (m, DV)))
    k = k if attend.unequal else k[..., :D]
    for mask in (None, torch.ones(1, 1, 1, m, dtype=torch.bool)):
        out = attend(q, k, v, mask)
        assert out.shape == (b, H, n, DV)
        assert (out == 0).all()
        assert attend.weights(q, k, mask).shape == (b, H, n, m)
        out.sum().backward()
    with watch(attend) as maps:
        attend(q, k, v)
    assert maps[""][0].shape == (b, H, n, m)


@by_name
def test_sizes_come_by_position_and_options_by_name(name: str) -> None:
    parameters = inspect.signature(MECHANISMS[name]).parameters.values()
    kinds = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    assert {p.name for p in kinds if p.kind is not p.KEYWORD_ONLY} <= SIZES
    assert all(p.default is not p.empty for p in kinds if p.kind is p.KEYWORD_ONLY)
    assert not any(p.kind is p.VAR_KEYWORD for p in parameters if p not in kinds and kinds)


@by_name
def test_it_says_what_it_is_and_what_it_costs(name: str) -> None:
    text = inspect.getdoc(MECHANISMS[name])
    assert text is not None
    assert text != inspect.getdoc(Attention)
    assert any(f"{year}" in text for year in range(1985, 2030)), "no paper"
    assert "Time" in text or "time" in text
    assert "memory" in text
    assert "\n\nChoose it " in text


@by_name
def test_a_wrong_option_names_the_nearest(name: str) -> None:
    parameters = inspect.signature(MECHANISMS[name]).parameters.values()
    for right in (p.name for p in parameters if p.kind is p.KEYWORD_ONLY):
        with pytest.raises(ConfigError, match=f"did you mean '{right}'"):
            build(MECHANISMS, {"name": name, right + "s": 1}, q_dim=D, k_dim=D)


@every
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_is_near_the_exact_result_and_has_gradients(
    spec: dict[str, Any], dtype: torch.dtype
) -> None:
    attend, exact = make(spec, dtype=torch.float32), make(spec)
    exact.load_state_dict(attend.state_dict())
    q, k, v = inputs(attend, dtype=torch.float32)
    mask, bias = some("any"), a_bias(attend)
    with torch.autocast("cpu", dtype):
        out = attend(q, k, v, mask, None if bias is None else bias.float())
    expected = exact(q.double(), k.double(), v.double(), mask, bias)
    size = exact.weights(q.double(), k.double(), mask, bias).detach().abs().sum(-1).max()
    assert (out - expected).detach().abs().max() < 0.15 * max(1.0, float(size) ** 2)
    assert all(slope.isfinite().all() for slope in gradients(out, attend, [q, k, v]))


@by_name
@torch.no_grad()
def test_it_compiles(name: str) -> None:
    torch.compiler.reset()
    attend, mask = make({"name": name}), some("any")
    q, k, v = inputs(attend)
    compiled = torch.compile(attend, backend="eager", dynamic=False)
    assert_close(compiled(q, k, v, mask), attend(q, k, v, mask))
