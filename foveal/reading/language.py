"""What usually follows what: a language of characters, counted, without a list of words."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_EDGE = -1  # before the first character


@dataclass(frozen=True, eq=False)
class Language:
    """p(c | up to order − 1 characters before), shorter contexts filling in for longer ones.

    (Witten and Bell, 1991: p(c|h) = (n(hc) + N(h)·p(c|h')) / (n(h) + N(h)), N the kinds that followed h, h'
    without its first; at last all classes alike.) Id 0 is the end of a text. Nothing keeps it to words it
    has seen. Cost of `next`: O(order · classes), kept for the contexts asked last.
    """

    classes: int
    order: int
    counts: dict[tuple[int, ...], Counter[int]] = field(repr=False)

    @classmethod
    def learn(cls, texts: Iterable[Sequence[int]], *, classes: int, order: int = 5) -> Language:
        """Count the ids of texts."""
        counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for ids in texts:
            whole = [*([_EDGE] * (order - 1)), *ids, 0]
            for end in range(order - 1, len(whole)):
                for length in range(order):
                    counts[tuple(whole[end - length : end])][whole[end]] += 1
        return cls(classes, order, dict(counts))

    def next(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Return log-probabilities "classes" of what follows `ids`."""
        room = self.order - 1
        context = (*([_EDGE] * room), *ids)[len(ids) :]
        return self._next(context if room else ())

    @lru_cache(maxsize=4096)  # noqa: B019  # lives as long as the language
    def _next(self, context: tuple[int, ...]) -> NDArray[np.float32]:
        chances = np.full(self.classes, 1 / self.classes)
        for length in range(len(context) + 1):
            seen = self.counts.get(context[len(context) - length :])
            if seen is None:
                break
            kinds, total = len(seen), seen.total()
            chances = chances * kinds
            for symbol, count in seen.items():
                chances[symbol] += count
            chances /= total + kinds
        return np.asarray(np.log(chances), np.float32)

    def save(self, path: Path) -> None:
        """Write the counts as JSON."""
        rows = [[list(context), sorted(seen.items())] for context, seen in sorted(self.counts.items())]
        record = {"classes": self.classes, "order": self.order, "counts": rows}
        path.write_text(json.dumps(record), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Language:
        """Return what `save` wrote."""
        record = json.loads(path.read_text(encoding="utf-8"))
        counts = {tuple(context): Counter(dict(seen)) for context, seen in record["counts"]}
        return cls(record["classes"], record["order"], counts)
