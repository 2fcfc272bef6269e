"""Strips to words: glance over each strip, then fixate, and keep the reading of a word both hold likelier.

Strips of equal width share a batch and nothing is ever padded: a strip reads the same alone or among others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.reading.context import Context, best, told
from foveal.reading.deciding import Deciding
from foveal.reading.decode import Floats, Span, Trial, best_path, spans
from foveal.reading.engine import Session
from foveal.reading.eye import Eye, Glimpse
from foveal.reading.line_graphs import LineGraphs, load_line
from foveal.reading.observation import Observation, ask
from foveal.reading.readings import Reading
from foveal.reading.remedy import Remedied, remedied
from foveal.reading.second_look import VIEWS, doubtful, judged, views_of
from foveal.reading.seen import Seen, ink
from foveal.reading.spaces import parted, set_apart
from foveal.reading.trust import Trust, load_trust
from foveal.reading.words import Tongue, Words, is_sure

T = TypeVar("T")

HEIGHT = 32
STRIDE = 4
_STEP = 16
"""Strip widths are rounded to multiples of this, by stretching at most half of it."""
_BATCH = 6144
"""Columns of pixels in one batch at the most: bounds the memory of a page of any length."""
_TOGETHER = 64
"""Strips decided together: it bounds the memory too."""
WEIGHT = 0.6
"""Weight of the fixations against the glance, 0 to 1 (benchmarks/fusion.py)."""


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

    weight: of the fixations against the glance; alphabet: the embedded models' unless given; words: held
    against what was seen, none unless given; context: by which lines in doubt are read again, none unless
    given; languages: of the texts, found out unless given; trust: gives the chances of being right, none
    unless given; model: the name by which others load the same graphs, "" if there is none; remedies: whether
    words whose looks went wrong are fixated again (remedy.py); threads: batches read at a time, each best by
    a session with one thread of its own, which costs less than sharing out one strip's small matrices.
    """

    def __init__(
        self,
        glance: Session,
        fixate: Session,
        *,
        weight: float = WEIGHT,
        alphabet: Alphabet | None = None,
        words: Words | None = None,
        languages: Sequence[str] = (),
        context: Context | None = None,
        trust: Trust | None = None,
        model: str = "",
        remedies: bool = False,
        threads: int = 1,
    ) -> None:
        self._glance, self._fixate, self._weight, self._threads = glance, fixate, weight, threads
        self._eye = Eye(glance, fixate) if remedies else None
        self.model = model
        self._alphabet = Alphabet() if alphabet is None else alphabet
        self._deciding = Deciding(self._alphabet, weight, trust)
        self._words, self._context = words, context
        self._languages = tuple(languages)
        if words is not None and languages:
            words.only(languages)  # a language without words is told at once

    def read(
        self,
        images: Sequence[NDArray[np.uint8]],
        *,
        looks: bool = False,
        again: bool = True,
        one_text: bool = False,
    ) -> list[Reading]:
        """Return the reading of each strip image "h w 3" (RGB, any size), in their order.

        looks: keep for every character the attention over the columns of its strip. again: look a second time
        at short strips that are hard to read (second_look.py). one_text: the strips are of one page, whose
        language is told by all of them.
        """
        observed = self.observe(images)
        tongue = self.tongue(observed) if one_text else None
        readings = self._decided(observed, looks=looks, tongue=tongue)
        places = doubtful(images, readings) if again else []
        others = iter(self.observe([view for place in places for view in views_of(images[place])]))
        for place in places:
            seen = [observed[place], *islice(others, len(VIEWS))]
            readings[place] = self._judged(seen, looks=looks, tongue=tongue)
        if self._context is not None:
            for place in [i for i, reading in enumerate(readings) if self._context.doubts(reading)]:
                own = self.tongue([observed[place]]) if tongue is None else tongue
                readings[place] = self._in_context(images[place], readings[place], looks=looks, tongue=own)
        return readings

    def _in_context(
        self, image: NDArray[np.uint8], first: Reading, *, looks: bool, tongue: Tongue | None
    ) -> Reading:
        """Return what a line is read as, given what is usual; as at first if that is likeliest."""
        assert self._context is not None
        ids = tuple(self._alphabet.encode(first.text))
        usual = self._context.of(tongue, ids)
        if usual is None:
            return first
        strips = to_strip(image)[None]  # again: features of all lines would be too much to keep
        features, log_probs, density = self._glance.run(None, {"strips": strips})
        seen = next(map(Seen, log_probs, density, *ink(strips, stride=STRIDE)))
        proposals = self._context.proposals(seen.log_probs, ids, usual, trust=self._weight)
        words = list(dict.fromkeys(span for one in proposals for span in one.spans))
        trials = dict(zip(words, self._fixations([_Glanced(features[0], seen, words)])[0], strict=True))
        chosen = best(proposals, trials, trust=self._weight) if proposals else ()
        if not chosen or " ".join(self._alphabet.decode(span.ids) for span in chosen) == first.text:
            return first
        cell = image.shape[1] * STRIDE / strips.shape[2]
        own = [trials[span] for span in chosen]
        observed = Observation(seen, list(chosen), own, [[] for _ in own], cell, said=True)
        return told(self.decide(observed, looks=looks, tongue=tongue), first)

    def _judged(self, seen: Sequence[Observation], *, looks: bool, tongue: Tongue | None) -> Reading:
        """Return what several views of one strip are read as, together."""
        tongue = self.tongue(seen) if tongue is None else tongue
        readings = self._decided(seen, looks=looks, tongue=tongue)
        ids = [tuple(tuple(self._alphabet.encode(word.text)) for word in one.words) for one in readings]
        return judged(readings, ids, seen, trust=self._weight, tongue=tongue)

    def tongue(self, observed: Sequence[Observation]) -> Tongue | None:
        """Return the words of the language that strips are in; None if no words are known.

        It lives as long as its text: it keeps what was looked up, at first all that the glance read.
        """
        if self._words is None:
            return None
        both = (pair for seen in observed for pair in zip(seen.spans, seen.trials, strict=True))
        heard = (span.ids for span, trials in both if is_sure(span, trials))
        tongue = self._words.only(self._languages) if self._languages else self._words.heard(heard)
        tongue.known([span.ids for seen in observed for span in seen.spans])
        return tongue

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
        for batch, observed in zip(batches, self._each(see, batches), strict=True):
            seen.update(zip(batch, observed, strict=True))
        return [seen[index] for index in range(len(images))]

    def _each(self, see: Callable[[list[int]], T], batches: list[list[int]]) -> Iterator[T]:
        """Yield what is seen of each batch; one thread is this one, in which torch counts operations."""
        if self._threads == 1:
            yield from map(see, batches)
            return
        with ThreadPoolExecutor(self._threads) as pool:
            yield from pool.map(see, batches)

    def _batch(self, strips: NDArray[np.uint8], cells: list[float]) -> Iterator[Observation]:
        features, log_probs, density = self._glance.run(None, {"strips": strips})
        seen = map(Seen, log_probs, density, *ink(strips, stride=STRIDE))
        glanced = [_Glanced(features[i], one, self._spans(one.log_probs)) for i, one in enumerate(seen)]
        for one, trials, cell in zip(glanced, self._fixations(glanced), cells, strict=True):
            first = Observation(one.seen, one.spans, trials, [], cell)
            yield replace(first, remedies=self._remedies(first, one.features))

    def _spans(self, log_probs: Floats) -> list[Span]:
        """Return the words of the glance, those in doubt parted as the words of any language would be."""
        path = set_apart(best_path(log_probs), log_probs, self._alphabet)
        if self._words is not None:
            unheard = self._words.only(self._languages) if self._languages else self._words.heard(())
            path = parted(path, log_probs, unheard)
        return spans(path, len(log_probs))

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
        asked = [ask(one.seen.density, one.spans) for one in glanced]
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
        return [one.by_word(log_probs[row], looks[row]) for row, one in enumerate(asked)]

    def decide(self, seen: Observation, *, looks: bool = False, tongue: Tongue | None = None) -> Reading:
        """Return the reading of what was seen: of every word, the text that both steps hold likelier.

        tongue: the words of the text that it is from; those of its own sure words unless given.
        """
        return self._decided([seen], looks=looks, tongue=tongue)[0]

    def _decided(
        self, observed: Sequence[Observation], *, looks: bool, tongue: Tongue | None
    ) -> list[Reading]:
        """Return `decide` of several strips: what is said of their words is worked out for all at once."""
        readings: list[Reading] = []
        for start in range(0, len(observed), _TOGETHER):
            some = observed[start : start + _TOGETHER]
            own = [self.tongue([seen]) if tongue is None else tongue for seen in some]
            readings += self._deciding.read(some, own, looks=looks)
        return readings


def load_transcriber(
    model: str,
    threads: int = 1,
    *,
    language: str = "auto",
    context: bool | None = None,
    remedies: bool = False,
) -> Transcriber:
    """Return what reads strips with a line model, "fast", "accurate" or a file.

    language, context: as for Reader. Raises what `load_line` does, and ConfigError for a language without
    words.
    """
    return transcriber_of(
        load_line(model), model, threads, language=language, context=context, remedies=remedies
    )


def transcriber_of(
    graphs: LineGraphs,
    model: str,
    threads: int,
    *,
    language: str,
    context: bool | None,
    remedies: bool,
) -> Transcriber:
    """Return what reads strips with graphs, or what answers as they do; model: the name they go by."""
    trust = load_trust(graphs.trust)
    in_context = graphs.in_context if context is None else context
    return Transcriber(
        graphs.glance,
        graphs.fixate,
        alphabet=graphs.alphabet,
        words=None if language == "none" else graphs.words,
        languages=() if language in ("auto", "none") else language.split("+"),
        context=graphs.context if in_context else None,
        trust=trust,
        model=model,
        remedies=remedies,
        threads=threads,
    )
