"""Remedies: looks that went wrong are found, and only a reading that is far likelier replaces the first."""

from dataclasses import replace

import numpy as np
import pytest
from damaged import page

import foveal
from foveal.document import Document, Remedy
from foveal.reading import remedy
from foveal.reading.decode import Span, Symbol, Trial
from foveal.reading.eye import load_eye
from foveal.reading.remedy import Word, better, faults
from foveal.reading.transcribe import Observation, load_transcriber, to_strip

IMAGE = np.asarray(page().convert("RGB").crop((20, 40, 420, 120)))
TRANSCRIBER = load_transcriber("fast", language="none", remedies=True)


@pytest.fixture(scope="module")
def seen() -> Observation:
    """The line “The quick brown fox”."""
    (found,) = TRANSCRIBER.observe([IMAGE])
    return found


def made(*columns: float) -> tuple[Trial, tuple[int, ...], Word]:
    """A word of characters 4 columns wide, each looked at in a column."""
    t, n = len(columns), 4 * len(columns)
    looks = np.full((t, n), 1e-4, np.float32)
    looks[np.arange(t), [int(column) for column in columns]] = 1
    looks /= looks.sum(axis=1, keepdims=True)
    symbols = tuple(Symbol(i + 2, 4 * i, 4 * i + 2, 1.0) for i in range(t))
    word = Word(Span(symbols, 0, n), np.zeros((n, t + 3), np.float32), np.full(n, 0.25, np.float32))
    return Trial(np.zeros((t, t + 3), np.float32), looks), tuple(range(2, t + 2)), word


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ((2, 6, 10, 14), set()),
        ((2, 6, 3, 14), {"back", "gap", "astray"}),
        ((2, 6, 6, 14), {"repeat"}),
        ((2, 6, 10, 4), {"back", "astray"}),
    ],
)
def test_what_is_wrong_with_looks_is_named(columns: tuple[int, ...], found: set[str]) -> None:
    assert faults(*made(*columns)) == found


def test_a_look_over_much_of_a_word_is_spread() -> None:
    trial, ids, word = made(2, 6, 10, 14)
    trial.looks[1] = 1 / 16
    assert "spread" in faults(trial, ids, word)


def test_nothing_is_read_again_unless_asked() -> None:
    (seen,) = load_transcriber("fast", language="none").observe([IMAGE])
    plain = load_transcriber("fast", language="none")
    assert plain._remedies(spoilt(seen, 1), features()) == [[] for _ in seen.spans]


def test_good_looks_call_for_nothing(seen: Observation) -> None:
    assert seen.remedies == [[] for _ in seen.spans]
    assert all(word.remedy is None for word in TRANSCRIBER.decide(seen).words)


def spoilt(seen: Observation, place: int) -> Observation:
    """Put the symbols, the looks and the log-probabilities of one word in the wrong order."""
    span = seen.spans[place]
    ids = [replace(one, id=other.id) for one, other in zip(span.symbols, span.symbols[::-1], strict=True)]
    spans = [*seen.spans[:place], replace(span, symbols=tuple(ids)), *seen.spans[place + 1 :]]
    trials = [[Trial(one.log_probs[::-1].copy(), one.looks[::-1].copy()) for one in seen.trials[place]]]
    return replace(seen, spans=spans, trials=[*seen.trials[:place], *trials, *seen.trials[place + 1 :]])


def test_a_word_whose_looks_went_wrong_is_read_again(seen: Observation) -> None:
    wrong = spoilt(seen, 2)
    remedies = TRANSCRIBER._remedies(wrong, features())
    assert remedies[2]
    assert not remedies[0]
    assert {kind for kind, _ in remedies[2]} == {"monotonic", "split"}
    texts = [one.log_probs.argmax(-1)[:5].tolist() for _, one in remedies[2]]
    assert texts[0] == texts[-1] == list(seen.spans[2].ids)


def features() -> np.ndarray:
    """What the glance gives of the line."""
    return load_eye("fast").glance(to_strip(IMAGE)[None]).features[0]


def test_a_far_likelier_reading_replaces_the_first_and_says_so(seen: Observation) -> None:
    wrong = spoilt(seen, 2)
    blind = np.full_like(seen.glance.log_probs, -3.0)  # else the glance would hold against the spoilt looks
    wrong = replace(wrong, glance=replace(seen.glance, log_probs=blind))
    found = TRANSCRIBER._remedies(wrong, features())
    read = TRANSCRIBER.decide(replace(wrong, remedies=found)).words[2]
    assert read.text == "brown"
    assert read.remedy is not None
    assert read.remedy.kind in ("monotonic", "split")
    assert read.remedy.before == "nworb"


def test_a_reading_that_is_hardly_likelier_does_not(
    seen: Observation, monkeypatch: pytest.MonkeyPatch
) -> None:
    word, trials = seen.word(seen.spans[1]), seen.trials[1]
    log_probs = np.full_like(trials[0].log_probs, -9.0)
    for place, symbol in enumerate((*seen.spans[1].ids[:4], 0)):
        log_probs[place, symbol] = -0.01
    shorter = [("monotonic", Trial(log_probs, trials[0].looks))]
    flat = replace(word, log_probs=np.full_like(word.log_probs, -3.0))
    weak = [Trial(trials[0].log_probs - 3.0, trials[0].looks)]
    gained = better(flat, weak, shorter, trust=0.6)
    monkeypatch.setattr(remedy, "GAIN", 1000.0)
    assert gained is not None
    assert better(flat, weak, shorter, trust=0.6) is None


def test_a_remedy_is_on_record() -> None:
    document = foveal.read(page())
    assert all(word.remedy is None for line in document.pages[0].lines for word in line.words)
    line = document.pages[0].lines[0]
    word = replace(line.words[1], remedy=Remedy("split", "quck"))
    block = replace(document.pages[0].blocks[0], lines=(replace(line, words=(word,)),))
    kept = replace(document, pages=(replace(document.pages[0], blocks=(block,)),))
    again = Document.from_json(kept.to_json())
    assert again.pages[0].lines[0].words[0].remedy == Remedy("split", "quck")
