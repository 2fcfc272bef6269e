"""The line model with any mechanism of the table, and with one from a file of its reader's own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch

from foveal.attention import MECHANISMS, load
from foveal.errors import InputMissing
from foveal.models.line import SIZES, LineModel

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(set(MECHANISMS) - {"local_2d"}))
def test_an_encoder_learns_with_any_mechanism(name: str) -> None:
    torch.manual_seed(0)
    model = LineModel(replace(SIZES["tiny"], attention=name), 9)
    valid = torch.ones(2, 24, dtype=torch.bool)
    valid[1, 17:] = False
    glance = model.glance(torch.rand(2, 3, 32, 96), valid)
    assert glance.logits.shape == (2, 24, 9)
    glance.logits.square().sum().backward()
    gradients = [p.grad for n, p in model.blocks.named_parameters() if "key.bias" not in n]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


def test_blocks_computed_again_give_the_same_and_keep_less() -> None:
    strips, kept, found = torch.rand(2, 3, 32, 96), [], []

    def count(tensor: torch.Tensor) -> torch.Tensor:
        kept[-1] += tensor.nbytes
        return tensor

    for again in (False, True):
        torch.manual_seed(0)
        model = LineModel(replace(SIZES["tiny"], depth=3, attention="additive", recomputed=again), 9)
        kept.append(0)
        with torch.autograd.graph.saved_tensors_hooks(count, lambda t: t):
            logits = model.glance(strips).logits
        found.append([logits, *torch.autograd.grad(logits.square().sum(), [*model.blocks.parameters()])])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
    assert kept[1] < kept[0] / 2


def test_a_mechanism_of_ones_own_is_trained_and_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "looks.png"
    run = subprocess.run(
        [
            *(sys.executable, ROOT / "examples/compare_mechanisms.py"),
            *("--load", ROOT / "examples/own_mechanism.py", "--fonts", ROOT / "tests/data/fonts"),
            *("--seconds", "0.5", "--output", picture),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert "additive:" in run.stdout
    assert "cosine:" in run.stdout
    assert cv2.imread(str(picture)).std() > 10


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="mine"):
        load(tmp_path / "mine.py")
