"""Feeds give each batch as often as asked, and not twice running."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch

from foveal.train.feed import Feed, Tensors


def counting(seed: int) -> Iterator[Tensors]:
    yield from ({"number": torch.tensor(seed + number)} for number in range(10_000))


@pytest.mark.parametrize("echo", [1, 2, 3])
def test_each_batch_comes_as_often_as_its_echo(echo: int) -> None:
    feed = Feed(counting, workers=0, seed=1, device=torch.device("cpu"), echo=echo)
    drawn = [int(next(feed)["number"]) for _ in range(300)]
    times = Counter(drawn)
    assert {times[number] for number in range(1000, 1060)} == {echo}
    assert all(one != two for one, two in pairwise(drawn))
