"""Words of languages in a trie: found again, with their chances, and telling the language of a text."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveal.errors import ConfigError
from foveal.reading.vocabulary import Vocabulary, check_language, embedded_words

SOME = Vocabulary.build(
    {"en": {"the": -3.0, "then": -7.0, "on": -5.0}, "de": {"on": -12.0, "an": -5.5}, "fr": {"le": -3.5}}
)

Listed = st.dictionaries(st.text("abé", min_size=1, max_size=5), st.floats(-20, -1), max_size=30)


@given(first=Listed, second=Listed)
def test_every_word_is_found_with_its_chances_and_no_other(
    first: dict[str, float], second: dict[str, float]
) -> None:
    made = Vocabulary.build({"one": first, "two": second})
    every = first.keys() | second.keys()
    numbers = {word: made.find(word) for word in every}
    assert sorted(numbers.values()) == list(range(len(every)))
    assert made.words() == sorted(every, key=lambda word: numbers[word])
    for word, number in numbers.items():
        for weights, listed in (([1, 0], first), ([0, 1], second)):
            (found,) = made.log_chances(np.array([number]), np.array(weights, np.float32))
            assert found == pytest.approx(listed.get(word, np.log(1e-12)), abs=0.05)
    assert all(made.find(word + "b") < 0 for word in every if word + "b" not in every)


def test_chances_of_several_words_are_those_of_each() -> None:
    weights = np.array([0.5, 0.3, 0.2], np.float32)
    numbers = np.array([SOME.find(word) for word in ("le", "on", "the", "on")])
    together = SOME.log_chances(numbers, weights)
    alone = [SOME.log_chances(numbers[i : i + 1], weights)[0] for i in range(4)]
    assert together.tolist() == pytest.approx(alone)
    assert together[1] == pytest.approx(np.log(0.5 * np.exp(-5) + 0.3 * np.exp(-12)), abs=0.05)
    assert len(SOME.log_chances(np.zeros(0, np.int32), weights)) == 0


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    SOME.save(tmp_path / "some.npz")
    again = Vocabulary.load(tmp_path / "some.npz")
    assert (again.languages, again.letters) == (SOME.languages, SOME.letters)
    for name in ("letter", "children", "ends", "spoken", "language", "chance", "first", "word"):
        assert np.array_equal(getattr(again, name), getattr(SOME, name)), name


def test_words_tell_the_language_and_unknown_ones_tell_nothing() -> None:
    assert SOME.languages[int(SOME.heard(["le"]).argmax())] == "fr"
    assert SOME.languages[int(SOME.heard(["an"]).argmax())] == "de"
    assert np.allclose(SOME.heard([]), SOME.prior())
    french = np.array([0.01, 0.01, 0.98], np.float32)
    assert SOME.languages[int(SOME.heard(["on"], prior=french).argmax())] == "en"
    assert np.allclose(SOME.heard(["xyz"], prior=french), french)
    assert np.allclose(SOME.heard(["xyz"]), SOME.prior())
    assert SOME.prior()[0] > SOME.prior()[2] > SOME.prior()[1]
    assert SOME.only(["de", "fr"]).tolist() == pytest.approx([0, 0.5, 0.5])


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the cat sat on its mat", "en"),
        ("je vous écris cette lettre", "fr"),
        ("der hund ist nicht groß", "de"),
        ("el perro está en la calle", "es"),
        ("pies jest na ulicy", "pl"),
    ],
)
def test_the_embedded_words_know_languages(text: str, language: str) -> None:
    words = embedded_words()
    assert words.languages[int(words.heard(text.split()).argmax())] == language
    assert len(words.languages) >= 20


def test_a_language_without_words_names_the_nearest() -> None:
    for said in ("auto", "none", "fr", "fr+en"):
        check_language(said)
    with pytest.raises(ConfigError, match="'frr'") as caught:
        check_language("en+frr")
    assert "fr" in str(caught.value.remedy)


def test_no_word_of_some_letters_is_likelier_than_the_highest_of_them() -> None:
    chances = {"a": -2.0, "on": -5.0, "the": -3.0, "thee": -9.0, "bathe": -7.0}
    made = Vocabulary.build({"en": chances})
    for low, high in ((0, 1), (2, 3), (3, 3), (4, 5), (-2, 40)):
        expected = max(chance for word, chance in chances.items() if low <= len(word) <= high)
        assert made.highest(low, high) == pytest.approx(expected, abs=0.05)
    assert made.highest(9, 12) < -20  # none is so long
    assert Vocabulary.build({"en": {"l'on": -8.0, "a": -3.0}}).highest(4, 4) == -3.0  # only "on" is looked up
