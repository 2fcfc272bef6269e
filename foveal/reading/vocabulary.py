"""The words of many languages and how frequent each is in each of them: a trie in flat arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foveal.config import nearest
from foveal.errors import ConfigError
from foveal.reading.engine import WEIGHTS

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

PRIORS: Mapping[str, float] = {"en": 0.35, "fr": 0.2, "de": 0.12}
"""How likely a text is in a language before any of it was read; the others share what is left."""

_STEPS = 12.0  # of a natural logarithm, that chances are kept in; 255 of them reach down to 6e-10
_LEAST = 1e-12  # of a word whose languages have no weight
_ELSE = 3e-8  # the chance of a word that a language does not have: a name, a slip, a word of another


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Words in lower case. n nodes, breadth first, node 0 the root; w words, numbered as their nodes are.

    languages: their names; letters: what the words are made of; letter: "n", the index of the one that a node
    adds to its parent's; children: "n", how many a node has; ends: "n", whether a word ends there; spoken:
    "w", how many languages have a word; language, chance: one entry for each of these, word by word: the
    language, and −12 · log p.
    """

    languages: tuple[str, ...]
    letters: str
    letter: NDArray[np.uint8]
    children: NDArray[np.uint8]
    ends: NDArray[np.bool_]
    spoken: NDArray[np.uint8]
    language: NDArray[np.uint8]
    chance: NDArray[np.uint8]

    @classmethod
    def build(cls, languages: Mapping[str, Mapping[str, float]]) -> Vocabulary:
        """Return the vocabulary of languages, each given as its words with their log-chances."""
        words = sorted({word for listed in languages.values() for word in listed})
        letters = "".join(sorted(set("".join(words))))
        nodes = list(_nodes(words, {char: place for place, char in enumerate(letters)}))
        numbered = [words[place] for _, _, place in nodes if place >= 0]
        entries = [
            [(i, _steps(listed[word])) for i, listed in enumerate(languages.values()) if word in listed]
            for word in numbered
        ]
        letter, children = (np.array([node[part] for node in nodes], np.uint8) for part in (0, 1))
        ends = np.array([place >= 0 for _, _, place in nodes])
        spoken = np.array([len(one) for one in entries], np.uint8)
        flat = np.array([entry for one in entries for entry in one], np.uint8).reshape(-1, 2)
        return cls(tuple(languages), letters, letter, children, ends, spoken, flat[:, 0], flat[:, 1])

    @classmethod
    def from_text(cls, text: str) -> Vocabulary:
        """Return a list of one's own, one "word log-chance" a line."""
        rows = (row.rsplit(" ", 1) for row in text.splitlines())
        return cls.build({"own": {word: float(chance) for word, chance in rows}})

    def save(self, path: Path) -> None:
        """Write it as a compressed file of arrays."""
        np.savez_compressed(
            path,
            languages=np.array(self.languages),
            letters=np.array(self.letters),
            letter=self.letter,
            children=self.children,
            ends=np.packbits(self.ends),
            spoken=self.spoken,
            language=self.language,
            chance=self.chance,
        )

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Return what `save` wrote."""
        with np.load(path, allow_pickle=False) as kept:
            languages, letters = (kept[name].tolist() for name in ("languages", "letters"))
            ends = np.unpackbits(kept["ends"], count=len(kept["letter"])).astype(bool)
            parts = (kept[name] for name in ("spoken", "language", "chance"))
            return cls(tuple(languages), letters, kept["letter"], kept["children"], ends, *parts)

    @cached_property
    def first(self) -> Ints:
        """The first child of each node, "n + 1": that of node i + 1 comes after the last of node i."""
        return np.concatenate(([1], 1 + self.children.cumsum(dtype=np.int32))).astype(np.int32)

    @cached_property
    def word(self) -> Ints:
        """The number of the word that ends at each node, "n", −1 for none."""
        return np.where(self.ends, self.ends.cumsum(dtype=np.int32) - 1, -1).astype(np.int32)

    @cached_property
    def _first(self) -> memoryview:
        return self.first.data  # one element at a time, faster than of an array

    @cached_property
    def _letters(self) -> bytes:
        return self.letter.tobytes()

    @cached_property
    def _letter_of(self) -> dict[str, bytes]:
        return {char: bytes([place]) for place, char in enumerate(self.letters)}

    def find(self, word: str) -> int:
        """Return the number of a word in lower case, −1 if no language has it."""
        letters, first, node = self._letters, self._first, 0
        for char in word:
            wanted = self._letter_of.get(char)
            node = -1 if wanted is None else letters.find(wanted, first[node], first[node + 1])
            if node < 0:
                return -1
        return self.word.item(node)

    def words(self) -> list[str]:
        """Return all words, in the order of their numbers. Cost: a string a node; for lists of one's own."""
        parents = np.repeat(np.arange(len(self.children)), self.children).tolist()
        spelt = [""]
        for parent, letter in zip(parents, self.letter[1:].tolist(), strict=True):
            spelt.append(spelt[parent] + self.letters[letter])
        return [spelt[node] for node in np.flatnonzero(self.ends).tolist()]

    def highest(self, low: int, high: int) -> float:
        """Return the log-chance that no word of low to high letters exceeds, whatever the languages weigh."""
        if not self.letters.isalpha():  # of words with signs in them only a part may be looked up
            low, high = 0, len(self._highest)
        return max(self._highest[max(low, 0) : high + 1], default=-255 / _STEPS)

    @cached_property
    def _highest(self) -> tuple[float, ...]:
        """The highest log-chance of a word of each length: the nodes of one depth, and its words, adjoin."""
        words = np.concatenate(([0], self.ends.cumsum()))
        found, low, high = [], 0, 1
        while low < high:
            steps = self.chance[self._begin[words[low]] : self._begin[words[high]]]
            found.append(-float(steps.min(initial=255)) / _STEPS)
            low, high = high, int(self.first[high])
        return tuple(found)

    def log_chances(self, numbers: NDArray[np.integer], weights: Floats) -> Floats:
        """Return the log-chance of words, "k", in a text whose languages have these weights."""
        if not len(numbers):
            return np.zeros(0, np.float32)
        places, starts = self._entries(numbers)
        shares = weights[self.language[places]] * _CHANCE[self.chance[places]]
        return np.asarray(np.log(np.add.reduceat(shares, starts) + _LEAST), np.float32)

    def _entries(self, numbers: NDArray[np.integer]) -> tuple[Ints, Ints]:
        """Return the places of the entries of words, and where those of each word begin among them."""
        counts = self.spoken[numbers].astype(np.int32)
        ends = counts.cumsum(dtype=np.int32)
        starts = ends - counts
        places = np.repeat(self._begin[numbers] - starts, counts)
        return places + np.arange(len(places), dtype=np.int32), starts

    @cached_property
    def _begin(self) -> Ints:
        return np.concatenate(([0], self.spoken.cumsum(dtype=np.int32))).astype(np.int32)

    def prior(self) -> Floats:
        """Return how likely each language is before anything was read: "languages"."""
        rest = [name for name in self.languages if name not in PRIORS]
        left = max(1 - sum(PRIORS.get(name, 0) for name in self.languages), 0.1) / max(len(rest), 1)
        weights = np.array([PRIORS.get(name, left) for name in self.languages], np.float32)
        return np.asarray(weights / weights.sum(), np.float32)

    @cached_property
    def _prior(self) -> Floats:
        return self.prior()

    def heard(self, words: Iterable[str], *, prior: Floats | None = None) -> Floats:
        """Return how likely each language is once words of a text, in lower case, were read: "languages".

        Words that no language has say nothing. prior: how likely each is before, `prior()` unless given.
        """
        numbers = np.array([number for word in words if (number := self.find(word)) >= 0], np.int64)
        places, _ = self._entries(numbers)
        chances = np.full((len(numbers), len(self.languages)), _ELSE)
        rows = np.repeat(np.arange(len(numbers)), self.spoken[numbers])
        chances[rows, self.language[places]] += _CHANCE[self.chance[places]]
        scores = np.log(self._prior if prior is None else prior) + np.log(chances).sum(0)
        weights = np.exp(scores - scores.max())
        return np.asarray(weights / weights.sum(), np.float32)

    def only(self, names: Sequence[str]) -> Floats:
        """Return the weights of a text in one of the languages named. Raises ConfigError for another name."""
        for name in names:
            if name not in self.languages:
                raise ConfigError(f"no words of the language '{name}'", remedy=nearest(name, self.languages))
        weights = np.array([name in names for name in self.languages], np.float32)
        return np.asarray(weights / weights.sum(), np.float32)


@lru_cache(maxsize=1)
def embedded_words() -> Vocabulary:
    """Return the words that come with the package; they are loaded at their first use."""
    return Vocabulary.load(WEIGHTS / "words.npz")


def check_language(said: str) -> None:
    """Raise ConfigError unless "auto", "none" or languages joined by "+", "fr+en", are said."""
    if said not in ("auto", "none"):
        embedded_words().only(said.split("+"))


_CHANCE = np.exp(-np.arange(256) / _STEPS).astype(np.float32)


def _steps(log_chance: float) -> int:
    return min(max(round(-log_chance * _STEPS), 0), 255)


def _nodes(words: Sequence[str], index: Mapping[str, int]) -> Iterable[tuple[int, int, int]]:
    """Yield of every node, breadth first: its letter, how many children it has, its word's place or −1."""
    level = [(0, 0, 0, len(words))]  # letter, depth, and the words that begin with the node's
    while level:
        deeper: list[tuple[int, int, int, int]] = []
        for letter, depth, low, high in level:
            place = low if low < high and len(words[low]) == depth else -1
            rest = range(low + (place >= 0), high)
            before = len(deeper)
            for char, group in groupby(rest, key=lambda i: words[i][depth]):  # used at once
                inside = list(group)
                deeper.append((index[char], depth + 1, inside[0], inside[-1] + 1))
            yield letter, len(deeper) - before, place
        level = deeper
