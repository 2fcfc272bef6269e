"""The aligner against all paths, written out."""

import itertools

import pytest
import torch

from foveal.train.alignment import align


def best(log_probs: torch.Tensor, ids: list[int]) -> tuple[float, tuple[int, ...]]:
    """Return the best path that spells `ids`, by trying every path."""
    found = []
    for path in itertools.product(range(log_probs.shape[1]), repeat=log_probs.shape[0]):
        spelled = [s for s, before in zip(path, (0, *path[:-1]), strict=True) if s not in (before, 0)]
        if spelled == ids:
            found.append((sum(float(log_probs[t, s]) for t, s in enumerate(path)), path))
    return max(found)


@pytest.mark.parametrize(("seed", "ids"), [(0, [2, 2, 1]), (1, [1, 2, 3]), (2, [3]), (3, [1, 1])])
def test_the_path_is_the_best_of_all_paths(seed: int, ids: list[int]) -> None:
    torch.manual_seed(seed)
    log_probs = torch.randn(1, 6, 4).log_softmax(-1)
    padded = torch.tensor([[*ids, *[0] * (5 - len(ids))]])
    tail = torch.cat([log_probs, torch.randn(1, 3, 4)], 1)  # columns beyond the valid ones
    first, last, score = align(tail, padded, torch.tensor([len(ids)]), torch.tensor([6]))
    value, path = best(log_probs[0], ids)
    assert float(score) * 6 == pytest.approx(value, abs=1e-4)
    grouped = itertools.groupby(enumerate(path), key=lambda place: place[1])
    runs = [(s, [t for t, _ in run]) for s, run in grouped if s]
    assert first[0, : len(ids)].tolist() == [columns[0] for _, columns in runs]
    assert last[0, : len(ids)].tolist() == [columns[-1] for _, columns in runs]


def test_a_text_that_cannot_fit_is_told_by_its_score() -> None:
    log_probs = torch.zeros(1, 3, 4).log_softmax(-1)
    _, _, score = align(log_probs, torch.tensor([[1, 1, 2]]), torch.tensor([3]), torch.tensor([3]))
    assert float(score) < -1000
