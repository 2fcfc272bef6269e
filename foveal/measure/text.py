"""How well text was read: CER, word accuracy, bag-of-words F1, spaces F1, confusions.

Every measure takes texts as they are given; what counts as the same sign is settled before, by a `Rule` of
`measure.rules`. Sums are micro: counts are added over a whole set, then divided once.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Pair = tuple[str, str]
"""What was read, and the truth."""

_WORD = re.compile(r"(?:[^\W_][\u0300-\u036f]*)+")
_LINE_END_HYPHEN = re.compile(r"(?<=[^\W\d_])[-‐‑¬⸗\u00ad]\s*\n\s*(?=[^\W\d_])")


def _costs(read: str, truth: str) -> Iterator[NDArray[np.int32]]:
    """Yield the edit distances of each prefix of `read` to all of `truth` (Wagner & Fischer, 1974)."""
    b = np.array([ord(sign) for sign in truth], dtype=np.int32)
    steps = np.arange(len(truth) + 1, dtype=np.int32)
    row = steps
    yield row
    for sign in read:
        change = np.minimum(row[1:] + 1, row[:-1] + (b != ord(sign)))
        # an insertion costs one per step from the best place to its left
        row = np.minimum.accumulate(np.concatenate([row[:1] + 1, change]) - steps) + steps
        yield row


def edit_distance(read: str, truth: str) -> int:
    """Return the least number of insertions, deletions and substitutions between two texts; time n · m.

    >>> edit_distance("kitten", "sitting")
    3
    """
    return int(deque(_costs(read, truth), maxlen=1)[0][-1])


def align(read: str, truth: str) -> list[tuple[str, str]]:
    """Return the pairs (read sign, true sign) of one cheapest alignment; "" stands for a missing sign.

    >>> align("ac", "abc")
    [('a', 'a'), ('', 'b'), ('c', 'c')]
    """
    costs = np.stack(list(_costs(read, truth)))
    i, j = len(read), len(truth)
    pairs: list[tuple[str, str]] = []
    while i or j:
        if i and j and costs[i, j] == costs[i - 1, j - 1] + (read[i - 1] != truth[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((read[i], truth[j]))
        elif i and costs[i, j] == costs[i - 1, j] + 1:
            i -= 1
            pairs.append((read[i], ""))
        else:
            j -= 1
            pairs.append(("", truth[j]))
    return pairs[::-1]


def cer(pairs: Iterable[Pair]) -> float:
    """Return the character error rate: edits over true characters, both summed over all pairs."""
    edits = total = 0
    for read, truth in pairs:
        edits += edit_distance(read, truth)
        total += len(truth)
    return edits / total if total else float(edits > 0)


def accuracy(pairs: Sequence[Pair]) -> float:
    """Return the share of texts read without any error; for crops of words this is the word accuracy."""
    return sum(read == truth for read, truth in pairs) / len(pairs) if pairs else 1.0


def alphanumeric(text: str) -> str:
    """Return the text as scene text is scored: a–z and 0–9, lower case, accents folded, all else dropped.

    >>> alphanumeric("Café-Bar №5")
    'cafebarno5'
    """
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(sign for sign in folded if sign.isascii() and sign.isalnum())


def words(text: str) -> list[str]:
    """Return the words of a page: what stands between blanks, punctuation and all.

    A word broken by a hyphen at the end of a line is joined again, as editors of page texts do, so that a
    re-flowed truth and a reading with its line breaks hold the same words.

    >>> words("Re-\\nflowed: 12.50")
    ['Reflowed:', '12.50']
    """
    return _joined(text).split()


def bare_words(text: str) -> list[str]:
    """Return the runs of letters and digits of a page, with the marks on letters; all else separates.

    >>> bare_words("Re-\\nflowed: 12.50")
    ['Reflowed', '12', '50']
    """
    return _WORD.findall(_joined(text))


def _joined(text: str) -> str:
    return _LINE_END_HYPHEN.sub("", unicodedata.normalize("NFC", text))


def f1(hits: int, read: int, truth: int) -> float:
    """Return the harmonic mean of hits/read and hits/truth; 1 where nothing was to be read, nor was."""
    return 2 * hits / (read + truth) if read + truth else 1.0


def words_right(read: Sequence[str], truth: str, *, fold: Callable[[str], str] = str) -> list[bool | None]:
    """Return for each word read on a line whether it is right: letter for letter, and with the same ends.

    By the cheapest alignment of the folded words; None for a word of which `fold` leaves nothing.

    >>> words_right(["a", "cat", "sleep", "s"], "a cat sleeps")
    [True, True, False, False]
    """
    folded = [fold(word) for word in read]
    true = " ".join(filter(None, map(fold, truth.split())))
    steps = [(" ", " "), *align(" ".join(filter(None, folded)), true), (" ", " ")]
    signs = iter([place for place, (one, _) in enumerate(steps) if one not in ("", " ")])
    places = [[next(signs) for _ in word] for word in folded]
    return [_is_right(steps, own) if own else None for own in places]


def _is_right(steps: Sequence[Pair], places: Sequence[int]) -> bool:
    """Tell whether the signs at these steps match the truth, nothing between, a space at both ends."""
    first, last = places[0], places[-1]
    whole = all(one == other for one, other in steps[first : last + 1])
    return whole and steps[first - 1][1] == steps[last + 1][1] == " "


def bag_of_words(
    pairs: Iterable[Pair],
    *,
    fold: Callable[[str], str] = str,
    cut: Callable[[str], list[str]] = words,
    unknown: str = "",
) -> float:
    """Return the F1 of the words of pages as bags: order does not count, repetition does.

    `fold` brings a word into the form in which two words are compared, for instance `str.casefold`.
    `cut`: what a word is, `words` or `bare_words`. `unknown`: a sign of the truth for any sign that it could
    not write; a true word that holds it does not count, nor does one read word that it fits.
    """
    hits = read_words = true_words = 0
    for read, truth in pairs:
        bags = Counter(map(fold, cut(read))), Counter(map(fold, cut(truth)))
        if unknown:
            bags = _known(*bags, unknown=unknown)
        hits += (bags[0] & bags[1]).total()
        read_words += bags[0].total()
        true_words += bags[1].total()
    return f1(hits, read_words, true_words)


def _known(read: Counter[str], truth: Counter[str], *, unknown: str) -> tuple[Counter[str], Counter[str]]:
    """Return both bags without the true words that hold `unknown` and the read words that these fit."""
    open_words = [word for word in truth.elements() if unknown in word]
    known = truth - Counter(open_words)
    rest = read - known
    read = read.copy()
    for word in open_words:
        # any one sign, or up to three that are no letters: for a dash, a row of dots
        form = re.compile(re.escape(word).replace(re.escape(unknown), r"(?:.|\W{0,3})"))
        fitting = next((other for other in rest if form.fullmatch(other)), None)
        if fitting is not None:
            rest -= Counter([fitting])
            read -= Counter([fitting])
    return read, known


def spaces(pairs: Iterable[Pair]) -> float:
    """Return the F1 of the spaces in lines: one is right where the cheapest alignment puts it on one."""
    hits = read_spaces = true_spaces = 0
    for read, truth in pairs:
        hits += sum(one == other == " " for one, other in align(read, truth))
        read_spaces += read.count(" ")
        true_spaces += truth.count(" ")
    return f1(hits, read_spaces, true_spaces)


def confusions(pairs: Iterable[Pair]) -> Counter[tuple[str, str]]:
    """Count what was read for what: (read sign, true sign), "" for a missing one. Right ones are left out."""
    return Counter(step for read, truth in pairs for step in align(read, truth) if step[0] != step[1])
