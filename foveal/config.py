"""Settings: a wrong name is answered with the nearest right one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the remedy for a wrong name: the name that looks most like it, or else all there are.

    >>> nearest("makdown", ["json", "markdown"])
    "did you mean 'markdown'?"
    """
    known = sorted(names)
    if not known:
        return "there are none"
    close = difflib.get_close_matches(name.lower(), known, n=1)
    return f"did you mean '{close[0]}'?" if close else "there are: " + ", ".join(known)
