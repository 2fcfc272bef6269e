"""Additive and MLP attention in Triton are their formulas, in values and in gradients."""

from collections.abc import Callable

import pytest
import torch
from held import distances, masks, softmax_over
from torch import Tensor

from foveal.attention import kernels

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in exp2:RuntimeWarning")  # inf is meant

B, H, Q, K, D, DV = 2, 3, 5, 7, 11, 13
FUNCTIONS = {"additive": torch.tanh, "mlp": torch.relu}
MASKS = masks((B, H), Q, K)


def formula(function: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def attend(
        q: Tensor, k: Tensor, v: Tensor, w: Tensor, bias: Tensor | float = 0.0, mask: Tensor | None = None
    ) -> Tensor:
        score = (function(q.unsqueeze(-2) + k.unsqueeze(-3)) * w[..., None, None, :]).sum(-1)
        return softmax_over(score + bias, mask) @ v

    return attend


def inputs(
    device: torch.device, *, scale: float = 1.0, sizes: tuple[int, ...] = (B, H, Q, K, D, DV), seed: int = 0
) -> list[Tensor]:
    b, h, q, k, d, dv = sizes
    draw = torch.Generator().manual_seed(seed)
    shapes = (b, h, q, d), (b, h, k, d), (b, h, k, dv), (d,)
    out = [torch.randn(shape, generator=draw).to(device) for shape in shapes]
    return [out[0] * scale, out[1] * scale, *out[2:]]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", MASKS)
def test_equals_the_formula_under_every_mask(name: str, kind: str, device: torch.device) -> None:
    mask = MASKS[kind]
    options = {} if mask is None else {"mask": mask.to(device)}
    apart = distances(kernels.load(name), formula(FUNCTIONS[name]), inputs(device), **options)
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("sizes", [(1, 1, 67, 131, 8, 16), (1, 2, 1, 3, 70, 4), (1, 1, 129, 65, 3, 20)])
def test_equals_the_formula_beyond_one_tile(name: str, sizes: tuple[int, ...], device: torch.device) -> None:
    apart = distances(kernels.load(name), formula(FUNCTIONS[name]), inputs(device, sizes=sizes))
    assert all(d < 1e-5 for d in apart), apart


SHAPES = [(B, H, Q, K), (1, H, Q, K), (B, 1, Q, K), (Q, K), (H, 1, K)]
NAMES = list(FUNCTIONS)


@pytest.mark.parametrize(  # every shape with every mask, and either with both names
    ("name", "shape", "kind"),
    [
        (NAMES[(row + column) % 2], shape, kind)
        for row, shape in enumerate(SHAPES)
        for column, kind in enumerate(("none", "pairs"))
    ],
)
def test_equals_the_formula_however_a_bias_repeats(
    name: str, shape: tuple[int, ...], kind: str, device: torch.device
) -> None:
    def biased(q: Tensor, k: Tensor, v: Tensor, w: Tensor, bias: Tensor, **options: Tensor) -> Tensor:
        return kernels.load(name)(q, k, v, w, bias=bias, **options)

    bias, mask = torch.randn(shape, generator=torch.Generator().manual_seed(1)), MASKS[kind]
    options = {} if mask is None else {"mask": mask.to(device)}
    apart = distances(biased, formula(FUNCTIONS[name]), [*inputs(device), bias.to(device)], **options)
    assert all(d < 1e-5 for d in apart), apart


def test_one_query_takes_a_bias_too(device: torch.device) -> None:
    def biased(q: Tensor, k: Tensor, v: Tensor, w: Tensor, bias: Tensor) -> Tensor:
        return kernels.load("additive")(q, k, v, w, bias=bias)

    bias = torch.randn(H, 1, K, generator=torch.Generator().manual_seed(1)).to(device)
    given = [*inputs(device, sizes=(B, H, 1, K, D, DV)), bias]
    assert all(d < 1e-5 for d in distances(biased, formula(torch.tanh), given))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_half_precision_is_as_near_as_its_rounding(name: str, device: torch.device) -> None:
    given = [x.bfloat16() for x in inputs(device)]
    apart = distances(kernels.load(name), formula(FUNCTIONS[name]), given, mask=MASKS["pairs"].to(device))
    assert all(d < 4e-2 for d in apart), apart  # 8 bits; ds and out are rounded on the way to dq


@pytest.mark.parametrize("reach", [10.0, 21.9, 22.1, 43.9, 44.1, 100.0, 1000.0])
def test_additive_is_exact_at_any_range(reach: float, device: torch.device) -> None:
    q, k, v, w = inputs(device)
    q, k = q * 0.1 + reach / 2 - 0.5, k * 0.1 - reach / 2 + 0.5  # far from zero, and their sum near it
    q[:, :, 0] *= -1  # and one query far below
    q[..., -1], k[..., -1] = reach / 2, reach / 2
    apart = distances(kernels.load("additive"), formula(torch.tanh), [q, k, v, w])
    rounding = 1e-5 + 2e-7 * reach  # of q + k itself in float32
    assert all(d < rounding for d in apart), apart


def test_queries_of_different_ranges_share_a_tile(device: torch.device) -> None:
    q, k, v, w = inputs(device, sizes=(1, 2, Q, K, D, DV))
    q[:, :, 1] *= 30
    k[:, :, 3] *= 60
    apart = distances(kernels.load("additive"), formula(torch.tanh), [q, k, v, w])
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_query_that_may_look_nowhere_gives_zeros(name: str, device: torch.device) -> None:
    given = [x.requires_grad_() for x in inputs(device)]
    out = kernels.load(name)(*given, mask=MASKS["pairs"].to(device))
    assert (out[0, :, 2] == 0).all()
    out.sum().backward()
    assert (given[0].grad[0, :, 2] == 0).all()
    assert all(x.grad.isfinite().all() for x in given)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_queries_in_parts_add_up(name: str, device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    from foveal.attention.kernels import sums

    monkeypatch.setattr(sums, "SCRATCH", 1)  # 128 queries at a time, the least there is
    given = inputs(device, sizes=(1, 1, 130, 9, 4, 5))
    apart = distances(kernels.load(name), formula(FUNCTIONS[name]), given)
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", MASKS)
def test_scores_may_go_through_memory(
    name: str, kind: str, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    from foveal.attention.kernels import sums

    monkeypatch.setattr(sums, "WIDE", 0)
    mask = MASKS[kind]
    options = {} if mask is None else {"mask": mask.to(device)}
    apart = distances(kernels.load(name), formula(FUNCTIONS[name]), inputs(device), **options)
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("name", FUNCTIONS)
def test_scores_of_many_tiles_may_go_through_memory(
    name: str, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    from foveal.attention.kernels import sums

    monkeypatch.setattr(sums, "WIDE", 0)
    given = inputs(device, sizes=(1, 1, 67, 131, 8, 16))
    bias = torch.randn(67, 131, generator=torch.Generator().manual_seed(1)).to(device)
    apart = distances(kernels.load(name), formula(FUNCTIONS[name]), given, bias=bias)
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("shape", [(), (2,), (2, 1, 3)])
def test_any_batch_axes_and_broadcasting(shape: tuple[int, ...], device: torch.device) -> None:
    draw = torch.Generator().manual_seed(5)
    sizes = (Q, D), (K, D), (K, DV)
    q, k, v = (torch.randn(*shape, *s, generator=draw).to(device) for s in sizes)
    k, w = k[:1] if shape else k, torch.randn(*shape[-1:], D, generator=draw).to(device)
    mask = (torch.rand(*shape[1:], Q, K, generator=draw) > 0.3).to(device)
    apart = distances(kernels.load("additive"), formula(torch.tanh), [q, k, v, w], mask=mask)
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_are_the_same_in_every_run(name: str, device: torch.device) -> None:
    runs = []
    for _ in range(2):
        given = [x.requires_grad_() for x in inputs(device)]
        kernels.load(name)(*given).square().sum().backward()
        runs.append([x.grad for x in given])
    assert all(torch.equal(x, y) for x, y in zip(*runs, strict=True))


def test_tiles_divide_what_they_must() -> None:
    from foveal.attention.kernels import sums

    for tiles in (*sums.FORWARD.values(), *sums.PAIRS.values(), sums.SCORES):
        assert sums.PAD % tiles.rows == sums.PAD % tiles.columns == 0
        assert tiles.rows % (4 * tiles.warps) == 0
    for tiles in (*sums.PAIRS.values(), *sums.SIDES.values()):
        assert sums.GRAIN % tiles.rows == 0
    for width, tiles in sums.SIDES.items():
        assert width % tiles.columns == 0
