"""Attention on drawn keys in Triton is its formula, in values and in gradients."""

import pytest
import torch
from held import distances, softmax_over
from torch import Tensor

from foveal.attention import kernels

B, H, D, DV = 2, 3, 11, 13


def inputs(device: torch.device, n: int, m: int) -> list[Tensor]:
    draw = torch.Generator().manual_seed(0)
    shapes = (B, H, n, D), (B, H, m, D), (B, H, m, DV)
    return [torch.randn(shape, generator=draw).to(device) for shape in shapes]


def drawn(blocks: int, keys: int, count: int, device: torch.device) -> Tensor:
    """Different keys a block; one of them, 1, is drawn by none unless all are."""
    draw = torch.Generator().manual_seed(1)
    others = torch.tensor([j for j in range(keys) if j != 1 or count == keys])
    return torch.stack(
        [others[torch.randperm(len(others), generator=draw)[:count]] for _ in range(blocks)]
    ).to(device)


def formula(
    q: Tensor, k: Tensor, v: Tensor, columns: Tensor, allowed: Tensor | None = None, *, block: int
) -> Tensor:
    n, m = q.shape[-2], k.shape[-2]
    own = columns[torch.arange(n) // block]
    mask = torch.zeros(B, H, n, m, dtype=torch.bool)
    counts = torch.ones(B, H, n, own.shape[1], dtype=torch.bool)
    if allowed is not None:
        counts = counts & allowed.flatten(-3, -2)[..., :n, :]
    mask.scatter_(-1, own.expand_as(counts), counts)
    return softmax_over(q @ k.mT / q.shape[-1] ** 0.5, mask) @ v


@pytest.mark.parametrize(
    ("n", "m", "block", "count"), [(5, 7, 2, 3), (37, 70, 16, 5), (20, 90, 4, 70), (33, 8, 20, 8)]
)
def test_equals_the_formula(n: int, m: int, block: int, count: int, device: torch.device) -> None:
    columns = drawn(-(-n // block), m, count, device)
    apart = distances(kernels.load("random"), formula, inputs(device, n, m), columns=columns, block=block)
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("lead", [(), (B, 1), (B, H), (H,)])
def test_equals_the_formula_under_masks(lead: tuple[int, ...], device: torch.device) -> None:
    columns = drawn(3, 9, 5, device)
    allowed = torch.rand(*lead, 3, 2, 5, generator=torch.Generator().manual_seed(2)) > 0.4
    allowed[..., 1, 0, :] = False  # query 2 may look nowhere
    given = {"columns": columns, "allowed": allowed.to(device), "block": 2}
    apart = distances(kernels.load("random"), formula, inputs(device, 6, 9), **given)
    assert all(d < 1e-5 for d in apart), apart


def test_groups_are_taken_in_parts_where_scratch_is_short(
    device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    from foveal.attention.kernels import drawn as module

    columns = drawn(3, 9, 5, device)
    monkeypatch.setattr(module, "SCRATCH", 4 * columns.numel() * (D + DV) * 4)  # 4 groups of 6
    apart = distances(kernels.load("random"), formula, inputs(device, 6, 9), columns=columns, block=2)
    assert all(d < 1e-5 for d in apart), apart


def test_half_precision_is_as_near_as_its_rounding(device: torch.device) -> None:
    given = [x.bfloat16() for x in inputs(device, 37, 70)]
    apart = distances(kernels.load("random"), formula, given, columns=drawn(3, 70, 20, device), block=16)
    assert all(d < 2e-2 for d in apart), apart
