"""How good the looks of a model are on real strips: concentrated, stable, and true to what was read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from foveal.explain.examiner import Asked, Examiner
from foveal.measure.concentration import entropy, gini
from foveal.measure.faithfulness import faithfulness, gaussian, points_at, random_attribution
from foveal.measure.score import Figures
from foveal.measure.stability import PERTURBATIONS, matrix_stability, row_stability

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]
Spans = Sequence[tuple[float, float]]
"""Left and right of every true character, in pixels of its image."""

READ = 0.5
"""A character less likely than this is not asked about: there is nothing to take away."""


@dataclass(frozen=True)
class Example:
    """A strip image "h w 3" and, where they are known, its true characters without spaces and their spans."""

    image: Image
    text: str = ""
    spans: Spans = ()


@dataclass(frozen=True, eq=False)
class Case:
    """One character of a word: `i`, its number there; `truth`: its true span in columns, if it is known."""

    word: Asked
    i: int
    truth: tuple[float, float] | None = None

    @property
    def box(self) -> tuple[float, float]:
        """The box that the reading gave it: left and right in columns."""
        left, right = self.word.boxes[self.i]
        return float(left), float(right)

    def attributions(self, rng: np.random.Generator) -> dict[str, Floats]:
        """Return its look, and what a look has to beat: "n" each."""
        n = len(self.word.count)
        return {
            "look": self.word.looks[self.i].astype(np.float64),
            "random": random_attribution(n, rng),
            "gaussian": gaussian(n, *self.box),
        }


def attention_figures(examples: Sequence[Example], examiner: Examiner) -> Figures:
    """Return the figures of looks on strips, one character of each; see `docs/measuring.md` for each name.

    Costs about a hundred readings of a word for each strip. Strips on which nothing is read do not count.
    """
    rng = np.random.default_rng(0)
    words = examiner.words([example.image for example in examples])
    found = cases(examples, words, rng)
    if not found:
        return {}
    looks = [word.looks for own in words for word in own]
    figures = {
        "look_entropy": float(np.mean(np.concatenate([entropy(own) for own in looks]))),
        "look_gini": float(np.mean(np.concatenate([gini(own) for own in looks]))),
        "look_chars": float(len(found)),
    }
    figures |= _stability([case.word for case in found], examiner, rng)
    return figures | _faithfulness(found, examiner, rng)


def cases(
    examples: Sequence[Example], words: Sequence[Sequence[Asked]], rng: np.random.Generator
) -> list[Case]:
    """Return one character of each strip, of those that the fixations read; `words`: of each strip."""
    found = []
    for example, own in zip(examples, words, strict=True):
        read = [(word, i) for word in own for i in np.flatnonzero(word.chances >= READ)]
        if read:
            word, i = read[int(rng.integers(len(read)))]
            found.append(Case(word.alone(), int(i), _truth(example, own, word, int(i))))
    return found


def _truth(example: Example, words: Sequence[Asked], word: Asked, i: int) -> tuple[float, float] | None:
    """Return the true span of a character in columns of its word alone, if all was read right."""
    if not example.spans or "".join(one.text for one in words).casefold() != example.text.casefold():
        return None
    before = sum(len(one.text) for one in words[: words.index(word)])
    shift = float(word.boxes[0, 0] - word.alone().boxes[0, 0])
    columns = len(word.count) / example.image.shape[1]
    left, right = example.spans[before + i]
    return left * columns - shift, right * columns - shift


def _stability(words: Sequence[Asked], examiner: Examiner, rng: np.random.Generator) -> Figures:
    rows, matrices = [], []
    for word in words:
        altered = np.stack([word.strip, *(change(word.strip, rng) for change in PERTURBATIONS.values())])
        before, *after = examiner.looks(word, altered)
        rows += [row_stability(before, looks).mean() for looks in after]
        matrices += [matrix_stability(before, looks) for looks in after]
    return {"look_stability": float(np.mean(rows)), "look_stability_matrix": float(np.mean(matrices))}


def _faithfulness(found: Sequence[Case], examiner: Examiner, rng: np.random.Generator) -> Figures:
    rows: dict[str, list[float]] = {}
    for case in found:
        maps = case.attributions(rng)
        for name, one in zip(maps, faithful(case, list(maps.values()), examiner, rng=rng), strict=True):
            for kind, value in one.items():
                rows.setdefault(f"{kind}_{name}", []).append(value)
            if case.truth is not None:
                rows.setdefault(f"pointing_{name}", []).append(points_at(maps[name], *case.truth))
    order = sorted(rows, key=lambda name: name.partition("_")[0])
    return {name: float(np.mean(rows[name])) for name in order}


def faithful(
    case: Case, maps: Sequence[Floats], examiner: Examiner, *, rng: np.random.Generator
) -> list[dict[str, float]]:
    """Return deletion, insertion and road of attributions "n" of one character, by name."""

    def score(strips: Image) -> NDArray[np.float32]:
        return examiner.chances(case.word, strips)[:, case.i]

    return [asdict(one) for one in faithfulness(case.word.strip, maps, score, rng=rng)]
