"""Sets to fit confidences with and to report on: halves that share no page, and families of sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from zlib import crc32

_LARGE = 0.25
"""A page with more of a set's lines than this share is a book: its lines are parted."""

_FAMILIES = {
    "scene": "scene words",
    "receipts": "receipts",
    "handwriting": "handwriting",
    "printed_lines_uw3": "clean print",
    "printed_lines": "old print",
}
"""By how the names of sets begin; the first that fits."""


def family_of(name: str) -> str:
    """Return which kind of text a set holds, by its name; the name itself if it is of none that is known.

    >>> family_of("printed_lines_ocr17"), family_of("mine")
    ('old print', 'mine')
    """
    return next((family for begin, family in _FAMILIES.items() if name.startswith(begin)), name)


def halves(names: Sequence[str]) -> list[int]:
    """Return of each line of a set whether it is in half 0, to fit with, or in half 1, to report on.

    names: of the lines' files without endings: a page's name, "_", a number. A page's lines stay together,
    pages are dealt out by a hash of their names. What is dealt depends on all names: give those of the whole
    set.

    >>> halves(["a_1", "a_2", "b_1", "b_2", "c_1", "d_1", "e_1", "f_1"])
    [1, 1, 1, 1, 0, 0, 0, 0]
    """
    pages = [name.rpartition("_")[0] or name for name in names]
    sizes = Counter(pages)
    units = [
        name if sizes[page] > _LARGE * len(names) else page for name, page in zip(names, pages, strict=True)
    ]
    counts, half, sums = Counter(units), dict[str, int](), [0, 0]
    for unit in sorted(counts, key=lambda unit: (crc32(unit.encode()), unit)):
        half[unit] = int(sums[1] < sums[0])
        sums[half[unit]] += counts[unit]
    return [half[unit] for unit in units]
