"""Recognisers from parts: every kind reads step by step what it reads at once; padding changes nothing."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from foveal.attention import POSITIONS
from foveal.attention.gates import GATES
from foveal.attention.pyramid import FUSIONS
from foveal.errors import ConfigError
from foveal.models.decoders import DECODERS
from foveal.models.encoders import Encoder, EncoderSpec
from foveal.models.recogniser import Fixating, Glancing, Spelling, recogniser

CLASSES = 11
SMALL = {"stem": (4, 6, 8), "dim": 16, "heads": 2, "depth": 2}
DECODER_OPTIONS: list[Any] = [
    {"name": "summary", "hidden": 12},
    *({"name": "recurrent", "hidden": 12, "attention": kind}
      for kind in ("dot", "scaled_dot", "additive", "mlp", "bilinear", "location")),
    {"name": "recurrent", "hidden": 12, "attention": {"name": "additive", "normaliser": "sigmoid"}},
    *({"name": "autoregressive", "hidden": 16, "heads": heads} for heads in (1, 4, 8, 16)
      if 16 % (2 * heads) == 0 or heads == 16),
    {"name": "autoregressive", "hidden": 16, "heads": 2, "position": "rotary"},
    {"name": "parallel", "hidden": 16, "heads": 2, "longest": 9},
]  # fmt: skip


def spelling(decoder: Any, **parts: Any) -> Spelling:
    torch.manual_seed(0)
    model = recogniser(EncoderSpec(**SMALL | parts), decoder, CLASSES)
    assert isinstance(model, Spelling)
    return model.eval()


@pytest.mark.parametrize("decoder", DECODER_OPTIONS, ids=str)
def test_step_by_step_reads_what_is_read_at_once(decoder: Any) -> None:
    model = spelling(decoder)
    images, ids = torch.rand(3, 3, 32, 44), torch.randint(0, CLASSES, (3, 5))
    valid = torch.arange(11) < torch.tensor([[11], [7], [3]])
    read, _ = model(images, valid, ids)
    state = model.decoder.start(model.encode(images, valid), valid)
    for place, before in enumerate(ids.unbind(1)):
        step = model.decoder.step(state, before)
        assert_close(step.log_probs, read.logits[:, place].log_softmax(-1), atol=1e-5, rtol=1e-4)
        if read.looks is None:
            assert step.look is None
        else:
            assert step.look is not None
            assert_close(step.look, read.looks[:, place], atol=1e-5, rtol=1e-4)
            assert (step.look[1, 7:] == 0).all()  # nothing is looked for beyond the strip
        state = step.state


@pytest.mark.parametrize("decoder", DECODER_OPTIONS[:2] + DECODER_OPTIONS[-2:], ids=str)
def test_characters_to_come_are_not_known(decoder: Any) -> None:
    model = spelling(decoder)
    images, ids = torch.rand(1, 3, 32, 48), torch.randint(1, CLASSES, (1, 6))
    valid = torch.ones(1, 12, dtype=torch.bool)
    other = ids.clone()
    other[:, 4:] = (other[:, 4:] + 1) % CLASSES
    a, b = model(images, valid, ids)[0].logits, model(images, valid, other)[0].logits
    assert_close(a[:, :4], b[:, :4])


PARTS: list[dict[str, Any]] = [
    {},
    {"mixer": "lstm"},
    {"mixer": "none"},
    {"norm": "group"},
    {"rectify": True},
    *({"gate": gate} for gate in GATES),
    *({"scales": fusion} for fusion in FUSIONS if fusion != "task"),
    *({"position": position} for position in POSITIONS),
    *({"attention": kind} for kind in ("local", "chunked", "random", "random_dynamic", "structured", "relu",
                                       "elu", "random_features", "fourier_features", "two_level")),
    {"attention": ({"name": "local", "window": 3}, "scaled_dot")},
]  # fmt: skip


@pytest.mark.parametrize("parts", PARTS, ids=str)
def test_an_encoder_of_any_parts_reads_any_width_and_learns_everywhere(parts: dict[str, Any]) -> None:
    torch.manual_seed(0)
    encoder = Encoder(EncoderSpec(**SMALL | parts))
    for width in (16, 44, 100):
        assert encoder(torch.rand(2, 3, 32, width)).shape == (2, width // 4, 16)
    encoder(torch.rand(2, 3, 32, 64), torch.ones(2, 16, dtype=torch.bool)).square().sum().backward()
    silent = [name for name, p in encoder.named_parameters() if p.grad is None]
    assert not silent


@pytest.mark.parametrize("mixer", ["lstm", "none"])
def test_padding_is_not_read(mixer: Any) -> None:
    torch.manual_seed(0)
    encoder = Encoder(EncoderSpec(**SMALL | {"mixer": mixer, "norm": "batch"})).eval()
    strip = torch.rand(1, 3, 32, 64)
    alone = encoder(strip)
    padded = torch.nn.functional.pad(strip, (0, 64))
    beside = encoder(padded, torch.arange(32)[None] < 16)
    assert_close(alone[:, :12], beside[:, :12], atol=1e-4, rtol=1e-3)  # but for what convolutions reach


def test_rectification_begins_with_what_is_there_and_moves_columns_up_and_down_only() -> None:
    encoder = Encoder(EncoderSpec(**SMALL | {"rectify": True}))
    assert encoder.rectify is not None
    strip = torch.rand(1, 3, 32, 64)
    assert_close(encoder.rectify(strip), strip, atol=1e-5, rtol=1e-4)
    torch.nn.init.constant_(encoder.rectify.move.bias, 0.4)  # type: ignore[arg-type]
    stripes = torch.rand(1, 3, 1, 64).expand(-1, -1, 32, -1)
    assert_close(encoder.rectify(stripes), stripes, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(encoder.rectify(strip), strip, atol=1e-2)


def test_the_whole_ones_and_their_errors() -> None:
    spec = EncoderSpec(**SMALL)
    assert isinstance(recogniser(spec, "ctc", CLASSES), Glancing)
    model = recogniser(spec, {"name": "fixations", "hidden": 32}, CLASSES)
    assert isinstance(model, Fixating)
    assert model.glance(torch.rand(1, 3, 32, 40)).logits.shape == (1, 10, CLASSES)
    for wrong, near in (
        ("recurent", "recurrent"),
        ({"name": "ctc", "depht": 2}, "there are none"),
        ({"name": "fixations", "depht": 2}, "depth"),
        ({"name": "summary", "hiden": 2}, "hidden"),
    ):
        with pytest.raises(ConfigError, match=near):
            recogniser(spec, wrong, CLASSES)
    with pytest.raises(ConfigError, match="one of SCORES"):
        recogniser(spec, {"name": "recurrent", "attention": "local"}, CLASSES)
    assert set(DECODERS) == {"summary", "recurrent", "autoregressive", "parallel"}
    assert np.isfinite(sum(p.numel() for p in model.parameters()))


def test_activations_computed_again_give_the_same_gradients() -> None:
    torch.manual_seed(0)
    kept, again = (Encoder(EncoderSpec(**SMALL | {"recompute": flag})) for flag in (False, True))
    again.load_state_dict(kept.state_dict())
    strips = torch.rand(2, 3, 32, 64)
    for encoder in (kept, again):
        encoder(strips).square().sum().backward()
    for one, other in zip(kept.parameters(), again.parameters(), strict=True):
        assert_close(one.grad, other.grad)
