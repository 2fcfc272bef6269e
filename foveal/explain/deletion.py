"""Is a look true to what was read? What was looked at is blanked, and the character must go.

Characters of a word are tested in four turns: in each, every fourth one loses the columns of its look (those
with a quarter of its heaviest weight or more, and the next on either side, for features see so far), and the
chance of all characters is asked again. So each loses its own look once, and once those of characters two
away, which is what its own is held against. Five strips a word, whatever its length. A look is *true* to its
character if the character has a chance of a half or more, loses half of it or more without its own look, and
keeps more without the others'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from foveal.document import Char, Line, Word
from foveal.explain.colours import Note
from foveal.explain.examiner import Asked, Examiner
from foveal.explain.trajectory import columns
from foveal.measure.faithfulness import blanked
from foveal.reading.grounded import HEAVY
from foveal.reading.steer import Held

_TURNS = 4


@dataclass(frozen=True)
class Deletion:
    """One character's test. Chances of 0 to 1: as it is, without its own look, without others'."""

    text: str
    chance: float
    without: float
    beside: float

    @property
    def is_read(self) -> bool:
        """Whether the fixation reads the character at all; if not, the glance alone did."""
        return self.chance >= 0.5

    @property
    def is_true(self) -> bool:
        """Whether the look says what the character was read from; see above."""
        return self.is_read and self.without <= self.chance / 2 and self.without < self.beside


Tested = dict[int, Deletion]
"""Tests of characters of a line, by the `id` of each Char: two that are equal stand in different places."""


def delete(word: Asked, examiner: Examiner) -> list[Deletion]:
    """Test every character of a word; cheapest for a word that is `alone`."""
    t = len(word.ids)
    heavy = word.looks >= HEAVY * word.looks.max(axis=1, keepdims=True)
    near = heavy.copy()
    near[:, 1:] |= heavy[:, :-1]
    near[:, :-1] |= heavy[:, 1:]
    turn = np.arange(t) % _TURNS
    gone = np.stack([near[turn == number].any(axis=0) for number in range(_TURNS)])
    strips = np.concatenate([word.strip[None], blanked(word.strip, ~gone)])
    intact, *rest = examiner.chances(word, strips)
    without, places = np.stack(rest), np.arange(t)
    own, other = without[turn, places], without[(turn + 2) % _TURNS, places]
    return [
        Deletion(text, float(chance), float(alone), float(others))
        for text, chance, alone, others in zip(word.text, intact, own, other, strict=True)
    ]


def deletions(line: Line, chars: Sequence[Char]) -> Tested:
    """Test characters of a line that was read with its looks, each by the look that it has.

    Those that are read otherwise when the strip is read once and for all are left out.
    """
    held = line.held
    if not isinstance(held, Held) or not chars:
        return {}
    examiner = Examiner(held.model)
    (words,) = examiner.words([held.strip.image])
    placed: dict[int, dict[int, Char]] = {}
    for char in chars:
        if (place := _place(words, char, held)) is not None:
            placed.setdefault(place[0], {})[place[1]] = char
    found = {}
    for word, own in placed.items():
        tested = delete(_as_shown(words[word], own, held).alone(), examiner)
        found.update({id(char): tested[i] for i, char in own.items()})
    return found


def _as_shown(word: Asked, chars: Mapping[int, Char], held: Held) -> Asked:
    """Return a word with the looks of some of its characters as they are shown.

    A second look, or a person, may have put them elsewhere than the word's own, and on another grid.
    """
    looks, n = word.looks.copy(), word.looks.shape[1]
    middles = (np.arange(n) + 0.5) * held.strip.image.shape[1] / n
    for i, char in chars.items():
        if char.look is not None:
            own = columns(char.look)
            moved = np.interp(middles, (np.arange(len(own)) + 0.5) * char.look.cell[0], own)
            looks[i] = own if len(own) == n else moved / max(moved.sum(), 1e-9)
    return replace(word, looks=looks)


def _place(words: Sequence[Asked], char: Char, held: Held) -> tuple[int, int] | None:
    """Return the number of a character's word and its number there, if it is read there again."""
    if not words:
        return None
    cell = held.strip.image.shape[1] / len(words[0].count)  # a second look may have set a grid of its own
    column = float(held.strip.to_strip(char.polygon)[:, 0].mean()) / cell
    distances = [np.abs(word.boxes.mean(axis=1) - column) for word in words]
    word = int(np.argmin([distance.min() for distance in distances]))
    i = int(distances[word].argmin())
    return (word, i) if words[word].text[i] == char.text and distances[word][i] < 2 else None


def note(line: Line, words: Sequence[Word], tested: Tested | None = None) -> Note | None:
    """Return what a picture of words' looks has to say of them; None where nothing can be tested.

    `tested`: characters of the line, these among them, if they were tested before.
    """
    chars = [char for word in words for char in word.chars]
    known = deletions(line, chars) if tested is None else tested
    found = [known[id(char)] for char in chars if id(char) in known]
    if not found:
        return None
    doubtful = [one for one in found if not one.is_true]
    if len(found) == 1:
        return Note(_of_one(found[0]), not doubtful)
    gone, beside = _mean([one.without for one in found]), _mean([one.beside for one in found])
    told = f"without what each looked at {gone:.0%} remains, without what others did {beside:.0%}"
    if not doubtful:
        return Note(f"Deletion test passed: {told}.", True)
    named = " ".join(dict.fromkeys(one.text for one in doubtful))
    return Note(f"NOT FAITHFUL for {len(doubtful)} of {len(found)} ({named}): {told}.", False)


def _of_one(one: Deletion) -> str:
    if not one.is_read:
        return f"NOT FAITHFUL: the fixation gives “{one.text}” {one.chance:.0%}; the glance read it."
    told = f"{one.chance:.0%}, without what it looked at {one.without:.0%}, without others' {one.beside:.0%}"
    return f"Deletion test passed: {told}." if one.is_true else f"NOT FAITHFUL: {told}."


def _mean(values: Sequence[float]) -> float:
    return float(np.asarray(values, np.float64).mean())
