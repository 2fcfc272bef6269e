"""The CTC loss against torch's own, in value and gradient."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional
from torch.testing import assert_close

from foveal.train.ctc import ctc_loss


def batch(seed: int) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(seed)
    lengths = torch.tensor([3, 5, 1, 0, 5, 4])
    # the fifth repeats a sign and just fits; the last cannot fit
    columns = torch.tensor([11, 13, 1, 4, 6, 3])
    ids = torch.randint(1, 7, (6, 5))
    ids[4] = torch.tensor([2, 2, 3, 4, 5])
    ids = ids * (torch.arange(5) < lengths[:, None])
    return torch.randn(6, 13, 7, dtype=torch.float64), ids, lengths, columns


@pytest.mark.parametrize("seed", range(3))
def test_it_equals_torch_in_value_and_gradient(seed: int) -> None:
    logits, ids, lengths, columns = batch(seed)
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    value = ctc_loss(ours.log_softmax(-1), ids, lengths, columns)
    expected = functional.ctc_loss(
        theirs.log_softmax(-1).transpose(0, 1), ids, columns, lengths, reduction="none", zero_infinity=True
    )
    assert_close(value, expected)
    weights = torch.arange(1.0, 7.0, dtype=torch.float64)
    (value * weights).sum().backward()
    (expected * weights).sum().backward()
    assert_close(ours.grad, theirs.grad)


def test_a_text_that_cannot_fit_costs_nothing_and_teaches_nothing() -> None:
    logits, ids, lengths, columns = batch(0)
    logits.requires_grad_()
    value = ctc_loss(logits.log_softmax(-1), ids, lengths, columns)
    assert value[5] == 0
    value.sum().backward()
    assert logits.grad is not None
    assert (logits.grad[5] == 0).all()
    assert (logits.grad[0] != 0).any()


def test_it_stays_finite_where_the_model_is_sure_of_something_else() -> None:
    logits, ids, lengths, columns = batch(1)
    logits = (logits * 1e4).float().requires_grad_()
    ctc_loss(logits.log_softmax(-1), ids, lengths, columns).sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
