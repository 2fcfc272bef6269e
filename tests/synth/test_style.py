"""Laws of the styling stage: boxes follow the ink, padding is exact, nothing waits for the device."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from foveal.synth.degrade import jpeg
from foveal.synth.looks import EFFECTS, KINDS, LOOKS, SHARES, Dice, Look, draw_effects, draw_look
from foveal.synth.style import PADDING, _other_pen, augment, render
from foveal.synth.warp import TEXT_HEIGHT, Warp, draw_warp, ink_bounds, whole_mask

BATCH, WIDTH = 24, 96


def marks(batch: int = BATCH) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Masks with four upright bars as characters, three boxes of padding, widths and kinds."""
    masks = torch.zeros(batch, TEXT_HEIGHT, 144, dtype=torch.uint8)
    boxes = torch.zeros(batch, 7, 4)
    for place in range(4):
        left = 6 + 30 * place
        masks[:, 8:40, left : left + 12] = 255
        boxes[:, place] = torch.tensor([left, 8.0, left + 12, 40.0])
    return masks, torch.full((batch,), 132), boxes, torch.arange(batch) % len(KINDS)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn_warp(seed: int, preset: str) -> tuple[Warp, torch.Tensor, torch.Tensor]:
    _, widths, boxes, _ = marks()
    dice = Dice(seeded(seed), batch=BATCH)
    look = draw_effects(torch.full((BATCH,), LOOKS.index(preset)), dice)
    warp, content = draw_warp(
        ink_bounds(boxes, widths), whole_mask(widths), look, dice, height=32, width=WIDTH
    )
    return warp, content, boxes


@pytest.mark.parametrize("preset", LOOKS)
def test_the_two_directions_of_a_warp_are_inverse(preset: str) -> None:
    warp, _, _ = drawn_warp(1, preset)
    points = torch.rand(BATCH, 50, 2, generator=seeded(2)) * torch.tensor([132.0, 48.0])
    torch.testing.assert_close(warp.to_mask(warp.to_strip(points)), points, atol=0.02, rtol=0)


@pytest.mark.parametrize("preset", LOOKS)
def test_what_is_seen_of_a_character_lies_in_its_box(preset: str) -> None:
    warp, _, boxes = drawn_warp(3, preset)
    warped = warp.boxes(boxes)
    y, x = torch.meshgrid(torch.arange(32) + 0.5, torch.arange(WIDTH) + 0.5, indexing="ij")
    strip = torch.stack([x, y], 2).reshape(1, -1, 2).expand(BATCH, -1, -1)
    seen = warp.to_mask(strip)
    for place in range(4):
        box, target = boxes[:, place, None], warped[:, place, None]
        inside = ((seen >= box[..., :2]) & (seen <= box[..., 2:])).all(2)
        within = ((strip >= target[..., :2] - 0.75) & (strip <= target[..., 2:] + 0.75)).all(2)
        assert inside.any()
        assert not (inside & ~within).any()


def test_boxes_that_are_padding_stay_zero_and_the_others_lie_in_the_content() -> None:
    masks, widths, boxes, kinds = marks()
    strips = render(masks, widths, boxes, kinds, width=WIDTH, generator=seeded(4), scene=0.5)
    assert not strips.boxes[:, 4:].any()
    assert (strips.boxes[:, :4, 2] > strips.boxes[:, :4, 0]).all()
    assert (strips.boxes[..., 2] <= strips.widths[:, None]).all()
    assert (strips.boxes[..., 3] <= 32).all()


def test_right_of_the_content_is_padding_and_left_of_it_is_an_image() -> None:
    masks, widths, boxes, kinds = marks()
    strips = render(masks, widths, boxes, kinds, width=WIDTH, generator=seeded(5), scene=0.5)
    right = torch.arange(WIDTH) >= strips.widths[:, None]
    assert (strips.images.permute(0, 2, 3, 1)[right[:, None].expand(-1, 32, -1)] == PADDING).all()
    assert strips.images.shape == (BATCH, 3, 32, WIDTH)
    assert ((strips.images >= 0) & (strips.images <= 1)).all()
    assert (strips.widths > 8).all()


def test_boxes_hold_the_ink_of_plain_print() -> None:
    masks, widths, boxes, _ = marks(60)
    kinds = torch.full((60,), KINDS.index("serif"))
    strips = render(masks, widths, boxes, kinds, width=WIDTH, generator=seeded(6), scene=0.0)
    grey = strips.images.mean(1)
    columns = torch.arange(WIDTH) + 0.5
    middle = grey[:, 14:18].mean(1)
    held = torch.stack(
        [(columns > b[..., :1]) & (columns < b[..., 2:3]) for b in strips.boxes[:, :4].unbind(1)]
    )
    held = held.any(0)
    content = columns < strips.widths[:, None]
    ink = (middle * held).sum(1) / held.sum(1)
    paper = (middle * (content & ~held)).sum(1) / (content & ~held).sum(1)
    assert ((ink - paper).abs() > 0.2).float().mean() > 0.8


def test_the_same_seed_gives_the_same_strips_and_another_seed_does_not() -> None:
    first, again, other = (
        render(*marks(), width=WIDTH, generator=seeded(seed), scene=0.5).images for seed in (7, 7, 8)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_samples_of_a_batch_differ() -> None:
    images = render(*marks(), width=WIDTH, generator=seeded(9), scene=0.5).images
    apart = (images[:, None] - images[None]).abs().mean((2, 3, 4)) + torch.eye(BATCH)
    assert apart.min() > 0.005


@pytest.mark.parametrize("width", [32, 100, 333])
def test_any_width_works(width: int) -> None:
    strips = render(*marks(), width=width, generator=seeded(10), scene=0.5)
    assert strips.images.shape[3] == width
    assert (strips.widths <= width).all()


def test_real_lines_keep_their_shape_and_their_padding() -> None:
    images = torch.full((BATCH, 3, 48, 144), 0.9)
    images[:, :, 10:38, 20:30] = 0.1
    images[..., 100:] = 0.0  # whatever lies beyond the width must not show
    strips = augment(images, torch.full((BATCH,), 100), width=WIDTH, generator=seeded(11))
    right = torch.arange(WIDTH) >= strips.widths[:, None]
    assert (strips.images.permute(0, 2, 3, 1)[right[:, None].expand(-1, 32, -1)] == PADDING).all()
    assert ((strips.widths > 35) & (strips.widths <= WIDTH)).all()  # of 67
    last = strips.images.mean((1, 2)).gather(1, (strips.widths - 2)[:, None])
    assert (last > 0.45).float().mean() > 0.9


def test_the_shares_of_presets_are_those_of_the_table() -> None:
    assert all(abs(sum(shares) - 1) < 1e-6 for shares in SHARES.values())
    kinds = torch.full((4000,), KINDS.index("serif"))
    look = draw_look(kinds, 0.25, Dice(seeded(12), batch=4000))
    found = torch.bincount(look.preset, minlength=len(LOOKS)) / 4000
    wanted = torch.tensor(SHARES["serif"]) * 0.75
    wanted[-1] = 0.25
    torch.testing.assert_close(found, wanted, atol=0.03, rtol=0)


def test_every_effect_has_a_share_and_a_strength_for_every_preset() -> None:
    for effect, cells in EFFECTS.items():
        assert len(cells) == len(LOOKS), effect
        assert all(0 <= share <= 1 and most >= 0 for share, most in cells), effect


def test_jpeg_loses_more_the_stronger_it_is() -> None:
    dice = Dice(seeded(13), batch=7)
    photo = dice.uniform(3, 40, 48)
    scene, on = torch.full((7,), LOOKS.index("scene")), torch.ones(7, len(EFFECTS))
    errors = []
    for strength in (0.0, 0.3, 1.0):
        look = Look(scene, on * strength, on)
        errors.append((jpeg(photo, look) - photo).abs().mean().item())
    assert errors[0] < 0.01 < errors[1] < errors[2]


class Watch(TorchDispatchMode):
    """Collects the names of the operators that ran."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.names.add(func.name())
        return func(*args, **(kwargs or {}))


def test_nothing_waits_for_the_device() -> None:
    batch = marks()
    render(*batch, width=WIDTH, generator=seeded(14), scene=0.5)  # constants are sent once
    with Watch() as watch:
        render(*batch, width=WIDTH, generator=seeded(15), scene=0.5)
    waiting = {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::lift_fresh"}
    assert len(watch.names) > 30
    assert not watch.names & waiting


@pytest.mark.parametrize(("effect", "heavier"), [("spread", True), ("thin", False)])
def test_another_pen_writes_heavier_or_lighter(effect: str, heavier: bool) -> None:
    images = torch.full((4, 3, 48, 60), 0.9)
    images[:, :, 10:38, 20:26] = 0.1
    strengths = torch.tensor([float(name == effect) for name in EFFECTS]).expand(4, -1) * 0.2
    look = Look(torch.full((4,), LOOKS.index("pen")), strengths, (strengths > 0).float())
    ink = 0.9 - _other_pen(images, look)
    before = 0.9 - images
    assert ((ink.sum((1, 2, 3)) > before.sum((1, 2, 3))) == heavier).all()
    assert torch.equal(ink[..., 40:], before[..., 40:])
