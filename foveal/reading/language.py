"""What usually follows what: a language of characters, counted, without a list of words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foveal.errors import ConfigError

Keys = NDArray[np.int64]
Key = int

LONGEST = 6
"""Characters that are counted together, at the most: a key has room for no more."""

_BITS = 10  # of a key, for each character
_EDGE = 1  # stands before the first character; a character's digit is its id + 2, so none is 0
_REMEMBERED = 1 << 19  # chances that were worked out already
_MOST = 65_535  # a count that is kept


@dataclass(frozen=True, eq=False)
class Language:
    """p(c | up to order − 1 characters before), shorter contexts filling in for longer ones.

    (Witten and Bell, 1991: p(c|h) = (n(hc) + N(h)·p(c|h')) / (n(h) + N(h)), N the kinds that followed h, h'
    without its first; at last all classes alike.) Id 0 is the end of a text. Nothing keeps it to words it
    has seen. keys: "k", in order, of every run of one to `order` characters that was seen, ten bits for each
    of them, the last lowest; counts: "k", how often. Cost: O(order) a chance.
    """

    classes: int
    order: int
    keys: Keys = field(repr=False)
    counts: NDArray[np.int64] = field(repr=False)

    @classmethod
    def learn(cls, texts: Iterable[Sequence[int]], *, classes: int, order: int = 5) -> Language:
        """Count the ids of texts. Raises ConfigError for an order that a key has no room for."""
        if not 1 <= order <= LONGEST:
            raise ConfigError(f"runs of {order} characters", remedy=f"count 1 to {LONGEST} together")
        edge = [_EDGE] * (order - 1)
        flat = np.array([x for ids in texts for x in (*edge, *(i + 2 for i in ids), 2)], np.int64)
        ends, runs = np.flatnonzero(flat != _EDGE), []
        for length in range(order):
            key = flat[ends]
            for back in range(1, length + 1):
                key = key + (flat[ends - back] << _BITS * back)
            runs.append(key)
        return cls(classes, order, *_counted(np.concatenate(runs), None))

    def with_more(self, other: Language, *, times: int = 1) -> Language:
        """Return a language that has seen what both have, the other's texts so often."""
        assert (self.classes, self.order) == (other.classes, other.order)
        keys = np.concatenate((self.keys, other.keys))
        return Language(
            self.classes, self.order, *_counted(keys, np.concatenate((self.counts, other.counts * times)))
        )

    def inside(self) -> Language:
        """Return a language without the runs that reach over a text's edge: its texts stood in others."""
        lowest = self.keys & ((1 << _BITS) - 1)
        within = lowest != 2  # the end of a text
        for back in range(1, self.order):
            within &= (self.keys >> _BITS * back & ((1 << _BITS) - 1)) != _EDGE
        return Language(self.classes, self.order, self.keys[within], self.counts[within])

    def without_rare(self, *, least: int, length: int) -> Language:
        """Return a language without the runs of `length` or more that it saw less than `least` times."""
        long = self.keys >= 1 << _BITS * (length - 1)
        kept = (self.counts >= least) | ~long
        return Language(self.classes, self.order, self.keys[kept], self.counts[kept])

    def begin(self) -> Key:
        """Return the context of a text's first character."""
        return self.further(0, ())

    def further(self, context: Key, ids: Sequence[int]) -> Key:
        """Return the context behind some more characters; 0, before anything, counts as a text's begin."""
        if not context:
            for place in range(self.order - 1):
                context += _EDGE << _BITS * place
        room = (1 << _BITS * (self.order - 1)) - 1
        for symbol in ids:
            context = (context << _BITS | symbol + 2) & room
        return context

    def log_chance(self, context: Key, symbol: int) -> float:
        """Return log p(symbol | context), a context as `begin` and `further` give it."""
        known = self._known
        found = known.get((context, symbol))
        if found is None:
            if len(known) >= _REMEMBERED:  # a service reads for months
                known.clear()
            found = known[context, symbol] = float(np.log(self._chance(context, symbol)))
        return found

    def log_chances(self, ids: Sequence[int]) -> float:
        """Return log p(a text), its end not counted."""
        return _log_chances(self, ids)

    def next(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Return log-probabilities "classes" of what follows `ids`."""
        context, chances = self.further(self.begin(), ids), np.full(self.classes, 1 / self.classes)
        for length in range(self.order):
            part = context & ((1 << _BITS * length) - 1)
            low, high = np.searchsorted(self.keys, (part << _BITS, part + 1 << _BITS))
            if low == high:
                break
            chances *= high - low
            chances[(self.keys[low:high] & ((1 << _BITS) - 1)) - 2] += self.counts[low:high]
            chances /= self.counts[low:high].sum() + high - low
        return np.asarray(np.log(chances), np.float32)

    def _chance(self, context: Key, symbol: int) -> float:
        chance, seen, followed = 1 / self.classes, self._seen, self._followed
        for length in range(self.order):
            part = context & ((1 << _BITS * length) - 1)
            total, kinds = followed.get(part, (0, 0))
            if not total:
                break
            chance = (seen.get(part << _BITS | symbol + 2, 0) + kinds * chance) / (total + kinds)
        return chance

    @cached_property
    def _known(self) -> dict[tuple[Key, int], float]:
        return {}

    @cached_property
    def _seen(self) -> dict[Key, int]:
        return dict(zip(self.keys.tolist(), self.counts.tolist(), strict=True))

    @cached_property
    def _followed(self) -> dict[Key, tuple[int, int]]:
        """How often each context was followed by anything, and by how many kinds."""
        contexts, starts = np.unique(self.keys >> _BITS, return_index=True)
        totals = np.add.reduceat(self.counts, starts) if len(starts) else starts
        kinds = np.diff(np.append(starts, len(self.keys)))
        return dict(zip(contexts.tolist(), zip(totals.tolist(), kinds.tolist(), strict=True), strict=True))

    def arrays(self) -> dict[str, NDArray[np.integer]]:
        """Return it as arrays that take little room when compressed."""
        steps = np.diff(self.keys, prepend=0)  # small numbers
        parts = {f"step{i}": (steps >> 16 * i & 0xFFFF).astype(np.uint16) for i in range(4)}
        facts = np.array([self.classes, self.order])
        return {"facts": facts, "counts": self.counts.clip(max=_MOST).astype(np.uint16), **parts}

    @classmethod
    def from_arrays(cls, kept: Mapping[str, NDArray[np.integer]]) -> Language:
        """Return what `arrays` returned."""
        steps = np.sum([kept[f"step{i}"].astype(np.int64) << 16 * i for i in range(4)], axis=0)
        classes, order = kept["facts"].tolist()
        return cls(classes, order, steps.cumsum(), kept["counts"].astype(np.int64))


def _counted(keys: Keys, counts: NDArray[np.int64] | None) -> tuple[Keys, NDArray[np.int64]]:
    """Return each key once, in order, and how often it is there, or what is counted for it in all."""
    found, place, times = np.unique(keys, return_inverse=True, return_counts=True)
    if counts is None:
        return found, times
    return found, np.bincount(place, counts, len(found)).astype(np.int64)


def save_languages(languages: Mapping[str, Language], path: Path) -> None:
    """Write languages by name as one compressed file of arrays."""
    parts = {
        f"{name}/{part}": value for name, one in languages.items() for part, value in one.arrays().items()
    }
    np.savez_compressed(path, **parts)  # type: ignore[arg-type]  # no name of them is its own argument


def load_languages(path: Path) -> dict[str, Language]:
    """Return what `save_languages` wrote."""
    with np.load(path, allow_pickle=False) as kept:
        parts: dict[str, dict[str, NDArray[np.integer]]] = {}
        for key in kept.files:
            name, _, part = key.partition("/")
            parts.setdefault(name, {})[part] = kept[key]
    return {name: Language.from_arrays(own) for name, own in parts.items()}


@dataclass(frozen=True, eq=False)
class Mixture:
    """Several languages at once: p(c | context) = Σ shareᵢ · pᵢ(c | context), the shares adding up to one.

    alike: ids that stand for another to it: which of both a text has is not its business.
    """

    parts: Sequence[tuple[Language, float]]
    alike: Mapping[int, int] = field(default_factory=dict)

    def begin(self) -> Key:
        """Return the context of a text's first character."""
        return self.parts[0][0].begin()

    def further(self, context: Key, ids: Sequence[int]) -> Key:
        """Return the context behind some more characters."""
        return self.parts[0][0].further(context, [self.alike.get(symbol, symbol) for symbol in ids])

    def log_chance(self, context: Key, symbol: int) -> float:
        """Return log p(symbol | context)."""
        symbol = self.alike.get(symbol, symbol)
        if len(self.parts) == 1:
            return self.parts[0][0].log_chance(context, symbol)
        return math.log(sum(share * math.exp(one.log_chance(context, symbol)) for one, share in self.parts))

    def log_chances(self, ids: Sequence[int]) -> float:
        """Return log p(a text), its end not counted."""
        return _log_chances(self, ids)


def _log_chances(usual: Language | Mixture, ids: Sequence[int]) -> float:
    context, total = usual.begin(), 0.0
    for symbol in ids:
        total += usual.log_chance(context, symbol)
        context = usual.further(context, (symbol,))
    return total

