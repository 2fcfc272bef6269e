"""What is asked of a text: one fixation a character, ends of words, and windows that hold the word."""

import numpy as np
import pytest
import torch

from foveal.alphabet import Alphabet
from foveal.models.line import STRIDE
from foveal.train.queries import Queries, ask, windows

TEXTS = ["to be", "Straße", "a  b", " edge ", ""]
CHARACTERS, FIXATIONS = 9, 23


def asked(texts: list[str] = TEXTS, *, fixations: int = FIXATIONS, seed: int = 0) -> Queries:
    rng = np.random.default_rng(seed)
    return ask(texts, Alphabet(), rng, characters=CHARACTERS, fixations=fixations)


def boxes_of(texts: list[str], pitch: float = 8.0) -> torch.Tensor:
    """Every character, spaces too, `pitch` pixels wide and close to the next."""
    left = torch.arange(CHARACTERS) * pitch
    one = torch.stack((left, torch.zeros_like(left), left + pitch, torch.full_like(left, 32.0)), -1)
    lengths = torch.tensor([len(text) for text in texts])
    return one * (torch.arange(CHARACTERS) < lengths[:, None])[..., None]


def test_ids_are_those_of_the_alphabet_and_lengths_count_them() -> None:
    queries = asked()
    for row, text in enumerate(TEXTS):
        assert queries.lengths[row] == len(text)
        assert queries.ids[row, : len(text)].tolist() == Alphabet().encode(text)
        assert not queries.ids[row, len(text) :].any()


def test_every_character_but_the_space_is_fixated_once() -> None:
    queries = asked()
    for row, text in enumerate(TEXTS):
        about = queries.char[row] >= 0
        assert queries.char[row, about].tolist() == [i for i, sign in enumerate(text) if sign != " "]
        assert (queries.target[row, about] == queries.ids[row, queries.char[row, about]]).all()


def test_every_word_ends_with_one_to_three_fixations_that_find_nothing() -> None:
    counts = set()
    for seed in range(20):
        queries = asked(seed=seed)
        for row in range(len(TEXTS)):
            exists = queries.target[row] >= 0
            for word in np.unique(queries.word[row, exists]):
                of = exists & (queries.word[row] == word)
                assert queries.offset[row, of].tolist() == list(range(of.sum()))
                ends = queries.target[row, of] == 0
                assert ends.tolist() == sorted(ends.tolist())  # characters first, then nothing
                counts.add(int(ends.sum()))
    assert counts == {1, 2, 3}


def test_what_does_not_fit_is_cut_off() -> None:
    queries = asked(["abcdefghijkl"], fixations=4)
    assert queries.lengths.tolist() == [CHARACTERS]
    assert queries.target.tolist() == [Alphabet().encode("abcd")]


@pytest.mark.parametrize("edge", [0.0, 0.5, 1.0])
def test_a_window_holds_its_word_and_ends_before_the_words_beside_it(edge: float) -> None:
    texts = ["ab cd", "abcdef"]
    queries = asked(texts).tensors()
    boxes, widths = boxes_of(texts), torch.tensor([40, 48])
    noise = torch.full((len(texts), FIXATIONS, 2), edge)
    window = windows(boxes, widths, queries, noise).window
    exists = queries["target"] >= 0
    assert (window[~exists] == 0).all()
    for row in range(len(texts)):
        for place in torch.nonzero(exists[row])[:, 0]:
            low, high = (window[row, place] * STRIDE).tolist()
            first, last = int(queries["first"][row, place]), int(queries["last"][row, place])
            assert low <= boxes[row, first, 0] + STRIDE
            assert high >= boxes[row, last, 2]
            assert high <= widths[row] + STRIDE
            if first >= 2:
                assert low >= boxes[row, first - 2, 2] - STRIDE  # not into the word before
            if last + 2 < len(texts[row]):
                assert high <= boxes[row, last + 2, 0] + STRIDE  # nor into the one behind
