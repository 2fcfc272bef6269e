"""A part by its name: `build(MECHANISMS, {"name": "mlp", "layers": 3}, q_dim=64, k_dim=32)`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, TypeVar

from foveal.config import nearest
from foveal.errors import ConfigError

Part = TypeVar("Part")
Spec = str | Mapping[str, Any]
"""How a part is asked for: its name, or its name and options."""

SIZES = {"q_dim", "k_dim", "dim", "head_dim", "heads", "channels", "levels"}
SIZES |= {"text_dim", "image_dim", "classes"}
"""What a model knows and a part may need: sizes of a query, a key, a place, a head, a side, and counts."""

PLAIN: dict[str, tuple[str, tuple[type, ...]]] = {
    "int": ("a whole number", (Integral,)),
    "float": ("a number", (Real,)),
    "bool": ("true or false", (bool,)),
    "str": ("a word", (str,)),
}
"""What an option of an annotated kind may be. Options of other kinds are looked at by their class."""


def at_least(least: int, **options: int) -> None:
    """Raise ConfigError for the first option that is below `least`."""
    for name, value in options.items():
        if value < least:
            raise ConfigError(f"{name} is {value}", remedy=f"{least} or more")


def beyond_zero(**options: float) -> None:
    """Raise ConfigError for the first option that is 0 or less."""
    for name, value in options.items():
        if value <= 0:
            raise ConfigError(f"{name} is {value}", remedy="more than 0")


def wholes(value: object, *, least: int) -> bool:
    """Return whether a value is a list of whole numbers, `least` or more, or a tuple (a file knows lists)."""
    if not isinstance(value, (tuple, list)) or not value:
        return False
    return all(type(x) is int and x >= least for x in value)


def read(spec: Spec) -> dict[str, Any]:
    """Return a part's name, as "name", and its options. Raises ConfigError if `spec` is neither of both."""
    if isinstance(spec, str):
        return {"name": spec}
    if not isinstance(spec, Mapping):
        raise ConfigError(f"{spec!r} names no part", remedy='a name, or {"name": …} with options')
    return dict(spec)


def build(table: Mapping[str, type[Part]], spec: Spec, **sizes: int) -> Part:
    """Return the part that `spec` names in `table`.

    The rule: what a class's constructor takes by position are sizes, and `build` hands over those of `sizes`
    that it names (a class without parameters names none and gets none); what it takes by keyword only are
    options, and come from `spec`. Raises ConfigError on a wrong name, on an option that is not there or
    cannot be what it is said to be, and on a missing size.

    >>> build({"fraction": Fraction}, {"name": "fractoin"})      # doctest: +SKIP
    ConfigError: there is no 'fractoin' (did you mean 'fraction'?)
    """
    for key in sizes.keys() - SIZES:
        raise ConfigError(f"there is no size '{key}'", remedy=nearest(key, SIZES))
    options = read(spec)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise ConfigError(f"{spec!r} has no name", remedy=nearest("", table))
    if name not in table:
        raise ConfigError(f"there is no '{name}'", remedy=nearest(name, table))
    signature = inspect.signature(table[name]).parameters
    parameters = {key: p for key, p in signature.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    allowed = [key for key, p in parameters.items() if p.kind is p.KEYWORD_ONLY and key not in sizes]
    for key in options:
        if key not in allowed:
            raise ConfigError(f"{name} has no option '{key}'", remedy=nearest(key, allowed))
        if wanted := misfit(options[key], parameters[key].annotation):
            raise ConfigError(f"{name} cannot have {key} = {options[key]!r}", remedy=f"it is {wanted}")
    given = {key: size for key, size in sizes.items() if key in parameters}
    required = {key for key, p in parameters.items() if p.default is p.empty}
    if missing := sorted(required - given.keys() - options.keys()):
        raise ConfigError(f"{name} needs {', '.join(missing)}")
    return table[name](**given, **options)


def misfit(value: object, annotation: object) -> str | None:
    """Return what an option should be, in words, if `value` is none of it; else, or if unknown, None."""
    kinds = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    names = [name.strip() for name in kinds.split("|")]
    if not set(names) <= PLAIN.keys() | {"None"} or (value is None and "None" in names):
        return None
    words, types = zip(*(PLAIN[name] for name in names if name != "None"), strict=True)
    fits = isinstance(value, sum(types, ())) and (not isinstance(value, bool) or "bool" in names)
    return None if fits else " or ".join(words)
