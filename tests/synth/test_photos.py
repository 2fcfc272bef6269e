"""Pieces of photographs behind signs: cut where nothing is written, and seen in the strips."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from foveal.synth.looks import Dice
from foveal.synth.photos import HEIGHT, WIDTH, behind, load_photos
from foveal.synth.style import render


def album(folder: Path) -> Path:
    """One photo, dark where words are marked and bright elsewhere."""
    photo = np.full((300, 900, 3), 200, np.uint8)
    photo[100:200, 300:500] = 0
    Image.fromarray(photo).save(folder / "one.png")
    mark = [[300, 100], [500, 100], [500, 200], [300, 200]]
    row = {"image": "one.png", "words": [{"polygon": mark, "text": "EXIT"}]}
    (folder / "pages.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return folder


def test_no_piece_holds_a_marked_word(tmp_path: Path) -> None:
    pieces = load_photos(album(tmp_path), most=20, seed=0)
    assert pieces.shape == (20, 3, HEIGHT, WIDTH)
    assert pieces.min() == 200


def test_pieces_come_from_photographs_only_where_sets_are_named(tmp_path: Path) -> None:
    folder = album(tmp_path)
    row = json.loads((folder / "pages.jsonl").read_text(encoding="utf-8"))
    rows = [{**row, "set": "scene_photos"}, {**row, "set": "receipts", "image": "missing.png"}]
    (folder / "pages.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    assert len(load_photos(folder, most=4, seed=0)) == 4


def test_what_is_behind_is_a_piece_less_its_mean() -> None:
    ramp = torch.linspace(0, 255, WIDTH).expand(1, 3, HEIGHT, WIDTH).to(torch.uint8)
    dice = Dice(torch.Generator().manual_seed(0), batch=5)
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(640.0), indexing="ij")
    seen = behind(ramp, (torch.stack([x, y]) / 32).expand(5, 2, 32, 640), dice)
    assert seen.shape == (5, 3, 32, 640)
    assert seen.min() < -0.35  # both ends of the ramp, since long strips see it mirrored
    assert seen.max() > 0.35
    step = (seen[..., 1:] - seen[..., :-1]).abs().amax((1, 2, 3))
    assert (step < 0.02).all()  # and no seam


def test_signs_are_drawn_on_photographs() -> None:
    masks = torch.zeros(64, 48, 96, dtype=torch.uint8)
    widths, kinds = torch.full((64,), 96), torch.ones(64, dtype=torch.long)
    boxes = torch.tensor([[[8.0, 8.0, 40.0, 40.0]]]).expand(64, 1, 4)
    noise = torch.randint(0, 256, (8, 3, HEIGHT, WIDTH), dtype=torch.uint8)
    plain, busy = (
        render(
            masks, widths, boxes, kinds, width=128, scene=1.0, photos=photos,
            generator=torch.Generator().manual_seed(3),
        ).images
        for photos in (None, noise)
    )  # fmt: skip
    assert (busy - plain).abs().amax((1, 2, 3)).gt(0.1).float().mean() > 0.2
