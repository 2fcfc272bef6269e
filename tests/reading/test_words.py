"""Words of a language: they decide where the ink leaves a doubt, and nowhere else."""

import numpy as np
import pytest

from foveal.alphabet import Alphabet
from foveal.reading.decode import Floats, Span, Symbol, Trial
from foveal.reading.words import Words, choose_word, parts

ALPHABET = Alphabet()


def seen(*chances: dict[str, float]) -> Floats:
    """Return log-probabilities "t C": of each place the signs seen with their chances, "" for nothing."""
    table = np.full((len(chances), len(ALPHABET)), 1e-6, np.float32)
    for place, row in enumerate(chances):
        for sign, chance in row.items():
            table[place, ALPHABET.encode(sign)[0] if sign else 0] = chance
    return np.asarray(np.log(table / table.sum(1, keepdims=True)), np.float32)


def read(table: Floats, words: Words | None) -> str:
    """Return what is read of one word that the glance and the fixations see alike."""
    ids = [int(i) for i in table.argmax(1) if i]
    span = Span(tuple(Symbol(i, at, at, 1.0) for at, i in enumerate(ids)), 0, len(table))
    found, trial = choose_word(table, [Trial(table, table)], span, trust=0.6, words=words)
    assert trial.log_probs is table
    return ALPHABET.decode(found)


DOUBT = seen({"c": 0.9}, {"u": 0.55, "a": 0.45}, {"t": 0.9}, {"": 1.0}, {"": 1.0})
SURE = seen({"c": 1.0}, {"u": 0.99, "a": 0.01}, {"t": 1.0}, {"": 1.0}, {"": 1.0})
CAT = Words({"cat": -8.0, "dog": -8.0}, ALPHABET)


def test_a_listed_word_is_read_where_the_ink_leaves_a_doubt() -> None:
    assert read(DOUBT, None) == "cut"
    assert read(DOUBT, CAT) == "cat"
    assert read(DOUBT, Words({"cut": -8.0, "cat": -8.0}, ALPHABET)) == "cut"
    assert read(DOUBT, Words({"dog": -2.0}, ALPHABET)) == "cut"


def test_what_is_surely_seen_stands_whatever_is_listed() -> None:
    assert read(SURE, CAT) == "cut"


def test_case_and_signs_around_a_word_stay() -> None:
    table = seen({"C": 0.9}, {"u": 0.55, "a": 0.45}, {"t": 0.9}, {",": 0.99}, {"": 1.0}, {"": 1.0})
    assert read(table, CAT) == "Cat,"
    broken = seen({"c": 0.9}, {"u": 0.55, "a": 0.45}, {"t": 0.9}, {"-": 0.99}, {"": 1.0}, {"": 1.0})
    assert read(broken, CAT) == "cut-"


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("cat", ("", "cat", "")),
        ("(l'opéra,", ("(l'", "opéra", ",")),
        ("1914.", ("", "1914", ".")),
        ("—", ("—", "", "")),
        ("", ("", "", "")),
    ],
)
def test_a_word_is_told_from_the_signs_around_it(text: str, split: tuple[str, str, str]) -> None:
    assert parts(text) == split


def test_words_come_back_from_text_and_unwritable_ones_are_left_out() -> None:
    again = Words.from_text(CAT.to_text(), ALPHABET)
    assert again.chances == CAT.chances
    assert read(DOUBT, Words({"cat": -8.0, "cжt": -1.0}, ALPHABET)) == "cat"
