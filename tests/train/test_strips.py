"""Batches by number: short texts first, by the steps of the run, with any processes and echoes."""

from pathlib import Path

import pytest
from word_set import write_words

from foveal.alphabet import Alphabet
from foveal.train.strips import DataSpec, Sources, StripBatches


@pytest.mark.parametrize(("echo", "readers"), [(1, 1), (3, 1), (1, 2), (3, 2)])
def test_texts_grow_with_the_steps_and_not_with_the_batches(echo: int, readers: int, tmp_path: Path) -> None:
    words = write_words(tmp_path / "words")
    spec = DataSpec(batch=24, width=96, characters=4, start=2, grow=12, echo=echo, augment=0.0)
    batches = StripBatches(Sources((words,)), spec, seed=0, alphabet=Alphabet("abc "), readers=readers)
    for step in (0, 6, 12):
        turn = step // echo
        for reader in range(readers):
            longest = int(batches[turn * readers + reader]["lengths"].max())
            assert longest == {0: 2, 6: 3, 12: 4}[step]


def test_the_longest_text_grows_evenly_until_all_may_come() -> None:
    spec = DataSpec(characters=24, start=4, grow=100)
    assert [spec.longest(step) for step in (0, 50, 99, 100, 10**6)] == [4, 14, 23, 24, 24]
    assert DataSpec(characters=24, start=4).longest(0) == 24
