"""A part by its name: `build(MECHANISMS, {"name": "mlp", "layers": 3}, q_dim=64, k_dim=32)`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

from foveal.config import nearest
from foveal.errors import ConfigError

Part = TypeVar("Part")
Spec = str | Mapping[str, Any]
"""How a part is asked for: its name, or its name and options."""

SIZES = {"q_dim", "k_dim", "dim", "head_dim", "heads", "channels", "levels"}
SIZES |= {"text_dim", "image_dim", "classes"}
"""What a model knows and a part may need: sizes of a query, a key, a place, a head, a side, and counts."""


def build(table: Mapping[str, type[Part]], spec: Spec, **sizes: int) -> Part:
    """Return the part that `spec` names in `table`.

    The rule: what a class's constructor takes by position are sizes, and `build` hands over those of `sizes`
    that it names (a class without parameters names none and gets none); what it takes by keyword only are
    options, and come from `spec`. Raises ConfigError on a wrong name, a wrong option, or a missing size.

    >>> build({"fraction": Fraction}, {"name": "fractoin"})      # doctest: +SKIP
    ConfigError: there is no 'fractoin' (did you mean 'fraction'?)
    """
    options = {"name": spec} if isinstance(spec, str) else dict(spec)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise ConfigError(f"{dict(options)!r} has no name", remedy=nearest("", table))
    if name not in table:
        raise ConfigError(f"there is no '{name}'", remedy=nearest(name, table))
    signature = inspect.signature(table[name]).parameters
    parameters = {key: p for key, p in signature.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    allowed = [key for key, p in parameters.items() if p.kind is p.KEYWORD_ONLY and key not in sizes]
    for key in options:
        if key not in allowed:
            raise ConfigError(f"{name} has no option '{key}'", remedy=nearest(key, allowed))
    given = {key: size for key, size in sizes.items() if key in parameters}
    required = {key for key, p in parameters.items() if p.default is p.empty}
    if missing := sorted(required - given.keys() - options.keys()):
        raise ConfigError(f"{name} needs {', '.join(missing)}")
    assert sizes.keys() <= SIZES, f"unknown sizes {sizes.keys() - SIZES}"
    return table[name](**given, **options)
