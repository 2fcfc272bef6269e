from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from foveal.synth.draw import HEIGHT, draw, draw_as
from foveal.synth.fonts import Faces
from foveal.synth.setting import Setting

PACK = Path(__file__).parent.parent / "data" / "fonts"
TEXTS = ("Glance, then fixate", "OCR 2026", "iIl1 | j", "Waſſer muͤde⸗", "É", "a b c", "...", "x")
PLAIN = Setting(
    em=44, framing="line", hand=False, tracking=0.0, kerned=True, spacing=1.0, tab=(-1, 0.0),
    small_caps=False,
    slant=0.0, weight=0, stretch=1.0, margins=(0.1, 0.1, 0.1, 0.1), neighbours=0.0, clips=False,
    rule="", rule_width=0.05, rule_drop=0.1, stop_gap=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def faces():
    return Faces(PACK)


def drawn(faces, count, **options):
    rng = np.random.default_rng(11)
    for number in range(count):
        text = TEXTS[number % len(TEXTS)]
        face = faces.choose(rng, text, kinds=("sans", "mono", "hand", "black")[number % 4 :])
        if face:
            yield draw(text, face, rng, **options)


@pytest.mark.parametrize("framing", ["tight", "line"])
def test_masks_have_the_height_and_boxes_lie_inside(faces, framing):
    for drawing in drawn(faces, 120, framing=framing, max_width=300):
        height, width = drawing.mask.shape
        assert height == HEIGHT
        assert 4 <= width <= 300
        assert drawing.boxes.shape == (len(drawing.text), 4)
        assert drawing.mask.max() > 100
        x0, y0, x1, y1 = drawing.boxes.T
        assert (x0 >= 0).all()
        assert (y0 >= 0).all()
        assert (x1 <= width).all()
        assert (y1 <= height).all()
        assert (x0 <= x1).all()
        assert (y0 <= y1).all()


@pytest.mark.parametrize("kind", ["sans", "mono", "hand"])
@pytest.mark.parametrize("change", [{}, {"slant": 0.25}, {"tracking": 0.3}, {"stretch": 0.8}, {"hand": True}])
def test_boxes_hold_their_ink_and_nothing_is_outside(faces, kind, change):
    face, rng = faces.by_kind[kind][0], np.random.default_rng(2)
    text = "Hamburg 1842"
    drawing = draw_as(replace(PLAIN, **change), text, face=face, rng=rng, max_width=900)
    inside = np.zeros_like(drawing.mask, bool)
    for char, (x0, y0, x1, y1) in zip(text, drawing.boxes.round().astype(int), strict=True):
        assert char == " " or drawing.mask[y0:y1, x0:x1].max() > 150
        inside[max(0, y0 - 1) : y1 + 1, max(0, x0 - 1) : x1 + 1] = True
    assert drawing.mask[~inside].sum() <= 0.02 * drawing.mask.sum()


@pytest.mark.parametrize("kind", ["sans", "mono", "black"])
def test_a_plain_setting_is_what_the_font_engine_sets(faces, kind):
    face, text = faces.by_kind[kind][0], "AVATAR To. Wave"
    plain = replace(PLAIN, kerned=False)
    drawing = draw_as(plain, text, face=face, rng=np.random.default_rng(0), max_width=2000)
    font = ImageFont.truetype(face.path, 44, layout_engine=ImageFont.Layout.BASIC)
    image = Image.new("L", (1200, 120))
    ImageDraw.Draw(image).text((20, 70), text, fill=255, font=font, anchor="ls")
    left, top, right, bottom = image.getbbox()
    theirs = image.crop((left, top, right, bottom))
    box = (*drawing.boxes[:, :2].min(axis=0).tolist(), *drawing.boxes[:, 2:].max(axis=0).tolist())
    ours = Image.fromarray(drawing.mask).resize(theirs.size, Image.Resampling.BILINEAR, box=box)
    assert np.corrcoef(np.asarray(ours).ravel(), np.asarray(theirs).ravel())[0, 1] > 0.9


def test_a_space_has_its_gap_and_a_mark_the_width_of_its_base(faces):
    face = faces.by_kind["sans"][0]
    drawing = draw_as(PLAIN, "a uͤ", face=face, rng=np.random.default_rng(0), max_width=900)
    a, space, u, mark = drawing.boxes
    assert space[0] == pytest.approx(a[2], abs=1e-3)
    assert space[2] == pytest.approx(u[0], abs=1e-3)
    assert mark[[0, 2]] == pytest.approx(u[[0, 2]])
    assert mark[3] <= u[1] + 1


def test_wide_text_is_squeezed_with_its_boxes(faces):
    face, rng = faces.by_kind["sans"][0], np.random.default_rng(0)
    wide = draw_as(PLAIN, "squeezed", face=face, rng=rng, max_width=900)
    narrow = draw_as(PLAIN, "squeezed", face=face, rng=rng, max_width=60)
    assert narrow.mask.shape[1] == 60
    factor = 60 / wide.mask.shape[1]
    assert np.allclose(narrow.boxes[:, [0, 2]], wide.boxes[:, [0, 2]] * factor, atol=0.5)
    assert np.allclose(narrow.boxes[:, [1, 3]], wide.boxes[:, [1, 3]])


@pytest.mark.parametrize(
    ("change", "more"),
    [({"weight": 2}, True), ({"weight": -1}, False), ({"rule": "under"}, True), ({"rule": "border"}, True),
     ({"rule": "dots"}, True), ({"rule": "strike"}, True),
     ({"neighbours": 1.1, "margins": (0.1, 0.4, 0.1, 0.4)}, True)],
)  # fmt: skip
def test_settings_add_or_take_ink(faces, change, more):
    face = faces.by_kind["sans"][0]
    plain = replace(PLAIN, margins=change.get("margins", (0.1, 0.3, 0.1, 0.3)))
    before, after = (
        draw_as(setting, "Ink more", face=face, rng=np.random.default_rng(0), max_width=900).mask.sum()
        for setting in (plain, replace(plain, **change))
    )
    assert (after > 1.02 * before) if more else (after < 0.98 * before)
