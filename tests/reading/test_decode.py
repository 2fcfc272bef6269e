"""Decoding against torch's CTC and against paths written out by hand."""

import numpy as np
import pytest
import torch

from foveal.reading.decode import (
    SPACE,
    Span,
    Trial,
    best_path,
    choose,
    ctc_score,
    ctc_scores,
    edges,
    fixation_ids,
    fixation_score,
    lengths,
    spans,
    support,
    supports,
)


def sharp(ids: list[int], classes: int = 9) -> np.ndarray:
    """Return log-probabilities that say `ids`, column by column."""
    logits = np.full((len(ids), classes), -6.0, np.float32)
    logits[np.arange(len(ids)), ids] = 3
    return np.asarray(torch.from_numpy(logits).log_softmax(-1).numpy())


def test_best_path_merges_repeats_and_keeps_doubles_apart_by_a_blank() -> None:
    symbols = best_path(sharp([0, 5, 5, 0, 5, SPACE, 0, 7, 0]))
    assert [s.id for s in symbols] == [5, 5, SPACE, 7]
    assert [(s.first, s.last) for s in symbols] == [(1, 2), (4, 4), (5, 5), (7, 7)]


def test_words_reach_to_the_spaces_around_them() -> None:
    found = spans(best_path(sharp([0, 5, 0, SPACE, SPACE, 6, 7, SPACE, 0, 0])), 10)
    assert [span.ids for span in found] == [(5,), (6, 7)]
    assert [(span.low, span.high) for span in found] == [(0, 3), (5, 7)]
    assert spans(best_path(sharp([0, 0, SPACE, 0])), 4) == []


@pytest.mark.parametrize("ids", [(3,), (3, 3), (3, 4, 4, 2), (5, 6, 7, 5)])
def test_score_is_torchs_ctc_loss(ids: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    log_probs = torch.randn(11, 9).log_softmax(-1)
    loss = torch.nn.functional.ctc_loss(
        log_probs[:, None], torch.tensor([ids]), torch.tensor([11]), torch.tensor([len(ids)]), reduction="sum"
    )
    assert ctc_score(log_probs.numpy(), ids) == pytest.approx(-float(loss), rel=1e-4)


def test_scores_of_texts_together_are_those_of_each_even_over_many_columns() -> None:
    torch.manual_seed(1)
    log_probs = (3 * torch.randn(150, 9)).log_softmax(-1)
    texts = [(3,), (3, 3, 4), (5, 6, 7, 5) * 12]
    for ids, score in zip(texts, ctc_scores(log_probs.numpy(), texts), strict=True):
        sizes = torch.tensor([150]), torch.tensor([len(ids)])
        loss = torch.nn.functional.ctc_loss(log_probs[:, None], torch.tensor([ids]), *sizes, reduction="sum")
        assert score == pytest.approx(-float(loss), rel=1e-4)


def test_support_of_texts_together_is_that_of_each() -> None:
    trials = [Trial(sharp(ids), np.zeros((len(ids), 4), np.float32)) for ids in ([4, 5, 0], [4, 6, 5, 0])]
    texts = [(4,), (4, 5), (4, 6, 5), (4, 6, 5, 7, 7)]
    assert supports(texts, trials).tolist() == pytest.approx([support(ids, trials)[0] for ids in texts])


def test_fixations_stop_at_the_first_that_finds_nothing() -> None:
    assert fixation_ids(sharp([4, 5, 0, 7])) == (4, 5)
    assert fixation_score(sharp([4, 5, 0]), (4, 5)) > fixation_score(sharp([4, 5, 0]), (4, 5, 6))
    assert fixation_score(sharp([4]), (4, 5)) == -np.inf


def test_the_surer_reading_wins() -> None:
    unsure = np.log(np.full((4, 9), 1 / 9, np.float32))
    glanced, looks = sharp([4, 0, 6, 0]), np.zeros((4, 4), np.float32)
    span = Span(tuple(best_path(glanced)), 0, 4)
    assert choose(glanced, [Trial(unsure, looks)], span, trust=0.5)[0] == (4, 6)
    short, right = Trial(sharp([4, 0, 0]), looks), Trial(sharp([4, 5, 0]), looks)
    ids, trial = choose(unsure, [short, right], span, trust=1)
    assert ids in ((4,), (4, 5))
    assert trial is (short if ids == (4,) else right)
    doubtful = np.log(np.exp(sharp([4, 5, 0, 0])) + 1e-3)
    span = Span(tuple(best_path(doubtful)), 0, 4)
    ids, trial = choose(doubtful, [short, right], span, trust=0.5)
    assert ids == (4, 5)
    assert trial is right


@pytest.mark.parametrize("sureness", [0.5, 2.0, 5.0])
def test_of_all_readings_the_likeliest_is_chosen(sureness: float) -> None:
    """Also where a bound says so before the glance's paths are summed up."""
    rng, agreed = np.random.default_rng(3), 0
    for _ in range(100):
        tables = [rng.normal(0, 1, (6, 5)) for _ in range(3)]
        for table in tables:
            table[np.arange(6), [2, 0, 3, 0, rng.choice([0, 2]), 0]] += sureness + rng.normal()
        glanced, *fixed = (torch.from_numpy(table).log_softmax(-1).float().numpy() for table in tables)
        trials = [Trial(one[[0, 2, 4, 5]], np.zeros((4, 6), np.float32)) for one in fixed]
        span = Span(tuple(best_path(glanced)), 0, 6)
        readings = list({span.ids, *(one.ids for one in trials)} - {()})
        likely = 0.6 * supports(readings, trials) + 0.4 * ctc_scores(glanced, readings)
        assert choose(glanced, trials, span, trust=0.6)[0] == readings[int(likely.argmax())]
        agreed += len(readings) == 1
    assert agreed < 100


def test_a_word_is_tried_with_both_lengths_where_glance_and_count_differ() -> None:
    span = Span(tuple(best_path(sharp([4, 0, 6, 0]))), 0, 4)
    assert lengths(span, 2.2) == (2,)
    assert lengths(span, 3.4) == (2, 3)
    assert lengths(span, 0.1) == (2,)


def test_characters_lie_where_the_count_passes() -> None:
    density = np.array([0, 0.5, 0.5, 0, 0, 1.0, 0, 0], np.float32)
    places = edges(density, Span((), 0, 8), 2)
    assert places[0] == pytest.approx([1.16, 2.84], abs=0.05)
    assert places[1] == pytest.approx([5.08, 5.92], abs=0.05)
    nothing = edges(np.zeros(8, np.float32), Span((), 0, 8), 2)
    assert nothing.tolist() == [[0, 4], [4, 8]]
