"""Settings: a wrong name is answered with the nearest right one."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

from foveal.errors import ConfigError

Settings = TypeVar("Settings")


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


def settle(kind: type[Settings], values: Mapping[str, Any], *, where: str) -> Settings:
    """Return the dataclass `kind` with these values, as TOML or JSON gives them; a part may be one too.

    Lists become tuples. Raises ConfigError for a key that does not exist, naming the nearest, for one that
    is missing, and for a value of another type. `where`: what the values are called in the error.
    """
    hints = typing.get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    for key in values:
        if key not in known:
            raise ConfigError(f"{where} has no key '{key}'", remedy=nearest(key, known))
    required = {n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING}
    if missing := sorted(required - values.keys()):
        raise ConfigError(f"{where} needs {', '.join(missing)}")
    return kind(**{key: _settled(hints[key], value, f"{where}.{key}") for key, value in values.items()})


def _settled(hint: Any, value: Any, where: str) -> Any:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where} is {value!r}", remedy="give a table")
        return settle(hint, value, where=where)
    if origin in (typing.Union, types.UnionType):
        return _one_of(parts, value, where)
    if origin is typing.Literal:
        if value not in parts:
            raise ConfigError(f"{where} cannot be {value!r}", remedy=nearest(str(value), map(str, parts)))
        return value
    if origin is tuple:
        return _several(parts, value, where)
    if hint is float and type(value) is int:
        return float(value)
    wanted = origin or hint
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise ConfigError(f"{where} cannot be {value!r}", remedy=f"give a value of type {wanted.__name__}")
    return value


def _one_of(parts: tuple[Any, ...], value: Any, where: str) -> Any:
    wrong: list[ConfigError] = []
    for part in parts:
        try:
            return _settled(part, value, where)
        except ConfigError as error:
            wrong.append(error)
    raise wrong[0]


def _several(parts: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{where} cannot be {value!r}", remedy="give a list")
    if len(parts) == 2 and parts[1] is Ellipsis:
        parts = (parts[0],) * len(value)
    if len(parts) != len(value):
        raise ConfigError(f"{where} has {len(value)} values", remedy=f"give {len(parts)}")
    pairs = zip(parts, value, strict=True)
    return tuple(_settled(part, one, f"{where}[{i}]") for i, (part, one) in enumerate(pairs))
