"""Texts from recognisers that name one character after another: greedy, beam, with or without a language.

One loop for every kind of model and for both runtimes: a model is a step (state, ids) → (log-probabilities,
look, state), and a state is a tuple of NumPy's arrays or torch's tensors whose first axis is the hypothesis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from foveal.reading.language import Language

Floats = NDArray[np.float32]
State = tuple[Any, ...]
NEVER = np.float32(-1e30)


class Stepper(Protocol):
    """A recogniser as the loop drives it."""

    def __call__(self, state: State, ids: NDArray[np.int64]) -> tuple[Floats, Floats | None, State]:
        """Return log-probabilities "h classes" of what follows `ids` "h", the looks "h n", the state."""
        ...


@dataclass(frozen=True)
class Search:
    """How a text is looked for. beam: hypotheses kept, 1 for greedy; longest: characters at the most.

    language, weight: log p(text | image) + weight · log p(text) decides (shallow fusion; Gulcehre et al.,
    2015). Without a language there is nothing to weigh, and the weight must be 0.
    """

    beam: int = 1
    longest: int = 160
    language: Language | None = None
    weight: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a weight that nothing bears."""
        assert self.beam >= 1
        assert (self.language is not None) or self.weight == 0


@dataclass(frozen=True)
class Spelt:
    """A text. ids: its characters; probabilities: of each; looks: "t n", None if there are none; score."""

    ids: tuple[int, ...]
    probabilities: tuple[float, ...]
    looks: Floats | None
    score: float


@dataclass
class _Path:
    ids: tuple[int, ...] = ()
    probabilities: tuple[float, ...] = ()
    looks: tuple[Floats, ...] = ()
    score: float = 0.0
    ended: bool = False

    def longer(self, choice: int, log_prob: float, look: Floats | None, score: float) -> _Path:
        if choice == 0:
            return _Path(self.ids, self.probabilities, self.looks, score, True)
        looks = self.looks if look is None else (*self.looks, look)
        return _Path((*self.ids, choice), (*self.probabilities, float(np.exp(log_prob))), looks, score)


def spell(step: Stepper, state: State, search: Search, *, lines: int, first: int) -> list[Spelt]:
    """Return the likeliest text found of each of `lines` lines.

    state: before the first character, one row a line; first: the token before the first character. Cost: a
    step of lines · beam rows for each character of the longest text.
    """
    paths = [[_Path()] for _ in range(lines)]
    before = np.full(lines, first, np.int64)
    for _ in range(search.longest):
        log_probs, looks, state = step(state, before)
        log_probs = np.asarray(log_probs, np.float32)
        row, parents = 0, []
        for line, mine in enumerate(paths):
            paths[line], chosen = _grown(mine, log_probs[row : row + len(mine)], looks, row, search)
            parents += chosen
            row += len(mine)
        if all(path.ended for mine in paths for path in mine):
            break
        before = np.array([path.ids[-1] if path.ids else first for mine in paths for path in mine], np.int64)
        if parents != list(range(row)):
            chosen_rows = np.array(parents)
            state = tuple(part[chosen_rows] for part in state)
    best = [max(mine, key=lambda path: path.score) for mine in paths]
    return [Spelt(p.ids, p.probabilities, np.stack(p.looks) if p.looks else None, p.score) for p in best]


def _grown(
    mine: Sequence[_Path], log_probs: Floats, looks: Floats | None, row: int, search: Search
) -> tuple[list[_Path], list[int]]:
    """Return the best paths one character longer, and the row of the state that each goes on from."""
    total = np.full(log_probs.shape, NEVER, np.float64)
    for place, path in enumerate(mine):
        if path.ended:
            total[place, 0] = path.score
        else:
            total[place] = path.score + log_probs[place]
            if search.language is not None:
                total[place] += search.weight * search.language.next(path.ids)
    flat = total.ravel()
    keep = min(search.beam, flat.size)
    top = np.argpartition(-flat, keep - 1)[:keep]
    top = top[np.argsort(-flat[top], kind="stable")]
    grown, parents = [], []
    for index in top:
        place, choice = divmod(int(index), log_probs.shape[-1])
        path = mine[place]
        if not path.ended:
            look = None if looks is None else looks[row + place]
            path = path.longer(choice, float(log_probs[place, choice]), look, float(flat[index]))
        grown.append(path)
        parents.append(row + place)
    return grown, parents


class CtcSteps:
    """A CTC output as steps: p(next character | prefix), summed over all paths  (Watanabe et al., 2017).

    log_probs: "n classes", blank 0; the token before the first character is `classes`. State: the
    log-probability of all paths that have written the prefix after each of 0 … n columns and end in its last
    character, or in a blank, "h n+1" each; and that last character, "h". Cost O(n·classes) a hypothesis.
    """

    def __init__(self, log_probs: Floats) -> None:
        self._log_probs = log_probs.astype(np.float64)

    def start(self) -> State:
        """Return the state of the empty prefix, one row."""
        paused = np.concatenate(([0.0], self._log_probs[:, 0].cumsum()))[None]
        return np.full_like(paused, NEVER), paused, np.array([self._log_probs.shape[1]])

    def __call__(self, state: State, ids: NDArray[np.int64]) -> tuple[Floats, None, State]:
        """Return the log-probabilities of what may follow each prefix once `ids` have been added to it."""
        if (ids < self._log_probs.shape[1]).any():
            state = self._extended(state, ids)
        written, paused, last = state
        either: NDArray[np.float64] = np.logaddexp(written, paused)
        into = np.repeat(either[:, :-1, None], self._log_probs.shape[1], 2)
        rows = np.flatnonzero(last < self._log_probs.shape[1])
        into[rows, :, last[rows]] = paused[rows, :-1]  # the same character again needs a blank between
        follows = np.logaddexp.reduce(into + self._log_probs, axis=1)
        follows[:, 0] = either[:, -1]  # nothing follows
        follows -= np.logaddexp.reduce(follows, axis=1, keepdims=True)
        return follows.astype(np.float32), None, state

    def _extended(self, state: State, ids: NDArray[np.int64]) -> State:
        written, paused, last = state
        ids = np.minimum(ids, self._log_probs.shape[1] - 1)  # rows that have ended without a character
        into: NDArray[np.float64] = np.logaddexp(written, paused)
        again = np.flatnonzero(last == ids)
        into[again] = paused[again]  # the same character again needs a blank between
        emit: NDArray[np.float64] = np.take(self._log_probs, ids, axis=1).T
        longer = np.full(written.shape, NEVER, np.float64)
        rests = longer.copy()
        for t in range(emit.shape[1]):
            longer[:, t + 1] = np.logaddexp(longer[:, t], into[:, t]) + emit[:, t]
            rests[:, t + 1] = np.logaddexp(rests[:, t], longer[:, t]) + self._log_probs[t, 0]
        return longer, rests, ids
