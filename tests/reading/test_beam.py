"""The beam finds the texts that glance and language together hold likeliest, and where they stand."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveal.reading.beam import Beam, aligned, likeliest
from foveal.reading.decode import SPACE, Floats, best_path, ctc_score
from foveal.reading.language import Language

CLASSES = 4
LANGUAGE = Language.learn([[2, 3, 1, 2]] * 9 + [[3, 2, 3]], classes=CLASSES, order=3)
TEXTS = [ids for n in range(1, 5) for ids in product(range(1, CLASSES), repeat=n)]


def table(seed: int, columns: int) -> Floats:
    scores = np.random.default_rng(seed).normal(0, 2, (columns, CLASSES))
    return (scores - np.log(np.exp(scores).sum(-1, keepdims=True))).astype(np.float32)


def is_spaced(ids: tuple[int, ...]) -> bool:
    """Tell whether no space stands first or behind another."""
    return ids[0] != SPACE and (SPACE, SPACE) not in pairwise(ids)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 4), st.sampled_from([0.0, 0.4, 2.0]))
def test_a_wide_beam_finds_the_likeliest_of_all_texts(seed: int, columns: int, share: float) -> None:
    log_probs, beam = table(seed, columns), Beam(share=share, longer=0.5, width=1000, least=-99.0)

    def total(ids: tuple[int, ...]) -> float:
        return ctc_score(log_probs, ids) + share * LANGUAGE.log_chances(ids) + 0.5 * len(ids)

    found = likeliest(log_probs, LANGUAGE, beam)
    known = {text.ids: text.seen + text.usual for text in found if text.ids}
    for ids, score in known.items():
        assert score == pytest.approx(total(ids), abs=1e-3)
    possible = [ids for ids in TEXTS if is_spaced(ids) and total(ids) > -200]
    assert max(known.values(), default=-np.inf) == pytest.approx(max(map(total, possible)), abs=1e-3)
    scores = [text.seen + text.usual for text in found]
    assert scores == sorted(scores, reverse=True)


def test_the_language_decides_only_what_the_ink_leaves_open() -> None:
    log_probs = np.full((5, CLASSES), -9.0, np.float32)
    for column, (symbol, chance) in enumerate(((2, 0.9), (0, 0.9), (2, 0.55), (0, 0.9), (1, 0.9))):
        log_probs[column, symbol] = np.log(chance)
    log_probs[2, 3] = np.log(0.45)
    plain, told = (likeliest(log_probs, LANGUAGE, Beam(share=share, longer=0.0))[0].ids for share in (0, 1))
    assert plain == (2, 2, 1)
    assert told == (2, 3, 1)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_a_text_stands_where_its_best_path_has_it(seed: int, columns: int) -> None:
    log_probs = table(seed, columns)
    path = best_path(log_probs)
    ids = tuple(symbol.id for symbol in path)
    found = aligned(log_probs, ids) if ids else []
    assert found is not None
    assert [(one.id, one.first, one.last) for one in found] == [(one.id, one.first, one.last) for one in path]


def test_a_text_longer_than_its_line_stands_nowhere() -> None:
    assert aligned(table(0, 3), (1, 2, 3, 2)) is None
    assert aligned(table(0, 3), (2, 2)) is not None  # a blank between
    assert aligned(table(0, 2), (2, 2)) is None
