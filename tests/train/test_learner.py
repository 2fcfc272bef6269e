"""How a recogniser learns: the shapes of the rate, the average of its weights, and when it stops."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from test_run import recipe
from torch import nn
from word_set import write_words

from foveal.alphabet import Alphabet
from foveal.train import run as runs
from foveal.train.learner import averaged, rate_at
from foveal.train.lessons import Aims, Lesson
from foveal.train.recipe import Schedule
from foveal.train.run import Run, train
from foveal.train.strips import Sources, StripBatches

LATE = 10_000
"""A step long behind the warm-up."""


def test_a_cosine_warms_up_by_steps_and_falls_to_a_hundredth() -> None:
    schedule = Schedule(shape="cosine", warm=10)
    assert [rate_at(schedule, step=step, progress=0.0) for step in (0, 4, 9, 99)] == [0.1, 0.5, 1.0, 1.0]
    found = [rate_at(schedule, step=LATE, progress=share) for share in (0.0, 0.25, 0.5, 0.75, 1.0, 1.3)]
    assert found == pytest.approx([1.0, 0.01 + 0.99 * 0.8535534, 0.505, 0.01 + 0.99 * 0.1464466, 0.01, 0.01])
    assert rate_at(schedule, step=4, progress=0.5) == pytest.approx(0.5 * 0.505)


def test_one_cycle_rises_over_three_tenths_and_falls_to_nothing() -> None:
    schedule = Schedule(shape="one_cycle", warm=10)
    shares = (0.0, 0.15, 0.3, 0.65, 1.0, 1.3)
    found = [rate_at(schedule, step=LATE, progress=share) for share in shares]
    assert found == pytest.approx([0.04, 0.52, 1.0, 0.5, 1e-4, 1e-4])
    assert rate_at(schedule, step=0, progress=0.3) == 1.0  # it is the share that warms up, not the step
    rates = [rate_at(schedule, step=LATE, progress=share / 100) for share in range(101)]
    assert rates[:31] == sorted(rates[:31])
    assert rates[30:] == sorted(rates[30:], reverse=True)


def test_a_flat_rate_warms_up_and_stays() -> None:
    schedule = Schedule(shape="flat", warm=4)
    found = [rate_at(schedule, step=step, progress=0.9) for step in (0, 1, 3, LATE)]
    assert found == [0.25, 0.5, 1.0, 1.0]


def test_the_average_moves_fast_at_first_and_takes_counts_as_they_are() -> None:
    model = nn.BatchNorm1d(3)
    average = averaged(model, 0.5)
    wanted = torch.zeros(3)  # what the first step gives, taken whole
    for step in range(12):
        with torch.no_grad():
            model.weight.fill_(float(step))
            model.num_batches_tracked.fill_(step)
        average.update_parameters(model)
        keep = min(0.5, (1 + step) / (10 + step))
        wanted = keep * wanted + (1 - keep) * step
        torch.testing.assert_close(average.module.weight, wanted)
        assert average.module.num_batches_tracked == step


def test_smoothing_in_a_recipe_is_learned_with(tmp_path: Path) -> None:
    words = write_words(tmp_path / "words")
    made = recipe({"name": "recurrent", "hidden": 32})
    alphabet = Alphabet(made.alphabet)
    batch = StripBatches(Sources((words,)), made.data, seed=0, alphabet=alphabet)[0]
    torch.manual_seed(0)
    model = made.model().eval()
    mains = []
    for smoothing in (0.0, 0.5, 1.0):
        lesson = Lesson(model, Aims(smoothing=smoothing), made.data, alphabet=alphabet, seed=0)
        mains.append(lesson.parts(lesson.draw(batch, 0))["main"].detach())
    assert abs(mains[0] - mains[2]) > 1e-3
    torch.testing.assert_close(mains[1], (mains[0] + mains[2]) / 2)


@pytest.mark.parametrize(
    ("cers", "steps"),
    [((0.5, 0.5, 0.6), 6), ((0.5, 0.6, 0.4, 0.41, 0.4), 10), ((0.5, 0.4, 0.3, 0.2, 0.1, 0.05), 12)],
    ids=["never better", "better once", "always better"],
)
def test_it_stops_when_nothing_got_better_for_as_long_as_there_is_patience(
    cers: tuple[float, ...], steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = write_words(tmp_path / "words")
    told = iter(cers)
    monkeypatch.setattr(runs, "judged", lambda *_: (SimpleNamespace(set="dev", figures={"cer": next(told)}),))
    made = recipe(steps=12, evaluate=2, patience=2)
    outcome = train(Run(made, Sources((words,)), tmp_path / "out", dev=(words,), device="cpu"))
    assert outcome.steps == steps
    assert next(told, None) is None
