"""Log-odds fitted to plenty of one kind of answers, and set right by a few of another.

Platt, 1999: o becomes s·o + b. Here slope s and level b lean on the kind of text too: what is hard to read is
told from what is easy, a language's words from numbers and abbreviations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveal.measure.additive import Additive

Floats = NDArray[np.float64]
Ends = tuple[float, float]

_STEPS = 40
_FREE = 1e-4
_LEAN = 1e-3  # how far slope and level lean has to be worth more than their constants
_RARE = 0.01  # share of the answers beyond either end


@dataclass(frozen=True)
class Scaled:
    """The chance of something by its log-odds o: most / (1 + exp(−s·o − b)), s = slope · x and b = level · x.

    x: 1, and where each piece of evidence in `columns` lies between its `ends`, from −1 to 1 and no further.
    most: what no chance exceeds: the share of labels that are right.
    """

    model: Additive
    slope: tuple[float, ...]
    level: tuple[float, ...]
    columns: tuple[int, ...] = ()
    ends: tuple[Ends, ...] = ()
    most: float = 1.0

    def chances(self, evidence: ArrayLike) -> Floats:
        """Return the chance for each row of evidence: "n k" → "n", each in (0, most)."""
        rows = np.asarray(evidence, np.float64)
        kind = _kind(rows, self.columns, self.ends)
        odds = kind @ np.array(self.slope) * self.model.odds(rows) + kind @ np.array(self.level)
        return np.asarray(self.most / (1 + np.exp(-odds)))

    def to_json(self, names: Sequence[str]) -> dict[str, Any]:
        """Return it as plain values. names: of the columns of the evidence."""
        leans = {"of": [names[i] for i in self.columns], "ends": self.ends}
        said = {"slope": self.slope, "level": self.level, "leans": leans, "most": self.most}
        return said | {"model": self.model.to_json(names)}

    @classmethod
    def from_json(cls, said: Mapping[str, Any], names: Sequence[str]) -> Scaled:
        """Return what `to_json` gave, for evidence with columns of these names, or KeyError."""
        column = {name: i for i, name in enumerate(names)}
        leans = said["leans"]
        return cls(
            Additive.from_json(said["model"], names),
            tuple(said["slope"]),
            tuple(said["level"]),
            tuple(column[name] for name in leans["of"]),
            tuple((low, high) for low, high in leans["ends"]),
            said["most"],
        )


def scaled(
    model: Additive,
    evidence: ArrayLike,
    right: ArrayLike,
    *,
    share: ArrayLike,
    columns: Sequence[int] = (),
    most: float = 1.0,
) -> Scaled:
    """Return the model with the likeliest slope and level by other answers, by Fisher's scoring.

    evidence: "n k"; right: "n" of 0 or 1; share: "n", how much each counts; columns: what slope and level
    lean on. A penalty draws them to 1 and 0 by little, and what leans on the evidence to nothing by more.
    """
    rows, label = np.asarray(evidence, np.float64), np.asarray(right, np.float64)
    count = np.asarray(share, np.float64) / np.sum(share)
    ends = tuple(_ends(rows[:, column]) for column in columns)
    kind = _kind(rows, columns, ends)
    x = np.concatenate([kind * model.odds(rows)[:, None], kind], axis=1)
    values = _likeliest(x, label, count, most=most)
    slope, level = np.split(np.round(values, 4), 2)
    return Scaled(model, tuple(slope.tolist()), tuple(level.tolist()), tuple(columns), ends, most)


def _likeliest(x: Floats, label: Floats, count: Floats, *, most: float) -> Floats:
    """Return the coefficients of "n 2k" whose first of either half is free and whose others cost."""
    size = x.shape[1] // 2
    free = np.arange(2 * size) % size == 0
    ridge, start = np.diag(np.where(free, _FREE, _LEAN)), np.eye(1, 2 * size)[0]
    values: Floats = start
    for _ in range(_STEPS):
        sure = 1 / (1 + np.exp(-np.clip(x @ values, -30, 30)))
        chance = most * sure
        pull = (1 - sure) / (1 - chance)  # 1 where no label is wrong
        slope = x.T @ (count * (label - chance) * pull) - ridge @ (values - start)
        weight = np.maximum(chance * (1 - sure) * pull, 1e-6)
        step = np.linalg.solve((x * (count * weight)[:, None]).T @ x + ridge, slope)
        values = values + step * min(1.0, 0.5 / max(float(np.abs(step).max()), 1e-9))
    return values


def _kind(rows: Floats, columns: Sequence[int], ends: Sequence[Ends]) -> Floats:
    """Return 1 and the evidence of some columns, from −1 to 1 between its ends: "n 1+columns"."""
    low, high = np.array(ends).reshape(-1, 2).T
    between = (2 * rows[:, list(columns)] - low - high) / (high - low)
    return np.concatenate([np.ones((len(rows), 1)), np.clip(between, -1, 1)], axis=1)


def _ends(values: Floats) -> Ends:
    low, high = np.round(np.quantile(values, [_RARE, 1 - _RARE]), 4).tolist()
    return low, max(high, low + 1e-3)
