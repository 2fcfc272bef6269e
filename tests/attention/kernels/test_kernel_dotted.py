"""Local and biased attention in Triton are their formulas, in values and in gradients."""

import pytest
import torch
from held import distances, masks, softmax_over
from torch import Tensor

from foveal.attention import kernels
from foveal.attention.position import by_distance as pairs_of

B, H, Q, K, D, DV = 2, 3, 5, 7, 11, 13
MASKS = masks((B, H), Q, K)


def inputs(device: torch.device, sizes: tuple[int, ...] = (B, H, Q, K, D, DV)) -> list[Tensor]:
    b, h, q, k, d, dv = sizes
    draw = torch.Generator().manual_seed(0)
    shapes = (b, h, q, d), (b, h, k, d), (b, h, k, dv)
    return [torch.randn(shape, generator=draw).to(device) for shape in shapes]


def dotted(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
    score = q @ k.mT / q.shape[-1] ** 0.5
    return softmax_over(score if bias is None else score + bias, mask) @ v


def near(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, window: int) -> Tensor:
    band = (torch.arange(q.shape[-2])[:, None] - torch.arange(k.shape[-2])).abs() <= window
    return dotted(q, k, v, None, band if mask is None else band & mask)


def by_distance(q: Tensor, k: Tensor, v: Tensor, table: Tensor, mask: Tensor | None = None) -> Tensor:
    places = torch.arange(k.shape[-2]) - torch.arange(q.shape[-2])[:, None] + q.shape[-2] - 1
    return dotted(q, k, v, table[:, places], mask)


def relative(q: Tensor, k: Tensor, v: Tensor, table: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attend with a number for each distance, as `MultiHead` does with the relative position."""
    return kernels.load("biased")(q, k, v, pairs_of(table, k.shape[-2])[None], mask)


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("window", [0, 2, 9])
def test_local_equals_the_formula_under_every_mask(kind: str, window: int, device: torch.device) -> None:
    mask = MASKS[kind]
    options = {} if mask is None else {"mask": mask.to(device)}
    apart = distances(kernels.load("local"), near, inputs(device), window=window, **options)
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("window", [0, 1, 63, 64, 200])
@pytest.mark.parametrize("lengths", [(150, 150), (40, 170), (170, 40)])
def test_local_equals_the_formula_across_tiles(
    window: int, lengths: tuple[int, int], device: torch.device
) -> None:
    apart = distances(kernels.load("local"), near, inputs(device, (1, 1, *lengths, 4, 3)), window=window)
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("shape", [(B, H, Q, K), (1, H, Q, K), (B, 1, Q, K), (Q, K), (H, 1, K), (B, 1, 1, K)])
@pytest.mark.parametrize("kind", ["none", "pairs"])
def test_biased_equals_the_formula_however_the_bias_repeats(
    shape: tuple[int, ...], kind: str, device: torch.device
) -> None:
    bias, mask = torch.randn(shape, generator=torch.Generator().manual_seed(1)), MASKS[kind]
    options = {} if mask is None else {"mask": mask.to(device)}
    apart = distances(kernels.load("biased"), dotted, [*inputs(device), bias.to(device)], **options)
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("sizes", [(B, H, Q, K, D, DV), (1, 2, 70, 130, 5, 6), (2, 1, 130, 3, 3, 20)])
def test_a_number_for_each_distance_equals_the_formula(sizes: tuple[int, ...], device: torch.device) -> None:
    _, h, q, k, *_ = sizes
    table = torch.randn(h, q + k - 1, generator=torch.Generator().manual_seed(2)).to(device)
    apart = distances(relative, by_distance, [*inputs(device, sizes), table])
    assert all(d < 1e-5 for d in apart), apart


def test_half_precision_is_as_near_as_its_rounding(device: torch.device) -> None:
    q, k, v = (x.bfloat16() for x in inputs(device))
    table = torch.randn(H, Q + K - 1, generator=torch.Generator().manual_seed(2)).to(device)
    mask = MASKS["pairs"].to(device)
    apart = distances(relative, by_distance, [q, k, v, table], mask=mask)
    assert all(d < 2e-2 for d in apart), apart


def test_a_query_that_may_look_nowhere_gives_zeros(device: torch.device) -> None:
    given = [x.requires_grad_() for x in inputs(device)]
    out = kernels.load("local")(*given, MASKS["pairs"].to(device), window=3)
    out.sum().backward()
    assert (out[0, :, 2] == 0).all()
    assert all(x.grad.isfinite().all() for x in given)
    assert (given[0].grad[0, :, 2] == 0).all()
