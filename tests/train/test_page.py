"""The page model from rendered page to ONNX, at tiny sizes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from foveal.models.export_page import OUTPUTS, export
from foveal.models.page import KINDS, PageMaps, PageModel
from foveal.synth.fonts import Faces
from foveal.synth.pages_layout import Stock
from foveal.train.page import Average, rate_at
from foveal.train.page_data import PageBatches, Source, crop_real, load_pages, text_free
from foveal.train.page_losses import losses
from foveal.train.page_targets import UNKNOWN

FONTS = Path(__file__).parents[1] / "data" / "fonts"
SIDE = 128


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other are slow on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tiny() -> PageModel:
    return PageModel(widths=(8, 12, 16), depths=(1, 1, 1), channels=8)


@pytest.fixture(scope="module")
def batch() -> dict[str, torch.Tensor]:
    batches = PageBatches(Source(Stock(Faces(FONTS)), [], {}), batch=3, side=SIDE, seed=5)
    return next(iter(batches))


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """One real page with one line, and one word nobody could read."""
    Image.new("RGB", (300, 200), (200, 200, 200)).save(tmp_path / "page.png")
    boxes = [[[50, 40], [250, 40], [250, 70], [50, 70]], [[50, 150], [120, 150], [120, 170], [50, 170]]]
    lines = [{"polygon": box, "ignore": bool(index)} for index, box in enumerate(boxes)]
    row = {"image": "page.png", "set": "scene", "lines": lines, "regions": None}
    (tmp_path / "pages.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return tmp_path


def test_a_batch_has_the_sizes_it_says(batch: dict[str, torch.Tensor]) -> None:
    half, quarter = SIDE // 2, SIDE // 4
    shapes = {name: tuple(value.shape) for name, value in batch.items()}
    assert shapes == {
        "page": (3, 3, SIDE, SIDE), "core": (3, half, half), "band": (3, half, half), "sure": (3, half, half),
        "height": (3, quarter, quarter), "direction": (3, 2, quarter, quarter), "on": (3, quarter, quarter),
        "kind": (3, quarter, quarter), "look": (3,),
    }  # fmt: skip


def test_a_real_page_keeps_its_line_and_its_doubt(packed: Path) -> None:
    (page,) = load_pages(packed)
    assert [line.sure for line in page.lines] == [True, False]
    rng = np.random.default_rng(3)
    crops = [crop_real(rng, page, side=SIDE)[1] for _ in range(12)]
    assert any(crop.core.max() == 255 for crop in crops)
    assert any(crop.sure.min() == 0 for crop in crops)
    assert all((crop.kind == UNKNOWN).all() for crop in crops)


def test_backgrounds_hold_no_word(packed: Path) -> None:
    (page,) = load_pages(packed)
    written = page.image.copy()
    written[40:70, 50:250] = 0
    written[150:170, 50:120] = 0
    pieces = text_free(np.random.default_rng(1), [replace(page, image=written)] * 20)
    assert pieces
    assert min(int(piece.min()) for piece in pieces) == 200


def test_right_maps_cost_less_than_wrong_ones(batch: dict[str, torch.Tensor]) -> None:
    core = batch["core"].float()[:, None] / 255
    kind = torch.nn.functional.one_hot(batch["kind"].long(), len(KINDS)).permute(0, 3, 1, 2) * 12.0
    height, direction = batch["height"].float()[:, None], batch["direction"].float()
    right = PageMaps((core - 0.5) * 16, torch.zeros_like(core), height, direction, kind)
    wrong = PageMaps(-right.core, right.border, right.height + 1, -right.direction, -right.kind)
    good, bad = losses(right, batch), losses(wrong, batch)
    assert good.keys() == bad.keys()
    for name in ("core", "step", "height", "direction", "kind"):
        assert good[name] < 0.5 * bad[name], name
    assert good["height"] == 0


def test_a_few_steps_lower_the_loss(batch: dict[str, torch.Tensor]) -> None:
    torch.manual_seed(1)
    model = tiny().train()
    average = Average(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    costs = []
    for _ in range(12):
        cost = torch.stack(list(losses(model(batch["page"]), batch).values())).sum()
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        average.update(model)
        costs.append(float(cost.detach()))
    assert costs[-1] < 0.8 * costs[0]
    weights = model.state_dict()["out.weight"]
    assert not torch.equal(average.state["out.weight"], weights)
    assert torch.allclose(average.state["out.weight"], weights, atol=0.1)


def test_the_rate_rises_then_falls() -> None:
    rates = [rate_at(share, 1.0) for share in (0.0, 0.01, 0.03, 0.2, 0.6, 1.0)]
    assert max(rates) == rates[2] == pytest.approx(1.0, abs=1e-3)
    assert all(a < b for a, b in itertools.pairwise(rates[:3]))
    assert all(a > b for a, b in itertools.pairwise(rates[2:]))


def test_the_graph_says_what_the_model_says(tmp_path: Path) -> None:
    torch.manual_seed(2)
    path = tmp_path / "page.onnx"
    assert export(tiny(), path) < 2e-3
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == list(OUTPUTS)
    core, height, direction, kind = session.run(None, {"page": np.full((1, 3, 96, 64), 200, np.uint8)})
    assert (core.shape, height.shape) == ((1, 1, 48, 32), (1, 1, 24, 16))
    assert (direction.shape, kind.shape) == ((1, 2, 24, 16), (1, len(KINDS), 24, 16))
    assert core.min() >= 0
    assert core.max() <= 1
    assert np.allclose(kind.sum(axis=1), 1, atol=1e-3)
