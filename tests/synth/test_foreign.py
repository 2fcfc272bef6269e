"""Texts of other scripts, and how they are told."""

import unicodedata
from pathlib import Path
from random import Random

import matplotlib
import numpy as np
import pytest

from foveal.alphabet import ALPHABET, FOREIGN
from foveal.synth.batches import Artist
from foveal.synth.fonts import Face, Faces
from foveal.synth.foreign import ForeignTexts, foreign_characters, joined
from foveal.synth.lexicon import FOREIGN_LANGUAGES, Lexicon, foreign_words
from foveal.synth.texts import Texts

PACK = Path(__file__).parent.parent / "data" / "fonts"


@pytest.fixture(scope="module")
def words():
    return foreign_words(scale=0.05)


def test_there_are_words_of_every_language(words):
    assert words.keys() == FOREIGN_LANGUAGES.keys()
    assert all(words.values())
    assert not any(set(word) <= set(ALPHABET) for each in words.values() for word in each)


def test_what_is_told_has_a_sign_for_each_that_is_drawn(words):
    texts, rng = ForeignTexts(words), Random(1)
    for _ in range(300):
        drawn, told = texts.text(rng, length=20, known=lambda: "Grüße,")
        assert len(drawn) == len(told)
        assert FOREIGN in told
        assert set(told) <= set(ALPHABET)
        for char, sign in zip(drawn, told, strict=True):
            assert sign == FOREIGN if char not in ALPHABET else sign in (char, FOREIGN)


def test_words_that_can_be_written_stay_among_them(words):
    texts, rng = ForeignTexts(words), Random(2)
    told = [texts.text(rng, length=40, known=lambda: "Grüße").told for _ in range(100)]
    assert any("Grüße" in text for text in told)


def test_hebrew_runs_leftwards(words):
    word = words["he"][0]
    texts = ForeignTexts({"he": (word,)})
    assert any(word[::-1] in texts.text(Random(n), length=9, known=lambda: "a").drawn for n in range(9))


def test_arabic_letters_take_the_form_of_their_place():
    forms = [unicodedata.name(form).split()[-2] for form in joined("بنت")]
    assert forms == ["INITIAL", "MEDIAL", "FINAL"]


def test_every_character_that_is_drawn_is_asked_of_the_faces(words):
    held, texts, rng = set(foreign_characters(words)), ForeignTexts(words), Random(3)
    for _ in range(300):
        drawn, told = texts.text(rng, length=20, known=lambda: "a")
        assert {char for char, sign in zip(drawn, told, strict=True) if sign == FOREIGN} <= held


def test_a_lexicon_keeps_them(words, tmp_path):
    lexicon = Lexicon(words={"en": ("the",)}, entries={}, foreign=words)
    lexicon.save(tmp_path / "words.json.gz")
    assert Lexicon.load(tmp_path / "words.json.gz").foreign == words


def test_a_drawing_is_told_as_signs_that_cannot_be_written(words):
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    faces = Faces(PACK)
    faces.by_kind["sans"] = (Face(path, kind="sans", characters=ALPHABET + foreign_characters(words)),)
    lexicon = Lexicon(words={"en": ("the",)}, entries={}, foreign={"ru": words["ru"]})
    artist, random, rng = Artist(faces, Texts(lexicon)), Random(4), np.random.default_rng(4)
    drawn = [artist.foreign(random, rng, length=12, framing="line", max_width=900) for _ in range(20)]
    for drawing in filter(None, drawn):
        assert FOREIGN in drawing.text
        assert len(drawing.boxes) == len(drawing.text)
        assert drawing.mask.any()
    assert any(drawn)


def test_a_pack_without_such_words_draws_none():
    artist = Artist(Faces(PACK), Texts(Lexicon(words={"en": ("the",)}, entries={})))
    random, rng = Random(0), np.random.default_rng(0)
    assert artist.foreign(random, rng, length=9, framing="line", max_width=900) is None
