import numpy as np
import pytest

from foveal.measure.patterns import BROAD, MIXED, Places, divergence, named, patterns, selectivity
from foveal.measure.rollout import rollout

N = 12
# three characters of three columns, a space after the second
PLACES = Places.of([(0, 3), (3, 6), (8, 11)], [(6, 8)], np.arange(N) % 3 == 1)


def test_columns_belong_to_the_character_or_space_whose_box_holds_their_middle() -> None:
    assert PLACES.char.tolist() == [0, 0, 0, 1, 1, 1, -1, -1, 2, 2, 2, -1]
    assert np.flatnonzero(PLACES.space).tolist() == [6, 7]


@pytest.mark.parametrize("name", patterns(PLACES, np.arange(3)))
def test_a_head_that_looks_only_where_a_pattern_says_is_fully_selective_and_has_its_name(name: str) -> None:
    marked = patterns(PLACES, np.arange(3))
    head = marked[name] / np.maximum(marked[name].sum(1, keepdims=True), 1)
    scores = {each: float(selectivity(head[None], one)[0]) for each, one in marked.items()}
    assert scores[name] == pytest.approx(1)
    assert named(scores, 0.2) == name


def test_a_level_head_is_selective_for_nothing_and_broad() -> None:
    level = np.full((1, 3, N), 1 / N)
    scores = {name: float(selectivity(level, one)[0]) for name, one in patterns(PLACES, np.arange(3)).items()}
    assert list(scores.values()) == pytest.approx([0] * len(scores))
    assert named(scores, 1.0) == BROAD
    assert named(scores, 0.5) == MIXED


def test_a_head_that_avoids_a_pattern_is_below_zero() -> None:
    marked = patterns(PLACES, np.arange(3))["ink"]
    away = (~marked / (~marked).sum(1, keepdims=True))[None]
    assert selectivity(away, marked)[0] == pytest.approx(-1 / 2)


def test_self_attention_has_fixed_distances_too() -> None:
    found = patterns(PLACES, PLACES.char)
    shifted = np.roll(np.eye(N), 4, axis=1)
    shifted[-4:] = 1 / N
    scores = {name: float(selectivity(shifted[None], one)[0]) for name, one in found.items()}
    assert named(scores, 0.2) == "+4 columns"
    here = {name: float(selectivity(np.eye(N)[None], one)[0]) for name, one in found.items()}
    assert here["here"] == pytest.approx(1)
    assert here["own character"] == pytest.approx(1)  # where a query is on a character


def test_a_pattern_that_marks_nothing_cannot_be_judged() -> None:
    assert np.isnan(selectivity(np.full((2, 3, N), 1 / N), np.zeros((3, N), bool))).all()


def test_divergence_is_a_table_of_distances_in_bits() -> None:
    maps = np.stack([np.eye(4), np.eye(4)[::-1], np.full((4, 4), 1 / 4), np.eye(4)])
    apart = divergence(maps)
    assert apart == pytest.approx(apart.T)
    assert np.diag(apart).tolist() == [0] * 4
    assert apart[0, 1] == pytest.approx(1)
    assert apart[0, 3] == pytest.approx(0)
    assert 0 < apart[0, 2] < 1


def test_rollout_of_one_way_after_the_other_is_their_product() -> None:
    rng = np.random.default_rng(0)
    layers = [rng.dirichlet(np.ones(5), (3, 5)) for _ in range(3)]
    found = rollout(layers)
    mixed = [0.5 * layer.mean(0) + 0.5 * np.eye(5) for layer in layers]
    assert found == pytest.approx(mixed[2] @ mixed[1] @ mixed[0])
    assert found.sum(1) == pytest.approx(1)
    assert rollout(layers, residual=1) == pytest.approx(np.eye(5))
    shift = [np.roll(np.eye(5), 1, axis=1)[None]] * 2
    assert rollout(shift, residual=0) == pytest.approx(np.roll(np.eye(5), 2, axis=1))


def test_nothing_and_no_share_cannot_be_rolled_out() -> None:
    with pytest.raises(ValueError, match="no layer"):
        rollout([])
    with pytest.raises(ValueError, match="no share"):
        rollout([np.eye(2)[None]], residual=2)
