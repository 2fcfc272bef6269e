import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from foveal.measure import text

LINES = st.text(alphabet="ab é-", max_size=12)


@given(LINES, LINES)
def test_edit_distance_is_levenshtein(read: str, truth: str) -> None:
    assert text.edit_distance(read, truth) == Levenshtein.distance(read, truth)


@given(LINES, LINES)
def test_alignment_spells_both_texts_and_costs_the_distance(read: str, truth: str) -> None:
    steps = text.align(read, truth)
    assert "".join(one for one, _ in steps) == read
    assert "".join(other for _, other in steps) == truth
    assert sum(one != other for one, other in steps) == text.edit_distance(read, truth)


@given(st.lists(LINES, min_size=1))
def test_a_perfect_reading_is_perfect(lines: list[str]) -> None:
    pairs = [(line, line) for line in lines]
    assert text.cer(pairs) == 0
    assert text.accuracy(pairs) == text.bag_of_words(pairs) == text.spaces(pairs) == 1
    assert not text.confusions(pairs)


def test_cer_is_micro() -> None:
    assert text.cer([("x", "a"), ("abcdefghi", "abcdefghi")]) == pytest.approx(0.1)


def test_cer_of_text_read_where_there_is_none_is_not_zero() -> None:
    assert text.cer([("x", "")]) == 1
    assert text.cer([("", "")]) == 0


def test_spaces_counts_dropped_and_invented_ones() -> None:
    assert text.spaces([("ab cd", "a b cd")]) == pytest.approx(2 / 3)
    assert text.spaces([("a b cd", "ab cd")]) == pytest.approx(2 / 3)
    assert text.spaces([("abcd", "ab cd")]) == 0


def test_bag_of_words_ignores_order_and_counts_repetition() -> None:
    assert text.bag_of_words([("two one", "one two")]) == 1
    assert text.bag_of_words([("one", "one one one")]) == pytest.approx(0.5)


def test_words_keep_their_punctuation_and_bare_words_do_not() -> None:
    assert text.bag_of_words([("12,50", "12.50")]) == 0
    assert text.bag_of_words([("12,50", "12.50")], cut=text.bare_words) == 1


def test_words_with_an_unknown_sign_neither_help_nor_hurt() -> None:
    def score(read: str) -> float:
        return text.bag_of_words([(read, "a ~ b r~sum~ c")], unknown="~")

    assert score("a • b résumé c") == score("a b résumé c") == score("a b c") == 1
    assert score("a b rosin c") == pytest.approx(6 / 7)
    assert score("a ~ b résumé") == pytest.approx(4 / 5)


def test_bag_of_words_folds_words_one_by_one() -> None:
    assert text.bag_of_words([("TO-\ntal", "total")]) == 0
    assert text.bag_of_words([("TO-\ntal", "total")], fold=str.casefold) == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("well-known “quote”", ["well", "known", "quote"]),
        ("contin-\nued", ["continued"]),
        ("Ge⸗\nſicht", ["Geſicht"]),
        ("1984-\n1985", ["1984", "1985"]),
        ("a_b ~ §", ["a", "b"]),
        ("cafe\u0301 Fluͤgel", ["café", "Fluͤgel"]),
    ],
)
def test_bare_words(line: str, expected: list[str]) -> None:
    assert text.bare_words(line) == expected


@pytest.mark.parametrize(("sign", "folded"), [("É", "e"), ("ß", "ss"), ("№", "no"), ("—", ""), ("٣", "")])
def test_scene_text_is_scored_on_letters_and_digits(sign: str, folded: str) -> None:
    assert text.alphanumeric(sign) == folded


def test_confusions_name_what_was_read_for_what() -> None:
    assert text.confusions([("l0ve", "love"), ("l0v", "love")]) == {("0", "o"): 2, ("", "e"): 1}


def test_words_right_need_every_sign_and_both_ends() -> None:
    assert text.words_right(["the", "cat", "sat"], "the cat sat") == [True, True, True]
    assert text.words_right(["the", "cats", "at"], "the cat sat") == [True, False, False]
    assert text.words_right(["the", "sat"], "the cat sat") == [True, True]
    assert text.words_right(["—", "Exit"], "EXIT!", fold=text.alphanumeric) == [None, True]
    assert text.words_right([], "lost") == []
