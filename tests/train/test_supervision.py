"""Where characters are, by each source; looks that are right cost least; regularisers and what they move."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from foveal.attention.normalisers import Entmax15, Sigmoid, Softmax
from foveal.errors import ConfigError
from foveal.train.lessons import naming_loss, spelled
from foveal.train.objective import Question
from foveal.train.regular import REGULARISERS, Regular, Tasks, Weigher, entropy, l1, smoothness
from foveal.train.supervision import FORMS, SOURCES, Alignment, Known, find

BOXES = torch.tensor([[[8.0, 0, 24, 32], [24, 0, 40, 32], [40, 0, 48, 32]]])
COLUMNS = 16


def question(boxes: Tensor | None = BOXES, *, by_hand: bool = False) -> Question:
    """Ask of one strip, 64 px wide, with ink from pixel 8 to 48."""
    images = torch.ones(1, 3, 32, 64)
    images[:, :, 10:22, 8:48] = 0
    queries = {"ids": torch.tensor([[2, 3, 2]]), "lengths": torch.tensor([3])}
    return Question(images, torch.tensor([60]), queries, boxes, torch.tensor([False]) if by_hand else None)


def test_each_source_says_where_characters_are_and_only_when_it_knows() -> None:
    assert SOURCES["rendered"](question(), None) is not None
    assert SOURCES["rendered"](question(by_hand=True), None) is None
    assert SOURCES["manual"](question(by_hand=True), None) is not None
    assert SOURCES["manual"](question(), None) is None
    assert SOURCES["manual"](question(None, by_hand=True), None) is None
    assert SOURCES["ctc"](question(), None) is None
    even = SOURCES["equal"](question(None), None)
    assert even is not None
    assert_close(even.boxes[0, :, 0], torch.tensor([8.0, 8 + 40 / 3, 8 + 80 / 3]))
    assert_close(even.boxes[0, -1, 2], torch.tensor(48.0))


def test_forced_alignment_finds_the_columns_of_a_sure_glance_and_refuses_an_unsure_one() -> None:
    path = torch.tensor([0, 0, 2, 2, 0, 0, 3, 3, 3, 0, 2, 0, 0, 0, 0, 0])
    sure = (torch.nn.functional.one_hot(path, 5) * 8.0)[None].log_softmax(-1)
    known = SOURCES["ctc"](question(None), sure)
    assert known is not None
    assert known.sure.all()
    assert_close(known.boxes[0, :, 0] / 4, torch.tensor([2.0, 6, 10]))
    assert_close(known.boxes[0, :, 2] / 4, torch.tensor([4.0, 9, 11]))
    unsure = SOURCES["ctc"](question(None), torch.zeros(1, 16, 5).log_softmax(-1))
    assert unsure is not None
    assert not unsure.sure.any()


def test_what_one_source_does_not_know_the_next_is_asked() -> None:
    some = BOXES.clone()
    some[0, 1] = 0  # nobody drew the second box
    known = find(question(some, by_hand=True), None, ("rendered", "manual", "equal"))
    assert known is not None
    assert known.sure.all()
    assert_close(known.boxes[0, 0], BOXES[0, 0])
    assert_close(known.boxes[0, 1, 0], torch.tensor(8 + 40 / 3))
    assert find(question(None), None, ("rendered", "manual")) is None


@pytest.mark.parametrize("form", FORMS)
def test_a_look_into_the_box_costs_less_the_more_of_it_is_there_and_descent_leads_there(form: str) -> None:
    known = Known(BOXES, torch.ones(1, 3, dtype=torch.bool))
    alignment, char = Alignment(form), torch.tensor([[0, 1, 2, -1]])
    scores = torch.zeros(1, 4, COLUMNS, requires_grad=True)
    optimiser = torch.optim.Adam([scores], lr=0.3)
    losses = []
    for _ in range(80):
        loss = alignment.loss(scores.softmax(-1), known, char)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
    looks = scores.softmax(-1)[0]
    for place, (low, high) in enumerate(((2, 6), (6, 10), (10, 12))):
        assert looks[place, low:high].sum() > 0.7
    assert_close(looks[3], torch.full((COLUMNS,), 1 / COLUMNS))  # nobody asked
    assert alignment.loss(looks[None], Known(BOXES, torch.zeros(1, 3, dtype=torch.bool)), char) == 0


def test_squares_are_what_they_say() -> None:
    known = Known(BOXES, torch.ones(1, 3, dtype=torch.bool))
    look = torch.full((1, 1, COLUMNS), 1 / COLUMNS)
    wanted = 4 * (1 / 4 - 1 / 16) ** 2 + 12 * (1 / 16) ** 2
    assert_close(Alignment("squares").loss(look, known, torch.tensor([[0]])), torch.tensor(wanted))


def gradient(penalty: Callable[[Tensor], Tensor], normaliser: torch.nn.Module) -> float:
    scores = torch.randn(3, 7, generator=torch.Generator().manual_seed(0), requires_grad=True)
    penalty(normaliser(scores)).backward()
    assert scores.grad is not None
    return float(scores.grad.abs().max())


def test_the_l1_norm_of_a_softmax_row_has_no_gradient_and_what_was_meant_has_one() -> None:
    assert gradient(l1, Softmax()) < 1e-7
    assert gradient(l1, Entmax15()) < 1e-7
    assert gradient(l1, Sigmoid()) > 1e-3
    assert gradient(entropy, Softmax()) > 1e-3
    assert gradient(smoothness, Softmax()) > 1e-4
    assert l1(torch.rand(4, 9).softmax(-1)) == pytest.approx(1.0)


def test_regularisers_are_weighed_and_unasked_cost_nothing() -> None:
    look = torch.rand(5, 8).softmax(-1)
    assert Regular().loss(look) is None
    asked = Regular(l1=0.5, smoothness=2.0, entropy=0.25).loss(look)
    assert_close(asked, 0.5 * l1(look) + 2 * smoothness(look) + 0.25 * entropy(look))
    assert set(REGULARISERS) == {"l1", "smoothness", "entropy"}
    assert entropy(torch.eye(6)) == pytest.approx(0.0, abs=1e-5)
    assert entropy(torch.full((2, 6), 1 / 6)) == pytest.approx(1.0)


def test_losses_are_tied_by_fixed_fading_or_learned_weights() -> None:
    parts = {"main": torch.tensor(2.0), "attention": torch.tensor(1.0)}
    assert Weigher(Tasks(attention=0.5))(parts, 0.3) == 2.5
    fading = Weigher(Tasks(attention=0.5, weighing="annealed", floor=0.2, until=0.5))
    assert [round(fading.weight("attention", p), 3) for p in (0, 0.25, 0.5, 1)] == [0.5, 0.3, 0.1, 0.1]
    assert fading.weight("main", 1.0) == 1
    learned = Weigher(Tasks(attention=0.5, regular=0.0, weighing="uncertainty"))
    assert set(learned.log_variance) == {"main", "attention"}
    optimiser = torch.optim.SGD(learned.parameters(), lr=0.1)
    for _ in range(400):
        optimiser.zero_grad()
        learned(parts, 0.0).backward()
        optimiser.step()
    assert learned.log_variance["main"].exp().item() == pytest.approx(2.0, rel=0.01)  # e^s = L at the least
    assert learned.log_variance["attention"].exp().item() == pytest.approx(0.5, rel=0.01)


def test_texts_are_asked_with_their_end_and_smoothed_targets_expect_some_doubt() -> None:
    before, target, char = spelled(torch.tensor([[4, 5, 0], [6, 0, 0]]), torch.tensor([2, 1]), 9)
    assert before.tolist() == [[9, 4, 5, 0], [9, 6, 0, 0]]
    assert target.tolist() == [[4, 5, 0, -1], [6, 0, -1, -1]]
    assert char.tolist() == [[0, 1, -1, -1], [0, -1, -1, -1]]
    scores = torch.randn(2, 4, 7).log_softmax(-1)
    asked = torch.randint(0, 7, (2, 4))
    ours = naming_loss(scores, asked, 0.1)
    theirs = torch.nn.functional.cross_entropy(scores.flatten(0, 1), asked.flatten(), label_smoothing=0.1)
    assert_close(ours, theirs)


def test_wrong_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="divergence"):
        Alignment("divergance")
    with pytest.raises(ConfigError, match="manual"):
        Alignment(sources=("manuel",))
