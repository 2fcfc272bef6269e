"""Words of languages: they decide where the ink leaves a doubt, and nowhere else."""

import math

import numpy as np
import pytest

from foveal.alphabet import Alphabet
from foveal.errors import ConfigError
from foveal.reading.decode import Floats, Span, Symbol, Trial, ctc_scores, supports
from foveal.reading.vocabulary import Vocabulary
from foveal.reading.words import Tongue, Words, choose_word, is_sure, parts

ALPHABET = Alphabet()


def seen(*chances: dict[str, float]) -> Floats:
    """Return log-probabilities "t C": of each place the signs seen with their chances, "" for nothing."""
    table = np.full((len(chances), len(ALPHABET)), 1e-6, np.float32)
    for place, row in enumerate(chances):
        for sign, chance in row.items():
            table[place, ALPHABET.encode(sign)[0] if sign else 0] = chance
    return np.asarray(np.log(table / table.sum(1, keepdims=True)), np.float32)


def span_of(table: Floats) -> Span:
    ids = [int(i) for i in table.argmax(1) if i]
    return Span(tuple(Symbol(i, at, at, 1.0) for at, i in enumerate(ids)), 0, len(table))


def knowing(**chances: float) -> Words:
    """Return the words of a language that has these."""
    return Words(ALPHABET, vocabulary=Vocabulary.build({"en": chances}))


def read(table: Floats, words: Words | None) -> str:
    """Return what is read of one word that the glance and the fixations see alike."""
    tongue = words.heard([]) if words else None
    found = choose_word(table, [Trial(table, table)], span_of(table), trust=0.6, tongue=tongue)
    assert found.trial.log_probs is table
    assert ALPHABET.decode(found.before) == ALPHABET.decode(span_of(table).ids)
    return ALPHABET.decode(found.ids)


DOUBT = seen({"c": 0.9}, {"u": 0.55, "a": 0.45}, {"t": 0.9}, {"": 1.0}, {"": 1.0})
SURE = seen({"c": 1.0}, {"u": 0.9999, "a": 0.0001}, {"t": 1.0}, {"": 1.0}, {"": 1.0})
CAT = knowing(cat=-8.0, dog=-8.0)


def test_a_listed_word_is_read_where_the_ink_leaves_a_doubt() -> None:
    assert read(DOUBT, None) == "cut"
    assert read(DOUBT, CAT) == "cat"
    assert read(DOUBT, knowing(cut=-8.0, cat=-8.0)) == "cut"
    assert read(DOUBT, knowing(dog=-2.0)) == "cut"
    assert read(DOUBT, Words(ALPHABET, vocabulary=CAT.lists[0].vocabulary, share=0.0)) == "cut"


def test_what_is_surely_seen_stands_whatever_is_listed() -> None:
    assert read(SURE, CAT) == "cut"


def test_a_commoner_word_is_read_of_two() -> None:
    assert read(DOUBT, knowing(cut=-14.0, cat=-6.0)) == "cat"
    assert read(DOUBT, knowing(cut=-6.0, cat=-14.0)) == "cut"


def test_case_and_signs_around_a_word_stay() -> None:
    table = seen({"C": 0.9}, {"u": 0.55, "a": 0.45}, {"t": 0.9}, {",": 0.99}, {"": 1.0}, {"": 1.0})
    assert read(table, CAT) == "Cat,"
    capitals = seen({"C": 0.9}, {"U": 0.55, "A": 0.45}, {"T": 0.9}, {"": 1.0}, {"": 1.0})
    assert read(capitals, CAT) == "CAT"
    broken = seen({"c": 0.9}, {"u": 0.55, "a": 0.45}, {"t": 0.9}, {"-": 0.99}, {"": 1.0}, {"": 1.0})
    assert read(broken, CAT) == "cut-"


def doubted(text: str, other: str) -> Floats:
    """Return a table of `text` in which `other` is nearly as likely wherever it differs."""
    signs = [{a: 0.6, b: 0.39} if a != b else {a: 0.99} for a, b in zip(text, other, strict=True)]
    return seen(*signs, {"": 1.0}, {"": 1.0})


@pytest.mark.parametrize(
    ("text", "word", "found"),
    [
        ("wh1ch", "which", "which"),
        ("0nly", "only", "only"),
        ("w|th", "with", "with"),
        ("1st", "ist", "1st"),  # too few letters to say
        ("list1", "listi", "list1"),  # a figure behind a word numbers it
        ("l001en", "looien", "l001en"),
        ("MP3s", "MPas", "MP3s"),
    ],
)
def test_signs_like_letters_among_letters_are_letters_of_a_listed_word(
    text: str, word: str, found: str
) -> None:
    assert read(doubted(text, word), knowing(**{word.lower(): -5.0})) == found
    assert read(doubted(text, word), knowing(dog=-2.0)) == text


def test_a_long_s_is_written_where_it_was_seen() -> None:
    table = seen({"l": 0.9}, {"e": 0.55, "a": 0.45}, {"ſ": 0.6, "s": 0.3}, {"t": 0.9}, {"": 1.0}, {"": 1.0})
    assert read(table, knowing(last=-8.0)) == "laſt"


def test_a_word_far_shorter_than_what_was_read_is_not_among_the_readings() -> None:
    """Fixations beyond the end of a short word say nothing against it."""
    unread = {"q": 0.4, "x": 0.3}
    table = seen({"l": 0.6}, {"e": 0.6}, {"": 0.3, "q": 0.6}, unread, unread, unread, {"": 1.0}, {"": 1.0})
    assert read(table, knowing(le=-3.0)) == "leqqqq"


def test_the_language_is_heard_from_sure_words_or_told() -> None:
    words = Words(
        ALPHABET,
        vocabulary=Vocabulary.build(
            {"en": {"the": -3.0, "cat": -9.0, "cut": -14.0}, "fr": {"les": -4.0, "cut": -8.0}}
        ),
    )

    def in_language(tongue: Tongue) -> str:
        trials = [Trial(DOUBT, DOUBT)]
        found = choose_word(DOUBT, trials, span_of(DOUBT), trust=0.6, tongue=tongue)
        return ALPHABET.decode(found.ids)

    heard = {text: words.heard([tuple(ALPHABET.encode(text))]) for text in ("the", "les")}
    assert in_language(heard["the"]) == in_language(words.only(["en"])) == "cat"
    assert in_language(heard["les"]) == in_language(words.only(["fr"])) == "cut"
    with pytest.raises(ConfigError, match="no words of the language 'xx'"):
        words.only(["xx"])


def test_a_model_reads_its_own_words_too() -> None:
    own = Vocabulary.from_text("cat -3.5")
    assert read(DOUBT, Words(ALPHABET, vocabulary=Vocabulary.build({"en": {"dog": -4.0}}))) == "cut"
    assert read(DOUBT, Words(ALPHABET, own=own, vocabulary=Vocabulary.build({"en": {"dog": -4.0}}))) == "cat"


def test_its_own_words_tell_the_language_of_a_text_until_the_text_does() -> None:
    both = Vocabulary.build(
        {"en": {"the": -3.0, "cat": -9.0, "cut": -14.0}, "fr": {"les": -4.0, "cut": -8.0}}
    )
    own = Words(ALPHABET, own=Vocabulary.from_text("les -1"), vocabulary=both)
    assert own.prior is not None
    assert own.prior.sum() == pytest.approx(1)
    assert own.heard([]).weights[0][1] > 0.8 > Words(ALPHABET, vocabulary=both).heard([]).weights[0][1]
    assert own.heard([tuple(ALPHABET.encode("the"))]).weights[0][0] > 0.8
    assert Words(ALPHABET, vocabulary=both).prior is None


def test_only_what_both_steps_read_surely_tells_a_language() -> None:
    sure, doubt = span_of(SURE), span_of(DOUBT)
    assert is_sure(sure, [Trial(SURE, SURE)])
    assert not is_sure(doubt, [Trial(DOUBT, DOUBT)])
    assert not is_sure(sure, [Trial(SURE, SURE), Trial(seen({"x": 1.0}, {"": 1.0}), DOUBT)])


def test_nothing_that_is_not_looked_for_could_have_won() -> None:
    """Whether a word stands is told by a bound; the search that it saves finds nothing likelier."""
    rng = np.random.default_rng(7)
    words = knowing(cat=-3.0, cut=-6.0, bot=-9.0, box=-4.0, cubs=-7.0)
    tongue, changed = words.heard([]), 0
    for _ in range(100):
        signs = {"c": 1.0, "b": 1.0}, {"u": 1.0, "a": 1.0, "o": 1.0}, {"t": 1.0, "x": 1.0, "b": 1.0}
        rows = [{one: float(np.exp(rng.normal(0, 3))) for one in row} for row in signs]
        table = seen(*rows, {"": 1.0}, {"": 1.0})
        trials = [Trial(table, table)]
        found = choose_word(table, trials, span_of(table), trust=0.6, tongue=tongue)
        every = [found.before, *tongue.like(found.before, trials, trust=0.6, least=-np.inf)]
        likely = 0.6 * supports(every, trials) + 0.4 * ctc_scores(table, every)
        together = likely + words.share * tongue.log_chances(every)
        if likely[0] < np.log(0.7):  # surer words stand unless a common one is listed for them
            assert found.ids == every[int(together.argmax())]
        changed += found.ids != found.before
    assert 10 < changed < 90


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


def test_the_search_finds_what_trying_every_word_finds() -> None:
    """The beam against the plain form: the score of each word of the list, summed letter by letter."""
    rng = np.random.default_rng(3)
    letters = "abcde"
    listed = {"".join(rng.choice(list(letters), rng.integers(1, 6))): -8.0 for _ in range(120)}
    words = Words(ALPHABET, vocabulary=Vocabulary.build({"en": listed}))
    table = np.log(rng.dirichlet(np.full(len(ALPHABET), 0.05), 7) + 1e-9).astype(np.float32)
    found = words.lists[0].search(table, 0, shortest=2, longest=5, least=-np.inf)

    def score(word: str) -> float:
        ids = [ALPHABET.encode(char + char.upper()) for char in word]
        seen_as = [np.logaddexp(*table[place, both]) for place, both in enumerate(ids)]
        return float(sum(seen_as) + table[len(word), 0])

    best = max((word for word in listed if 2 <= len(word) <= 5), key=score)
    place = int(found.scores.argmax())
    alphabet = words.lists[0].vocabulary.letters
    assert "".join(alphabet[i] for i in found.letters[place]) == best
    assert math.isclose(float(found.scores[place]), score(best), abs_tol=1e-4)
    least = float(np.median(found.scores))
    likely = words.lists[0].search(table, 0, shortest=2, longest=5, least=least)
    assert sorted(likely.scores) == sorted(found.scores[found.scores >= least])
