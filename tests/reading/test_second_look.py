"""A second look at short strips in doubt: what all views together hold likeliest is read."""

from __future__ import annotations

import numpy as np
import pytest

from foveal.alphabet import Alphabet
from foveal.reading.decode import Floats, Span, Symbol, Trial
from foveal.reading.observation import Observation
from foveal.reading.readings import ReadChar, Reading, ReadWord
from foveal.reading.second_look import SURE, VIEWS, doubtful, judged, views_of
from foveal.reading.seen import Seen
from foveal.reading.vocabulary import Vocabulary
from foveal.reading.words import Tongue, Words

ALPHABET = Alphabet()


def reading(text: str, confidence: float) -> Reading:
    words = tuple(
        ReadWord(tuple(ReadChar(c, i, i + 1, confidence, (), None) for i, c in enumerate(word)))
        for word in text.split()
    )
    return Reading(words, 4.0)


def observation(*chances: dict[str, float]) -> Observation:
    """Return a view of one word, seen alike by glance and fixations: the chances of each of its letters."""
    table = np.full((len(chances) + 1, len(ALPHABET)), 1e-4, np.float32)
    for place, row in enumerate([*chances, {"": 1.0}]):
        for sign, chance in row.items():
            table[place, ALPHABET.encode(sign)[0] if sign else 0] = chance
    log_probs: Floats = np.log(table / table.sum(1, keepdims=True)).astype(np.float32)
    ids = log_probs[:-1].argmax(1)
    span = Span(tuple(Symbol(int(i), at, at, 1.0) for at, i in enumerate(ids)), 0, len(table))
    level = np.ones(len(table), np.float32)
    seen = Seen(log_probs, level, level, level, level, level, level)
    return Observation(seen, [span], [[Trial(log_probs, log_probs)]], [[]], 4.0)


def best(*views: tuple[str, Observation], tongue: Tongue | None = None) -> str:
    """Return what views that read these texts, each surer than the one before, are read as together."""
    readings = [reading(text, 0.5 + 0.1 * place) for place, (text, _) in enumerate(views)]
    ids = [tuple(tuple(ALPHABET.encode(word)) for word in text.split()) for text, _ in views]
    return judged(readings, ids, [seen for _, seen in views], trust=0.6, tongue=tongue).text


def test_the_likelihoods_of_views_are_put_together() -> None:
    cat = observation({"c": 0.9}, {"a": 0.8, "u": 0.2}, {"t": 0.9})
    cut = observation({"c": 0.9}, {"a": 0.4, "u": 0.6}, {"t": 0.9})
    assert best(("cat", cat), ("cut", cut)) == "cat"
    assert best(("cat", cut), ("cut", cut)) == "cut"


def test_a_view_that_cuts_letters_off_does_not_outvote_the_others() -> None:
    whole = observation({"c": 0.8, "o": 0.2}, {"a": 0.8, "o": 0.2}, {"t": 0.9})
    cropped = observation({"o": 1.0}, {"o": 1.0}, {"t": 1.0})
    assert best(("cat", whole), ("cat", whole), ("oot", cropped)) == "cat"


def test_a_view_that_finds_another_number_of_words_does_not_judge() -> None:
    one = observation({"c": 0.9}, {"a": 0.9}, {"t": 0.9})
    assert best(("cat", one), ("c t", one)) == "cat"


def test_words_of_the_language_count() -> None:
    level = observation({"c": 0.9}, {"a": 0.5, "u": 0.5}, {"t": 0.9})
    for word in ("cat", "cut"):
        words = Words(ALPHABET, vocabulary=Vocabulary.build({"en": {word: -6.0}}))
        assert best(("cat", level), ("cut", level), tongue=words.heard([])) == word


def test_of_views_that_read_alike_the_surest_is_returned() -> None:
    one = observation({"a": 0.9})
    found = judged(
        [reading("a", 0.5), reading("a", 0.7), reading("a", 0.6)],
        [((ALPHABET.encode("a")[0],),)] * 3,
        [one] * 3,
        trust=0.6,
        tongue=None,
    )
    assert found.confidence == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("first", "width", "again"),
    [
        (reading("in doubt", SURE - 0.01), 60, True),
        (reading("sure", SURE), 60, False),
        (reading("long", 0.5), 400, False),
        (reading("", 0.0), 60, False),
    ],
)
def test_what_is_sure_long_or_empty_is_read_once(first: Reading, width: int, again: bool) -> None:
    assert doubtful([np.zeros((20, width, 3), np.uint8)], [first]) == ([0] if again else [])


def test_views_leave_columns_in_place() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 90, 3), dtype=np.uint8)
    assert len(views_of(image)) == len(VIEWS)
    for seen in views_of(image):
        assert seen.shape[1:] == image.shape[1:]
        assert 0.85 * 40 <= len(seen) <= 40
