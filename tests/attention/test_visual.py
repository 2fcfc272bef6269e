"""The law of gates and of pyramid fusion: weights say what they do, forward does it."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from foveal.attention.gates import GATES
from foveal.attention.pyramid import FUSIONS, Fusion, enlarge
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


def levels(channels: int) -> list[torch.Tensor]:
    return [torch.randn(2, channels, 24 // 2**i, 16 // 2**i) for i in range(3)]


@pytest.mark.parametrize("name", FUSIONS)
def test_a_fusion_shares_out_one(name: str) -> None:
    torch.manual_seed(0)
    fuse, maps = FUSIONS[name](6, levels=3), levels(6)
    share = fuse.weights(maps)
    assert share.shape == (2, 3, 24, 16)
    assert share.min() >= 0
    assert_close(share.sum(1), torch.ones(2, 24, 16))
    plain = sum(share[:, i : i + 1] * x for i, x in enumerate(enlarge(maps)))
    assert_close(fuse(maps), plain)
    assert_close(Fusion.forward(fuse, maps), plain)


def test_pyramid_attention_depends_on_place_and_scale() -> None:
    torch.manual_seed(0)
    share = FUSIONS["pyramid"](6, levels=3).weights(levels(6))
    assert share.std(dim=(2, 3)).min() > 1e-3


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
