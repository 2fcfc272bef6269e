"""From a set of lines to a model of that material: the body of `foveal finetune`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from foveal.alphabet import Alphabet
from foveal.errors import ConfigError
from foveal.models.line import LineModel
from foveal.models.one_file import LineFile, check_output, open_line, save
from foveal.train.changes import scatter
from foveal.train.clean_print import clean_print
from foveal.train.few_lines import Drawing, TextLine, batches, cut, read_lines
from foveal.train.tune import Course, Told, edits, signs, tune

ENCODER = ("stem", "blocks")
"""The parts that a frozen encoder keeps as they are."""

_HELD_OUT = 10  # one line in so many, where no dev set is given
_STEPS = 10**6


@dataclass(frozen=True)
class Plan:
    """How a model is finetuned. frozen: the encoder stays as it is; minutes, steps: at the most.

    rehearsed: share of the lines drawn that come from the sets it could read before; threads: all cores if
    None.
    """

    frozen: bool = False
    minutes: float = 10.0
    steps: int = _STEPS
    rate: float = 1.2e-4
    rehearsed: float = 0.2
    threads: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Sets:
    """What is learnt and what is measured; folders of lines, but for `dev` and `before`, which may be none.

    dev: without it, one line in ten of `train` is held out; before: what the model could read before, clean
    print of our own drawing without it; rehearse: lines like those, to be learnt from besides.
    """

    train: Sequence[Path]
    dev: Path | None = None
    before: Sequence[Path] = ()
    rehearse: Sequence[Path] = ()


@dataclass(frozen=True)
class Figure:
    """CER of one set before and after."""

    name: str
    lines: int
    before: float
    after: float


@dataclass(frozen=True)
class Finetuned:
    """What came of it: figures of the dev set first, then of what could be read before; signs added."""

    figures: tuple[Figure, ...]
    added: str
    steps: int

    def to_text(self) -> str:
        """Return a table for people."""
        rows = [f"{'set':<32}{'lines':>7}{'CER before':>12}{'after':>9}"]
        rows += [f"{f.name:<32}{f.lines:>7}{f.before:>12.4f}{f.after:>9.4f}" for f in self.figures]
        return "\n".join([*rows, f"{self.steps} steps; signs added to the alphabet: {self.added or 'none'}"])


def finetune(source: str, sets: Sets, output: Path, *, plan: Plan, told: Told | None = None) -> Finetuned:
    """Write `source` (a name or a file, see `load_line`) trained on the lines of `sets` into one ONNX file.

    Signs of the training texts that its alphabet lacks are added; the others keep their weights. Lines may be
    of any length. Raises ConfigError if there is nothing to learn from, and what `read_lines`, `open_line`
    and `check_output` raise.
    """
    if plan.threads is not None:
        torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    check_output(output)
    line = open_line(source)
    lines, measured = _read(sets)
    before = _cers(line, measured)
    added = "".join(line.alphabet.unwritable("".join(one.text for one in lines)))
    grow(line, added)
    steps = _learn(line, lines, sets, plan=plan, told=told)
    scatter(line.model, seed=plan.seed)
    after = _cers(line, measured)
    save(line, output)
    both = zip(measured, before, after, strict=True)
    figures = tuple(Figure(name, len(found), *cers) for (name, found), *cers in both)
    return Finetuned(figures, added, steps)


def _cers(line: LineFile, measured: Sequence[tuple[str, list[TextLine]]]) -> list[float]:
    words, context = line.words, line.context
    return [
        edits(line.model, line.alphabet, found, words=words, context=context) / max(signs(found), 1)
        for _, found in measured
    ]


def _learn(line: LineFile, lines: list[TextLine], sets: Sets, *, plan: Plan, told: Told | None) -> int:
    """Train the model on lines, and on those that are rehearsed; return the steps."""
    old = [one for folder in sets.rehearse for one in read_lines(folder, small=True)]
    old = [one for one in old if not line.alphabet.unwritable(one.text)]
    cuts = cut(line.model, lines, line.alphabet)
    drawn = _mixed(lines, old, plan.rehearsed)
    questions = batches(drawn, cuts, line.alphabet, drawing=Drawing(anew=0.3), seed=plan.seed)
    course = Course(plan.steps, 60 * plan.minutes, plan.rate)
    parameters = learnt(line.model, frozen=plan.frozen)
    return tune(line.model, parameters, questions, course=course, seed=plan.seed, told=told)


def grow(line: LineFile, added: str) -> None:
    """Add signs to the end of a model's alphabet; what it knows of the others stays as it is.

    The new ones begin as unlikely as the least likely of the old, and apart from each other.
    """
    if not added:
        return
    line.alphabet = Alphabet(line.alphabet.characters + added)
    line.model.read = _grown(line.model.read, len(line.alphabet))
    line.model.name = _grown(line.model.name, len(line.alphabet))
    for out in line.graph.graph.output:
        if out.name.endswith("log_probs"):
            out.type.tensor_type.shape.dim[2].dim_value = len(line.alphabet)


@torch.no_grad()
def _grown(layer: nn.Linear, classes: int) -> nn.Linear:
    grown = nn.Linear(layer.in_features, classes)
    grown.bias[:] = layer.bias.min()
    grown.weight *= layer.weight.std() / grown.weight.std()
    grown.weight[: layer.out_features] = layer.weight
    grown.bias[: layer.out_features] = layer.bias
    return grown


def learnt(model: LineModel, *, frozen: bool) -> list[nn.Parameter]:
    """Return the parameters that are learnt, and freeze the others."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not (frozen and name.startswith(ENCODER)))
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _read(sets: Sets) -> tuple[list[TextLine], list[tuple[str, list[TextLine]]]]:
    """Return the lines to learn from, and the sets to measure by name, the dev set first."""
    lines = [one for folder in sets.train for one in read_lines(folder, small=True)]
    if sets.dev is None:
        dev = "held out", lines[_HELD_OUT // 2 :: _HELD_OUT]
        lines = [one for place, one in enumerate(lines) if place % _HELD_OUT != _HELD_OUT // 2]
    else:
        dev = sets.dev.name, read_lines(sets.dev, small=True)
    if not lines or not dev[1]:
        raise ConfigError("there are too few lines to learn from and to measure", remedy="give ten or more")
    before = [(folder.name, read_lines(folder, small=True)) for folder in sets.before]
    return lines, [dev, *(before or [("clean print", clean_print())])]


def _mixed(lines: list[TextLine], rehearsed: list[TextLine], share: float) -> list[TextLine]:
    """Return lines to draw from evenly, of which the rehearsed make up `share`, if there are any."""
    if not rehearsed or share <= 0:
        return lines
    times = max(1, round(len(lines) * share / (1 - share) / len(rehearsed)))
    return lines + rehearsed * times
