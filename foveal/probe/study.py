"""A study of the line model's heads on real or rendered strips: what each looks at, and what it is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from foveal.explain.examiner import Asked
from foveal.explain.trajectory import ink
from foveal.measure.concentration import entropy
from foveal.measure.patterns import Places, divergence, named, patterns, selectivity
from foveal.models.line import STRIDE, LineModel
from foveal.probe.heads import Answer, Importance, heads_of, importance
from foveal.probe.line import as_tensor, line_maps, log_chances

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Head:
    """One head. `layer`: see `foveal.probe.line.Maps`; `number`: from 0.

    `pattern`: what it is named after; `selectivity`: for every pattern; `spread`: mean entropy of its looks,
    0 to 1; `apart`: mean divergence from the other heads of its layer, in bits; `ablation`, `gradient`:
    what it is worth, in nats of log p of a character, and `changed`: the share of the characters that are
    read otherwise without it; see `foveal.probe.heads.importance`.
    """

    layer: str
    number: int
    pattern: str
    selectivity: dict[str, float]
    spread: float
    apart: float
    ablation: float
    gradient: float
    changed: float


@dataclass(frozen=True, eq=False)
class Line:
    """A strip with all its words, and what stands where: by the reading, or by the renderer's truth."""

    words: tuple[Asked, ...]
    places: Places


def as_read(words: Sequence[Asked]) -> Line:
    """Return a line with its places by the reading's boxes; spaces lie between the words."""
    ends = [(float(word.boxes[0, 0]), float(word.boxes[-1, 1])) for word in words]
    spaces = [(left, right) for (_, left), (right, _) in pairwise(ends)]
    return with_truth(words, np.concatenate([word.boxes for word in words]), spaces)


def with_truth(words: Sequence[Asked], boxes: ArrayLike, spaces: ArrayLike) -> Line:
    """Return a line with its places by true boxes of characters and of spaces, "t 2" in columns."""
    columns = np.asarray(ink(words[0].strip).reshape(-1, STRIDE).any(axis=1), bool)
    return Line(tuple(words), Places.of(boxes, spaces, columns))


def study(model: LineModel, lines: Sequence[Line]) -> list[Head]:
    """Return all heads of a line model, layer by layer, measured on lines.

    Costs a reading of every line for each head of the encoder (24 in `fast`), and one with gradients.
    """
    maps = [
        {name: each.double().numpy() for name, each in line_maps(model, line.words).items()} for line in lines
    ]
    worth = _worth(model, lines)
    names = {name.removesuffix(".attention"): name for name, _ in worth}
    found = []
    for layer in maps[0] if maps else ():
        own = [each[layer] for each in maps]
        scores = _selectivities(layer, own, lines)
        spread = np.mean([entropy(each).mean(-1) for each in own], axis=0)
        apart = np.mean([divergence(each) for each in own], axis=0)
        for number in range(len(spread)):
            best = {name: float(values[number]) for name, values in scores.items()}
            value = worth[names[layer], number]
            others = apart[number].sum() / max(len(apart) - 1, 1)
            found.append(
                Head(
                    layer=layer,
                    number=number,
                    pattern=named(best, float(spread[number])),
                    selectivity=best,
                    spread=float(spread[number]),
                    apart=float(others),
                    ablation=value.ablation,
                    gradient=value.gradient,
                    changed=value.changed,
                )
            )
    return found


def _selectivities(layer: str, maps: Sequence[Floats], lines: Sequence[Line]) -> dict[str, Floats]:
    """Return the selectivity of each head "h" of a layer for every pattern, mean over lines that show it."""
    rows: dict[str, list[Floats]] = {}
    for own, line in zip(maps, lines, strict=True):
        for name, marked in _marked(layer, line).items():
            found = selectivity(own, marked)
            if not np.isnan(found).any():
                rows.setdefault(name, []).append(found)
    return {name: np.mean(values, axis=0) for name, values in rows.items()}


def _marked(layer: str, line: Line) -> dict[str, NDArray[np.bool_]]:
    """Return the patterns of a layer's maps: its queries and keys are columns or characters."""
    chars = np.arange(sum(len(word.ids) for word in line.words))
    if layer.startswith("blocks"):
        return patterns(line.places, line.places.char)
    if not layer.endswith("talk"):
        return patterns(line.places, chars)
    nothing = np.zeros(len(chars), bool)
    among = patterns(Places(chars, nothing, nothing), chars)
    return {name: each for name, each in among.items() if name.endswith("character")}


def _worth(model: LineModel, lines: Sequence[Line]) -> dict[tuple[str, int], Importance]:
    """Return the importance of every head for the mean log p of the characters read, by the fixations."""
    seen = _features(model, lines)  # heads of the fixations do not change them
    names = list(heads_of(model))
    encoder = [name for name in names if name.startswith("blocks")]
    rest = [name for name in names if name not in encoder]
    found = importance(model, lambda: _answer(model, lines, _features(model, lines)), within=encoder)
    return found | importance(model, lambda: _answer(model, lines, seen), within=rest)


def _features(model: LineModel, lines: Sequence[Line]) -> list[Tensor]:
    return [model.glance(as_tensor(line.words[0].strip[None])).features for line in lines]


def _answer(model: LineModel, lines: Sequence[Line], features: Sequence[Tensor]) -> Answer:
    """Return the mean log p of the characters of lines, and what is read in their places."""
    both = zip(lines, features, strict=True)
    said = torch.cat([log_chances(model, line.words, seen)[0] for line, seen in both])
    ids = torch.from_numpy(np.concatenate([word.ids for line in lines for word in line.words]))
    return Answer(said[torch.arange(len(ids)), ids].mean(), said.detach().argmax(-1))
