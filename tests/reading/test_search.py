"""The loop that spells: greedy, beam and language, over steps of any kind, and CTC as steps."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from foveal.reading.decode import ctc_score
from foveal.reading.language import Language, load_languages, save_languages
from foveal.reading.search import CtcSteps, Search, Spelt, State, spell

CLASSES = 4


class Table:
    """A made-up recogniser: what follows depends on the line, the place and the character before."""

    def __init__(self, seed: int, lines: int) -> None:
        scores = np.random.default_rng(seed).normal(0, 2, (lines, 5, CLASSES + 1, CLASSES))
        self.log_probs = (scores - np.log(np.exp(scores).sum(-1, keepdims=True))).astype(np.float32)
        self.state = (np.arange(lines), np.zeros(lines, np.int64))

    def __call__(self, state: State, ids: NDArray[np.int64]) -> tuple[NDArray[np.float32], None, State]:
        line, place = state
        return self.log_probs[line, np.minimum(place, 4), ids], None, (line, place + 1)

    def score(self, line: int, ids: tuple[int, ...]) -> float:
        before = (CLASSES, *ids)
        return float(sum(self.log_probs[line, i, before[i], c] for i, c in enumerate((*ids, 0))))


def best(table: Table, line: int, language: Language | None = None, weight: float = 0.0) -> tuple[int, ...]:
    texts = [ids for n in range(5) for ids in product(range(1, CLASSES), repeat=n)]

    def score(ids: tuple[int, ...]) -> float:
        told = sum(language.next(ids[:i])[c] for i, c in enumerate((*ids, 0))) if language else 0.0
        return table.score(line, ids) + weight * float(told)

    return max(texts, key=score)


def run(table: Table, search: Search, lines: int) -> list[Spelt]:
    return spell(table, table.state, search, lines=lines, first=CLASSES)


@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_the_likeliest_text_of_every_line(seed: int) -> None:
    table = Table(seed, 3)
    table.log_probs[:, 4, :, 0] = 0.0  # a text ends after four characters at the latest
    found = run(table, Search(beam=200, longest=5), 3)
    assert [one.ids for one in found] == [best(table, line) for line in range(3)]
    assert found[1].score == pytest.approx(table.score(1, found[1].ids), abs=1e-4)


def test_greedy_takes_the_likeliest_character_each_time_and_a_beam_is_never_worse() -> None:
    table = Table(5, 4)
    greedy = run(table, Search(longest=5), 4)
    for line, one in enumerate(greedy):
        before = CLASSES
        for place, symbol in enumerate((*one.ids, 0)[:5]):
            assert symbol == table.log_probs[line, place, before].argmax()
            before = symbol
    wide = run(table, Search(beam=5, longest=5), 4)
    assert all(a.score >= b.score - 1e-5 for a, b in zip(wide, greedy, strict=True))
    assert any(a.ids != b.ids for a, b in zip(wide, greedy, strict=True))


def test_a_language_tips_what_the_image_leaves_open() -> None:
    language = Language.learn([[1, 2, 3]] * 20 + [[1, 2]], classes=CLASSES, order=3)
    table = Table(1, 2)
    table.log_probs[:, 4, :, 0] = 0.0
    plain = run(table, Search(beam=200, longest=5), 2)
    fused = run(table, Search(beam=200, longest=5, language=language, weight=3.0), 2)
    assert [one.ids for one in fused] == [best(table, line, language, 3.0) for line in range(2)]
    assert [one.ids for one in fused] != [one.ids for one in plain]


def test_a_language_is_a_distribution_that_prefers_what_it_saw_and_comes_back_from_disk(
    tmp_path: Path,
) -> None:
    language = Language.learn([[1, 2], [1, 3], [1, 2]], classes=5, order=3)
    for context in ([], [1], [4, 4, 1], [2]):
        known = language.further(language.begin(), context)
        each = [language.log_chance(known, symbol) for symbol in range(5)]
        np.testing.assert_allclose(language.next(context), each, rtol=1e-5)
        assert np.exp(language.next(context)).sum() == pytest.approx(1, abs=1e-5)
    assert language.next([1]).argmax() == 2
    assert language.next([1, 2]).argmax() == 0
    assert language.next([1])[4] > -10  # nothing is impossible
    save_languages({"own": language}, tmp_path / "languages.npz")
    back = load_languages(tmp_path / "languages.npz")["own"]
    np.testing.assert_array_equal(back.next([1]), language.next([1]))


def test_ctc_in_steps_gives_every_text_its_whole_probability() -> None:
    scores = np.random.default_rng(0).normal(0, 1.5, (6, CLASSES))
    log_probs = (scores - np.log(np.exp(scores).sum(-1, keepdims=True))).astype(np.float32)
    steps = CtcSteps(log_probs)
    for ids in [(), (1,), (2, 2), (1, 2, 3), (3, 3, 1)]:
        state, total, before = steps.start(), 0.0, CLASSES
        for symbol in (*ids, 0):
            follows, _, state = steps(state, np.array([before]))
            assert np.exp(follows).sum() == pytest.approx(1, abs=1e-4)
            total, before = total + float(follows[0, symbol]), symbol
        assert total == pytest.approx(ctc_score(log_probs, ids), abs=1e-3)
    texts = [ids for n in range(7) for ids in product(range(1, CLASSES), repeat=n)]
    found = spell(steps, steps.start(), Search(beam=2000, longest=7), lines=1, first=CLASSES)[0]
    assert found.ids == max(texts, key=lambda ids: ctc_score(log_probs, ids))
