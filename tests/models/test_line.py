"""The line model: shapes, padding that changes nothing, windows that are kept, and weights that come back."""

from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from foveal.errors import ConfigError, InputMissing
from foveal.models import checkpoint
from foveal.models.line import LineModel

CLASSES = 41


@pytest.fixture
def model() -> LineModel:
    torch.manual_seed(0)
    return LineModel("tiny", CLASSES).eval()


def test_padding_beyond_the_valid_columns_changes_nothing_far_from_its_edge(model: LineModel) -> None:
    strips = torch.rand(1, 3, 32, 160)
    valid = torch.arange(40)[None] < 30
    other = strips.clone()
    other[..., 140:] = 0.9  # five columns beyond the valid ones, past the reach of the convolutions
    with torch.no_grad():
        one, two = model.glance(strips, valid), model.glance(other, valid)
    assert_close(one.logits[:, :28], two.logits[:, :28])
    assert (one.density[:, 30:] == 0).all()


def test_fixations_look_only_inside_their_window(model: LineModel) -> None:
    glance = model.glance(torch.rand(2, 3, 32, 96))
    window = torch.tensor([[[3, 9], [0, 24], [5, 5]]]).expand(2, 3, 2)
    words = torch.tensor([[0, 1, 2]]).expand(2, 3)
    seen = model.fixate(glance.features, glance.count, torch.rand(2, 3) * 5, words, window)
    assert seen.logits.shape == (2, 3, CLASSES)
    for look in seen.looks:
        assert_close(look.sum(-1), torch.tensor([[1.0, 1.0, 0.0]]).expand(2, 3))
        assert (look[:, 0, :3] == 0).all()
        assert (look[:, 0, 9:] == 0).all()


def test_a_word_is_not_changed_by_its_neighbours(model: LineModel) -> None:
    glance = model.glance(torch.rand(1, 3, 32, 96))
    positions = torch.tensor([[0.5, 1.5, 2.5, 3.5]])
    window = torch.tensor([[[0, 12], [0, 12], [12, 24], [12, 24]]])
    words = torch.tensor([[0, 0, 1, 1]])
    together = model.fixate(glance.features, glance.count, positions, words, window).logits[:, :2]
    alone = model.fixate(glance.features, glance.count, positions[:, :2], words[:, :2], window[:, :2]).logits
    assert_close(together, alone)


def test_weights_come_back_and_do_not_fit_another_model(model: LineModel, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    checkpoint.save(model, path, size="tiny")
    again = LineModel("tiny", CLASSES)
    checkpoint.load(again, path)
    assert_close(again.read.weight, model.read.weight, atol=1e-3, rtol=1e-3)
    assert checkpoint.facts(path) == {"size": "tiny"}
    with pytest.raises(ConfigError, match="does not fit"):
        checkpoint.load(LineModel("tiny", CLASSES + 1), path)
    with pytest.raises(InputMissing, match="no such file"):
        checkpoint.load(again, tmp_path / "missing.safetensors")
