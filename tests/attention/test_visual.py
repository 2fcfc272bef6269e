"""The law of gates: weights say what they do, forward does it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from plain import assert_same_in_value_and_gradient, exported, values
from torch import Tensor, nn
from torch.testing import assert_close

from foveal.attention.gates import GATES, Gate
from foveal.errors import ConfigError
from foveal.models.page import KINDS, PageModel


@pytest.mark.parametrize("name", GATES)
def test_a_gate_keeps_a_share_of_each_value(name: str) -> None:
    torch.manual_seed(0)
    gate, x = GATES[name](12), torch.randn(2, 12, 7, 5) * 3
    kept = gate.weights(x)
    assert kept.min() >= 0
    assert kept.max() <= 1
    assert_close(gate(x), x * kept)
    assert torch.broadcast_shapes(kept.shape, x.shape) == x.shape


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def channel(p: dict[str, np.ndarray], x: np.ndarray, counts: np.ndarray) -> np.ndarray:
    mean = np.array([level[counts].mean() if counts.any() else 0.0 for level in x])
    hidden = np.maximum(p["squeeze.weight"][:, :, 0, 0] @ mean + p["squeeze.bias"], 0)
    return sigmoid(p["excite.weight"][:, :, 0, 0] @ hidden + p["excite.bias"])[:, None, None]


def spatial(p: dict[str, np.ndarray], x: np.ndarray, counts: np.ndarray) -> np.ndarray:
    x = x * counts
    seen = np.pad(np.stack([x.mean(0), x.max(0)]), ((0, 0), (3, 3), (3, 3)))
    out = np.zeros(x.shape[1:])
    for i, j in np.ndindex(out.shape):
        out[i, j] = (p["look.weight"][0] * seen[:, i : i + 7, j : j + 7]).sum() + p["look.bias"][0]
    return sigmoid(out)[None]


def spatial_global(p: dict[str, np.ndarray], x: np.ndarray, counts: np.ndarray) -> np.ndarray:
    w = np.concatenate([p["place.weight"][0, :, 0, 0], p["scene.weight"][0, :, 0, 0]])
    scene = [[f(c[counts]) if counts.any() else 0.0 for c in x] for f in (np.mean, np.max)]
    out = np.zeros(x.shape[1:])
    for i, j in np.ndindex(out.shape):
        out[i, j] = w @ np.concatenate([x[:, i, j], *scene]) + p["place.bias"][0]
    return sigmoid(out)[None]


def coordinate(p: dict[str, np.ndarray], x: np.ndarray, counts: np.ndarray) -> np.ndarray:
    def kept(mean: np.ndarray, side: str) -> np.ndarray:
        narrow = p["narrow.0.weight"][:, :, 0, 0] @ mean + p["narrow.0.bias"]
        centred = (narrow - p["narrow.1.running_mean"]) / np.sqrt(p["narrow.1.running_var"] + 1e-5)
        hidden = centred * p["narrow.1.weight"] + p["narrow.1.bias"]
        hidden = hidden * np.clip(hidden + 3, 0, 6) / 6
        return sigmoid(p[f"{side}.weight"][:, :, 0, 0] @ hidden + p[f"{side}.bias"])

    def mean(places: np.ndarray, at: np.ndarray) -> np.ndarray:
        return places[:, at].mean(1) if at.any() else np.zeros(len(places))

    rows = np.stack([kept(mean(x[:, i], counts[i]), "row") for i in range(x.shape[1])], 1)
    columns = np.stack([kept(mean(x[:, :, j], counts[:, j]), "column") for j in range(x.shape[2])], 1)
    return rows[:, :, None] * columns[:, None, :]


def mixed(p: dict[str, np.ndarray], x: np.ndarray, counts: np.ndarray) -> np.ndarray:
    parts = [
        {name.removeprefix(side): value for name, value in p.items() if name.startswith(side)}
        for side in ("channel.", "spatial.")
    ]
    return channel(parts[0], x, counts) * spatial(parts[1], x, counts)


FORMS = {
    "none": lambda p, x, counts: np.ones((len(x), 1, 1)),  # noqa: ARG005
    "channel": channel,
    "spatial": spatial,
    "spatial_global": spatial_global,
    "coordinate": coordinate,
    "mixed": mixed,
}


def gate_of(name: str, channels: int = 12) -> Gate:
    torch.manual_seed(0)
    gate = GATES[name](channels).double().eval()
    for module in gate.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return gate


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("size", [(7, 5), (1, 13), (11, 1)])
def test_a_gate_is_what_its_formula_says(name: str, masked: bool, size: tuple[int, int]) -> None:
    gate, x = gate_of(name), torch.randn(2, 12, *size, dtype=torch.float64) * 2
    mask = None
    if masked:
        mask = torch.rand(2, 1, *size) > 0.4
        mask[1] = False  # a map of padding alone
    kept = gate.weights(x, mask).detach().expand(2, -1, -1, -1)
    for i in range(2):
        counts = np.ones(size, dtype=bool) if mask is None else mask[i, 0].numpy()
        expected = FORMS[name](values(gate), x[i].numpy(), counts)
        np.testing.assert_allclose(kept[i].numpy(), np.broadcast_to(expected, kept[i].shape), atol=1e-12)


@pytest.mark.parametrize("name", GATES)
def test_a_gate_forward_is_its_weights_in_value_and_gradient(name: str) -> None:
    gate = gate_of(name)
    x = torch.randn(2, 12, 7, 5, dtype=torch.float64, requires_grad=True)
    mask = torch.ones(2, 1, 1, 5, dtype=torch.bool)
    mask[..., 3:] = False
    leaves = [x, *gate.parameters()]
    assert_same_in_value_and_gradient(leaves, lambda *_: gate(x, mask), lambda *_: x * gate.weights(x, mask))


@pytest.mark.parametrize("name", GATES)
def test_padding_changes_nothing_that_counts(name: str) -> None:
    gate, x = gate_of(name), torch.randn(2, 12, 7, 13, dtype=torch.float64)
    mask = torch.ones(2, 1, 1, 13, dtype=torch.bool)
    mask[..., 9:] = False
    other = x.clone()
    other[..., 9:] = 100.0
    assert_close(gate(x, mask)[..., :9], gate(other, mask)[..., :9])
    if name != "spatial" and name != "mixed":  # whose convolution sees zeros there
        assert_close(gate(x, mask)[..., :9], gate(x[..., :9]))


@pytest.mark.parametrize("name", GATES)
def test_a_gate_exports_for_any_map(name: str) -> None:
    gate = gate_of(name).float()

    def inputs(b: int, h: int, w: int) -> tuple[Tensor, Tensor]:
        return torch.randn(b, 12, h, w), torch.rand(b, 1, 1, w) > 0.3

    run = exported(gate, inputs(2, 7, 5), [(0, 2, 3), (0, 3)])
    for size in ((2, 7, 5), (3, 4, 17)):
        x, mask = inputs(*size)
        assert_close(run(x, mask)[0], gate(x, mask))


def test_half_precision_gates_stay_near() -> None:
    for name in GATES:
        gate, x = gate_of(name).float(), torch.randn(2, 12, 7, 5)
        low = gate.bfloat16()(x.bfloat16())
        assert low.dtype == torch.bfloat16
        assert_close(low.float(), gate.float()(x.bfloat16().float()), atol=0.05, rtol=0.05)


@pytest.mark.parametrize(("fusion", "gate"), [("pyramid", "mixed"), ("sum", "none")])
def test_the_maps_have_the_sizes_they_promise(fusion: str, gate: str) -> None:
    small = {"widths": (8, 12, 16, 20), "depths": (1, 1, 1, 1), "channels": 8}
    model = PageModel(fusion=fusion, gate=gate, **small).eval()
    maps = model(torch.randint(0, 256, (2, 3, 96, 64), dtype=torch.uint8))
    assert maps.core.shape == maps.border.shape == (2, 1, 48, 32)
    assert maps.height.shape == (2, 1, 24, 16)
    assert maps.direction.shape == (2, 2, 24, 16)
    assert maps.kind.shape == (2, len(KINDS), 24, 16)


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(ConfigError, match="mixt"):
        PageModel(gate="mixt")
