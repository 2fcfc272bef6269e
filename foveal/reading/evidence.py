"""Evidence for and against what was read: what a reading leaves behind anyway.

No step of the model is run again for it. What it says of the chance of being right: trust.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveal.reading.characters import Characters, Ranges, ReadIds
from foveal.reading.decode import Floats, Span, Trial, ctc_score
from foveal.reading.seen import Seen

Vector = NDArray[np.float64]

WORD_EVIDENCE = (
    "glance",
    "fixations",
    "weakest_column",
    "weakest_fixation",
    "disagreement",
    "second_choice",
    "look_spread",
    "look_drift",
    "off_ink",
    "count_error",
    "length",
    "narrowness",
    "runner_up",
    "listed",
    "unlisted",
    "signs",
    "line_glance",
    "line_fixations",
    "words_on_line",
    "between_words",
    "line_count_error",
    "line_listed",
    "line_signs",
)
"""What speaks for or against a word; see `word_evidence`, `spelling` and `on_lines`."""

LINE_EVIDENCE = (
    "words",
    "weakest_word",
    "words_on_line",
    "path",
    "between_words",
    "count_error",
    "length",
    "narrowness",
)
"""What speaks for or against a line; see `with_words` and `lines_evidence`."""

CHAR_EVIDENCE = (
    "ink_looked_at",
    "least_ink",
    "most_ink",
    "grain_looked_at",
    "most_grain",
    "covered",
    "across",
    "look_spread",
    "look_drift",
    "fixation",
    "glance",
    "width",
    "at_edge",
)
"""What speaks for a character being read or guessed; see `char_evidence`."""

_FAR = 8.0
"""No evidence counts for more: in log-odds, in either direction."""


def odds_against(surprise: ArrayLike) -> Vector:
    """Return log((1 − p) / p) of p = exp(−surprise), within ±8: 0 for an even chance.

    >>> float(odds_against(np.log(2.0)))
    0.0
    """
    clipped = np.clip(np.asarray(surprise, np.float64), 1e-9, 50)
    return np.asarray(np.clip(np.log(np.expm1(clipped)), -_FAR, _FAR))


def word_evidence(read: Characters) -> Vector:
    """Return what speaks against each of the words read on strips: "w WORD_EVIDENCE[:13]".

    `glance`, `fixations`: log-odds against the text by either step; `weakest_…`: against its least likely
    part. `disagreement`: whether the steps read different texts; `second_choice`: the log-probability that
    the fixations give up by following the text and not their own. `look_spread`: entropy of the looks over
    that of a level one; `look_drift`: characters between the middle of a look and the place the running
    count gives, at worst; `off_ink`: share of the looks on columns without ink. `count_error`: characters
    between the count and the text. `length`: log of characters; `narrowness`: log of characters a column;
    `runner_up`: the highest chance that a fixation gives to another character than was read.
    """
    spans, of_word = read.spans, read.of_word
    columns, length = read.side_by_side(lambda seen: seen.surprise)[spans.every], of_word.sizes
    ends = np.array([_end(word) for word in read.words])
    masses = [np.add.reduce(word.seen.density[word.span.low : word.span.high]) for word in read.words]
    chosen = of_word.sum(read.fixations) + ends
    own = np.array([max(_own(one, len(word.ids)) for one in word.trials) for word in read.words])
    return np.stack(
        [
            odds_against(_surprises(read, spans.sum(columns))),
            odds_against(-chosen),
            odds_against(spans.max(columns)),
            odds_against(-np.minimum(of_word.min(read.fixations), ends)),
            [len(word.trials) > 1 or word.ids != word.span.ids for word in read.words],
            np.minimum(own - chosen, _FAR),
            of_word.mean(read.spreads),
            of_word.max(read.drifts),
            _off_ink(read),
            np.minimum(np.abs(np.array(masses, np.float64) - length), 2.0),
            np.log(length),
            np.log(length / spans.sizes),
            of_word.max(_runners_up(read)),
        ],
        axis=-1,
    )


def _own(trial: Trial, length: int) -> float:
    """Return the log-probability of what the fixations of a word of some length hold likeliest themselves."""
    return float(
        trial.highest[: length + 1].sum(dtype=np.float64)
    )  # exactly that of the text where it is the same


def _end(word: ReadIds) -> float:
    """Return the log-probability of the end behind a word; 0 where no fixation was left to find it."""
    return word.trial.log_probs.item(len(word.ids), 0) if len(word.ids) < len(word.trial.log_probs) else 0.0


def _surprises(read: Characters, paths: Vector) -> list[float]:
    """Return −log p of each word by the glance, for its own text that of the best path alone: `paths`."""
    return [
        path
        if word.ids == word.span.ids
        else -ctc_score(word.seen.log_probs[word.span.low : word.span.high], word.ids)
        for word, path in zip(read.words, paths.tolist(), strict=True)
    ]


def _off_ink(read: Characters) -> list[float]:
    """Return the share of each word's looks on columns without ink.

    Word by word, as it was fitted: sums of many words differ in the last digit, where its curve is steepest.
    """
    off = []
    for words in read.strips:
        inked = np.minimum(words[0].seen.ink * 2, 1)
        looked = (word.trial.looks[: len(word.ids)] @ inked for word in words)
        off += [1 - float(np.add.reduce(on) / len(on)) for on in looked]
    return off


def _runners_up(read: Characters) -> Vector:
    """Return the chance of the likeliest other character than was read: "c"."""
    others = read.fixed.copy()
    others[:, 0] = -np.inf  # the end of the word is no character
    others[np.arange(len(others)), read.ids] = -np.inf
    return np.asarray(np.exp(others.max(-1)), np.float64)


def spelling(text: str, *, known: bool | None) -> Vector:
    """Return what a word's letters say for it: `listed`, `unlisted`, `signs`; "WORD_EVIDENCE[13:16]".

    known: whether its language lists it; None where no words are known. `unlisted`: two letters or more, and
    nothing else between signs, that no language lists; `signs`: what is neither letter nor digit, 3 at most.

    >>> spelling("(chat)", known=True).tolist(), spelling("1905", known=False).tolist()
    ([1.0, 0.0, 2.0], [0.0, 0.0, 0.0])
    """
    signs = sum(not char.isalnum() for char in text)
    core = text.strip("".join({char for char in text if not char.isalnum()}))
    spelt = len(core) > 1 and core.isalpha()
    return np.array([known is True, spelt and known is False, min(signs, 3)], np.float64)


def on_lines(words: Vector, lines: Vector, of_line: Ranges) -> Vector:
    """Add to the evidence of words that of their lines: "w 16" → "w WORD_EVIDENCE".

    Words of one line are hard to read alike. lines: their own evidence, "s LINE_EVIDENCE[3:]"; of_line: which
    words are each line's. `line_glance`, `line_fixations`: means over its words; `words_on_line`: log of
    their number; `between_words`, `line_count_error`: the line's, the latter for each of its words;
    `line_listed`: how many more are listed than unlisted, over the root of one more than their number;
    `line_signs`: signs a word.
    """
    count = of_line.sizes
    glance, fixations, listed, unlisted, signs = of_line.mean(words[:, [0, 1, 13, 14, 15]].T)
    known = (listed - unlisted) * count / np.sqrt(count + 1)
    own = (np.log(count), lines[:, 1], lines[:, 2] / count, known, signs)
    shared = np.stack([glance, fixations, *own], axis=-1)
    return np.concatenate([words, shared.repeat(count, axis=0)], axis=1)


def char_evidence(read: Characters) -> Vector:
    """Return what each of the characters read on strips rests on: "c CHAR_EVIDENCE".

    Ink and grain (see `ink`) are means under the look, or the least and the most in the character's columns,
    and are given by their logarithms; `covered`, `across`: means over its columns; `look_spread`,
    `look_drift` as for words; `fixation`, `glance`: log-odds against the character by either step; `width`:
    log of its width over the word's mean; `at_edge`: the share of ink on the strip's edge, if it reaches it.
    """
    columns = read.columns
    ink, grain = (read.side_by_side(part)[columns.every] for part in (_log_ink, _log_grain))
    widths = np.maximum(read.places[:, 1] - read.places[:, 0], 0.1)
    return np.stack(
        [
            read.looked_at(_log_ink),
            columns.min(ink),
            columns.max(ink),
            read.looked_at(_log_grain),
            columns.max(grain),
            columns.mean(read.side_by_side(lambda seen: seen.covered)[columns.every]),
            columns.mean(read.side_by_side(lambda seen: seen.across)[columns.every]),
            read.spreads,
            read.drifts,
            odds_against(-read.fixations),
            odds_against(-read.glanced),
            np.log(widths / read.of_word.mean(widths).repeat(read.of_word.sizes)),
            columns.max(read.side_by_side(lambda seen: seen.edge)[columns.every]),
        ],
        axis=-1,
    )


def _log_ink(seen: Seen) -> Floats:
    return np.asarray(np.log(seen.ink + 0.05), np.float32)


def _log_grain(seen: Seen) -> Floats:
    return np.asarray(np.log(seen.grain + 0.05), np.float32)


def lines_evidence(lines: Sequence[tuple[Seen, Sequence[Span], int]]) -> Vector:
    """Return what speaks against lines, their words apart: "s LINE_EVIDENCE[3:]".

    lines: what was seen of each, its spans, and how many characters were read there. In log-odds: against the
    glance's whole `path`, and against what it saw `between_words`. The rest as in `word_evidence`.
    """
    against, masses = [], []
    for seen, spans, _ in lines:
        between = np.ones(len(seen.surprise), bool)
        for span in spans:
            between[span.low : span.high] = False
        against.append((np.add.reduce(seen.surprise), np.add.reduce(seen.surprise[between])))
        masses.append(np.add.reduce(seen.density))
    columns = np.array([len(seen.surprise) for seen, _, _ in lines])
    read = np.array([characters for _, _, characters in lines])
    error = np.minimum(np.abs(np.array(masses, np.float64) - read), 4.0)
    length = np.maximum(read, 1)
    return np.stack([*odds_against(against).T, error, np.log(length), np.log(length / columns)], axis=-1)


def with_words(evidence: Vector, words: Sequence[float]) -> Vector:
    """Put before a line's evidence that of its words: "LINE_EVIDENCE".

    `words`: the chance of each to be right. The log-odds against all of them, and against the least likely,
    and the log of their number.
    """
    surprise = -np.log(np.maximum(words, 1e-6))
    against = odds_against([surprise.sum(), surprise.max()])
    return np.concatenate([against, [np.log(len(words))], evidence])
