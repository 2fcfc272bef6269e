"""The losses against their formulas, written out, and what they must not punish."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from foveal.alphabet import Alphabet
from foveal.models.line import STRIDE
from foveal.train import losses

CPU = torch.device("cpu")


def random_log_probs(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).log_softmax(-1)


def spelled(path: tuple[int, ...]) -> list[int]:
    return [s for s, before in zip(path, (0, *path[:-1]), strict=True) if s not in (before, 0)]


@pytest.mark.parametrize("ids", [[1], [2, 1], [2, 2]])
def test_the_glance_is_charged_for_all_paths_that_spell_the_text(ids: list[int]) -> None:
    log_probs = random_log_probs(1, 5, 3)
    paths = itertools.product(range(3), repeat=4)  # four of the five columns are valid
    total = sum(
        math.exp(sum(float(log_probs[0, t, s]) for t, s in enumerate(path)))
        for path in paths
        if spelled(path) == ids
    )
    padded = torch.tensor([[*ids, *[0] * (4 - len(ids))]])
    loss = losses.glance_loss(log_probs, padded, torch.tensor([len(ids)]), torch.tensor([4]))
    assert float(loss) == pytest.approx(-math.log(total) / len(ids), rel=1e-4)


def test_a_text_that_cannot_fit_costs_nothing_and_breaks_nothing() -> None:
    log_probs = random_log_probs(1, 2, 5).requires_grad_()
    loss = losses.glance_loss(log_probs, torch.tensor([[1, 2, 3]]), torch.tensor([3]), torch.tensor([2]))
    loss.backward()
    assert loss.item() == 0
    assert log_probs.grad is not None
    assert log_probs.grad.isfinite().all()


def test_fixations_are_charged_for_their_targets_only() -> None:
    log_probs = random_log_probs(2, 3, 5)
    target = torch.tensor([[4, 0, -1], [-1, 2, -1]])
    expected = -(log_probs[0, 0, 4] + log_probs[0, 1, 0] + log_probs[1, 1, 2]) / 3
    assert_close(losses.fixation_loss(log_probs, target), expected)
    assert float(losses.fixation_loss(log_probs, torch.full_like(target, -1))) == 0


def test_the_columns_inside_a_character_add_up_to_its_width() -> None:
    boxes = torch.tensor([[[3.0, 0, 17, 32], [17, 0, 30.5, 32], [20, 0, 21, 32]]])
    within = losses.inside(boxes, 9)
    assert_close(within.sum(-1) * STRIDE, torch.tensor([[14.0, 13.5, float(STRIDE)]]))
    assert ((within >= 0) & (within <= 1)).all()
    assert within[0, 0, 1:4].tolist() == [1, 1, 1]


def test_a_look_inside_its_character_costs_nothing_and_one_beside_it_much() -> None:
    within = torch.tensor([[[0.0, 1, 1, 0], [0, 0, 0, 1]]])
    look = torch.tensor([[[0.0, 0.25, 0.75, 0], [1, 0, 0, 0]]])
    asked = torch.tensor([[1.0, 0.0]])
    assert float(losses.looking_loss(look, within, asked)) == 0
    assert float(losses.looking_loss(look, within, torch.ones(1, 2))) == pytest.approx(-math.log(1e-4) / 2)
    half = torch.tensor([[[0.5, 0.5, 0, 0], [1, 0, 0, 0]]])
    assert float(losses.looking_loss(half, within, asked)) == pytest.approx(math.log(2))


def test_counting_costs_nothing_when_right_and_more_the_further_it_drifts() -> None:
    wanted = torch.tensor([[0.0, 1, 0, 0.5, 0.5, 0]])
    valid, characters = torch.ones(1, 6, dtype=torch.bool), torch.tensor([2.0])
    costs = []
    for columns in (0, 1, 2, 3):  # where the first character is counted too late
        given = wanted.clone()
        given[0, 1] = 0
        given[0, 1 + columns] += 1
        costs.append(float(losses.counting_loss(given, wanted, valid, characters)))
    assert costs[0] == 0
    assert costs == sorted(costs)
    assert float(losses.total_loss(wanted, characters)) == 0
    assert float(losses.total_loss(wanted * 2, characters)) == 1


def test_folding_case_moves_probability_to_capitals_and_loses_none() -> None:
    alphabet = Alphabet()
    fold = losses.CaseFold(alphabet, CPU)
    log_probs = random_log_probs(2, 3, len(alphabet))
    folded = fold.probabilities(log_probs, torch.tensor([True, False]))
    assert_close(folded[1], log_probs[1])
    assert_close(folded[0].exp().sum(-1), torch.ones(3))
    for pair in ("éÉ", "sS", "iI"):
        small, capital = alphabet.encode(pair)
        assert_close(folded[0, :, capital].exp(), log_probs[0, :, [small, capital]].exp().sum(-1))


def test_folding_case_of_ids_gives_those_of_the_capitals() -> None:
    alphabet = Alphabet()
    fold = losses.CaseFold(alphabet, CPU)
    ids = torch.tensor([[*alphabet.encode("aÉ1-žsi"), -1]] * 2)
    folded = fold.ids(ids, torch.tensor([True, False]))
    assert folded.tolist() == [[*alphabet.encode("AÉ1-ŽSI"), -1], ids[1].tolist()]
