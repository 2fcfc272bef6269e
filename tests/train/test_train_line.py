"""Training the smallest line model on the tests' fonts: its loss falls, and a leg ends with weights."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from crops_zip import write_crops
from torch.testing import assert_close

from foveal.alphabet import Alphabet
from foveal.models import checkpoint
from foveal.models.line import SIZES, LineModel
from foveal.train.line import Average, Leg, Trainer, leg_of, rate_at

FONTS = Path(__file__).parent.parent / "data" / "fonts"


@pytest.fixture
def leg(tmp_path: Path) -> Leg:
    return Leg(
        fonts=FONTS,
        crops=write_crops(tmp_path / "crops.zip"),
        output=tmp_path / "weights",
        size="tiny",
        minutes=2 / 60,
        rate=4e-3,
        workers=0,
        device="cpu",
        shrink=96,
        compile=False,
        report=0.5,
    )


def test_some_seconds_of_training_lower_every_loss(leg: Leg) -> None:
    trainer = Trainer(leg)
    trainer.model.train()
    steps = [trainer.step("word", 1.0) for _ in range(36)]
    for name in ("loss", "glance", "fixation", "looking"):
        losses = [step[name].item() for step in steps]
        assert np.mean(losses[-6:]) < np.mean(losses[:3]), name
    assert np.mean([step["loss"].item() for step in steps[-6:]]) < 0.65 * steps[0]["loss"].item()
    for kind in ("line", "real"):
        assert trainer.step(kind, 1.0)["loss"].isfinite()


def test_a_leg_reports_and_ends_with_weights_that_the_next_begins_with(
    leg: Leg, capsys: pytest.CaptureFixture[str]
) -> None:
    Trainer(leg).run()
    reports = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert reports
    assert reports[-1]["step"] > 0
    assert 0 <= reports[-1]["waiting"] <= 1
    path = leg.output / "line-tiny-final.safetensors"
    assert checkpoint.facts(path)["size"] == "tiny"
    assert checkpoint.built(checkpoint.facts(path)) == SIZES["tiny"]
    loaded = LineModel("tiny", len(Alphabet()))
    checkpoint.load(loaded, path)
    following = Trainer(replace(leg, init=path))
    assert_close(following.model.read.weight, loaded.read.weight)
    assert "real" in [kind for kind, _ in zip(following.kinds(), range(10), strict=False)]


def test_the_command_trains_a_size_with_its_own_positions_unless_told() -> None:
    asked = ["--fonts", "f", "--crops", "c", "--output", "o", "--size", "fast"]
    assert leg_of(asked).built == SIZES["fast"]
    assert leg_of([*asked, "--position", "null"]).built.position is None
    turned = leg_of([*asked, "--position", '{"name": "rotary", "longest": 64}']).built
    assert turned == replace(SIZES["fast"], position={"name": "rotary", "longest": 64})


def test_a_leg_may_try_other_positions_from_the_same_weights(leg: Leg) -> None:
    Trainer(leg).save("final", 0)
    path = leg.output / "line-tiny-final.safetensors"
    turned = Trainer(replace(leg, init=path, position={"name": "rotary", "longest": 64.0}))
    assert turned.step("word", 1.0)["loss"].isfinite()
    turned.save("turned", 1)
    size = checkpoint.built(checkpoint.facts(leg.output / "line-tiny-turned.safetensors"))
    assert size.position == {"name": "rotary", "longest": 64.0}


def test_a_broken_batch_changes_nothing(leg: Leg) -> None:
    trainer = Trainer(leg)
    trainer.model.train()
    trainer.step("word", 1.0)
    before = trainer.model.read.weight.detach().clone()
    question = trainer.objective.question

    def broken(*batch: object, **options: object) -> object:
        asked = question(*batch, **options)  # type: ignore[arg-type]
        return asked._replace(images=asked.images * float("nan"))

    trainer.objective.question = broken  # type: ignore[method-assign, assignment]
    trainer.step("word", 1.0)
    assert torch.equal(trainer.model.read.weight, before)


def test_the_rate_warms_up_and_falls_with_the_time_left() -> None:
    warming = [rate_at(0.0, step=step) for step in range(300)]
    assert warming == sorted(warming)
    assert warming[-1] == pytest.approx(1)
    falling = [rate_at(progress, step=10_000) for progress in np.linspace(0, 1, 20)]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] == pytest.approx(0.01)


def test_the_average_follows_the_model() -> None:
    model = LineModel("tiny", 9)
    average = Average.__new__(Average)
    average.model, average.decay = LineModel("tiny", 9), 0.9
    for step in range(200):
        average.update(model, step)
    assert_close(average.model.read.weight, model.read.weight, atol=1e-5, rtol=1e-4)
