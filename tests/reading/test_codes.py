"""Letters beside figures: what is written as a figure, and when."""

import numpy as np
import pytest

from foveal.alphabet import Alphabet
from foveal.reading.codes import as_code, figured
from foveal.reading.decode import Floats, Span, Symbol, Trial
from foveal.reading.remedy import Word

ALPHABET = Alphabet()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CASHIERO1", "CASHIER01"),
        ("R0O0O27", "R000027"),
        ("RMO.28", "RM0.28"),
        ("1.SL", "1.5L"),
        ("(O%)", "(0%)"),
        ("9l00", "9100"),
        ("BOSS", "BOSS"),
        ("SO-SO", "SO-SO"),
        ("NO.2", "NO.2"),
        ("No7", "No7"),
        ("NOO7", "N007"),
        ("H2SO4", "H2504"),  # which is why what was seen must bear it
        ("", ""),
    ],
)
def test_letters_beside_figures_are_written_as_figures(text: str, code: str) -> None:
    assert figured(text) == code


def seen(text: str, other: str, odds: float) -> tuple[tuple[int, ...], Word, Trial]:
    """Return a word whose steps both hold `text` likelier than `other` by so many nats where they differ."""
    ids, others = tuple(ALPHABET.encode(text)), tuple(ALPHABET.encode(other))
    rows = np.full((2 * len(ids), len(ALPHABET)), -30.0, np.float32)
    fixed = np.full((len(ids) + 1, len(ALPHABET)), -30.0, np.float32)
    for place, (one, two) in enumerate(zip(ids, others, strict=True)):
        rows[2 * place + 1, 0] = fixed[-1, 0] = 0.0
        for row in (rows[2 * place], fixed[place]):
            row[two] = -np.log1p(np.exp(odds)) if one != two else 0.0
            row[one] = -np.log1p(np.exp(-odds)) if one != two else 0.0
    span = Span(tuple(Symbol(one, 2 * at, 2 * at, 1.0) for at, one in enumerate(ids)), 0, len(rows))
    looks: Floats = np.zeros((len(fixed), len(rows)), np.float32)
    return ids, Word(span, rows, np.full(len(rows), 0.5, np.float32)), Trial(fixed, looks)


@pytest.mark.parametrize(
    ("text", "odds", "read"),
    [
        ("TO2", 1.0, "T02"),
        ("TO2", 2.9, "T02"),
        ("TO2", 3.1, "TO2"),
        ("TO2", 12.0, "TO2"),
        ("2S", 0.4, "25"),
        ("2S", 2.0, "2S"),
        ("OS12", 2.0, "OS12"),  # the surest of its letters decides for all
    ],
)
def test_a_figure_is_read_where_what_was_seen_bears_it(text: str, odds: float, read: str) -> None:
    ids, word, trial = seen(text, figured(text), odds)
    assert ALPHABET.decode(as_code(ids, word, [trial], ALPHABET, trust=0.5)) == read
