"""Attention along time: ages, causality, streaming, and each place with itself in the other frames."""

from __future__ import annotations

import pytest
import torch
from plain import assert_same_in_value_and_gradient, tensors
from torch import nn
from torch.testing import assert_close

from foveal.attention import MultiHead
from foveal.attention.scores import ScaledDot
from foveal.attention.temporal import AlongTime, Temporal
from foveal.errors import ConfigError

B, H, T, D, DV = 2, 3, 7, 11, 13


def temporal(*, causal: bool = True, heads: int = H) -> Temporal:
    attend = Temporal(heads, causal=causal, fading=0.3).double()
    with torch.no_grad():
        attend.raw += torch.arange(heads)
    return attend


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("queries", [1, 5, 7, 9])
@pytest.mark.parametrize("masked", [False, True])
def test_forward_is_weights_times_values(causal: bool, queries: int, masked: bool) -> None:
    attend = temporal(causal=causal)
    mask = torch.rand(B, 1, queries, T, generator=torch.Generator().manual_seed(0)) > 0.4 if masked else None
    leaves = tensors((B, H, queries, D), (B, H, T, D), (B, H, T, DV), (H, queries, T))
    assert_same_in_value_and_gradient(
        [*leaves, attend.raw],
        lambda q, k, v, bias, _: attend(q, k, v, mask, bias),
        lambda q, k, v, bias, _: attend.weights(q, k, mask, bias) @ v,
    )
    q, k, *_ = leaves
    rows = torch.tensor([queries - 1, 0])
    assert_close(attend.rows(q, k, rows, mask), attend.weights(q, k, mask)[..., rows, :])


def test_alike_frames_fade_with_their_age() -> None:
    attend = temporal(heads=1)
    weights = attend.weights(torch.zeros(T, D).double(), torch.zeros(T, D).double())
    fading = nn.functional.softplus(attend.raw)
    assert_close(fading, torch.tensor([0.3]).double(), atol=1e-6, rtol=0)
    last = weights[-1]
    assert_close(last[:-1] / last[1:], (-fading).exp().expand(T - 1))
    both = temporal(causal=False, heads=1).weights(torch.zeros(T, D).double(), torch.zeros(T, D).double())
    assert_close(both, both.flip(0, 1))


def test_without_fading_it_is_scaled_dot() -> None:
    attend = Temporal(causal=False, fading=1e-9).double()
    q, k, v = tensors((B, T, D), (B, T, D), (B, T, DV))
    assert_close(attend(q, k, v), ScaledDot()(q, k, v), atol=1e-7, rtol=1e-7)


def test_no_frame_sees_the_future() -> None:
    q, k, v = (x.detach() for x in tensors((B, H, T, D), (B, H, T, D), (B, H, T, DV)))
    early = temporal()(q, k, v)[..., :4, :]
    k[..., 4:, :], v[..., 4:, :] = 9.0, 9.0
    assert_close(temporal()(q, k, v)[..., :4, :], early)
    assert (temporal().weights(q, k).triu(1) == 0).all()


def test_a_clip_can_be_read_frame_by_frame() -> None:
    """The newest query among the frames kept so far finds what it finds within the whole clip."""
    attend = temporal()
    q, k, v = tensors((B, H, T, D), (B, H, T, D), (B, H, T, DV))
    whole = attend(q, k, v)
    for t in range(T):
        now = attend(q[..., t : t + 1, :], k[..., : t + 1, :], v[..., : t + 1, :])
        assert_close(now, whole[..., t : t + 1, :])
    two = attend(q[..., 3:5, :], k[..., :5, :], v[..., :5, :])
    assert_close(two, whole[..., 3:5, :])


def test_queries_older_than_all_keys_find_nothing() -> None:
    q, k, v = tensors((B, H, 9, D), (B, H, 7, D), (B, H, 7, DV))
    out = temporal()(q, k, v)
    assert (out[..., :2, :] == 0).all()
    assert (out[..., 2, :] != 0).all()


def test_fading_is_learned_for_each_head() -> None:
    torch.manual_seed(0)
    heads = MultiHead(12, 3, mechanism={"name": "temporal", "fading": 0.2})
    assert heads.mechanism.raw.shape == (3,)
    heads(torch.randn(2, 5, 12)).square().sum().backward()
    slope = heads.mechanism.raw.grad
    assert slope is not None
    assert (slope != 0).all()


@pytest.mark.parametrize("masked", [False, True])
def test_each_place_meets_itself_in_other_frames(masked: bool) -> None:
    torch.manual_seed(0)
    heads = MultiHead(12, 3, mechanism="temporal").double()
    along, (x,) = AlongTime(heads), tensors((B, T, 5, 12))
    valid = torch.ones(B, T, dtype=torch.bool)
    valid[0, 4:] = False
    out = along(x, valid if masked else None)
    for b in range(B):
        for n in range(5):
            alone = heads(x[b : b + 1, :, n], mask=valid[b : b + 1, None] if masked else None)
            assert_close(out[b, :, n], alone[0])


def test_places_do_not_mix() -> None:
    torch.manual_seed(0)
    along = AlongTime(MultiHead(12, 3, mechanism="temporal")).double()
    (x,) = (x.detach() for x in tensors((B, T, 5, 12)))
    out = along(x)
    x[:, :, 2] = 7.0
    kept = [0, 1, 3, 4]
    assert_close(along(x)[:, :, kept], out[:, :, kept])


def test_fading_must_be_above_zero() -> None:
    with pytest.raises(ConfigError, match="fading"):
        Temporal(fading=0)
