"""One recorded step: the rate is read anew each time, and losses come back by name."""

from pathlib import Path

import torch

from foveal.alphabet import Alphabet
from foveal.models.line import LineModel
from foveal.train.feed import Feed, Shape, rendered
from foveal.train.objective import Objective
from foveal.train.step import Step

FONTS = Path(__file__).parent.parent / "data" / "fonts"
CPU = torch.device("cpu")
WORDS = Shape("word", 3, 96, characters=20, fixations=26)


def test_the_rate_is_read_at_each_step() -> None:
    torch.manual_seed(0)
    objective = Objective(LineModel("tiny", len(Alphabet())), device=CPU, seed=0)
    rate = torch.tensor(1e-3)
    step = Step(objective, rate)
    batch = next(Feed(rendered(FONTS, WORDS), workers=0, seed=1, device=CPU))
    weight = objective.model.read.weight

    def moved() -> float:
        before = weight.detach().clone()
        losses = step("word", objective.question(batch, width=WORDS.width, scene=0.5))
        assert {"loss", "glance", "fixation", "looking", "counting", "right", "norm"} == set(losses)
        return (weight.detach() - before).abs().max().item()

    first = moved()
    rate.fill_(1e-5)
    assert 0 < moved() < first / 20
    rate.fill_(0.0)
    assert moved() == 0
