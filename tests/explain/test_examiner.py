"""Words asked again, and what is measured of their looks, on an example that is in the project."""

from pathlib import Path

import numpy as np
import pytest

from foveal.explain.examiner import Asked, Examiner
from foveal.explain.measured import Example, attention_figures
from foveal.images import pages
from foveal.measure.faithfulness import blanked
from foveal.reading.cut import cut
from foveal.reading.reader import Reader

PAGE = Path(__file__).parents[2] / "examples" / "printed_page.jpg"


@pytest.fixture(scope="module")
def strips() -> list[np.ndarray]:
    (image,) = pages(PAGE)
    lines = Reader().read_page(image).lines
    return [cut(image.pixels, line.polygon).image for line in lines[2:8]]


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner()


@pytest.fixture(scope="module")
def words(strips: list[np.ndarray], examiner: Examiner) -> list[Asked]:
    return [word for found in examiner.words(strips) for word in found]


def test_words_are_those_of_the_reading(strips: list[np.ndarray], words: list[Asked]) -> None:
    read = Reader().transcribe(strips)
    assert [word.text for word in words] == [word.text for line in read for word in line.words]


def test_asked_again_on_the_intact_strip_nothing_changes(words: list[Asked], examiner: Examiner) -> None:
    for word in words[:5]:  # but for the rounding by the range of all that is fixated at a time
        strips = np.stack([word.strip] * 2)
        assert examiner.chances(word, strips) == pytest.approx(np.stack([word.chances] * 2), abs=1e-2)
        assert examiner.looks(word, strips)[1] == pytest.approx(word.looks, abs=1e-2)


def test_alone_a_word_keeps_its_pixels_and_is_still_read(words: list[Asked], examiner: Examiner) -> None:
    again = [word.alone() for word in words]
    for word, own in zip(words, again, strict=True):
        n = len(own.count)
        assert own.strip.shape == (32, 4 * n, 3)
        assert own.looks.shape == (len(word.text), n)
        shift = round(float(word.boxes[0, 0] - own.boxes[0, 0]))
        assert (own.strip == word.strip[:, 4 * shift : 4 * (shift + n)]).all()
    chances = np.concatenate([examiner.chances(own, own.strip[None])[0] for own in again])
    before = np.concatenate([word.chances for word in words])
    assert np.median(np.abs(chances - before)) < 0.01


def test_without_its_look_a_character_is_gone_and_without_another_place_it_stays(
    words: list[Asked], examiner: Examiner
) -> None:
    word = max(words, key=lambda word: len(word.text)).alone()
    kept = word.looks < 0.05
    own = np.diag(examiner.chances(word, blanked(word.strip, kept)))
    other = examiner.chances(word, blanked(word.strip, np.roll(kept, len(kept) // 2, axis=0))).diagonal()
    assert own.mean() < 0.5 < 0.8 < other.mean()


def test_looks_of_clean_print_are_faithful_narrow_and_stable(
    strips: list[np.ndarray], examiner: Examiner
) -> None:
    examples = [Example(strip) for strip in strips] + [Example(np.full((40, 200, 3), 255, np.uint8))]
    figures = attention_figures(examples, examiner)
    assert figures["look_chars"] == len(strips)  # on empty paper there is none
    assert figures["look_entropy"] < 0.5 < figures["look_gini"]
    assert figures["look_stability"] > 0.9
    assert figures["look_stability"] > figures["look_stability_matrix"]
    assert figures["deletion_look"] < 0.5 * figures["deletion_random"]
    assert figures["insertion_look"] > figures["insertion_random"]
    assert abs(figures["road_random"]) < 0.3 < figures["road_look"]
    assert not any(name.startswith("pointing") for name in figures)


def test_where_the_truth_is_known_the_pointing_game_is_played(
    strips: list[np.ndarray], examiner: Examiner
) -> None:
    first = examiner.words(strips[:1])[0]
    text = "".join(word.text for word in first)
    cell = strips[0].shape[1] / len(first[0].count)
    spans = [(float(a) * cell, float(b) * cell) for word in first for a, b in word.boxes]
    assert attention_figures([Example(strips[0], text, spans)], examiner)["pointing_gaussian"] == 1
    far = [(right + 300, right + 301) for _, right in spans]
    assert attention_figures([Example(strips[0], text, far)], examiner)["pointing_look"] == 0


def test_of_nothing_there_are_no_figures(examiner: Examiner) -> None:
    assert attention_figures([Example(np.full((32, 64, 3), 255, np.uint8))], examiner) == {}
