"""Text and image looking at each other: the formula, both routes, masks, and who looks at whom."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from plain import assert_same_in_value_and_gradient, exported, softmax_of, tensors
from torch import Tensor
from torch.testing import assert_close

from foveal.attention import build
from foveal.attention.crossmodal import CROSSMODAL, CrossModal, ImageToText, Sides, TextToImage, TwoWay
from foveal.errors import ConfigError

B, T, N, TEXT, IMAGE = 2, 5, 7, 12, 20
every = pytest.mark.parametrize("name", CROSSMODAL)


def part(name: str, mechanism: str = "scaled_dot") -> CrossModal:
    torch.manual_seed(0)
    return CROSSMODAL[name](TEXT, IMAGE, heads=2, mechanism=mechanism).double().eval()


@every
def test_each_is_built_by_its_name(name: str) -> None:
    made = build(CROSSMODAL, {"name": name, "heads": 2}, text_dim=TEXT, image_dim=IMAGE)
    assert made(torch.zeros(B, T, TEXT), torch.zeros(B, N, IMAGE)).image.shape == (B, N, IMAGE)


def sides() -> list[Tensor]:
    return tensors((B, T, TEXT), (B, N, IMAGE))


def masks() -> tuple[Tensor, Tensor]:
    text, image = torch.ones(B, T, dtype=torch.bool), torch.ones(B, N, dtype=torch.bool)
    text[0, 3:], image[0, 5:] = False, False
    return text, image


def layer_norm(x: np.ndarray, p: dict[str, np.ndarray], name: str) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]


def direction(
    p: dict[str, np.ndarray], x: np.ndarray, m: np.ndarray, own: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """x' and the mean look of two heads for one line: "q d" and "q k"."""

    def project(name: str, of: np.ndarray) -> np.ndarray:
        return of @ p[f"attention.{name}.weight"].T + p[f"attention.{name}.bias"]

    near, far = layer_norm(x, p, "norm"), layer_norm(m, p, "norm_memory")
    q, k, v = project("query", near), project("key", far), project("value", far)
    look, found, size = np.zeros((len(x), len(m))), np.zeros_like(x), x.shape[1] // 2
    for head in (slice(0, size), slice(size, None)):
        for i in range(len(x)):
            scores = [float(q[i, head] @ key[head]) / math.sqrt(size) for key in k]
            weights = np.array(softmax_of(scores, counts.tolist()))
            look[i] += weights / 2
            found[i, head] = weights @ v[:, head]
    changes = own[:, None] & counts.any()
    a = np.where(changes, project("out", found), 0)
    gate = np.concatenate([x, a], -1) @ p["gate.weight"].T + p["gate.bias"]
    return x + a / (1 + np.exp(-gate)), np.where(changes, look, 0)


@every
@pytest.mark.parametrize("masked", [False, True])
def test_it_is_what_its_formula_says(name: str, masked: bool) -> None:
    both = part(name)
    text, image = (x.detach() for x in sides())
    text_mask, image_mask = masks() if masked else (None, None)
    out, look = both.look(text, image, text_mask, image_mask)
    here = {
        "text": (text, torch.ones(B, T, dtype=torch.bool) if text_mask is None else text_mask),
        "image": (image, torch.ones(B, N, dtype=torch.bool) if image_mask is None else image_mask),
    }
    for side, other in (("text", "image"), ("image", "text")):
        p = {
            key.removeprefix(f"{side}."): value.numpy()
            for key, value in both.state_dict().items()
            if key.startswith(f"{side}.")
        }
        (x, own), (m, counts) = here[side], here[other]
        for b in range(B):
            expected, where = x[b].numpy(), np.zeros((x.shape[1], m.shape[1]))
            if p:
                expected, where = direction(p, x[b].numpy(), m[b].numpy(), own[b].numpy(), counts[b].numpy())
            np.testing.assert_allclose(getattr(out, side)[b].detach().numpy(), expected, atol=1e-10)
            np.testing.assert_allclose(getattr(look, side)[b].detach().numpy(), where, atol=1e-10)


@every
@pytest.mark.parametrize("mechanism", ["scaled_dot", "additive", "elu", "two_level"])
@pytest.mark.parametrize("masked", [False, True])
def test_forward_is_the_look_in_value_and_gradient(name: str, mechanism: str, masked: bool) -> None:
    both = part(name, mechanism)
    given = masks() if masked else (None, None)

    def joined(out: Sides) -> Tensor:
        return torch.cat([x.flatten() for x in out])

    assert_same_in_value_and_gradient(
        [*sides(), *both.parameters()],
        lambda text, image, *_: joined(both(text, image, *given)),
        lambda text, image, *_: joined(both.look(text, image, *given)[0]),
    )


@every
def test_nothing_to_look_at_changes_nothing(name: str) -> None:
    both = part(name)
    text, image = sides()
    text_mask, image_mask = masks()
    text_mask[1], image_mask[1] = False, False
    out = both(text, image, text_mask, image_mask)
    assert_close(out.text[1], text[1], atol=0, rtol=0)
    assert_close(out.image[1], image[1], atol=0, rtol=0)
    assert_close(out.text[0, 3:], text[0, 3:], atol=0, rtol=0)  # padding
    slopes = torch.autograd.grad(out.text.sum() + out.image.sum(), (text, image))
    assert all(slope.isfinite().all() for slope in slopes)


@every
def test_padding_is_not_seen(name: str) -> None:
    both, given = part(name), masks()
    text, image = (x.detach() for x in sides())
    out = both(text, image, *given)
    text[0, 3:], image[0, 5:] = 9.0, -9.0
    changed = both(text, image, *given)
    assert_close(changed.text[0, :3], out.text[0, :3])
    assert_close(changed.image[0, :5], out.image[0, :5])


def test_each_direction_is_the_one_that_it_is_named_after() -> None:
    text, image = (x.detach() for x in sides())
    for kind, text_looks, image_looks in (
        (TextToImage, True, False),
        (ImageToText, False, True),
        (TwoWay, True, True),
    ):
        out = kind(TEXT, IMAGE).double()(text, image)
        assert bool((out.text != text).any()) == text_looks
        assert bool((out.image != image).any()) == image_looks


def test_two_ways_are_both_ways_at_once() -> None:
    both, text, image = part("two_way"), *sides()
    one, other = part("text_to_image"), part("image_to_text")
    states = both.state_dict()
    one.load_state_dict({k: v for k, v in states.items() if k.startswith("text.")})
    other.load_state_dict({k: v for k, v in states.items() if k.startswith("image.")})
    out = both(text, image)
    assert_close(out.text, one(text, image).text)
    assert_close(out.image, other(text, image).image)


def test_looks_are_shares() -> None:
    _, look = part("two_way").look(*sides(), *masks())
    assert_close(look.text.sum(-1), masks()[0].double())
    assert_close(look.image.sum(-1), masks()[1].double())


def test_it_exports_for_any_text_and_image() -> None:
    both = part("two_way").float()

    def inputs(b: int, t: int, n: int) -> list[Tensor]:
        torch.manual_seed(t)
        masks = torch.rand(b, t) > 0.3, torch.rand(b, n) > 0.3
        return [torch.randn(b, t, TEXT), torch.randn(b, n, IMAGE), *masks]

    run = exported(both, inputs(2, 5, 7), [(0, 1), (0, 1), (0, 1), (0, 1)])
    for size in ((2, 5, 7), (3, 2, 31)):
        for found, expected in zip(run(*inputs(*size)), both(*inputs(*size)), strict=True):
            assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_half_precision_stays_near() -> None:
    both, given = part("two_way").float(), [x.detach().bfloat16() for x in sides()]
    exact = both(*(x.float() for x in given))
    low = both.bfloat16()(*given)
    for one, other in zip(low, exact, strict=True):
        assert one.dtype == torch.bfloat16
        assert_close(one.float(), other, atol=0.06, rtol=0.06)


def test_heads_must_fit() -> None:
    with pytest.raises(ConfigError, match="heads"):
        TwoWay(TEXT, IMAGE, heads=3)
