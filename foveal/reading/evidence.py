"""Evidence for and against what was read: what a reading leaves behind anyway.

No step of the model is run again for it. What it says of the chance of being right: trust.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveal.reading.decode import Floats, Span, Trial, ctc_score, fixation_score

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
)
"""What speaks for or against a word; see `word_evidence`, `spelling` and `on_line`."""

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
"""What speaks for or against a line; see `with_words` and `line_evidence`."""

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
)
"""What speaks for a character being read or guessed; see `char_evidence`."""

_END = 8  # the part of a strip's height that counts as its top or bottom end
_THIN = 7  # of so many pixels one is looked at to tell the paper
_FAR = 8.0
"""No evidence counts for more: in log-odds, in either direction."""


@dataclass(frozen=True)
class Seen:
    """A strip as the glance saw it. log_probs: "n C"; density: "n"; of the others "n" each, see `ink`."""

    log_probs: Floats
    density: Floats
    ink: Floats
    grain: Floats
    covered: Floats
    across: Floats


def ink(strips: NDArray[np.uint8], *, stride: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return what stands in each column of the grid: "b h w 3" → "b n", four times.

    The standard deviation of a column's brightness, and the mean of its second differences, each over what a
    tenth of the columns of the strip exceed; the share of a column that is not as bright as the paper, and
    the same of its top or bottom end, whichever has less: a letter seldom reaches both, a blot does.
    """
    b, h, w = strips.shape[:3]
    light = strips.mean(-1, dtype=np.float32)
    rough = np.zeros_like(light)
    rough[:, 1:-1] += np.abs(2 * light[:, 1:-1] - light[:, :-2] - light[:, 2:])
    rough[:, :, 1:-1] += np.abs(2 * light[:, :, 1:-1] - light[:, :, :-2] - light[:, :, 2:])
    spread = light.reshape(b, h, w // stride, stride).std((1, 3))
    varied, grain = _over_most(spread), _over_most(rough.reshape(b, h, w // stride, stride).mean((1, 3)))
    filled = _unlike_paper(light).reshape(b, h, w // stride, stride).mean(3)
    end = max(1, h // _END)
    across = np.minimum(filled[:, :end].mean(1), filled[:, -end:].mean(1))
    return varied, grain, np.asarray(filled.mean(1), np.float32), np.asarray(across, np.float32)


def _unlike_paper(light: Floats) -> Floats:
    """Return 1 where a pixel is far from what most of its strip is like, else 0: "b h w"."""
    flat = light.reshape(len(light), -1)
    low, paper, high = np.percentile(flat[:, ::_THIN], (5, 50, 95), axis=1)[:, :, None, None]
    return np.asarray(np.abs(light - paper) > 0.25 * np.maximum(high - low, 16), np.float32)


def _over_most(columns: Floats) -> Floats:
    most = np.quantile(columns, 0.9, axis=-1, keepdims=True)
    return np.asarray(np.minimum(columns / np.maximum(most, 4), 4), np.float32)


def odds_against(surprise: ArrayLike) -> Vector:
    """Return log((1 − p) / p) of p = exp(−surprise), within ±8: 0 for an even chance.

    >>> float(odds_against(np.log(2.0)))
    0.0
    """
    clipped = np.clip(np.asarray(surprise, np.float64), 1e-9, 50)
    return np.asarray(np.clip(np.log(np.expm1(clipped)), -_FAR, _FAR))


def word_evidence(
    seen: Seen,
    span: Span,
    trials: Sequence[Trial],
    *,
    ids: tuple[int, ...],
    trial: Trial,
    places: Floats,
) -> Vector:
    """Return what speaks against a word read as `ids` with the support of `trial`: "WORD_EVIDENCE[:13]".

    `places`: left and right of each character in columns, "characters 2".
    `glance`, `fixations`: log-odds against the text by either step; `weakest_…`: against its least likely
    part. `disagreement`: whether the steps read different texts; `second_choice`: the log-probability that
    the fixations give up by following the text and not their own. `look_spread`: entropy of the looks over
    that of a level one; `look_drift`: characters between the middle of a look and the place the running
    count gives, at worst; `off_ink`: share of the looks on columns without ink. `count_error`: characters
    between the count and the text. `length`: log of characters; `narrowness`: log of characters a column;
    `runner_up`: the highest chance that a fixation gives to another character than was read.
    """
    glanced = seen.log_probs[span.low : span.high]
    columns = -glanced.max(-1)
    surprise = float(columns.sum()) if ids == span.ids else -ctc_score(glanced, ids)
    fixed = trial.log_probs[: len(ids) + 1]
    chosen = fixed[np.arange(len(fixed)), (*ids, 0)[: len(fixed)]]
    looks = trial.looks[: len(ids)]
    own = max(float(other.log_probs.max(-1)[: len(ids) + 1].sum()) for other in trials)
    return np.array(
        [
            odds_against(surprise),
            odds_against(-fixation_score(trial.log_probs, ids)),
            odds_against(columns.max()),
            odds_against(-chosen.min()),
            float(len(trials) > 1 or ids != span.ids),
            min(own - float(chosen.sum()), _FAR),
            _entropies(looks, span).mean(),
            _drifts(looks, places).max(),
            1 - float((looks @ np.minimum(seen.ink * 2, 1)).mean()),
            min(abs(float(seen.density[span.low : span.high].sum()) - len(ids)), 2.0),
            np.log(len(ids)),
            np.log(len(ids) / (span.high - span.low)),
            _runner_up(fixed[: len(ids)], ids),
        ]
    )


def _runner_up(fixed: Floats, ids: tuple[int, ...]) -> float:
    others = fixed.copy()
    others[:, 0] = -np.inf  # the end of the word is no character
    others[np.arange(len(others)), ids[: len(others)]] = -np.inf
    return float(np.exp(others.max()))


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


def on_line(words: Sequence[Vector], line: Vector) -> list[Vector]:
    """Add to the evidence of each word of a line that of their line: "16" each → "WORD_EVIDENCE" each.

    Words of one line are hard to read alike. line: its own evidence. `line_glance`, `line_fixations`: means
    over its words; `words_on_line`: log of their number; `between_words`, `line_count_error`: the line's, the
    latter for each of its words.
    """
    if not words:
        return []
    steps = np.mean(words, axis=0)[:2]  # glance and fixations
    shared = np.array([*steps, np.log(len(words)), line[1], line[2] / len(words)])
    return [np.concatenate([word, shared]) for word in words]


def char_evidence(seen: Seen, span: Span, *, ids: tuple[int, ...], trial: Trial, places: Floats) -> Vector:
    """Return what each character of a word rests on: "characters CHAR_EVIDENCE"; `places` as for the word.

    Ink and grain (see `ink`) are means under the look, or the least and the most in the character's columns,
    and are given by their logarithms; `covered`, `across`: means over its columns; `look_spread`,
    `look_drift` as for words; `fixation`, `glance`: log-odds against the character by either step; `width`:
    log of its width over the word's mean.
    """
    kept = np.minimum(np.arange(len(ids)), len(trial.looks) - 1)
    looks, fixed = trial.looks[kept], -trial.log_probs[kept, ids]
    columns = [slice(int(a), max(int(np.ceil(b)), int(a) + 1)) for a, b in places]
    glanced = [-seen.log_probs[at, symbol].max() for at, symbol in zip(columns, ids, strict=True)]
    ink, grain = np.log(seen.ink + 0.05), np.log(seen.grain + 0.05)
    widths = np.maximum(places[:, 1] - places[:, 0], 0.1)
    return np.stack(
        [
            looks @ ink,
            [ink[at].min() for at in columns],
            [ink[at].max() for at in columns],
            looks @ grain,
            [grain[at].max() for at in columns],
            [seen.covered[at].mean() for at in columns],
            [seen.across[at].mean() for at in columns],
            _entropies(looks, span),
            _drifts(looks, places),
            odds_against(fixed),
            odds_against(glanced),
            np.log(widths / widths.mean()),
        ],
        axis=-1,
    )


def _entropies(looks: Floats, span: Span) -> Floats:
    entropy = -(looks * np.log(np.maximum(looks, 1e-9))).sum(-1)
    return np.asarray(entropy / np.log(max(span.high - span.low, 2)), np.float32)


def _drifts(looks: Floats, places: Floats) -> Floats:
    """Return how far the middle of each look is from its character's, in characters, 3 at most."""
    middles = looks @ (np.arange(looks.shape[1]) + 0.5)
    wide = max(float((places[-1, 1] - places[0, 0]) / len(places)), 1.0)
    off = np.abs(middles - places.mean(-1)[: len(middles)])
    return np.asarray(np.minimum(off / wide, 3.0), np.float32)


def line_evidence(seen: Seen, spans: Sequence[Span], *, characters: int) -> Vector:
    """Return what speaks against a line of so many characters, its words apart: "LINE_EVIDENCE[3:]".

    In log-odds: against the glance's whole `path`, and against what it saw `between_words`. The rest as in
    `word_evidence`.
    """
    columns = -seen.log_probs.max(-1)
    between = np.ones(len(columns), bool)
    for span in spans:
        between[span.low : span.high] = False
    return np.array(
        [
            odds_against(columns.sum()),
            odds_against(columns[between].sum()),
            min(abs(float(seen.density.sum()) - characters), 4.0),
            np.log(max(characters, 1)),
            np.log(max(characters, 1) / len(columns)),
        ]
    )


def with_words(evidence: Vector, words: Sequence[float]) -> Vector:
    """Put before a line's evidence that of its words: "LINE_EVIDENCE".

    `words`: the chance of each to be right. The log-odds against all of them, and against the least likely,
    and the log of their number.
    """
    surprise = -np.log(np.maximum(words, 1e-6))
    against = odds_against([surprise.sum(), surprise.max()])
    return np.concatenate([against, [np.log(len(words))], evidence])
