import pytest

from foveal.measure.markup import clean

CASES = [
    ("handwriting_copiste", "est un >mane< mannequin", "est un mannequin"),
    ("handwriting_copiste", "du Consul>at< (1789).", "du Consul (1789)."),
    ("handwriting_copiste", "Un <> film", "Un film"),
    ("handwriting_copiste", "{-display a>0}, b<0{-display", "{-display a>0}, b<0{-display"),
    ("handwriting_copiste", "ax^{2}+by^{2}", "ax^{2}+by^{2}"),
    ("handwriting_testaments_poilus", "Le 1^er Aout 1914", "Le 1er Aout 1914"),
    ("handwriting_testaments_poilus", "_ succession de mon père.", "_ succession de mon père."),
    ("handwriting_peraire", "me trouv>asse< là ⋎NECESSAIRE", "me trouv là NECESSAIRE"),
    ("handwriting_peraire", "Qu#’EST CE", "Qu’EST CE"),
    ("handwriting_cremma_mss19", "[[modestes]] attendre ; et", "modestes attendre ; et"),
    ("handwriting_cremma_mss19", "avoir[[]] prêts a", "avoir prêts a"),
    ("handwriting_cremma_mss19", "de [l'embranchement", "de [l'embranchement"),
    ("handwriting_lathrop", "dear ⟦sir⟧ Madam ⟦⟧", "dear Madam"),
    ("handwriting_lathrop", "at Palo ᗅlto on", "at Palo Alto on"),
    ("printed_lines_ocr17", "dé¬", "dé-"),
    ("printed_lines_archiscribe", "ge⸗", "ge⸗"),
    ("receipts_sroie", "****THANK YOU****", "****THANK YOU****"),
    ("receipts_sroie", "#12 > 3 < 4 ^", "#12 > 3 < 4 ^"),
    ("scene_words_icdar2003", "Cafï¿½", "Café"),
    ("unheard_of", "5 > 3 < 4 # ^ ¬ ***", "5 > 3 < 4 # ^ ¬ ***"),
]


@pytest.mark.parametrize(("set_name", "label", "ink"), CASES)
def test_label_becomes_what_stands_in_ink(set_name: str, label: str, ink: str) -> None:
    assert clean(label, set_name) == ink


@pytest.mark.parametrize(("set_name", "label"), [(name, label) for name, label, _ in CASES])
def test_cleaning_twice_changes_nothing(set_name: str, label: str) -> None:
    once = clean(label, set_name)
    assert once is not None
    assert clean(once, set_name) == once


@pytest.mark.parametrize(
    ("set_name", "label"),
    [("receipts_sroie", "***"), ("handwriting_copiste", "><"), ("x", "\ufffdrx"), ("x", "ï¿½z"), ("x", " ")],
)
def test_label_that_does_not_say_what_is_written_is_none(set_name: str, label: str) -> None:
    assert clean(label, set_name) is None
