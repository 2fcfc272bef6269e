"""Replay on a CPU, where nothing is recorded: the function itself, without gradients."""

import torch

from foveal.train.replay import Replay


def test_on_a_cpu_the_function_is_called_without_gradients() -> None:
    calls = []

    def double(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
        calls.append(torch.is_grad_enabled())
        return x * 2, y + 1

    replay = Replay(double)
    x = torch.ones(3, requires_grad=True)
    for _ in range(2):
        first, second = replay(x, torch.zeros(2))
        assert first.tolist() == [2, 2, 2]
        assert second.tolist() == [1, 1]
        assert not first.requires_grad
    assert calls == [False, False]


def test_random_numbers_go_on_between_calls() -> None:
    generator = torch.Generator().manual_seed(3)
    replay = Replay(lambda x: (x + torch.rand(x.shape, generator=generator),), generators=(generator,))
    (one,), (two,) = replay(torch.zeros(4)), replay(torch.zeros(4))
    assert not torch.equal(one, two)
