"""Runs of recipes: every kind learns, a killed run goes on exactly, and files hold no pickles."""

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from forked import ended, foveal, started
from tiny_recipe import ENCODER
from torch import nn
from torch.testing import assert_close
from word_set import write_words

from foveal.errors import ConfigError, InputMissing
from foveal.models.encoders import EncoderSpec
from foveal.train import run as run_module
from foveal.train import state
from foveal.train.dry_run import dry_run
from foveal.train.learner import Learner
from foveal.train.lessons import Aims
from foveal.train.recipe import About, Recipe, Schedule
from foveal.train.regular import Regular, Tasks
from foveal.train.run import BEST, FINAL, LAST, Run, load_recogniser, train
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


def command(words: Path, file: Path, output: Path) -> tuple[str, ...]:
    arguments = (file, "--train", words, "--output", output, "--device", "cpu")
    return ("train", *map(str, arguments))


def test_a_run_killed_at_any_moment_goes_on_exactly(words: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'decoder = { name = "autoregressive", hidden = 32, heads = 2 }\n'
        + ENCODER
        + """\
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
    whole, cut, log, talk = (tmp_path / name for name in ("whole", "cut", "said", "said.talk"))
    assert ended(started(foveal, command(words, file, whole), log)) == [0], talk.read_text(encoding="utf-8")
    kills = 0
    for seconds in (0.05, 0.6):
        process = started(foveal, command(words, file, cut), log)
        last, before = cut / LAST, time.time()
        old = last.stat().st_mtime_ns if last.exists() else 0
        while process.is_alive() and (not last.exists() or last.stat().st_mtime_ns == old):
            assert time.time() - before < 120
            time.sleep(0.02)
        time.sleep(seconds)
        process.kill()
        kills += ended(process) == [-signal.SIGKILL]
    assert kills >= 1
    assert ended(started(killed_before_final, command(words, file, cut), log)) == [-signal.SIGKILL]
    assert not (cut / FINAL).exists()
    assert ended(started(foveal, command(words, file, cut), log)) == [0], talk.read_text(encoding="utf-8")
    for name in (LAST, FINAL):
        one, other = (state.read(folder / name)[0] for folder in (whole, cut))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)


def killed_before_final(arguments: tuple[str, ...], log: Path) -> None:
    """Be a run that kills itself when all is done but the last file."""
    run_module.write_weights = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
    foveal(arguments, log)


class Killed(BaseException):
    """Ends a run where it stands, with what it had written by then."""


def killed_at(moment: int, patch: pytest.MonkeyPatch) -> list[str]:
    """Let the write or rename of that number kill the run; return a list that will hold those before it."""
    done: list[str] = []

    def before(name: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if len(done) == moment:
                raise Killed
            done.append(name)
            return do(*arguments)

        return call

    patch.setattr(state, "save_file", before("write", state.save_file))
    patch.setattr(Path, "replace", before("rename", Path.replace))
    return done


def left(folder: Path) -> dict[str, Any]:
    """Return what a run left behind, but for the seconds that it took."""
    files = {name: state.read(folder / name) for name in (LAST, BEST, FINAL)}
    progress = json.loads(files[LAST][1]["run"]) | {"seconds": 0}
    facts = {name: {k: v for k, v in own.items() if k != "run"} for name, (_, own) in files.items()}
    return {"progress": progress, "facts": facts} | {
        f"{name}.{key}": value.tolist()
        for name, (tensors, _) in files.items()
        for key, value in tensors.items()
    }


@pytest.mark.parametrize("patience", [0, 1], ids=["all its steps", "stopped early"])
def test_a_run_killed_before_any_write_comes_to_the_same_end(
    patience: int, words: Path, tmp_path: Path
) -> None:
    steps, rate = (5, 0.0) if patience else (3, 4e-3)
    made = recipe(steps=steps, evaluate=2, save=2, patience=patience, rate=rate)

    def run(folder: Path) -> Run:
        return Run(made, Sources((words,)), folder, dev=(words,), limit=2, device="cpu")

    with pytest.MonkeyPatch.context() as patch:
        moments = killed_at(-1, patch)
        outcome = train(run(tmp_path / "whole"))
    assert outcome.steps == (4 if patience else 3)
    wanted = left(tmp_path / "whole")
    assert moments.count("write") == moments.count("rename") >= 4
    for moment in range(len(moments)):
        with pytest.MonkeyPatch.context() as patch:
            killed_at(moment, patch)
            with pytest.raises(Killed):
                train(run(tmp_path / str(moment)))
        again = train(run(tmp_path / str(moment)))
        assert left(tmp_path / str(moment)) == wanted, moments[:moment]
        assert again.steps == outcome.steps
        assert [r.figures["cer"] for r in again.reports] == [r.figures["cer"] for r in outcome.reports]
    with pytest.raises(ConfigError, match="has ended"):
        train(run(tmp_path / "whole"))
    assert left(tmp_path / "whole") == wanted


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
    assert outcome.steps == 6  # better than nothing at 2, no better at 4 and 6


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


def test_a_dry_run_says_what_one_step_takes_and_keeps_nothing(
    words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    monkeypatch.setattr(Learner, "stepped", lambda learner: taken.append(learner.run.step))
    cost = dry_run(Run(recipe(), Sources((words,)), tmp_path / "none", device="cpu"))
    assert cost.parameters == sum(p.numel() for p in recipe().model().parameters())
    assert 0 < cost.seconds < 30
    assert cost.peak > 10**8
    assert (cost.steps, cost.warm_up, len(taken)) == (1, 1, 2)
    assert not cost.compiled
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("decoder", KINDS, ids=str)
def test_a_dry_run_and_a_run_compile_what_training_calls(
    decoder: Any, words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is compiled is marked, and called: compiling takes minutes, so that a mark must do."""
    called: set[int] = set()
    compiled: set[int] = set()

    def mark(module: nn.Module) -> None:
        compiled.add(id(module))
        module.register_forward_hook(lambda module, *_: called.add(id(module)))

    monkeypatch.setattr(nn.Module, "compile", mark)
    asked = Run(recipe(decoder, steps=1), Sources((words,)), tmp_path, device="cpu", compile=True)
    assert dry_run(asked).compiled
    first = set(compiled)
    assert first
    assert called == first
    train(asked)
    assert len(compiled) == 2 * len(first)
    assert called == compiled


def test_nothing_to_train_on_is_said_at_the_door() -> None:
    with pytest.raises(ConfigError, match="nothing to train on"):
        Sources()
