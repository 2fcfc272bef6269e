"""Confidences mean what they say on text the models never saw, and change nothing that is read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from foveal import Reader
from foveal.document import Document, Line
from foveal.errors import ConfigError
from foveal.images import pages
from foveal.reading.characters import Characters, Ranges, ReadIds
from foveal.reading.decode import Span, Symbol, Trial, edges
from foveal.reading.engine import load_session
from foveal.reading.evidence import (
    CHAR_EVIDENCE,
    LINE_EVIDENCE,
    WORD_EVIDENCE,
    char_evidence,
    lines_evidence,
    odds_against,
    on_lines,
    spelling,
    with_words,
    word_evidence,
)
from foveal.reading.readings import Reading
from foveal.reading.seen import Seen, ink
from foveal.reading.transcribe import Transcriber
from foveal.reading.trust import load_trust

EXAMPLES = Path(__file__).parents[2] / "examples"
MODELS = ("fast", "accurate")


def glanced(ids: tuple[int, ...], *, sure: float, columns: int = 12, classes: int = 7) -> Seen:
    """A glance at a word that fills the strip, each character in a column of its own."""
    probabilities = np.full((columns, classes), (1 - sure) / (classes - 1))
    density = np.zeros(columns, np.float32)
    best = np.zeros(columns, int)
    best[1 : 2 * len(ids) : 2] = ids
    density[1 : 2 * len(ids) : 2] = 1
    probabilities[np.arange(columns), best] = sure
    log_probs = np.log(probabilities).astype(np.float32)
    return Seen(log_probs, density, (density > 0).astype(np.float32), density, density, density, 0 * density)


def trial(ids: tuple[int, ...], *, sure: float, looks_at: list[int], columns: int = 12) -> Trial:
    """Fixations that find the ids and then the end, each looking at one column."""
    probabilities = np.full((len(ids) + 1, 7), (1 - sure) / 6)
    probabilities[np.arange(len(ids) + 1), [*ids, 0]] = sure
    looks = np.eye(columns, dtype=np.float32)[[*looks_at, columns - 1]]
    return Trial(np.log(probabilities).astype(np.float32), looks)


IDS = (3, 4, 5)
SPAN = Span(tuple(Symbol(i, 2 * n + 1, 2 * n + 1, 0.9) for n, i in enumerate(IDS)), 0, 12)
PLACES = edges(glanced(IDS, sure=0.9).density, SPAN, len(IDS))


def as_read(one: Trial, *, sure: float) -> Characters:
    return Characters([ReadIds(glanced(IDS, sure=sure), SPAN, [one], IDS, one, PLACES)])


def evidence(*, sure: float = 0.99, looks_at: tuple[int, ...] = (1, 3, 5)) -> dict[str, float]:
    one = trial(IDS, sure=sure, looks_at=list(looks_at))
    read = as_read(one, sure=sure)
    values = np.concatenate([word_evidence(read)[0], spelling("abc", known=True)])
    (row,) = on_lines(values[None], np.zeros((1, 5)), read.of_strip)
    return dict(zip(WORD_EVIDENCE, row, strict=True))


def test_less_likely_text_has_more_against_it() -> None:
    sure, unsure = evidence(sure=0.99), evidence(sure=0.6)
    for name in ("glance", "fixations", "weakest_column", "weakest_fixation", "runner_up"):
        assert unsure[name] > sure[name]
    assert sure["count_error"] == sure["disagreement"] == sure["second_choice"] == 0
    assert sure["length"] == pytest.approx(np.log(3))


def test_a_look_off_the_ink_drifts() -> None:
    there, astray = evidence(), evidence(looks_at=(1, 3, 10))
    assert there["off_ink"] == 0
    assert astray["off_ink"] == pytest.approx(1 / 3)
    assert astray["look_drift"] > there["look_drift"] + 0.5


def test_the_grounds_of_a_character_are_its_own() -> None:
    one = trial(IDS, sure=0.9, looks_at=[1, 3, 10])
    grounds = char_evidence(as_read(one, sure=0.9))
    assert grounds.shape == (3, len(CHAR_EVIDENCE))
    looked = grounds[:, CHAR_EVIDENCE.index("ink_looked_at")]
    assert looked[0] == looked[1] > looked[2]


def test_the_evidence_of_a_word_is_the_same_alone_on_a_line_and_beside_other_lines() -> None:
    first, seen = glanced(IDS, sure=0.9, columns=9), glanced((*IDS, 6, 2), sure=0.8)
    short = trial(IDS, sure=0.6, looks_at=[1, 3, 7], columns=9)
    words = [ReadIds(first, Span(SPAN.symbols, 0, 9), [short], IDS, short, PLACES)]
    for ids, looks_at, low, high in ((IDS, [1, 3, 5], 0, 6), ((6, 2), [7, 10], 6, 12)):
        span = Span(tuple(Symbol(i, low + 1, low + 1, 0.9) for i in ids), low, high)
        one = trial(ids, sure=0.7, looks_at=looks_at)
        words.append(ReadIds(seen, span, [one], ids, one, edges(seen.density, span, len(ids))))
    for measure in (word_evidence, char_evidence):
        alone = np.concatenate([measure(Characters([word])) for word in words])
        assert measure(Characters(words)) == pytest.approx(alone, abs=1e-5)
    assert Characters(words).of_strip.sizes.tolist() == [1, 2]


def test_the_evidence_of_a_line_is_the_same_alone_and_beside_others() -> None:
    lines = [(glanced(IDS, sure=0.9, columns=9), [SPAN], 3), (glanced(IDS, sure=0.6), [], 0)]
    alone = np.concatenate([lines_evidence([line]) for line in lines])
    assert lines_evidence(lines) == pytest.approx(alone)
    between, mass, length = lines_evidence(lines)[1, 1:4]
    assert between > 0  # all of it
    assert (mass, length) == (3.0, 0.0)


def test_ink_is_where_pixels_vary() -> None:
    strip = np.full((1, 32, 64, 3), 220, np.uint8)
    strip[0, 8:24, 16:32] = 30
    varied, _, covered, across, _ = ink(strip, stride=4)
    assert varied.shape == (1, 16)
    assert varied[0, 4:8].min() > 0.9
    assert varied[0, :4].max() == varied[0, 8:].max() == 0
    assert covered[0].tolist() == [0.0] * 4 + [0.5] * 4 + [0.0] * 8
    assert across.max() == 0  # the block leaves paper above and below
    strip[0, :, 40:44] = 30
    assert ink(strip, stride=4)[3][0].tolist() == [0.0] * 10 + [1.0] + [0.0] * 5


def test_what_stands_at_the_edge_of_a_strip_is_told_of_its_ends_alone() -> None:
    strip = np.full((1, 32, 64, 3), 220, np.uint8)
    strip[0, 8:24, 16:32] = 30
    strip[0, 4:20, 62:] = 30
    edge = ink(strip, stride=4)[4][0]
    assert edge.tolist() == [0.0] * 15 + [0.5]


def test_odds_against_are_those_of_the_chance() -> None:
    chance = np.array([0.999, 0.9, 0.5, 0.01])
    assert odds_against(-np.log(chance)) == pytest.approx(np.log((1 - chance) / chance))
    assert np.abs(odds_against([0.0, 1e4])).max() == 8


def test_words_of_one_line_share_its_evidence() -> None:
    words = np.stack([np.arange(16.0) + 50, np.arange(16.0), np.arange(16.0) + 2])
    words[:, 13:] = [(0.0, 1.0, 3.0), (1.0, 0.0, 0.0), (1.0, 0.0, 1.0)]  # listed, unlisted, signs
    lines = np.array([[0.0, 7.0, 0.25, 1.0, 1.0], [9.0, 3.0, 0.5, 1.0, 1.0]])
    found = on_lines(words, lines, Ranges(np.array([0, 1]), np.array([1, 3])))
    first, *rows = [dict(zip(WORD_EVIDENCE, row, strict=True)) for row in found]
    assert (first["line_glance"], first["between_words"], first["line_count_error"]) == (50.0, 7.0, 0.25)
    for row, own in zip(rows, words[1:], strict=True):
        assert (row["glance"], row["fixations"]) == tuple(own[:2])
        assert (row["line_glance"], row["line_fixations"]) == (1.0, 2.0)
        assert (row["between_words"], row["line_count_error"]) == (3.0, 0.25)
        assert (row["line_listed"], row["line_signs"]) == (pytest.approx(2 / 3**0.5), 0.5)
    assert (first["line_listed"], first["line_signs"]) == (pytest.approx(-(0.5**0.5)), 3.0)


def test_only_letters_can_be_missing_from_a_list() -> None:
    assert spelling("chât,", known=False).tolist() == [0.0, 1.0, 1.0]
    assert spelling("chât,", known=None).tolist() == [0.0, 0.0, 1.0]
    assert spelling("a", known=False).tolist() == spelling("12", known=False).tolist() == [0.0, 0.0, 0.0]


def test_the_evidence_of_a_line_is_that_of_all_its_words_and_of_the_weakest() -> None:
    line = with_words(np.zeros(len(LINE_EVIDENCE) - 3), [0.9, 0.5])
    assert line[:3] == pytest.approx([np.log(0.55 / 0.45), 0.0, np.log(2)])


@pytest.mark.parametrize("model", MODELS)
def test_what_was_fitted_fits_the_evidence(model: str) -> None:
    trust = load_trust(model)
    assert trust is not None
    for model_of, names in (
        (trust.words.model, WORD_EVIDENCE),
        (trust.lines.model, LINE_EVIDENCE),
        (trust.guesses, CHAR_EVIDENCE),
    ):
        used = {column for curve in model_of.curves for column in curve.columns}
        assert used == set(range(len(names)))
        assert all((np.diff(curve.knots) > 0).all() for curve in model_of.curves)
    assert 0 < trust.limit < 1


@pytest.mark.parametrize("model", MODELS)
def test_of_no_kind_of_text_are_likelier_words_less_trusted(model: str) -> None:
    trust = load_trust(model)
    assert trust is not None
    always, *leans = trust.words.slope
    assert always > np.abs(leans).sum()
    assert len(leans) == len(trust.words.columns) == len(trust.words.ends)


def test_what_fits_other_evidence_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foveal.reading.trust.WEIGHTS", tmp_path)
    path = tmp_path / "line-old-trust.json"
    path.write_text('{"words": {"constant": 0.1, "most": 0.9, "curves": []}}', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"line-old-trust\.json: fitted for another version"):
        load_trust("old")
    assert load_trust("none") is None


@pytest.mark.parametrize("model", MODELS)
def test_a_word_less_likely_by_every_measure_is_less_likely_right(model: str) -> None:
    trust = load_trust(model)
    assert trust is not None
    sure, unsure = (np.array(list(evidence(sure=sure).values())) for sure in (0.999, 0.5))
    high, low = trust.words.chances([sure, unsure])
    assert high > low + 0.2


@cache
def read(name: str) -> Document:
    return Reader(threads=1).read(EXAMPLES / name)


def lines(name: str) -> list[Line]:
    return [line for page in read(name).pages for line in page.lines]


def test_clear_print_is_trusted_and_grounded() -> None:
    words = [word for line in lines("printed_page.jpg") for word in line.words]
    assert np.median([word.confidence for word in words]) > 0.9
    assert np.mean([word.flag == "guessed" for word in words]) < 0.03
    assert all(0 < word.confidence < 1 for word in words)


def test_a_hard_hand_is_trusted_less_than_clear_print() -> None:
    hard, clear = (
        np.mean([word.confidence for line in lines(name) for word in line.words])
        for name in ("handwritten_note.jpg", "printed_page.jpg")
    )
    assert hard < clear - 0.1


def test_trust_changes_no_text_and_no_confidence_of_characters() -> None:
    image = next(iter(pages(EXAMPLES / "handwritten_note.jpg"))).pixels
    rows = [np.ascontiguousarray(image[top : top + 60]) for top in range(0, image.shape[0] - 60, 60)]
    sessions = [load_session(f"line-fast-{step}", 1) for step in ("glance", "fixate")]
    plain = Transcriber(*sessions).read(rows)
    trusted = Transcriber(*sessions, trust=load_trust("fast")).read(rows)
    assert [one.text for one in plain] == [one.text for one in trusted]
    assert [one.confidence for one in plain] == [one.confidence for one in trusted]
    assert all(one.chance is None for one in plain)
    assert [bool(one.text) for one in trusted] == [(one.chance or 0) > 0 for one in trusted]


def test_an_empty_reading_is_not_right() -> None:
    trust = load_trust("fast")
    assert trust is not None
    nothing = np.zeros((3, len(LINE_EVIDENCE) - 3))
    empty, one, two = trust.of_lines(nothing, [[], [0.4], [0.9, 0.8]])
    assert (empty, one) == (0, 0.4)
    assert 0 < two < 1
    assert Reading((), 4.0).confidence == 0
