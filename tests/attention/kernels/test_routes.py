"""One place chooses the route; all routes give the same; Triton is imported only when it is used."""

import subprocess
import sys

import pytest
import torch
from test_kernel_pairwise import formula, inputs
from torch import Tensor

from foveal.attention import kernels, routes
from foveal.attention.routes import choose, route, run
from foveal.errors import ConfigError

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in exp2:RuntimeWarning")  # inf is meant

additive = formula(torch.tanh)


def apart(one: Tensor, other: Tensor) -> float:
    return float((one - other).detach().abs().max())


@pytest.mark.parametrize("name", ["plain", "kernel"])
def test_a_forced_route_is_taken_and_equals_the_plain_one(name: routes.Route, device: torch.device) -> None:
    q, k, v, w = inputs(device)
    with route(name):
        assert choose("additive", q, k, v) == name
        out = run("additive", additive, q, k, v, w)
    assert apart(out, additive(q, k, v, w)) < 1e-5


@pytest.mark.filterwarnings("ignore:.*script_method.*:DeprecationWarning")  # within torch.compile
@pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores")  # a GPU's: exact float32 is what is wanted
@pytest.mark.filterwarnings(r"ignore:\s*Online softmax is disabled")  # how it compiles for a GPU
def test_the_compiled_route_equals_the_plain_one(device: torch.device) -> None:
    given = inputs(device)
    with route("compiled"):
        out = run("additive", additive, *given)
    assert apart(out, additive(*given)) < 1e-5


@pytest.mark.filterwarnings("ignore:.*script_method.*:DeprecationWarning")  # within torch.compile
def test_a_kernel_may_stand_within_what_is_compiled(device: torch.device) -> None:
    given = inputs(device)
    kernel = kernels.load("additive")
    out = torch.compile(lambda q, k, v, w: 2 * kernel(q * 1, k, v, w))(*given)
    assert apart(out, 2 * additive(*given)) < 1e-5


def test_an_exported_graph_goes_plain(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "ROUTES", {("additive", device.type): ((0, "kernel"),)})

    class Model(torch.nn.Module):
        def forward(self, q: Tensor, k: Tensor, v: Tensor, w: Tensor) -> Tensor:
            return run("additive", additive, q, k, v, w)

    exported = torch.export.export(Model(), tuple(inputs(device)))
    assert any("tanh" in str(node.target) for node in exported.graph.nodes)


def test_the_table_decides_by_pairs(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, v, _ = inputs(device)  # 2 × 3 × 5 × 7 = 210 pairs
    for start, expected in ((210, "kernel"), (211, "plain")):
        table = {("additive", device.type): ((0, "plain"), (start, "kernel"))}
        monkeypatch.setattr(routes, "ROUTES", table)
        assert choose("additive", q, k, v) == expected


def test_what_the_kernel_does_not_take_goes_plain_in_silence(
    device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "ROUTES", {("additive", device.type): ((0, "kernel"),)})
    q, k, v, w = (x.double() for x in inputs(device))
    assert choose("additive", q, k, v) == "plain"
    assert torch.equal(run("additive", additive, q, k, v, w), additive(q, k, v, w))


def test_a_forced_kernel_that_cannot_run_says_so(device: torch.device) -> None:
    q, k, v, _ = (x.double() for x in inputs(device))
    with route("kernel"), pytest.raises(ConfigError, match=r"additive.*float64.*Triton"):
        choose("additive", q, k, v)


def test_a_mechanism_without_a_kernel_goes_plain_even_if_forced(device: torch.device) -> None:
    q, k, v, _ = inputs(device)
    with route("kernel"):
        assert choose("bilinear", q, k, v) == "plain"


def test_a_wrong_route_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'kernel'"), route("kernels"):  # type: ignore[arg-type]
        pass


@pytest.mark.parametrize(
    ("q", "v"), [((2, 3, 2000), (2, 5, 8)), ((2, 3, 8), (2, 5, 300)), ((2, 0, 8), (2, 5, 8))]
)
def test_sizes_beyond_the_kernel_are_not_usable(
    q: tuple[int, ...], v: tuple[int, ...], device: torch.device
) -> None:
    k = torch.zeros(2, 5, q[-1], device=device)
    assert not kernels.usable("additive", torch.zeros(q, device=device), k, torch.zeros(v, device=device))


def test_sizes_of_the_kernel_are_usable(device: torch.device) -> None:
    q, k, v, _ = inputs(device)
    given = {3: (q, k, v), 1: (torch.zeros(2, 3, 5, 7, device=device),)}
    assert all(kernels.usable(name, *given[kernel.inputs]) for name, kernel in kernels.KERNELS.items())


def test_every_kernel_loads_by_its_mechanism() -> None:
    assert all(kernels.load(name).__name__ == name for name in kernels.KERNELS)


def test_triton_is_imported_only_when_a_kernel_is_used() -> None:
    program = (
        "import sys, torch; from foveal.attention import kernels, routes; x = torch.zeros(2, 3, 4);"
        "print(routes.choose('additive', x, x, x), 'triton' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ran.stdout.split() == ["plain", "False"]
