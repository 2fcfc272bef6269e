"""Fit the confidences of an embedded line model, and its flag for guesses, to lines it never learnt from.

    python tools/fit_trust.py TRAIN_SET… --rendered SET… --choose DEV_SET… [--model fast] [--limit 200]

Crops, or pages with the text of their lines. The curves are learnt from the crops of TRAIN_SETs that
training holds out (foveal/train/crops.py) and from rendered sets of a seed of their own. What that makes too
sure, or not sure enough, of text from elsewhere is set right by slope and level of the log-odds, leaning on
the kind of text (foveal/measure/scaled.py): eight numbers for words and two for lines, chosen by half 0 of
the DEV_SETs (foveal/measure/halves.py); half 1 is for reports. Sets of one family share out the square root
of their number, so that none outvotes the others. Guesses are planted (foveal/measure/planted.py): lines with
characters destroyed are read again; how many characters of real lines may be flagged is chosen by half 0 too.

Prints how it does on the half that chose nothing, both ways round; writes
foveal/weights/line-MODEL-trust.json, which belongs to its weights: run it again after training.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from trust_lines import Guesses, Outcome, all_strips, guesses_on, held_strips, learnt_strips, outcomes
from trust_report import report_guesses, report_level

from foveal.alphabet import Alphabet
from foveal.measure.additive import Additive, fit
from foveal.measure.halves import family_of
from foveal.measure.scaled import Scaled, scaled
from foveal.reading.context import Context
from foveal.reading.engine import WEIGHTS, load_session
from foveal.reading.evidence import CHAR_EVIDENCE, LINE_EVIDENCE, WORD_EVIDENCE, with_words
from foveal.reading.line_graphs import IN_CONTEXT
from foveal.reading.transcribe import Transcriber
from foveal.reading.words import Words

FALSE_ALARMS = 0.002
"""Share of the characters read right that may be flagged as guessed, on the mean of the sets."""
MOST = 0.995
"""The share of labels taken to be right; no word is surer."""
WORD_KIND = ("line_glance", "line_listed", "line_signs")
"""What tells kinds of text apart, so that slope and level of a word's log-odds lean on it."""
PLANTED = 6
"""One line in so many is read with characters destroyed."""
WORD_PAIRS = (
    ("fixations", "line_fixations"),
    ("fixations", "listed"),
    ("fixations", "unlisted"),
    ("fixations", "length"),
    ("fixations", "signs"),
    ("fixations", "glance"),
    ("glance", "line_glance"),
    ("line_fixations", "listed"),
    ("line_fixations", "unlisted"),
)
GUESS_PAIRS = (
    ("at_edge", "width"),
    ("at_edge", "across"),
    ("at_edge", "grain_looked_at"),
    ("fixation", "glance"),
)
"""Many a real letter reaches the edge of a close crop; the stump of one that is cut off is narrow there."""


LEARNT = -1
"""The half of lines that curves are learnt from."""


@dataclass(frozen=True)
class Rows:
    """Evidence of one set: rows "n k", right "n", and the half "n" of each: 0, 1, or LEARNT."""

    rows: np.ndarray
    right: np.ndarray
    half: np.ndarray

    @classmethod
    def of(cls, found: Sequence[tuple[Any, bool, int]], *, width: int) -> Rows:
        """Return rows of (evidence, right, half)."""
        rows, right, half = ([one[i] for one in found] for i in range(3))
        evidence = np.array(rows, np.float64).reshape(-1, width)
        return cls(evidence, np.array(right, bool), np.array(half, int))

    def kept(self, mask: np.ndarray) -> Rows:
        """Return some of the rows."""
        return Rows(self.rows[mask], self.right[mask], self.half[mask])


Names = Sequence[str]
Pairs = Sequence[tuple[str, str]]
Sets = Mapping[str, Rows]
Judged = dict[str, tuple[np.ndarray, Rows]]
"""Of each set: the chances of rows, and the rows."""


def word_rows(read: Sequence[Outcome]) -> Rows:
    """Return the evidence of every word, and whether it is right."""
    found = [
        (word.evidence, right, one.half)
        for one in read
        for word, right in zip(one.reading.words, one.words, strict=True)
        if right is not None
    ]
    return Rows.of(found, width=len(WORD_EVIDENCE))


def line_rows(read: Sequence[Outcome], words: Mapping[int, Scaled], half: int) -> Rows:
    """Return the evidence of every line of several words, these judged by the model fitted to a half."""
    found = [
        (with_words(one.reading.evidence, words[half].chances(_evidence(one)).tolist()), one.right, one.half)
        for one in read
        if len(one.reading.words) > 1
    ]
    return Rows.of(found, width=len(LINE_EVIDENCE))


def guess_rows(read: Sequence[Outcome], planted: Guesses) -> Rows:
    """Return the grounds of characters that were guessed, and of those of words read right."""
    right = [
        (row, False, one.half)
        for one in read
        for word, is_right in zip(one.reading.words, one.words, strict=True)
        if is_right
        for row in word.grounds
    ]
    return Rows.of([(row, True, half) for row, half, _ in planted] + right, width=len(CHAR_EVIDENCE))


def _evidence(one: Outcome) -> np.ndarray:
    return np.array([word.evidence for word in one.reading.words])


def together(sets: Sets, half: int) -> tuple[Rows, np.ndarray]:
    """Return the rows of all sets that are of a half, and how much each counts.

    A set counts one over the root of how many are of its family, whatever its size.
    """
    seen = {name: rows.kept(rows.half == half) for name, rows in sets.items()}
    seen = {name: rows for name, rows in seen.items() if len(rows.right)}
    sizes = Counter(family_of(name) for name in seen)
    share = [
        np.full(len(rows.right), sizes[family_of(name)] ** -0.5 / len(rows.right))
        for name, rows in seen.items()
    ]
    parts = zip(*((one.rows, one.right, one.half) for one in seen.values()), strict=True)
    return Rows(*map(np.concatenate, parts)), np.concatenate(share)


def fitted_words(sets: Sets, half: int) -> Scaled:
    """Return the model of words learnt from all sets, its slope and level chosen by a half of them."""
    learnt, share = together(sets, LEARNT)
    terms = _terms(WORD_EVIDENCE, WORD_PAIRS)
    model = fit(learnt.rows, learnt.right, share=share, columns=terms)
    chosen, weight = together(sets, half)
    kind = [WORD_EVIDENCE.index(name) for name in WORD_KIND]
    return scaled(model, chosen.rows, chosen.right, share=weight, columns=kind, most=MOST)


def fitted_lines(sets: Sets, half: int) -> Scaled:
    """Return the model of lines, likewise; slope and level are the same for all kinds: lines are few."""
    learnt, share = together(sets, LEARNT)
    terms = _terms(LINE_EVIDENCE)
    model = fit(learnt.rows, learnt.right, share=share, columns=terms, knots=2, ridge=1e-3)
    chosen, weight = together(sets, half)
    return scaled(model, chosen.rows, chosen.right, share=weight, most=MOST)


def fitted_guesses(sets: Sets, half: int) -> tuple[Additive, float]:
    """Return the model of being guessed, at even odds beforehand, and the limit that flags FALSE_ALARMS."""
    learnt, share = together(sets, LEARNT)
    for side in (learnt.right, ~learnt.right):
        share[side] /= share[side].sum()
    model = fit(learnt.rows, learnt.right, share=share, columns=_terms(CHAR_EVIDENCE, GUESS_PAIRS))
    chosen, weight = together(sets, half)
    read = ~chosen.right
    return model, _upper(model.chances(chosen.rows[read]), weight[read])


def _terms(names: Names, pairs: Pairs = ()) -> list[tuple[int, ...]]:
    return [(i,) for i in range(len(names))] + [tuple(map(names.index, pair)) for pair in pairs]


def _upper(chances: np.ndarray, share: np.ndarray) -> float:
    """Return the chance that a share FALSE_ALARMS of the rows exceed."""
    order = np.argsort(-chances)
    above = np.cumsum(share[order]) / share.sum()
    return float(chances[order[min(np.searchsorted(above, FALSE_ALARMS), len(order) - 1)]])


def unseen(sets: Mapping[int, Sets], models: Mapping[int, Additive | Scaled]) -> Judged:
    """Return for each set the chances of its lines, each by the model that the other half chose.

    sets: by the half of the model that judges.
    """
    found = {}
    for name, one in sets[0].items():
        known = one.half >= 0
        if known.any():
            chances = [models[half].chances(sets[half][name].rows) for half in (0, 1)]
            found[name] = np.where(one.half == 1, *chances)[known], one.kept(known)
    return found


def left_out(sets: Sets) -> Judged:
    """Return for each set the chances of its words by a fit to the others: as a new source has it."""
    found = {}
    for name, own in sets.items():
        others = {other: rows for other, rows in sets.items() if other != name}
        known = own.kept(own.half >= 0)
        enough = all(any((rows.half == half).any() for rows in others.values()) for half in (LEARNT, 0))
        if enough and len(known.right):
            model = fitted_words(others, 0)
            found[name] = model.chances(known.rows), known
    return found


def main() -> None:
    """Read, fit both ways round, report, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--rendered", nargs="*", type=Path, default=[])
    parser.add_argument("--choose", nargs="+", type=Path, required=True)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--limit", type=int, default=200)
    asked = parser.parse_args()
    steps = (load_session(f"line-{asked.model}-{step}", 1) for step in ("glance", "fixate"))
    context = Context() if asked.model in IN_CONTEXT else None
    transcriber = Transcriber(*steps, words=Words(Alphabet()), context=context)
    read: dict[str, list[Outcome]] = {}
    planted: dict[str, Guesses] = {}
    kinds = ((asked.sets, held_strips), (asked.rendered, learnt_strips), (asked.choose, all_strips))
    for folder, strips_of in ((folder, strips_of) for folders, strips_of in kinds for folder in folders):
        found = outcomes(strips_of(folder, asked.limit), transcriber, folder)
        read.setdefault(folder.name, []).extend(found)
        planted.setdefault(folder.name, []).extend(guesses_on(found[::PLANTED], transcriber))
    write(asked.model, read, planted)


def write(model: str, read: Mapping[str, list[Outcome]], planted: Mapping[str, Guesses]) -> None:
    """Fit to what was read, print how well, and write what half 0 chose."""
    by_word = {name: word_rows(one) for name, one in read.items()}
    words = {half: fitted_words(by_word, half) for half in (0, 1)}
    report_level("words", unseen({0: by_word, 1: by_word}, words))
    report_level("words, by a fit to other sets", left_out(by_word))
    by_line = {half: {name: line_rows(one, words, half) for name, one in read.items()} for half in (0, 1)}
    lines = {half: fitted_lines(by_line[half], half) for half in (0, 1)}
    report_level("lines of several words", unseen(by_line, lines))
    by_char = {name: guess_rows(one, planted[name]) for name, one in read.items()}
    guesses = {half: fitted_guesses(by_char, half) for half in (0, 1)}
    judged = unseen({0: by_char, 1: by_char}, {half: guesses[half][0] for half in (0, 1)})
    report_guesses(judged, {half: guesses[half][1] for half in (0, 1)}, planted)
    kept = {
        "sets": list(read),
        "words": words[0].to_json(WORD_EVIDENCE),
        "lines": lines[0].to_json(LINE_EVIDENCE),
    }
    kept["guesses"] = guesses[0][0].to_json(CHAR_EVIDENCE) | {"limit": round(guesses[0][1], 5)}
    path = WEIGHTS / f"line-{model}-trust.json"
    path.write_text(json.dumps(kept) + "\n", encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
