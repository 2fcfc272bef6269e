"""What counts as the same text when a set is scored: the rule of a set, by its kind or by its own `set.json`.

| rule | both texts are | used for sets whose name begins with |
|---|---|---|
| exact | in the normal form of `alphabet.normalise`, every hyphen sign (¬ ‐ ‑) written `-` | all others |
| caseless | exact, then without regard to case | receipts, scene_pages |
| alphanumeric | a–z and 0–9, lower case, accents folded, nothing else | scene_words |
| lenient | exact, with straight quotes and one kind of dash | none: for comparison by request |

`exact` keeps ⸗ (the double hyphen of Fraktur) apart from `-`: the ink differs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from foveal.alphabet import normalise
from foveal.errors import ConfigError
from foveal.measure.text import alphanumeric

Rule = Callable[[str], str]

_HYPHENS = str.maketrans({"¬": "-", "‐": "-", "‑": "-"})
_PLAIN = str.maketrans("’‘‚`´“”„–—―", "'''''\"\"\"---")


def exact(text: str) -> str:
    """Return the normal form with one sign for every hyphen; line breaks count as spaces."""
    return normalise(text.translate(_HYPHENS))


def caseless(text: str) -> str:
    """Return the exact form without regard to case."""
    return exact(text).casefold()


def lenient(text: str) -> str:
    """Return the exact form with straight quotes and one kind of dash.

    >>> lenient("l’été — “oui”")
    'l\\'été - "oui"'
    """
    return exact(text).translate(_PLAIN)


RULES: dict[str, Rule] = {
    "exact": exact,
    "caseless": caseless,
    "alphanumeric": alphanumeric,
    "lenient": lenient,
}
_BY_KIND = {"scene_words": "alphanumeric", "scene_pages": "caseless", "receipts": "caseless"}


def rule_named(name: str) -> Rule:
    """Return the rule of a name; raises ConfigError, naming the nearest, where there is none."""
    if name not in RULES:
        near = get_close_matches(name, RULES, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(RULES)}"
        raise ConfigError(f"there is no scoring rule {name!r}", remedy=remedy)
    return RULES[name]


def rule_of(folder: Path) -> str:
    """Name the rule of a set: `rule` in its `set.json` if there, else by the kind its name begins with."""
    name = _setting(folder, "rule")
    if name:
        rule_named(name)
        return name
    return next((rule for kind, rule in _BY_KIND.items() if folder.name.startswith(kind)), "exact")


def unknown_of(folder: Path) -> str:
    """Return the sign by which a set's truth stands for any sign it could not write; "" if there is none.

    `unknown` in its `set.json`; UNLV writes ~ for every sign off the keyboard.
    """
    return _setting(folder, "unknown") or ("~" if folder.name.startswith("printed_pages_unlv") else "")


def _setting(folder: Path, key: str) -> str:
    file = folder / "set.json"
    return str(json.loads(file.read_text(encoding="utf-8")).get(key, "")) if file.exists() else ""
