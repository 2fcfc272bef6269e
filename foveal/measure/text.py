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
    """Return the words of a page: the longest runs of letters and digits; marks on letters belong to them.

    Punctuation only separates. A word broken by a hyphen at the end of a line is joined again, as editors of
    page texts do, so that a re-flowed truth and a reading with its line breaks hold the same words.

    >>> words("Re-\\nflowed, isn't it?")
    ['Reflowed', 'isn', 't', 'it']
    """
    return _WORD.findall(_joined(text))


def tokens(text: str) -> list[str]:
    """Return what stands between blanks on a page, punctuation and all; line ends are joined as by `words`.

    The stricter cut, for receipts and forms: 12.50 is one token, not two words.

    >>> tokens("TOTAL: 12.50")
    ['TOTAL:', '12.50']
    """
    return _joined(text).split()


def _joined(text: str) -> str:
    return _LINE_END_HYPHEN.sub("", unicodedata.normalize("NFC", text))


def f1(hits: int, read: int, truth: int) -> float:
    """Return the harmonic mean of hits/read and hits/truth; 1 where nothing was to be read, nor was."""
    return 2 * hits / (read + truth) if read + truth else 1.0


def bag_of_words(
    pairs: Iterable[Pair],
    *,
    fold: Callable[[str], str] = str,
    cut: Callable[[str], list[str]] = words,
) -> float:
    """Return the F1 of the words of pages as bags: order does not count, repetition does.

    `fold` brings a word into the form in which two words are compared, for instance `str.casefold`.
    `cut`: what a word is, `words` or `tokens`.
    """
    hits = read_words = true_words = 0
    for read, truth in pairs:
        bags = Counter(map(fold, cut(read))), Counter(map(fold, cut(truth)))
        hits += (bags[0] & bags[1]).total()
        read_words += bags[0].total()
        true_words += bags[1].total()
    return f1(hits, read_words, true_words)


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
