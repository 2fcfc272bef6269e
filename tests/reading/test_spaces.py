"""Spaces between listed words and around signs: put in where the glance has an inkling of them."""

import numpy as np
import pytest

from foveal.alphabet import Alphabet
from foveal.reading.decode import SPACE, Floats, best_path
from foveal.reading.spaces import parted, set_apart
from foveal.reading.vocabulary import Vocabulary
from foveal.reading.words import Words

ALPHABET = Alphabet()
LISTED = {"tan": -9.0, "tin": -9.0, "noone": -9.0, "no": -5.0, "one": -6.0}
TONGUE = Words(ALPHABET, vocabulary=Vocabulary.build({"en": LISTED})).heard([])


def glance(text: str, *, spaces: dict[int, float]) -> Floats:
    """Return the log-probabilities of a text, a blank column behind each of its letters.

    spaces: how likely the blank behind a letter is a space.
    """
    table = np.full((2 * len(text), len(ALPHABET)), 1e-9, np.float32)
    for place, char in enumerate(text):
        table[2 * place, ALPHABET.encode(char)[0]] = 1.0
        table[2 * place + 1, [0, SPACE]] = 1.0, spaces.get(place, 1e-9)
    return np.asarray(np.log(table / table.sum(1, keepdims=True)), np.float32)


@pytest.mark.parametrize(
    ("text", "spaces", "read"),
    [
        ("tantin", {2: 0.1}, "tan tin"),
        ("tantin", {}, "tantin"),
        ("tantin", {2: 0.01}, "tantin"),
        ("tantin", {1: 0.1}, "tantin"),
        ("TANTIN", {2: 0.1}, "TAN TIN"),
        ("tantin", {2: 2.0}, "tan tin"),
        ("noone", {1: 0.1}, "noone"),
        ("tantinno", {2: 0.1, 5: 0.1}, "tantinno"),
        ("tan.tin", {3: 0.1}, "tan.tin"),
        ("tan1", {2: 0.1}, "tan1"),
    ],
)
def test_spaces_part_listed_words_only(text: str, spaces: dict[int, float], read: str) -> None:
    log_probs = glance(text, spaces=spaces)
    found = parted(best_path(log_probs), log_probs, TONGUE)
    assert ALPHABET.decode([symbol.id for symbol in found]) == read
    columns = [symbol.first for symbol in found]
    assert columns == sorted(columns)


@pytest.mark.parametrize(
    ("text", "spaces", "read"),
    [
        ("TOTAL:", {4: 0.1}, "TOTAL :"),
        ("TOTAL:", {4: 0.01}, "TOTAL:"),
        ("No.:", {2: 0.1}, "No. :"),
        ("paroles:", {6: 0.1}, "paroles:"),
        ("11:23", {1: 1e-5}, "11:23"),
        ("ID:07", {1: 0.1, 2: 0.1}, "ID : 07"),
        ("ID:07", {2: 0.1}, "ID:07"),
        (":07", {0: 0.1}, ": 07"),
        ("SR@6%", {1: 0.1, 2: 0.1}, "SR @ 6%"),
        ("eſtre,&de", {5: 0.1, 6: 0.1}, "eſtre, & de"),
        ("HOLZ-TUER", {3: 0.1, 4: 0.1}, "HOLZ-TUER"),
    ],
)
def test_signs_and_the_colons_of_labels_stand_apart(text: str, spaces: dict[int, float], read: str) -> None:
    log_probs = glance(text, spaces=spaces)
    found = set_apart(best_path(log_probs), log_probs, ALPHABET)
    assert ALPHABET.decode([symbol.id for symbol in found]) == read
