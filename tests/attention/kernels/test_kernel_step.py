"""One query at a time is the formula too, and the same as that query among others."""

import pytest
import torch
from held import distances, masks
from test_kernel_pairwise import DV, FUNCTIONS, B, D, H, K, formula, inputs

from foveal.attention import kernels

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in exp2:RuntimeWarning")  # inf is meant

SIZES = (B, H, 1, K, D, DV)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", ["none", "padding", "heads"])
def test_equals_the_formula(name: str, kind: str, device: torch.device) -> None:
    mask = masks((B, H), 3, K)[kind]
    options = {} if mask is None else {"mask": mask[..., :1, :].to(device)}
    apart = distances(kernels.load(name), formula(FUNCTIONS[name]), inputs(device, sizes=SIZES), **options)
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize(
    ("name", "scale"), [("additive", 1.0), ("additive", 30.0), ("additive", 300.0), ("mlp", 1.0)]
)
def test_equals_the_formula_over_many_keys(name: str, scale: float, device: torch.device) -> None:
    given = inputs(device, sizes=(1, 2, 1, 150, 6, 3), scale=scale)
    apart = distances(kernels.load(name), formula(FUNCTIONS[name]), given)
    assert all(d < 1e-5 + 1e-6 * scale for d in apart), apart


@pytest.mark.parametrize("name", FUNCTIONS)
def test_tiles_may_pass_through_shared_memory(
    name: str, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    from foveal.attention.kernels import step

    monkeypatch.setattr(step, "FORWARD", step.Tiles(512, 4, None, 3))
    given = inputs(device, sizes=(1, 2, 1, 150, 6, 3))
    apart = distances(kernels.load(name), formula(FUNCTIONS[name]), given)
    assert all(d < 1e-5 for d in apart), apart


@pytest.mark.parametrize("name", FUNCTIONS)
def test_half_precision_is_as_near_as_its_rounding(name: str, device: torch.device) -> None:
    given = [x.bfloat16() for x in inputs(device, sizes=SIZES)]
    apart = distances(kernels.load(name), formula(FUNCTIONS[name]), given)
    assert all(d < 2e-2 for d in apart), apart


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_query_that_may_look_nowhere_gives_zeros(name: str, device: torch.device) -> None:
    given = [x.requires_grad_() for x in inputs(device, sizes=SIZES)]
    out = kernels.load(name)(*given, mask=torch.zeros(K, dtype=torch.bool, device=device))
    out.sum().backward()
    assert (out == 0).all()
    assert all((x.grad == 0).all() for x in given)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_step_by_step_equals_all_at_once(name: str, device: torch.device) -> None:
    q, k, v, w = inputs(device)
    attend = kernels.load(name)
    steps = torch.cat([attend(q[..., i : i + 1, :], k, v, w) for i in range(q.shape[-2])], dim=-2)
    torch.testing.assert_close(steps, attend(q, k, v, w), rtol=1e-5, atol=1e-6)
