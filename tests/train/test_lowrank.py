"""Low-rank adapters: nothing at first, little to learn, and merged they do what they did beside."""

import torch
from torch import nn
from torch.testing import assert_close

from foveal.models.line import LineModel
from foveal.train.lowrank import LowRank, attach, merge


def test_adapters_begin_as_nothing_and_merge_into_what_they_became() -> None:
    torch.manual_seed(0)
    model = LineModel("tiny", 41).eval()
    names, strips = list(model.state_dict()), torch.rand(2, 3, 32, 64)
    with torch.no_grad():
        plain = model.glance(strips).logits
        learnt = attach(model, ("query", "out", "read"), 3)
        assert_close(model.glance(strips).logits, plain)
        for part in model.modules():
            if isinstance(part, LowRank):
                nn.init.normal_(part.up)
        beside = model.glance(strips).logits
        assert (beside - plain).abs().max() > 0.1
        merge(model)
        assert_close(model.glance(strips).logits, beside, rtol=1e-4, atol=1e-4)
    assert list(model.state_dict()) == names
    assert sum(one.numel() for one in learnt) < 0.3 * sum(one.numel() for one in model.parameters())


def test_only_adapters_and_norms_are_learnt() -> None:
    model = LineModel("tiny", 41)
    attach(model, ("query",), 2)
    learnt = {name for name, one in model.named_parameters() if one.requires_grad}
    assert learnt
    assert all(name.endswith((".down", ".up")) or "norm" in name for name in learnt)
