"""Every mechanism that claims it becomes an ONNX graph that gives the same at other lengths."""

from __future__ import annotations

import pytest
import torch
from cases import DV, UNEQUAL, D, make
from plain import exported
from torch import Tensor, nn
from torch.testing import assert_close

from foveal.attention import MECHANISMS, NORMALISERS, POSITIONS, MultiHead, build


def line(b: int, q: int, k: int, *, k_dim: int) -> tuple[Tensor, ...]:
    torch.manual_seed(b + q + k)
    mask = torch.rand(b, 1, q, k) > 0.3
    mask[0, 0, 1] = False
    return torch.randn(b, 3, q, D), torch.randn(b, 3, k, k_dim), torch.randn(b, 3, k, DV), mask


class Part(nn.Module):
    """A mechanism inside a model, so that its parameters and the graph's inputs have names of their own."""

    def __init__(self, attend: nn.Module) -> None:
        super().__init__()
        self.attend = attend

    def forward(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        out: Tensor = self.attend(q, k, v, mask)
        return out


@pytest.mark.parametrize("name", [name for name, kind in MECHANISMS.items() if kind.exports])
def test_a_mechanism_exports(name: str) -> None:
    attend = make({"name": name}, dtype=torch.float32)
    k_dim = UNEQUAL if attend.unequal else D
    example = line(2, 37, 41, k_dim=k_dim)  # longer than a tile, or one tile would be taken for a constant
    run = exported(Part(attend), example, [(0, 2), (0, 2), (0, 2), (0, 2, 3)])
    for sizes in ((2, 37, 41), (3, 5, 7), (1, 2, 1), (2, 70, 90)):
        values = line(*sizes, k_dim=k_dim)
        (found,) = run(*values)
        precise = 2e-5 if attend.positive else 2e-3  # sums of both signs lose digits
        assert_close(found, attend(*values), atol=precise, rtol=precise)
        assert (found[0, :, 1] == 0).all()


@pytest.mark.parametrize("name", NORMALISERS)
def test_a_normaliser_exports(name: str) -> None:
    normaliser = build(NORMALISERS, name)

    def rows(n: int) -> tuple[Tensor, Tensor]:
        torch.manual_seed(n)
        return torch.randn(3, n) * 4, torch.rand(3, n) > 0.3

    run = exported(normaliser, rows(7), [(1,), (1,)])
    for n in (7, 23, 2):
        assert_close(run(*rows(n))[0], normaliser(*rows(n)))


class Looking(nn.Module):
    """Heads whose looks are a second output."""

    def __init__(self, position: str) -> None:
        super().__init__()
        self.attention = MultiHead(12, 3, position=position)

    def forward(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        return self.attention.look(x, memory)


@pytest.mark.parametrize("name", POSITIONS)
def test_heads_with_a_position_export_with_their_looks(name: str) -> None:
    torch.manual_seed(0)
    model = Looking(name)
    run = exported(model, (torch.randn(2, 5, 12), torch.randn(2, 7, 12)), [(0, 1), (0, 1)])
    for b, q, k in ((2, 5, 7), (3, 11, 4)):
        values = torch.randn(b, q, 12), torch.randn(b, k, 12)
        for found, expected in zip(run(*values), model(*values), strict=True):
            assert_close(found, expected, atol=2e-5, rtol=2e-5)
