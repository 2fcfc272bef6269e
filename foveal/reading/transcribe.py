"""Strips to words: glance over each strip, then fixate, and keep the reading of a word both hold likelier.

Strips of equal width share a batch and nothing is ever padded: a strip reads the same alone or among others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.document import Remedy
from foveal.reading.decode import Floats, Span, Trial, best_path, edges, lengths, spans
from foveal.reading.engine import Session
from foveal.reading.eye import Eye, Glimpse
from foveal.reading.line_graphs import load_line
from foveal.reading.readings import ReadChar, Reading, ReadWord
from foveal.reading.remedy import Remedied, Word, better, remedied
from foveal.reading.second_look import look_again
from foveal.reading.trust import Seen, Trust, char_evidence, ink, line_evidence, load_trust, word_evidence
from foveal.reading.words import Words, choose_word

HEIGHT = 32
STRIDE = 4
_STEP = 16
"""Strip widths are rounded to multiples of this, by stretching at most half of it."""
_BATCH = 6144
"""Columns of pixels in one batch at the most: bounds the memory of a page of any length."""
WEIGHT = 0.6
"""Weight of the fixations against the glance, 0 to 1 (benchmarks/fusion.py)."""
_EXTRA = 2
"""Fixations beyond the expected length of a word: one must find its end, one more in case it is longer."""


@dataclass(frozen=True)
class Observation:
    """What the model saw of one strip, before anything is decided.

    glance: what it saw; spans: its words; trials: each word's fixations; remedies: those under remedies, of
    words whose looks went wrong; cell: pixels of the image given to one column.
    """

    glance: Seen
    spans: list[Span]
    trials: list[list[Trial]]
    remedies: list[list[Remedied]]
    cell: float

    def word(self, span: Span) -> Word:
        """Return a word as it was glanced at."""
        return Word(span, self.glance.log_probs[span.low : span.high], self.glance.density)


@dataclass(frozen=True)
class _Glanced:
    features: Floats
    seen: Seen
    spans: list[Span]


def to_strip(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image "h w 3" at the model's height, its width a multiple of 16: "32 w 3"."""
    natural = image.shape[1] * HEIGHT / image.shape[0]
    width = max(_STEP, _STEP * round(natural / _STEP))
    how = cv2.INTER_AREA if image.shape[0] > HEIGHT else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, HEIGHT), interpolation=how), np.uint8)


class Transcriber:
    """Reads strips with one line model. Safe to share between threads: it keeps no state between calls.

    weight: of the fixations against the glance; alphabet: the embedded models' unless given; words: of the
    language, where they are known; trust: gives the chances of being right, none unless given; model: the
    name by which others load the same graphs, "" if there is none; remedies: whether words whose looks went
    wrong are fixated again (remedy.py); threads: batches read at a time, each best by a session with one
    thread of its own, which costs less than sharing out one strip's small matrices.
    """

    def __init__(
        self,
        glance: Session,
        fixate: Session,
        *,
        weight: float = WEIGHT,
        alphabet: Alphabet | None = None,
        words: Words | None = None,
        trust: Trust | None = None,
        model: str = "",
        remedies: bool = False,
        threads: int = 1,
    ) -> None:
        self._glance, self._fixate, self._weight, self._threads = glance, fixate, weight, threads
        self._eye = Eye(glance, fixate) if remedies else None
        self._trust = trust
        self.model = model
        self._alphabet = Alphabet() if alphabet is None else alphabet
        self._words = words

    def read(
        self, images: Sequence[NDArray[np.uint8]], *, looks: bool = False, again: bool = True
    ) -> list[Reading]:
        """Return the reading of each strip image "h w 3" (RGB, any size), in their order.

        looks: keep for every character the attention over the columns of its strip. again: look a second time
        at short strips that are hard to read (second_look.py).
        """

        def read(images: Sequence[NDArray[np.uint8]]) -> list[Reading]:
            return [self.decide(seen, looks=looks) for seen in self.observe(images)]

        return look_again(images, read(images), read) if again else read(images)

    def observe(self, images: Sequence[NDArray[np.uint8]]) -> list[Observation]:
        """Return what the model sees of each strip image, in their order."""
        strips = [to_strip(image) for image in images]
        by_width: dict[int, list[int]] = defaultdict(list)
        for index, strip in enumerate(strips):
            by_width[strip.shape[1]].append(index)
        batches = [
            members[start : start + max(1, _BATCH // width)]
            for width, members in by_width.items()
            for start in range(0, len(members), max(1, _BATCH // width))
        ]

        def see(batch: list[int]) -> list[Observation]:
            cells = [images[i].shape[1] * STRIDE / strips[i].shape[1] for i in batch]
            return list(self._batch(np.stack([strips[i] for i in batch]), cells))

        seen: dict[int, Observation] = {}
        with ThreadPoolExecutor(self._threads) as pool:
            for batch, observed in zip(batches, pool.map(see, batches), strict=True):
                seen.update(zip(batch, observed, strict=True))
        return [seen[index] for index in range(len(images))]

    def _batch(self, strips: NDArray[np.uint8], cells: list[float]) -> Iterator[Observation]:
        features, log_probs, density = self._glance.run(None, {"strips": strips})
        seen = map(Seen, log_probs, density, *ink(strips, stride=STRIDE))
        glanced = [_Glanced(features[i], one, _words(one.log_probs)) for i, one in enumerate(seen)]
        for one, trials, cell in zip(glanced, self._fixations(glanced), cells, strict=True):
            first = Observation(one.seen, one.spans, trials, [], cell)
            yield replace(first, remedies=self._remedies(first, one.features))

    def _remedies(self, seen: Observation, features: Floats) -> list[list[Remedied]]:
        if self._eye is None:
            return [[] for _ in seen.spans]
        density = seen.glance.density[None]
        count = np.asarray(density.cumsum(-1) - density / 2, np.float32)
        glimpse = Glimpse(features[None], seen.glance.log_probs[None], count)
        return [
            remedied(self._eye, glimpse, seen.word(span), trials, trust=self._weight)
            for span, trials in zip(seen.spans, seen.trials, strict=True)
        ]

    def _fixations(self, glanced: list[_Glanced]) -> list[list[list[Trial]]]:
        """Return for each strip, and each of its words, the trials."""
        asked = [_ask(seen) for seen in glanced]
        longest = max(len(one.positions) for one in asked)
        if longest == 0:
            return [[] for _ in glanced]
        b = len(glanced)
        positions = np.zeros((b, longest), np.float32)
        words, window = np.full((b, longest), -1, np.int64), np.zeros((b, longest, 2), np.int64)
        for row, one in enumerate(asked):
            size = len(one.positions)
            positions[row, :size], words[row, :size] = one.positions, one.trial
            window[row, :size] = one.window
        density = np.stack([one.seen.density for one in glanced])
        log_probs, looks = self._fixate.run(
            None,
            {
                "features": np.stack([seen.features for seen in glanced]),
                "count": density.cumsum(-1) - density / 2,
                "positions": positions,
                "words": words,
                "window": window,
            },
        )
        return [_by_word(log_probs[row], looks[row], one) for row, one in enumerate(asked)]

    def decide(self, seen: Observation, *, looks: bool = False) -> Reading:
        """Return the reading of what was seen: of every word, the text that both steps hold likelier."""
        words = []
        for span, trials, remedies in zip(seen.spans, seen.trials, seen.remedies, strict=True):
            word = seen.word(span)
            ids, trial = choose_word(word.log_probs, trials, span, trust=self._weight, words=self._words)
            found = better(word, trials, remedies, trust=self._weight) if remedies else None
            if found is None:
                words += [self._word(seen, span, trials, ids=ids, trial=trial, looks=looks)] if ids else []
                continue
            kind, kept, other = found
            read = self._word(seen, span, [*trials, other], ids=kept, trial=other, looks=looks)
            words.append(replace(read, remedy=Remedy(kind, self._alphabet.decode(ids))))
        evidence = line_evidence(seen.glance, seen.spans, characters=sum(len(word.chars) for word in words))
        chances = [word.chance for word in words if word.chance is not None]
        chance = self._trust.of_line(evidence, chances) if self._trust else None
        return Reading(tuple(words), seen.cell, evidence, chance)

    def _word(
        self,
        seen: Observation,
        span: Span,
        trials: list[Trial],
        *,
        ids: tuple[int, ...],
        trial: Trial,
        looks: bool,
    ) -> ReadWord:
        places = edges(seen.glance.density, span, len(ids))
        evidence = word_evidence(seen.glance, span, trials, ids=ids, trial=trial, places=places)
        grounds = char_evidence(seen.glance, span, ids=ids, trial=trial, places=places)
        ends = places * seen.cell
        chars = [self._char(symbol, trial, i, ends[i], looks=looks) for i, symbol in enumerate(ids)]
        if self._trust is None:
            return ReadWord(tuple(chars), evidence, grounds)
        guessed = self._trust.guessed(grounds)
        marked = tuple(replace(char, guessed=flag) for char, flag in zip(chars, guessed, strict=True))
        return ReadWord(marked, evidence, grounds, self._trust.of_word(evidence))

    def _char(self, symbol: int, trial: Trial, place: int, at: Floats, *, looks: bool) -> ReadChar:
        place = min(place, len(trial.looks) - 1)
        chances = np.exp(trial.log_probs[place])
        others = [int(i) for i in np.argsort(-chances)[:4] if i not in (symbol, 0) and chances[i] > 0.01]
        return ReadChar(
            self._alphabet.decode([symbol]),
            float(at[0]),
            float(at[1]),
            float(chances[symbol]),
            tuple((self._alphabet.decode([i]), float(chances[i])) for i in others),
            trial.looks[place] if looks else None,
        )


def load_transcriber(model: str, threads: int = 1, *, remedies: bool = False) -> Transcriber:
    """Return what reads strips with a line model, "fast", "accurate" or a file. Errors: see `load_line`."""
    graphs = load_line(model)
    trust = load_trust(graphs.trust)
    return Transcriber(
        graphs.glance,
        graphs.fixate,
        alphabet=graphs.alphabet,
        words=graphs.words,
        trust=trust,
        model=model,
        remedies=remedies,
        threads=threads,
    )


def _words(log_probs: Floats) -> list[Span]:
    return spans(best_path(log_probs), len(log_probs))


@dataclass(frozen=True)
class _Asked:
    """The fixations asked of a strip. trial: which trial each belongs to; word: the word of each trial."""

    positions: Floats
    trial: NDArray[np.int64]
    window: NDArray[np.int64]
    word: list[int]


def _ask(seen: _Glanced) -> _Asked:
    """Ask for every word once for each length it may have.

    The fixations stand where the running count passes the middle of each character, the word's whole mass
    shared out among the characters expected, with some fixations more to find the end.
    """
    total = np.concatenate(([0.0], seen.seen.density.cumsum())).astype(np.float32)
    positions, trials, windows = [np.zeros(0, np.float32)], [], []
    words: list[int] = []
    for word, span in enumerate(seen.spans):
        mass = float(total[span.high] - total[span.low])
        for length in lengths(span, mass):
            steps = (np.arange(length + _EXTRA, dtype=np.float32) + 0.5) * (mass / length)
            positions.append(total[span.low] + steps)
            trials.append(np.full(len(steps), len(words), np.int64))
            windows.append(np.tile(np.array([span.low, span.high], np.int64), (len(steps), 1)))
            words.append(word)
    none = np.zeros(0, np.int64)
    return _Asked(
        np.concatenate(positions).astype(np.float32),
        np.concatenate([none, *trials]),
        np.concatenate([none.reshape(0, 2), *windows]),
        words,
    )


def _by_word(log_probs: Floats, looks: Floats, asked: _Asked) -> list[list[Trial]]:
    trials: list[list[Trial]] = [[] for _ in range(max(asked.word, default=-1) + 1)]
    for number, word in enumerate(asked.word):
        own = np.flatnonzero(asked.trial == number)
        trials[word].append(Trial(log_probs[own], looks[own]))
    return trials
