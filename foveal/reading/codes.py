"""Letters beside figures that look like figures: CASHIERO1 is CASHIER01, and RMO.28 is RM0.28.

Shapes alone hardly tell O from 0. In words that hold figures the figure is the likelier by far next to
another, so that it is read where glance and fixations bear it: how far, was measured for each letter
(benchmarks/codes.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from foveal.alphabet import Alphabet
from foveal.reading.decode import Trial
from foveal.reading.remedy import Word, likelihood

CODE = "code"
"""The kind of `Remedy` that says of a word that a figure stands for a letter beside figures."""

_FIGURES = {"O": "0", "Q": "0", "I": "1", "l": "1", "|": "1", "S": "5", "Z": "2"}
_BEARS = {"0": 3.0, "1": 1.0, "5": 0.5, "2": 0.5}
"""A figure may be less likely than the letter by so much, in nats of glance and fixations as weighed."""
_BETWEEN = ".,:/-"
_NUMBER = re.compile(r"N[Oo](?![A-Za-z])")  # No. 5 is no figure


def figured(text: str) -> str:
    """Return a word with every letter as a figure that looks like one and stands beside one.

    Marks between them do not part them; a beginning that says "number" stays; % counts as a figure.

    >>> figured("R0O0"), figured("RMO.28"), figured("BOSS"), figured("5OOGM"), figured("NO.5"), figured("O%")
    ('R000', 'RM0.28', 'BOSS', '500GM', 'NO.5', '0%')
    """
    signs = list(text)
    kept = found.end() if (found := _NUMBER.match(text)) else 0
    for places in (range(kept, len(signs)), range(len(signs) - 1, kept - 1, -1)):
        before = ""
        for place in places:
            if before.isdecimal() or before == "%":
                signs[place] = _FIGURES.get(signs[place], signs[place])
            if signs[place] not in _BETWEEN:
                before = signs[place]
    return "".join(signs)


def as_code(
    ids: tuple[int, ...], word: Word, trials: Sequence[Trial], alphabet: Alphabet, *, trust: float
) -> tuple[int, ...]:
    """Return the ids of a word with figures for letters, where what was seen bears them; else as they are.

    trust: weight of the fixations against the glance.
    """
    text = alphabet.decode(ids)
    code = figured(text)
    if code == text:
        return ids
    changed = [figure for figure, sign in zip(code, text, strict=True) if figure != sign]
    meant = tuple(alphabet.encode(code))
    lost = likelihood(ids, trials, word, trust) - likelihood(meant, trials, word, trust)
    return meant if lost <= min(_BEARS[figure] for figure in changed) else ids
