"""Trajectories of looks that are known, and of a real line from which a character is taken away."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from damaged import page
from lines import CELL, OUTLINE, TALL, line_of, looking, one_column, paper

from foveal import Reader
from foveal.document import Alternative, Char, Line, Look, Remedy, Word
from foveal.explain.anomalies import KINDS, anomalies
from foveal.explain.trajectory import Trajectory, ink, main_share, runs, trace
from foveal.geometry import bounds
from foveal.reading.cut import cut

STEADY = (5, 10, 15, 20, 25, 30)


def path(*columns: int, ink: tuple[int, ...] | None = None) -> Trajectory:
    return trace(paper(*(columns if ink is None else ink)), looking(*columns))


def kinds(path: Trajectory) -> list[str]:
    return [one.kind for one in anomalies(path)]


def test_a_steady_path_has_nothing_to_say() -> None:
    steady = path(*STEADY)
    assert [one.place for one in steady.fixations] == [(column + 0.5) * CELL for column in STEADY]
    assert [one.point for one in steady.fixations] == [(one.place, TALL / 2) for one in steady.fixations]
    assert steady.pitch == 5 * CELL
    assert [one.step for one in steady.fixations] == [0, 1, 1, 1, 1, 1]
    assert {one.dwell for one in steady.fixations} == {1.0}
    assert {one.spread for one in steady.fixations} == {0.0}
    assert steady.coverage == 1
    assert anomalies(steady) == []


def test_a_jump_is_a_long_step_forward() -> None:
    assert [one.number for one in path(5, 10, 15, 20, 40).jumps] == [5]
    assert path(5, 10, 15, 20, 25).jumps == ()


def test_a_step_back_is_named_wandering() -> None:
    wandering = path(5, 10, 15, 20, 12, 25, 30)
    assert [one.number for one in wandering.back_steps] == [5]
    (found,) = [one for one in anomalies(wandering) if one.kind == "wandering"]
    assert found.number == 5
    assert "back by 1.6 characters" in found.says


def test_a_look_far_from_its_box_is_wandering() -> None:
    middles = [(column + 0.5) * CELL for column in STEADY]
    middles[2] += 40
    line = line_of([one_column(column) for column in STEADY], middles)
    assert [(one.kind, one.number) for one in anomalies(trace(paper(*STEADY), line))] == [("wandering", 3)]


def test_two_looks_at_one_place_are_a_repeat() -> None:
    twice = path(5, 10, 15, 15, 20, 25, 30)
    assert [(one.number, other.number) for one, other in twice.repeats] == [(3, 4)]
    assert kinds(twice) == ["repeated look"]
    assert [one.dwell for one in twice.fixations] == [1, 1, 2, 2, 1, 1, 1]


def test_ink_between_the_looks_is_skipped() -> None:
    skipping = path(5, 10, 15, 25, 30, ink=STEADY)
    ((low, high),) = skipping.skips
    assert 4 * 20 - 8 < low < 82 < high < 4 * 20 + 12
    assert 0.8 < skipping.coverage < 0.9
    (found,) = anomalies(skipping)
    assert (found.kind, found.number) == ("skipped ink", 3)
    left, top, right, bottom = bounds(found.polygon)
    assert (left, top, right, bottom) == (low, 0, high, TALL)


def test_ink_after_the_last_look_is_a_truncated_tail() -> None:
    cut_off = path(*STEADY[:-1], ink=STEADY)
    assert [(one.kind, one.number) for one in anomalies(cut_off)] == [("truncated tail", 5)]


def test_a_look_at_two_places_is_split() -> None:
    looks = [one_column(column) for column in STEADY]
    looks[3] = one_column(20, 28)
    line = line_of(looks, [(column + 0.5) * CELL for column in STEADY])
    found = [one for one in anomalies(trace(paper(*STEADY), line)) if one.kind == "split attention"]
    assert [one.number for one in found] == [4]
    assert "50%" in found[0].says


@pytest.mark.parametrize(
    ("weights", "share"),
    [([0, 1, 0, 0, 0], 1), ([0.5, 0, 0.5, 0], 1), ([0.5, 0, 0, 0.5], 0.5), ([0.1, 0, 0, 0.9], 0.9)],
)
def test_a_look_is_in_one_piece_up_to_a_gap_of_two(weights: list[float], share: float) -> None:
    assert main_share(np.array(weights)) == pytest.approx(share)


def test_dark_ink_and_light_ink_are_found_alike() -> None:
    strip = paper(10, 30)
    marked = ink(strip)
    assert np.flatnonzero(marked).tolist() == [*range(37, 47), *range(117, 127)]
    assert np.array_equal(ink(255 - strip), marked)
    assert not ink(np.full_like(strip, 200)).any()


def test_runs_close_small_gaps() -> None:
    marked = np.array([0, 1, 1, 0, 1, 0, 0, 0, 1], bool)
    assert runs(marked, 1) == [(1, 3), (4, 5), (8, 9)]
    assert runs(marked, 2) == [(1, 5), (8, 9)]


def test_a_line_without_looks_has_no_fixations() -> None:
    bare = Line(OUTLINE, 1.0, (Word(OUTLINE, 1.0, (Char("e", OUTLINE, 1.0),)),))
    path = trace(paper(10), bare)
    assert path.fixations == ()
    assert path.coverage == 0
    assert anomalies(path) == []
    assert path.to_json()["fixations"] == []


def test_the_places_of_a_bent_line_follow_the_bend() -> None:
    x = np.linspace(20, 220, 21)
    upper = np.stack([x, 60 - 40 * np.sin(np.pi * (x - 20) / 200)], axis=1)
    polygon = tuple(map(tuple, np.concatenate([upper, (upper + np.array([0, 30]))[::-1]]).tolist()))
    sheet = np.full((120, 240, 3), 255, np.uint8)
    width = float(cut(sheet, polygon).image.shape[1])
    weights = np.zeros((1, 51), np.float32)
    weights[0, 25] = 1
    look = Look(weights, (width / 51, 32.0), (width, 32.0), np.eye(3))
    line = Line(polygon, 1.0, (Word(polygon, 1.0, (Char("e", polygon, 1.0, look=look),)),))
    (middle,) = trace(sheet, line).fixations
    assert middle.point == pytest.approx((120, 35), abs=1.5)  # the top of the arc, half a line below its edge


@pytest.fixture(scope="module")
def read() -> tuple[np.ndarray, Line]:
    pixels = np.asarray(page().convert("RGB"))
    return pixels, Reader(threads=1).read(pixels, looks=True).pages[0].lines[1]


def test_a_clean_line_is_looked_at_in_order_and_wholly(read: tuple[np.ndarray, Line]) -> None:
    path = trace(*read)
    assert "".join(one.char.text for one in path.fixations) == "jumpsoverthelazydog"
    assert [one.step > 0 for one in path.fixations] == [False, *[True] * 18]
    assert path.coverage > 0.97
    assert anomalies(path) == []
    for one in path.fixations:
        left, top, right, bottom = bounds(one.char.polygon)
        assert left - 3 <= one.point[0] <= right + 3
        assert top <= one.point[1] <= bottom


def test_a_character_taken_away_leaves_its_ink_behind(read: tuple[np.ndarray, Line]) -> None:
    pixels, line = read
    lost = line.words[0].chars[2]  # the m of jumps
    shorter = replace(line.words[0], chars=tuple(char for char in line.words[0].chars if char is not lost))
    skipping = replace(line, words=(shorter, *line.words[1:]))
    (found,) = anomalies(trace(pixels, skipping))
    assert found.kind == "skipped ink"
    left, _, right, _ = bounds(found.polygon)
    assert bounds(lost.polygon)[0] - 3 < (left + right) / 2 < bounds(lost.polygon)[2] + 3


def test_everything_goes_into_json(read: tuple[np.ndarray, Line]) -> None:
    path = trace(*read)
    told = json.loads(json.dumps(path.to_json()))
    assert told["text"] == "jumps over the lazy dog"
    assert [one["number"] for one in told["fixations"]] == list(range(1, 20))
    assert told["coverage"] == pytest.approx(path.coverage, abs=1e-4)


def test_every_kind_is_explained_in_the_docs() -> None:
    explained = (Path(__file__).parents[2] / "docs" / "explaining.md").read_text("utf-8")
    assert [kind for kind in KINDS if f"| {kind} |" not in explained] == []


def test_a_character_that_could_be_another_is_named() -> None:
    line = looking(*STEADY)
    chars = list(line.words[0].chars)
    chars[2] = replace(chars[2], confidence=0.3, alternatives=(Alternative("c", 0.6),))
    path = trace(paper(*STEADY), replace(line, words=(replace(line.words[0], chars=tuple(chars)),)))
    (found,) = anomalies(path)
    assert (found.kind, found.number, found.severity) == ("low confidence", 3, pytest.approx(0.7))
    assert found.says == "“e” was read with 30%; the same look also reads “c” 60%"


def test_a_guess_is_named() -> None:
    line = looking(*STEADY)
    chars = [
        replace(char, flag="guessed" if place == 1 else "") for place, char in enumerate(line.words[0].chars)
    ]
    path = trace(paper(*STEADY), replace(line, words=(replace(line.words[0], chars=tuple(chars)),)))
    assert [(one.kind, one.number) for one in anomalies(path)] == [("guessed", 2)]


def test_a_word_that_is_not_what_was_read_at_first_is_named() -> None:
    line = looking(*STEADY)
    remedied = [replace(word, remedy=Remedy("listed", "ecee")) for word in line.words]
    (found,) = anomalies(trace(paper(*STEADY), replace(line, words=tuple(remedied))))
    assert (found.kind, found.number) == ("read otherwise", 1)
    assert "“ecee” at first; the words of the language decided" in found.says


def test_the_worst_comes_first() -> None:
    severities = [one.severity for one in anomalies(path(5, 10, 15, 15, 25, 30, 22, ink=(*STEADY, 40)))]
    assert len(set(severities)) > 1
    assert severities == sorted(severities, reverse=True)
