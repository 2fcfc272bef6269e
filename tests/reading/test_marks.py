"""Marks at the ends of words on signs: those in doubt are left out, all else stays."""

import numpy as np

from foveal.reading.marks import SURE, without_doubtful_marks
from foveal.reading.readings import ReadChar, Reading, ReadWord


def word(text: str, *, doubtful: str = "") -> ReadWord:
    chars = (
        ReadChar(c, 4.0 * i, 4.0 * i + 3, 0.3 if c in doubtful else 0.99, (), None)
        for i, c in enumerate(text)
    )
    return ReadWord(tuple(chars), grounds=np.arange(len(text))[:, None])


def bare(*words: ReadWord) -> Reading:
    return without_doubtful_marks(Reading(words, 4.0))


def test_doubtful_marks_at_the_ends_go_with_their_grounds_and_their_place() -> None:
    (kept,) = bare(word("…IM=’", doubtful="…=’")).words
    assert kept.text == "IM"
    assert (kept.x0, kept.x1) == (4.0, 11.0)
    assert kept.grounds is not None
    assert kept.grounds[:, 0].tolist() == [1, 2]


def test_a_word_of_doubtful_marks_alone_goes() -> None:
    assert bare(word("NO"), word("–", doubtful="–")).text == "NO"


def test_sure_marks_inner_marks_and_doubtful_letters_stay() -> None:
    for text, doubtful in (("Ltd.", ""), ("B&H", "&"), ("café", "cé"), ("(4)", "4")):
        assert bare(word(text, doubtful=doubtful)).text == text


def test_the_limit_itself_is_sure_enough() -> None:
    edge = ReadWord((ReadChar("a", 0, 3, 0.9, (), None), ReadChar(".", 4, 7, SURE, (), None)))
    assert bare(edge).text == "a."
