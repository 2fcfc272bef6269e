"""Evidence for what was read, and how likely that makes it right.

The evidence is what a reading leaves behind anyway: no step of the model is run again for it. What it says of
the chance of being right is fitted by tools/fit_trust.py on training sets and kept beside the weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveal.reading.decode import Floats, Span, Trial, ctc_score, fixation_score
from foveal.reading.engine import WEIGHTS

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
)
"""What speaks for or against a word; see `word_evidence`."""

LINE_EVIDENCE = ("words", "weakest_word", "path", "between_words", "count_error", "length", "narrowness")
"""What speaks for or against a line; see `with_words` and `line_evidence`."""

CHAR_EVIDENCE = (
    "ink_looked_at",
    "least_ink",
    "most_ink",
    "grain_looked_at",
    "most_grain",
    "look_spread",
    "look_drift",
    "fixation",
    "glance",
    "width",
)
"""What speaks for a character being read or guessed; see `char_evidence`."""

_FAR = 8.0
"""No evidence counts for more: in log-odds, in either direction."""


@dataclass(frozen=True)
class Seen:
    """A strip as the glance saw it. log_probs: "n C"; density, ink, grain: "n"."""

    log_probs: Floats
    density: Floats
    ink: Floats
    grain: Floats


def ink(strips: NDArray[np.uint8], *, stride: int) -> tuple[Floats, Floats]:
    """Return how much each column of the grid varies, and how rough it is: "b h w 3" → "b n" each.

    The standard deviation of a column's brightness, and the mean of its second differences, each over what a
    tenth of the columns of the strip exceed.
    """
    b, h, w = strips.shape[:3]
    light = strips.mean(-1)
    rough = np.zeros_like(light)
    rough[:, 1:-1] += np.abs(2 * light[:, 1:-1] - light[:, :-2] - light[:, 2:])
    rough[:, :, 1:-1] += np.abs(2 * light[:, :, 1:-1] - light[:, :, :-2] - light[:, :, 2:])
    spread = light.reshape(b, h, w // stride, stride).std((1, 3))
    return _over_most(spread), _over_most(rough.reshape(b, h, w // stride, stride).mean((1, 3)))


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
    """Return what speaks against a word read as `ids` with the support of `trial`: "WORD_EVIDENCE".

    `places`: left and right of each character in columns, "characters 2".
    `glance`, `fixations`: log-odds against the text by either step; `weakest_…`: against its least likely
    part. `disagreement`: whether the steps read different texts; `second_choice`: the log-probability that
    the fixations give up by following the text and not their own. `look_spread`: entropy of the looks over
    that of a level one; `look_drift`: characters between the middle of a look and the place the running
    count gives, at worst; `off_ink`: share of the looks on columns without ink. `count_error`: characters
    between the count and the text. `length`: log of characters; `narrowness`: log of characters a column.
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
        ]
    )


def char_evidence(seen: Seen, span: Span, *, ids: tuple[int, ...], trial: Trial, places: Floats) -> Vector:
    """Return what each character of a word rests on: "characters CHAR_EVIDENCE"; `places` as for the word.

    Ink and grain (see `ink`) are means under the look, or the least and the most in the character's columns,
    and are given by their logarithms; `look_spread`, `look_drift` as for words; `fixation`, `glance`:
    log-odds against the character by either step; `width`: log of its width over the word's mean.
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
    """Return what speaks against a line of so many characters, its words apart: "LINE_EVIDENCE[2:]".

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
    """Put the log-odds against all words of a line, and against the least likely, before its evidence.

    `words`: the chance of each to be right.
    """
    surprise = -np.log(np.maximum(words, 1e-6))
    return np.concatenate([odds_against([surprise.sum(), surprise.max()]), evidence])


@dataclass(frozen=True)
class Scale:
    """Evidence to probability: a weighted sum, read off a rising curve.

    weights: one for each piece of evidence; sums, chances: knots of the curve.
    """

    weights: tuple[float, ...]
    sums: tuple[float, ...]
    chances: tuple[float, ...]

    def chance(self, evidence: Vector) -> float:
        """Return the probability, 0 to 1."""
        return float(self.chances_of(evidence))

    def chances_of(self, evidence: Vector) -> Vector:
        """Return the probability of each row of evidence: "… k" → "…"."""
        return np.asarray(np.interp(evidence @ np.asarray(self.weights), self.sums, self.chances))


@dataclass(frozen=True)
class Trust:
    """How likely words and lines read by one line model are right, and which characters were guessed.

    `limit`: a character as likely guessed as this is flagged.
    """

    words: Scale
    lines: Scale
    guesses: Scale
    limit: float

    def of_word(self, evidence: Vector) -> float:
        """Return the chance that a word is right."""
        return self.words.chance(evidence)

    def of_line(self, evidence: Vector, words: Sequence[float]) -> float:
        """Return the chance that all of a line is right, given that of each of its words; 0 without words."""
        return self.lines.chance(with_words(evidence, words)) if words else 0.0

    def guessed(self, grounds: Vector) -> list[bool]:
        """Tell of each character whether it was guessed; grounds: "characters CHAR_EVIDENCE"."""
        flags: list[bool] = (self.guesses.chances_of(grounds) >= self.limit).tolist()
        return flags


@lru_cache(maxsize=8)
def load_trust(model: str) -> Trust | None:
    """Return what was fitted for an embedded line model, "fast" or "accurate"; None where nothing was."""
    path = WEIGHTS / f"line-{model}-trust.json"
    if not path.is_file():
        return None
    fitted = json.loads(path.read_text(encoding="utf-8"))
    words, lines, guesses = (_scale(fitted[level]) for level in ("words", "lines", "guesses"))
    return Trust(words, lines, guesses, fitted["guesses"]["limit"])


def _scale(fitted: Mapping[str, Any]) -> Scale:
    return Scale(tuple(fitted["weights"].values()), tuple(fitted["sums"]), tuple(fitted["chances"]))
