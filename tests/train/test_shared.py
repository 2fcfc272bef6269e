"""`foveal train` on two processes learns what one learns from the batches of both, whatever is shared."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from forked import ended, foveal, started
from tiny_recipe import ENCODER
from torch import Tensor
from word_set import write_words

from foveal.alphabet import Alphabet
from foveal.errors import ConfigError
from foveal.train import state
from foveal.train.learner import Learner, averaged, rate_at
from foveal.train.lessons import Lesson
from foveal.train.recipe import Recipe, read_recipe
from foveal.train.run import FINAL, LAST, Run, train
from foveal.train.strips import Sources, StripBatches

STEPS = 4
RECIPE = f"""
decoder = {{ name = "fixations", hidden = 32 }}
{ENCODER}norm = "group"
[data]
batch = 4
width = 96
characters = 6
augment = 0.0
[aims.tasks]
weighing = "uncertainty"
[schedule]
steps = 4
shape = "flat"
warm = 3
save = 3
clip = 0.05
average = 0.9
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("shared")
    write_words(home / "words")
    (home / "mine.toml").write_text(RECIPE, encoding="utf-8")
    return home


def said(home: Path, output: Path, *options: str) -> str:
    """Return what a run on the CPU says whose two processes are here already, as a cluster starts them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    places = [{"LOCAL_RANK": str(rank), "MASTER_PORT": port, "WORLD_SIZE": "2"} for rank in (0, 1)]
    log = home / f"{output.name}.log"
    log.unlink(missing_ok=True)
    codes = ended(*(started(foveal, asked(home, output, *options), log, place) for place in places))
    assert codes == [0, 0], log.with_suffix(".talk").read_text(encoding="utf-8")
    return log.read_text(encoding="utf-8")


def asked(home: Path, output: Path, *options: str) -> tuple[str, ...]:
    sources = (str(home / "mine.toml"), "--train", str(home / "words"), "--output", str(output))
    return ("train", *sources, "--device", "cpu", "--devices", "2", *options)


def said_by_itself(*arguments: str) -> str:
    """Return what a run says that starts its second process itself."""
    ran = subprocess.run(
        [sys.executable, "-m", "foveal", *arguments], env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=240,
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def by_hand(recipe: Recipe, words: Path, readers: int) -> dict[str, Tensor]:
    """Return what one process comes to that takes the mean of the losses of all batches of a step."""
    learner, data = Learner(recipe, seed=0), recipe.data
    average = averaged(learner.model, recipe.schedule.average)
    alphabet = Alphabet(recipe.alphabet)
    batches = StripBatches(Sources((words,)), data, seed=0, alphabet=alphabet, readers=readers)
    lesson = Lesson(learner.model, recipe.aims, data, alphabet=alphabet, seed=0)
    optimiser: Any = learner.configure_optimizers()
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = recipe.schedule.rate * rate_at(recipe.schedule, step=step, progress=step / STEPS)
        optimiser.zero_grad()
        for number in range(step * readers, (step + 1) * readers):
            torch.manual_seed(number)
            parts = lesson.parts(lesson.draw(batches[number], number))
            parts.pop("right", None)
            (learner.weigher(parts, step / STEPS) / readers).backward()
        length = torch.nn.utils.clip_grad_norm_(learner.parameters(), recipe.schedule.clip)
        assert length > 2 * recipe.schedule.clip  # so that clipping alone, shard by shard, would be seen
        optimiser.step()
        average.update_parameters(learner.model)
    return average.module.state_dict()


def apart(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> float:
    assert found.keys() == wanted.keys()
    return max(float((found[name] - value).abs().max()) for name, value in wanted.items())


@pytest.mark.parametrize(("parallel", "readers"), [("data", 2), ("weights", 2), ("heads", 1)])
def test_two_processes_train_what_one_trains(parallel: str, readers: int, home: Path) -> None:
    torch.set_num_threads(1)
    recipe = read_recipe(home / "mine.toml")
    wanted = by_hand(recipe, home / "words", readers)
    assert apart(recipe.model().state_dict(), wanted) > 1e-3
    output = home / parallel
    if parallel == "weights":  # and goes on from half of the way
        begun = said_by_itself(*asked(home, output, "--parallel", parallel, "--steps", "2"))
        assert begun.count("2 steps") == 1
    assert said(home, output, "--parallel", parallel).count(f"{STEPS} steps") == 1
    assert apart(state.read(output / FINAL)[0], wanted) < 2e-6
    assert json.loads(state.read(output / LAST)[1]["run"])["step"] == STEPS


def test_a_process_that_shares_heads_holds_fewer_weights(home: Path) -> None:
    cost = json.loads(said(home, home / "dry", "--parallel", "heads", "--dry-run"))
    block = 4 * 32 * 32 + 3 * 32 + 8 * 32 * 32 + 4 * 32  # attention and perceptron, what rows give left out
    assert cost["parameters"] - cost["held"] == block // 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parallel": "layers", "devices": 2}, "loop of its own"),
        ({"parallel": "weight", "devices": 2}, "did you mean 'weights'"),
        ({"parallel": "heads"}, "give --devices 2"),
        ({"parallel": "weights", "devices": 2, "compile": True}, "leave out --compile"),
        ({"parallel": "heads", "devices": 3}, "2 heads cannot be shared out among 3"),
    ],
)
def test_what_cannot_be_shared_out_is_said_at_the_door(
    options: dict[str, Any], message: str, home: Path, tmp_path: Path
) -> None:
    recipe, sources = read_recipe(home / "mine.toml"), Sources((home / "words",))
    with pytest.raises(ConfigError, match=message):
        train(Run(recipe, sources, tmp_path / "none", device="cpu", **options))
    assert not (tmp_path / "none").exists()
