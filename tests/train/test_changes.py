"""What was learnt in whole steps: nothing at first, and together what it was, however little each moved."""

import numpy as np
import torch

from foveal.models.graphs import snap
from foveal.models.line import LineModel
from foveal.reading.beside import Adapter
from foveal.train.changes import parameters_of, put, scatter, settle


def stored() -> LineModel:
    """Return a model whose matrices are as a file of integers keeps them."""
    torch.manual_seed(0)
    model = LineModel("tiny", 41)
    found = parameters_of(model)
    put(model, {name: torch.from_numpy(snap(value.numpy(), "integer")) for name, value in found.items()})
    return model


def moved_a_little(model: LineModel) -> dict[str, torch.Tensor]:
    """Move every parameter by a tenth of a step of the largest, and return what they are then."""
    with torch.no_grad():
        for value in model.parameters():
            value += 0.1 * value.abs().max() / 64
    return parameters_of(model)


def test_a_model_that_learnt_nothing_stays_and_has_no_changes() -> None:
    model = stored()
    before = parameters_of(model)
    found = Adapter("tiny", settle(model, before, seed=0), {})
    assert {*found.matrices, *found.vectors} == set(before)
    assert not any(found.change(name).any() for name in found.matrices)
    for name, value in model.named_parameters():
        torch.testing.assert_close(value.detach(), before[name])


def test_what_moves_by_less_than_half_a_step_is_kept_together() -> None:
    model = stored()
    before = parameters_of(model)
    learnt = moved_a_little(model)
    found = Adapter("tiny", settle(model, before, seed=0), {})
    name = "blocks.0.mlp.0.weight"
    change = found.change(name)
    assert found.parameters[f"{name}:byte"].dtype == np.int8
    assert set(found.parameters[f"{name}:byte"].ravel()) <= {-1, 0, 1}
    assert np.isclose(change.mean(), (learnt[name] - before[name]).mean(), rtol=0.2)


def test_a_settled_model_is_stored_as_it_is() -> None:
    model = stored()
    before = parameters_of(model)
    with torch.no_grad():
        for value in model.parameters():
            value += 0.01 * torch.randn_like(value)
    found = Adapter("tiny", settle(model, before, seed=1), {})
    after = {name: value.detach().numpy() for name, value in model.named_parameters()}
    for name in found.matrices:
        assert np.allclose(snap(after[name], "integer"), after[name], rtol=1e-5, atol=1e-7)
        assert np.allclose(before[name].numpy() + found.change(name), after[name], atol=1e-6)
    for name in found.vectors:
        assert np.array_equal(found.parameters[name], after[name])


def test_a_scattered_model_is_stored_as_it_is_and_keeps_what_it_learnt() -> None:
    model = stored()
    before = parameters_of(model)
    learnt = moved_a_little(model)
    scatter(model, seed=0)
    after = {name: value.detach().numpy() for name, value in model.named_parameters()}
    for name in (name for name, value in after.items() if value.ndim >= 2 and value.size >= 64):
        assert np.allclose(snap(after[name], "integer"), after[name], rtol=1e-5, atol=1e-7), name
    name = "blocks.0.mlp.0.weight"
    gone = snap(learnt[name].numpy(), "integer").mean() - before[name].numpy().mean()
    kept = after[name].mean() - before[name].numpy().mean()
    wanted = (learnt[name] - before[name]).mean().item()
    assert abs(kept - wanted) < 0.2 * wanted
    assert abs(gone - wanted) > abs(kept - wanted)
