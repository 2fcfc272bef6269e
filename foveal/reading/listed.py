"""A vocabulary in the ids of an alphabet: which of its words look most like what was seen."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.reading.decode import Floats
from foveal.reading.vocabulary import Vocabulary

Ids = tuple[int, ...]
Letters = NDArray[np.uint8]

_BEAM = 64  # beginnings of words kept at each letter
_UNSEEN = -40.0  # the log-probability of a form that the alphabet cannot write


class Found(NamedTuple):
    """Words found, k of them. scores: "k", log-probabilities; numbers: "k"; letters: "length" of each."""

    scores: Floats
    numbers: NDArray[np.int32]
    letters: list[Letters]


class Listed:
    """The words of a vocabulary, written in an alphabet. Safe to share between threads."""

    def __init__(self, vocabulary: Vocabulary, alphabet: Alphabet) -> None:
        self.vocabulary, self._alphabet = vocabulary, alphabet

    @cached_property
    def _forms(self) -> NDArray[np.int64]:
        """The ids of a letter as it may look, "letters 3": small, the long ſ, a capital; −1 for none."""

        def id_of(form: str) -> int:
            return self._alphabet.encode(form)[0] if len(form) == 1 and form in self._alphabet else -1

        forms = [(char, "ſ" if char == "s" else "", char.upper()) for char in self.vocabulary.letters]
        return np.array([[id_of(form) for form in row] for row in forms], np.int64).reshape(-1, 3)

    @cached_property
    def _form_of(self) -> list[tuple[int, int, int]]:
        return [(small, long, capital) for small, long, capital in self._forms.tolist()]

    def number(self, word: str) -> int:
        """Return the number of a word in lower case, −1 if it is not listed; lists may write ss for ß."""
        found = self.vocabulary.find(word)
        return self.vocabulary.find(word.replace("ß", "ss")) if found < 0 and "ß" in word else found

    def search(self, seen: Floats, behind: int, *, shortest: int, longest: int, least: float) -> Found:
        """Return the words of some lengths that the fixations bear best, but none of a score below `least`.

        A beam search from the root of the trie. seen: "t C", log-probabilities from the word's first letter
        on; behind: the id that follows the word. Cost: some fifteen array operations a letter.
        """
        tree, folded = self.vocabulary, self._folded(seen[:longest])
        nodes, scores = np.zeros(1, np.int32), np.zeros(1, np.float32)
        letters = np.zeros((1, 0), np.uint8)
        found = [Found(np.zeros(0, np.float32), np.zeros(0, np.int32), [])]
        for step in range(min(longest, len(seen) - 1)):
            counts = tree.children[nodes].astype(np.int32)
            parents = np.repeat(np.arange(len(nodes)), counts)
            before = counts.cumsum(dtype=np.int32) - counts
            nodes = np.repeat(tree.first[nodes] - before, counts) + np.arange(len(parents), dtype=np.int32)
            added = tree.letter[nodes]
            scores = scores[parents] + folded[step, added]
            kept = np.flatnonzero(scores >= least)
            if len(kept) > _BEAM:
                kept = kept[np.argpartition(-scores[kept], _BEAM)[:_BEAM]]
            if not len(kept):
                break
            nodes, scores, parents, added = nodes[kept], scores[kept], parents[kept], added[kept]
            letters = np.concatenate([letters[parents], added[:, None]], axis=1)
            if step + 1 < shortest:
                continue
            numbers = tree.word[nodes]
            whole = scores + seen[step + 1, behind]
            ends = np.flatnonzero((numbers >= 0) & (whole >= least))
            found.append(Found(whole[ends], numbers[ends], list(letters[ends])))
        return Found(
            np.concatenate([one.scores for one in found]),
            np.concatenate([one.numbers for one in found]),
            [row for one in found for row in one.letters],
        )

    def _folded(self, seen: Floats) -> Floats:
        """Return the log-probability of each letter, whatever its form: "t letters"."""
        small, long, capital = np.where(self._forms.T >= 0, seen[:, self._forms.T], _UNSEEN).swapaxes(0, 1)
        return np.asarray(np.logaddexp(np.logaddexp(small, long), capital), np.float32)

    def written(self, letters: Letters, seen: Floats, *, capitals: int) -> Ids:
        """Return the ids of a word whose first letters are capitals; with ſ where it looks likelier."""
        ids = []
        for place, letter in enumerate(letters.tolist()):
            small, long, capital = self._form_of[letter]
            if place < capitals and capital >= 0:
                small = capital
            elif long >= 0 and (small < 0 or seen.item(place, long) > seen.item(place, small)):
                small = long
            ids.append(small)
        return tuple(ids)
