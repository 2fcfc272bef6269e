"""Less memory, the same result: queries in parts within a budget, and activations computed twice."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch
from cases import CASES, H, K, Q, a_bias, inputs, make, some, title
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from foveal.attention import MECHANISMS, MultiHead, watch
from foveal.attention.core import Attention
from foveal.attention.economy import attend_within, recomputed
from foveal.attention.scores import SCORES
from foveal.errors import ConfigError

PARTS = [c for c in CASES if make(c).rows_alone or type(make(c)).rows is not Attention.rows]


class Peak(TorchDispatchMode):
    """The most bytes that tensors made inside `with` held at once."""

    def __init__(self) -> None:
        super().__init__()
        self.live, self.most = 0, 0
        self.known: set[int] = set()

    def _gone(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.live -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for x in tree_leaves(out):
            if isinstance(x, Tensor) and (storage := x.untyped_storage()).data_ptr() not in self.known:
                key, size = storage.data_ptr(), storage.nbytes()
                self.known.add(key)
                self.live += size
                weakref.finalize(storage, self._gone, key, size)
        self.most = max(self.most, self.live)
        return out


@pytest.mark.parametrize("spec", PARTS, ids=title)
@pytest.mark.parametrize("rows", [1, 2, 99])
def test_queries_in_parts_give_the_same_in_value_and_gradient(spec: dict[str, Any], rows: int) -> None:
    attend, mask = make(spec), some("any")
    q, k, v = inputs(attend)
    bias, budget = a_bias(attend), rows * attend.row_bytes(q, k)
    whole = attend(q, k, v, mask, bias)
    parts = attend_within(budget, attend, q, k, v, mask=mask, bias=bias)
    assert_close(parts, whole)
    leaves = [q, k, v, *attend.parameters()]
    expected = torch.autograd.grad(whole.square().sum(), leaves, allow_unused=True)
    found = torch.autograd.grad(parts.square().sum(), leaves, allow_unused=True)
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            assert_close(one, other)


@pytest.mark.parametrize(
    "spec", [{"name": name} for name in SCORES] + [{"name": "mlp", "layers": 3}], ids=title
)
def test_the_budget_holds(spec: dict[str, Any]) -> None:
    attend = make(spec)
    generator = torch.Generator().manual_seed(0)
    size = 17 if attend.unequal else 11
    q, k, v = (torch.randn(2, 64, d, generator=generator, dtype=torch.float64) for d in (11, size, 13))
    budget = 5 * attend.row_bytes(q, k)
    with torch.no_grad(), Peak() as peak:
        out = attend_within(budget, attend, q, k, v)
    with torch.no_grad(), Peak() as whole:
        attend.look(q, k, v)
    projected = 2 * 64 * (11 + 17) * 8  # W_q q and W_k k
    allowed = budget + 2 * out.nbytes + 64 * 8 + projected
    assert peak.most <= allowed
    assert whole.most > allowed


def test_a_budget_below_one_query_is_refused() -> None:
    attend = make({"name": "additive"})
    with pytest.raises(ConfigError, match="one query needs"):
        attend_within(10, attend, *inputs(attend))

    attend, x = MultiHead(12, 3), torch.randn(2, Q, 12)
    with pytest.raises(ConfigError, match="one query needs"):
        attend(x, budget=-5)
    assert_close(attend(x, budget=5e3), attend(x))  # a number of bytes, however it is written


def test_queries_that_belong_together_are_not_parted() -> None:
    attend = make({"name": "location"})
    with pytest.raises(ConfigError, match="together"):
        attend_within(10**9, attend, *inputs(attend))


@pytest.mark.parametrize("name", [name for name, kind in MECHANISMS.items() if kind.draws])
def test_what_is_drawn_anew_in_training_is_not_parted(name: str) -> None:
    attend = make({"name": name})
    q, k, v = inputs(attend)
    assert_close(attend_within(10**6, attend, q, k, v), attend(q, k, v))
    with pytest.raises(ConfigError, match="draws anew"):
        attend_within(10**6, attend.train(), q, k, v)


def test_heads_keep_to_a_budget() -> None:
    torch.manual_seed(0)
    attend, x = MultiHead(12, 3, mechanism="additive", position="alibi"), torch.randn(2, Q, 12)
    mask = torch.ones(2, 1, Q, dtype=torch.bool).tril()
    assert_close(attend(x, mask=mask, budget=5000), attend(x, mask=mask))
    with pytest.raises(ConfigError, match="too few"):
        attend(x, mask=mask, budget=7)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention, self.drop = MultiHead(12, 3, mechanism="mlp"), nn.Dropout(0.3)

    def forward(self, x: Tensor, *, scale: float) -> Tensor:
        return x + scale * self.drop(self.attention(x))


def test_a_recomputed_block_has_the_same_gradients() -> None:
    torch.manual_seed(0)
    block, x = Block(), torch.randn(2, K, 12, requires_grad=True)
    gradients = []
    for call in (lambda: block(x, scale=2.0), lambda: recomputed(block, x, scale=2.0)):
        torch.manual_seed(7)  # the same places are dropped
        gradients.append(torch.autograd.grad(call().square().sum(), [x, *block.parameters()]))
    for one, other in zip(*gradients, strict=True):
        assert_close(one, other)


def test_a_recomputed_block_keeps_less() -> None:
    torch.manual_seed(0)
    block, x = Block(), torch.randn(2, 64, 12, requires_grad=True)
    kept: list[int] = []

    def count(tensor: Tensor) -> Tensor:
        kept[-1] += tensor.nbytes
        return tensor

    for call in (lambda: block(x, scale=2.0), lambda: recomputed(block, x, scale=2.0)):
        kept.append(0)
        with torch.autograd.graph.saved_tensors_hooks(count, lambda t: t):
            call()
    assert kept[1] < kept[0] / 100


def test_whoever_watches_a_recomputed_block_sees_each_look_once() -> None:
    block, x = Block(), torch.randn(2, K, 12, requires_grad=True)
    with watch(block) as maps:
        recomputed(block, x, scale=1.0).sum().backward()
    assert [len(found) for found in maps.values()] == [1]


def test_whoever_watches_within_a_budget_sees_the_whole() -> None:
    attend = MultiHead(12, H, mechanism="additive")
    with watch(attend) as maps:
        attend(torch.randn(2, Q, 12), budget=5000)
    assert maps["mechanism"][0].shape == (2, H, Q, Q)
