"""What can be written: the letters of Europe's Latin scripts, one normal form, a list of all that cannot."""

import pytest

from foveal.alphabet import ALPHABET, Alphabet, normalise

LETTERS = {
    "Albanian": "çë", "Basque": "ñü", "Catalan": "àçèéíïòóúü·", "Croatian": "čćđšž",
    "Czech": "áčďéěíňóřšťúůýž",
    "Danish": "æøå", "Dutch": "ëïéèü", "English": "’“”", "Estonian": "äõöüšž", "Finnish": "äöåšž",
    "French": "àâæçéèêëîïôœùûüÿ«»", "German": "äöüß„“", "Hungarian": "áéíóöőúüű", "Icelandic": "áðéíóúýþæö",
    "Irish": "áéíóúḃċḋḟġṁṗṡṫ", "Italian": "àèéìòù", "Latvian": "āčēģīķļņšūž", "Lithuanian": "ąčęėįšųūž",
    "Maltese": "ċġħż", "Norwegian": "æøåéò", "Polish": "ąćęłńóśźż", "Portuguese": "ãáàâçéêíõóôúü",
    "Romanian": "ăâîșțşţ", "Slovak": "áäčďéíĺľňóôŕšťúýž", "Slovene": "čšž", "Spanish": "áéíñóúü¿¡",
    "Swedish": "åäöé", "Turkish": "çğıöşü", "Welsh": "âêîôûŵŷ",
    "old print": "ſꝛꝑ⸗ãẽõũ", "old print, marks": "\u0303\u0364",
    "money": "€£$¥¢", "signs": "§¶†‡…–—°%‰©®™½¼¾",
}  # fmt: skip


def test_it_is_large_enough_and_names_nothing_twice() -> None:
    assert len(ALPHABET) == len(set(ALPHABET)) >= 280
    assert ALPHABET[0] == " "


@pytest.mark.parametrize("language", LETTERS)
def test_a_language_can_be_written(language: str) -> None:
    small = LETTERS[language]
    capitals = "".join(letter.upper() for letter in small if len(letter.upper()) == 1)
    both = small + capitals if language[0].isupper() else small
    assert Alphabet().unwritable(normalise(both)) == []


def test_what_cannot_be_written_is_listed_once_in_order_of_appearance() -> None:
    assert Alphabet().unwritable("Ж, 漢 and Ж again") == ["Ж", "漢"]
    assert Alphabet("ab").unwritable("abc") == ["c"]


def test_ids_lead_back_to_the_text_and_zero_is_nothing() -> None:
    alphabet = Alphabet()
    ids = alphabet.encode(ALPHABET)
    assert ids == list(range(1, len(alphabet)))
    assert alphabet.decode([0, *ids, 0]) == ALPHABET


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("cafe\u0301", "café"),
        (" a\u00a0 b\tc\n", "a b c"),
        ("ﬁn", "fin"),
        ("ſ\u0303", "ſ\u0303"),
        ("5 ℃", "5 ℃"),
    ],
)
def test_a_text_has_one_normal_form(given: str, normal: str) -> None:
    assert normalise(given) == normal
    assert normalise(normal) == normal
