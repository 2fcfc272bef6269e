"""Runs of recipes: every kind learns, a killed run goes on exactly, and files hold no pickles."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close
from word_set import write_words

from foveal.errors import ConfigError, InputMissing
from foveal.models.encoders import EncoderSpec
from foveal.train import state
from foveal.train.lessons import Aims
from foveal.train.recipe import About, Recipe, Schedule
from foveal.train.regular import Regular, Tasks
from foveal.train.run import BEST, LAST, Run, dry_run, load_recogniser, train
from foveal.train.strips import DataSpec, Sources

SMALL = EncoderSpec(stem=(8, 16, 24), dim=32, depth=1, heads=2)
SCHEDULE = Schedule(steps=30, warm=3, rate=4e-3, evaluate=15, save=4, average=0.9)
KINDS: list[Any] = [
    "ctc",
    {"name": "summary", "hidden": 32},
    {"name": "recurrent", "hidden": 32},
    {"name": "recurrent", "hidden": 32, "attention": "location"},
    {"name": "autoregressive", "hidden": 32, "heads": 2},
    {"name": "parallel", "hidden": 32, "heads": 2, "longest": 9},
    {"name": "fixations", "hidden": 32},
]


def recipe(decoder: Any = "ctc", aims: Aims | None = None, **schedule: Any) -> Recipe:
    data = DataSpec(batch=8, width=96, characters=6, augment=0.0)
    about = About("a test", "none", "any", 0.1, "nothing")
    length = replace(SCHEDULE, **schedule)
    return Recipe(about, decoder, SMALL, data, aims or Aims(), length, alphabet="abc ")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_words(tmp_path_factory.mktemp("words") / "set")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("decoder", KINDS, ids=str)
def test_every_kind_lowers_its_loss_in_seconds(decoder: Any, words: Path, tmp_path: Path) -> None:
    made = recipe(decoder)
    early = train(Run(replace(made, schedule=replace(SCHEDULE, steps=1)), Sources((words,)), tmp_path / "a",
                      device="cpu"))  # fmt: skip
    late = train(Run(made, Sources((words,)), tmp_path / "b", device="cpu", dev=(words,), limit=4))
    assert late.steps == 30
    assert late.losses["main"] < 0.7 * early.losses["main"]
    assert late.reports[0].items == 4
    assert 0 <= late.reports[0].figures["cer"] < 2


@pytest.mark.parametrize(
    "aims",
    [
        Aims(regular=Regular(smoothness=0.1, entropy=0.1), smoothing=0.1),
        Aims(tasks=Tasks(weighing="uncertainty", glance=0.3)),
        Aims(tasks=Tasks(weighing="annealed", attention=1.0)),
    ],
    ids=["regular", "uncertainty", "annealed"],
)
def test_every_mixture_of_losses_is_learned(aims: Aims, words: Path, tmp_path: Path) -> None:
    made = recipe({"name": "autoregressive", "hidden": 32, "heads": 2}, aims, steps=20)
    outcome = train(Run(made, Sources((words,)), tmp_path, device="cpu"))
    assert outcome.losses["attention"] < 1.5
    assert ("regular" in outcome.losses) == (aims.regular.entropy > 0)
    assert ("glance" in outcome.losses) == (aims.tasks.glance > 0)


def command(words: Path, file: Path, output: Path) -> list[str]:
    arguments = (file, "--train", words, "--output", output, "--device", "cpu")
    return [sys.executable, "-m", "foveal", "train", *map(str, arguments)]


def test_a_run_killed_at_any_moment_goes_on_exactly(words: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        """
decoder = { name = "autoregressive", hidden = 32, heads = 2 }
alphabet = "abc "
[about]
what = "a test"
command = "none"
machine = "any"
minutes = 1
expected = "nothing"
[encoder]
stem = [8, 16, 24]
dim = 32
depth = 1
heads = 2
attention = { name = "random_dynamic", keys = 4 }
[data]
batch = 8
width = 96
characters = 6
augment = 0.0
grow = 20
echo = 3
[schedule]
steps = 60
warm = 3
save = 2
average = 0.9
""",
        encoding="utf-8",
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(command(words, file, tmp_path / "whole"), env=environment, check=True, capture_output=True)
    kills = 0
    for seconds in (0.05, 1.1):
        process = subprocess.Popen(
            command(words, file, tmp_path / "cut"), env=environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        last, before = tmp_path / "cut" / LAST, time.time()
        old = last.stat().st_mtime_ns if last.exists() else 0
        while process.poll() is None and (not last.exists() or last.stat().st_mtime_ns == old):
            assert time.time() - before < 120
            time.sleep(0.02)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills >= 1
    step = json.loads(state.read(tmp_path / "cut" / LAST)[1]["run"])["step"]
    assert 0 < step <= 60
    if step < 60:
        subprocess.run(
            command(words, file, tmp_path / "cut"), env=environment, check=True, capture_output=True
        )
    one, other = (state.read(tmp_path / name / LAST)[0] for name in ("whole", "cut"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_weights_come_back_with_their_recipe_and_no_file_is_a_pickle(words: Path, tmp_path: Path) -> None:
    made = recipe({"name": "recurrent", "hidden": 32}, steps=6, evaluate=3)
    train(Run(made, Sources((words,)), tmp_path, dev=(words,), limit=2, device="cpu"))
    model, kept = load_recogniser(tmp_path / "final.safetensors")
    assert kept == made
    assert load_recogniser(tmp_path / BEST)[1] == made
    tensors, _ = state.read(tmp_path / LAST)
    averaged = {
        k.removeprefix("average.module."): v for k, v in tensors.items() if k.startswith("average.module")
    }
    for name, value in model.state_dict().items():
        assert_close(value, averaged[name])
    endings = {file.suffix for file in tmp_path.iterdir() if "tfevents" not in file.name}
    assert endings <= {".safetensors", ".yaml"}
    with pytest.raises(ConfigError, match="has ended"):
        train(Run(made, Sources((words,)), tmp_path, device="cpu"))
    with pytest.raises(ConfigError, match="not the weights"):
        load_recogniser(tmp_path / LAST)


def test_it_stops_early_where_nothing_gets_better(words: Path, tmp_path: Path) -> None:
    made = recipe(steps=40, evaluate=2, patience=2, rate=0.0)
    outcome = train(Run(made, Sources((words,)), tmp_path, dev=(words,), limit=2, device="cpu"))
    assert outcome.steps < 40


def test_training_by_the_clock_ends_in_time(words: Path, tmp_path: Path) -> None:
    outcome = train(Run(recipe(minutes=0.03), Sources((words,)), tmp_path, device="cpu"))
    assert 1.8 <= outcome.seconds < 8
    assert outcome.steps > 3


def test_a_dev_set_of_pages_is_refused_before_training(words: Path, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "pages.jsonl").write_text("", encoding="utf-8")
    for dev, error in ((pages, ConfigError), (tmp_path / "nowhere", InputMissing)):
        with pytest.raises(error):
            train(Run(recipe(), Sources((words,)), tmp_path / "out", dev=(dev,), device="cpu"))
    assert not (tmp_path / "out").exists()


def test_a_dry_run_says_what_a_step_takes_and_keeps_nothing(words: Path, tmp_path: Path) -> None:
    cost = dry_run(Run(recipe(), Sources((words,)), tmp_path / "none", device="cpu"))
    assert cost.parameters == sum(p.numel() for p in recipe().model().parameters())
    assert 0 < cost.seconds < 30
    assert cost.peak > 10**8
    assert not (tmp_path / "none").exists()


def test_nothing_to_train_on_is_said_at_the_door() -> None:
    with pytest.raises(ConfigError, match="nothing to train on"):
        Sources()
