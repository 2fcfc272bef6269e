from pathlib import Path
from random import Random

import pytest

from foveal.alphabet import ALPHABET, FOREIGN, normalise
from foveal.synth.lexicon import LANGUAGES, Lexicon
from foveal.synth.oldprint import long_s
from foveal.synth.texts import USES, Texts

PACK = Path(__file__).parent.parent / "data" / "fonts"


@pytest.fixture(scope="module")
def texts():
    return Texts(Lexicon.load(PACK / "words.json.gz"))


@pytest.mark.parametrize("use", USES)
def test_words_are_short_and_in_normal_form(texts, use):
    rng = Random(use)
    for _ in range(500):
        word = texts.word(rng, use=use)
        assert 1 <= len(word) <= 25
        assert normalise(word) == word
        assert set(word) <= set(ALPHABET)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("length", [1, 12, 60, 150])
def test_lines_are_about_as_long_as_asked(texts, use, length):
    rng = Random(length)
    sizes = []
    for _ in range(60):
        line = texts.line(rng, use=use, length=length)
        assert normalise(line) == line
        assert set(line) <= set(ALPHABET)
        sizes.append(len(line))
    assert min(sizes) >= 1
    assert max(sizes) <= min(150, length + 12)
    assert sum(sizes) / len(sizes) >= 0.5 * length


def test_every_sign_of_the_alphabet_comes_up(texts):
    rng = Random(3)
    seen = {texts.rare(rng) for _ in range(40 * len(ALPHABET))}
    assert seen == set(ALPHABET) - {" ", FOREIGN}


def test_signs_keep_to_what_a_face_can_draw(texts):
    rng, among = Random(4), frozenset("abc123")
    for _ in range(200):
        text = texts.signs(rng, among=among, longest=8, with_sign="é")
        assert set(text) <= among | {"é"}  # no mark among them, so no base is added
        assert "é" in text
        assert len(text) <= 9


def test_a_smaller_alphabet_is_kept_to():
    texts = Texts(Lexicon.load(PACK / "words.json.gz"), alphabet=" abcdefghijklmnopqrstuvwxyz")
    rng = Random(5)
    assert all(set(texts.word(rng, use="print")) <= set(" abcdefghijklmnopqrstuvwxyz") for _ in range(50))


def test_the_same_seed_gives_the_same_texts(texts):
    first, second = (
        [texts.line(rng, use=use, length=30) for use in USES for _ in range(5)]
        for rng in (Random(6), Random(6))
    )
    assert first == second


@pytest.mark.parametrize(
    ("modern", "old"),
    [
        ("Wasser", "Waſſer"),
        ("des Hauses", "des Hauſes"),
        ("s’est", "s’eſt"),
        ("SOS", "SOS"),
        ("Aus- und", "Aus- und"),
    ],
)
def test_long_s_stands_inside_words_only(modern, old):
    assert long_s(modern) == old


def test_a_lexicon_is_read_as_it_was_written(tmp_path):
    built = Lexicon.build(scale=0.002, entries=1)
    built.save(tmp_path / "words.json.gz")
    assert Lexicon.load(tmp_path / "words.json.gz") == built
    assert set(built.words) == set(LANGUAGES)
    assert all(built.words.values())
    assert all(built.entries.values())
