"""From a few corrected lines to a model that reads more like them: the body of `foveal adapt`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from foveal.errors import ConfigError, FovealError, OutputFailed
from foveal.models.one_file import LineFile, check_output, open_line, save
from foveal.reading.beside import Adapter, write_adapter
from foveal.reading.line_graphs import is_adapter, is_file
from foveal.reading.vocabulary import Vocabulary
from foveal.reading.words import Words
from foveal.train.few_lines import Drawing, TextLine, batches, cut, read_lines
from foveal.train.lowrank import attach, learnt, merge
from foveal.train.tune import Course, Told, edits, signs, tune
from foveal.train.vocabulary import own_words

LAYERS = ("query", "key", "value", "out", "read", "name")
"""The linear layers that get an adapter: of every attention, and the last of the glance and the fixations."""

WORDS = {"as before": "", "their own": ", with the words of the lines", "none": ", without listed words"}
"""The words that an adapted model may read with, and how that is said."""

FEWEST = 10
"""Lines below which nothing can be learnt and held out."""

_HELD_OUT = 5  # one line in so many
_DECIDED = 0.75  # the share of the work after which the held-out lines decide
_RATE = 1e-3


@dataclass(frozen=True)
class Plan:
    """How a model is adapted.

    rank: of the adapters; steps, minutes: at the most, a quarter of them with the lines that were held out;
    threads: all cores if None.
    """

    rank: int = 8
    steps: int = 300
    minutes: float = 5.0
    threads: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Adapted:
    """What came of it.

    before, after: CER of the held-out lines when they were not yet learnt from; words: those that it reads
    with, one of WORDS; seconds: in all.
    """

    lines: int
    held_out: int
    left_out: int
    before: float
    after: float
    words: str
    seconds: float

    def to_text(self) -> str:
        """Return one line for people."""
        left = f"; {self.left_out} left out for signs the model cannot write" if self.left_out else ""
        return (
            f"{self.lines} lines{left}; of {self.held_out} held out, {100 * self.before:.1f} % of the signs "
            f"were read wrongly before, {100 * self.after:.1f} % after"
            f"{WORDS[self.words]}; {self.seconds:.0f} s"
        )


def adapt(source: str, folder: Path, output: Path, *, plan: Plan, told: Told | None = None) -> Adapted:
    """Write `source` (a name or a file, see `load_line`) adapted to the lines of `folder` into one file.

    output: .onnx for the whole model with the adapters merged; .npz for the adapters alone, which are read
    beside the embedded model that they belong to.

    First it learns from four fifths of the lines, and the others decide which words help; unless they are
    read better than before, FovealError is raised and nothing is written. Then it learns from them too.
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
    held = lines[_HELD_OUT // 2 :: _HELD_OUT]
    others = [one for place, one in enumerate(lines) if place % _HELD_OUT != _HELD_OUT // 2]
    before = edits(line.model, line.alphabet, held, words=line.words)
    if before == 0:
        raise FovealError(f"{folder}: the held-out lines are read without a fault", remedy="nothing to adapt")
    learn = _Lessons(line, plan, begun, told)
    learn(others, rate=_RATE, until=_DECIDED)
    after, words = _best(line, others, held)
    _better(before, after, signs(held))
    learn(lines, rate=_RATE / 2, until=1.0)
    adapters = learnt(line.model)
    merge(line.model)
    if words == "their own":
        line.facts["words"] = own_words([one.text for one in lines], line.alphabet)
    if words == "none":
        line.facts["language"] = "none"
    if is_adapter(str(output)):
        _save_beside(source, line, adapters, output)
    else:
        save(line, output)
    counts = len(lines), len(held), len(found) - len(lines)
    cers = before / signs(held), after / signs(held)
    return Adapted(*counts, *cers, words=words, seconds=time.monotonic() - begun)


def _check(source: str, output: Path) -> None:
    check_output(output, adapter=True)
    if is_adapter(str(output)) and is_file(source):
        raise ConfigError(
            f"{output}: an adapter belongs to an embedded model, not to {source}",
            remedy="write a whole model: -o mine.onnx",
        )


def _save_beside(source: str, line: LineFile, adapters: dict[str, NDArray[np.float32]], output: Path) -> None:
    facts = {key: value for key, value in line.facts.items() if key in ("words", "language")}
    try:
        write_adapter(output, Adapter(source, adapters, facts))
    except OSError as error:
        raise OutputFailed(f"{output}: {error.strerror}", remedy="choose another place") from error


def _best(line: LineFile, others: Sequence[TextLine], held: Sequence[TextLine]) -> tuple[int, str]:
    """Return the fewest edits of the held-out lines, and with which of WORDS they are read so well."""
    listed = own_words([one.text for one in others], line.alphabet)
    own = Words(line.alphabet, own=Vocabulary.from_text(listed)) if listed else line.words
    choices: dict[str, Words | None] = {"as before": line.words, "their own": own, "none": None}
    found = {name: edits(line.model, line.alphabet, held, words=words) for name, words in choices.items()}
    best = min(found, key=lambda name: found[name])
    return found[best], best


class _Lessons:
    """Trains the adapters of a model, once and again."""

    def __init__(self, line: LineFile, plan: Plan, begun: float, told: Told | None) -> None:
        torch.manual_seed(plan.seed)
        self._line, self._plan, self._begun, self._told = line, plan, begun, told
        self._steps, self._done = 0, 0.0
        self._learnt = attach(line.model, LAYERS, plan.rank)

    def __call__(self, lines: Sequence[TextLine], *, rate: float, until: float) -> None:
        """Learn from lines; until: by which share of the steps and minutes."""
        model, alphabet, plan = self._line.model, self._line.alphabet, self._plan
        left = 60 * plan.minutes * until - (time.monotonic() - self._begun)
        steps = max(1, round(plan.steps * until) - self._steps)
        questions = batches(
            lines, cut(model, lines, alphabet), alphabet, drawing=Drawing(), seed=plan.seed + steps
        )
        course = Course(steps, max(left, 1.0), rate)
        self._steps += tune(
            model, self._learnt, questions, course=course, seed=plan.seed, told=self._part(until)
        )
        self._done = until

    def _part(self, until: float) -> Told | None:
        """Return what tells of the whole work when it is told of the part that ends at `until`."""
        told, done = self._told, self._done
        return None if told is None else lambda share: told(done + share * (until - done))


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
