"""From a few corrected lines to a model that reads more like them: the body of `foveal adapt`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from foveal.errors import ConfigError, FovealError, OutputFailed
from foveal.measure.rules import exact
from foveal.models.one_file import LineFile, check_output, open_line, save
from foveal.reading.beside import Adapter, write_adapter
from foveal.reading.context import Context
from foveal.reading.line_graphs import context_of, is_adapter, is_file
from foveal.reading.vocabulary import Vocabulary
from foveal.reading.words import Words
from foveal.train.changes import parameters_of, put, settle
from foveal.train.few_lines import CutLine, Drawing, TextLine, batches, cut, read_lines
from foveal.train.tune import Course, Told, edits, signs, tune
from foveal.train.vocabulary import own_words

WORDS = {
    "as before": "",
    "their own": ", with the words of the lines",
    "in context": ", with the words of the lines and what usually follows what",
    "none": ", without listed words",
}
"""What an adapted model may read with beside the ink, and how that is said."""

SAID = ("words", "language", "texts", "context")
"""What an adapter's file says beside what was learnt."""

EVIDENCE = {"in context": 0.9}
"""What an edit counts, of those that some words leave. Context helped on every set of handwriting it was
tried on, and fifty lines tell shares of 7 % from chance at best: a tenth fewer must be left without it.
"""

FEWEST = 10
"""Lines below which nothing can be learnt and held out."""

FOLDS = 5
"""So many models learn, each holding out its own share of the lines at first; their mean is kept."""

_DECIDED = 0.75  # the share of a fold's work after which it reads what it did not learn from
_RATE = 1.2e-4  # three times as much makes the lines known by heart, and others no better read


@dataclass(frozen=True)
class Plan:
    """How a model is adapted. steps, minutes: at the most, of all folds; threads: all cores if None."""

    steps: int = 400
    minutes: float = 5.0
    threads: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Adapted:
    """What came of it.

    before, after: CER of the lines, each read by the model as it was and by one that did not learn from it;
    words: those that it reads with, one of WORDS; seconds: in all.
    """

    lines: int
    left_out: int
    before: float
    after: float
    words: str
    seconds: float

    def to_text(self) -> str:
        """Return one line for people."""
        left = f"; {self.left_out} left out for signs the model cannot write" if self.left_out else ""
        return (
            f"{self.lines} lines{left}; held out in turn, {100 * self.before:.1f} % of their signs were read "
            f"wrongly before, {100 * self.after:.1f} % after{WORDS[self.words]}; {self.seconds:.0f} s"
        )


def adapt(source: str, folder: Path, output: Path, *, plan: Plan, told: Told | None = None) -> Adapted:
    """Write `source` (a name or a file, see `load_line`) adapted to the lines of `folder` into one file.

    output: .onnx for the whole model; .npz for an adapter, what its parameters changed by, which is read
    beside the embedded model that it belongs to.

    FOLDS models learn, each from all lines but a share of its own. How they read the lines that they did not
    learn from decides which words help; unless that is better than before, FovealError is raised and nothing
    is written. Then each learns from its share too, and the mean of their parameters is written (model soups;
    Wortsman et al., 2022).
    `told`: hears of the progress.
    Raises ConfigError for fewer than FEWEST lines, and what `read_lines`, `open_line` and
    `check_output` raise.
    """
    begun = time.monotonic()
    if plan.threads is not None:
        torch.set_num_threads(plan.threads)
    _check(source, output)
    line = open_line(source)
    found = read_lines(folder)
    lines = [one for one in found if not line.alphabet.unwritable(one.text)]
    _enough(folder, lines, found, line)
    before = edits(line.model, line.alphabet, lines, words=line.words, context=line.context)
    if before == 0:
        raise FovealError(f"{folder}: the lines are read without a fault", remedy="nothing to adapt")
    start = parameters_of(line.model)
    after = _learn_in_turn(line, lines, plan=plan, until=begun + 60 * plan.minutes, told=told)
    words = decide(after)
    _better(before, after[words], signs(lines))
    learnt = settle(line.model, start, seed=plan.seed)
    line.facts |= _said(words, lines, line)
    if is_adapter(str(output)):
        _save_beside(source, line, learnt, output)
    else:
        save(line, output)
    cers = before / signs(lines), after[words] / signs(lines)
    return Adapted(len(lines), len(found) - len(lines), *cers, words=words, seconds=time.monotonic() - begun)


def decide(edits_left: dict[str, int]) -> str:
    """Return which of WORDS to read with, by the edits that each leaves of the lines held out."""
    return min(edits_left, key=lambda name: edits_left[name] * EVIDENCE.get(name, 1.0))


def _check(source: str, output: Path) -> None:
    check_output(output, adapter=True)
    if is_adapter(str(output)) and is_file(source):
        raise ConfigError(
            f"{output}: an adapter belongs to an embedded model, not to {source}",
            remedy="write a whole model: -o mine.onnx",
        )


def _learn_in_turn(
    line: LineFile, lines: Sequence[TextLine], *, plan: Plan, until: float, told: Told | None
) -> dict[str, int]:
    """Give the model the mean parameters of all folds; return their edits, by WORDS, of what was held out.

    until: when the time is up.
    """
    start, after = parameters_of(line.model), dict.fromkeys(WORDS, 0)
    cuts = cut(line.model, lines, line.alphabet)
    mean = {name: torch.zeros_like(value) for name, value in start.items()}
    for fold in range(FOLDS):
        put(line.model, start)
        turn = Course(max(2, plan.steps // FOLDS), (until - time.monotonic()) / (FOLDS - fold), _RATE)
        part = _part(told, fold / FOLDS, 1 / FOLDS)
        found = _fold(line, lines, cuts, fold, turn=turn, seed=FOLDS * plan.seed, told=part)
        for name, count in found.items():
            after[name] += count
        for name, value in parameters_of(line.model).items():
            mean[name] += value / FOLDS
    put(line.model, mean)
    return after


def _fold(
    line: LineFile,
    lines: Sequence[TextLine],
    cuts: Sequence[CutLine],
    fold: int,
    *,
    turn: Course,
    seed: int,
    told: Told | None,
) -> dict[str, int]:
    """Let a model learn from all lines but its share, read that, and learn from it too; return the edits."""
    held = lines[fold::FOLDS]
    others = [one for place, one in enumerate(lines) if place % FOLDS != fold]
    known = [one for one in cuts if not any(one.line is other for other in held)]
    course, rest = turn.part(_DECIDED), turn.part(1 - _DECIDED)
    _learn(line, others, known, course=course, seed=seed + fold, told=_part(told, 0, _DECIDED))
    found = _edits_by_words(line, others, held)
    _learn(line, lines, cuts, course=rest, seed=seed + fold, told=_part(told, _DECIDED, 1 - _DECIDED))
    return found


def _learn(
    line: LineFile,
    lines: Sequence[TextLine],
    cuts: Sequence[CutLine],
    *,
    course: Course,
    seed: int,
    told: Told | None,
) -> None:
    """Let all of a model learn from lines, as they are and put together anew from the words of `cuts`."""
    questions = batches(lines, cuts, line.alphabet, drawing=Drawing(), seed=seed)
    parameters = list(line.model.requires_grad_(True).parameters())
    tune(line.model, parameters, questions, course=course, seed=seed, told=told)


def _part(told: Told | None, begin: float, size: float) -> Told | None:
    """Return what tells of the whole work when it is told of a part of it."""
    return None if told is None else lambda share: told(begin + share * size)


def _edits_by_words(line: LineFile, others: Sequence[TextLine], held: Sequence[TextLine]) -> dict[str, int]:
    """Return the edits of lines held out, read with each of WORDS; `others` were learnt from."""
    listed = own_words([one.text for one in others], line.alphabet)
    own = Words(line.alphabet, own=Vocabulary.from_text(listed)) if listed else line.words
    context, _ = context_of({"texts": _texts(others)}, line.alphabet)
    choices: dict[str, tuple[Words | None, Context | None]] = {
        "as before": (line.words, line.context),
        "their own": (own, None),
        "in context": (own, context),
        "none": (None, None),
    }
    return {
        name: edits(line.model, line.alphabet, held, words=words, context=context)
        for name, (words, context) in choices.items()
    }


def _texts(lines: Sequence[TextLine]) -> str:
    return "\n".join(exact(line.text) for line in lines)


def _said(words: str, lines: Sequence[TextLine], line: LineFile) -> dict[str, str]:
    """Return what the model's file says of the words and the context that it reads with."""
    if words == "as before":
        return {}
    if words == "none":
        return {"language": "none", "context": "no"}
    said = {"words": own_words([one.text for one in lines], line.alphabet), "context": "no"}
    return said | {"texts": _texts(lines), "context": "yes"} if words == "in context" else said


def _save_beside(source: str, line: LineFile, learnt: dict[str, NDArray[Any]], output: Path) -> None:
    facts = {key: value for key, value in line.facts.items() if key in SAID}
    try:
        write_adapter(output, Adapter(source, learnt, facts))
    except OSError as error:
        raise OutputFailed(f"{output}: {error.strerror}", remedy="choose another place") from error


def _enough(folder: Path, lines: Sequence[TextLine], found: Sequence[TextLine], line: LineFile) -> None:
    if len(lines) >= FEWEST:
        return
    if len(found) >= FEWEST:
        missing = "".join(line.alphabet.unwritable("".join(one.text for one in found)))
        raise ConfigError(
            f"{folder}: only {len(lines)} of {len(found)} lines can be written: the alphabet lacks {missing}",
            remedy="foveal finetune adds signs to the alphabet",
        )
    raise ConfigError(f"{folder}: {len(lines)} lines are too few", remedy=f"correct {FEWEST} or more")


def _better(before: int, after: int, all_signs: int) -> None:
    if after >= before:
        raise FovealError(
            f"of {all_signs} held-out signs {before} were read wrongly before, {after} after: not written",
            remedy="correct more lines, or lines more like those to be read",
        )
