"""Settings: frozen dataclasses made from keyword arguments or TOML; an unknown key names the nearest one."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from foveal.errors import ConfigError, InputMissing

Settings = TypeVar("Settings")


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the remedy for a wrong name: the name that looks most like it, or else all there are.

    >>> nearest("makdown", ["json", "markdown"])
    "did you mean 'markdown'?"
    """
    known = sorted(names)
    close = difflib.get_close_matches(name.lower(), known, n=1)
    return f"did you mean '{close[0]}'?" if close else "there are: " + ", ".join(known)


def settings(kind: type[Settings], options: Mapping[str, Any], *, of: str = "") -> Settings:
    """Return the dataclass `kind` with `options` as its fields; `of` names what is set, for the error.

    Raises ConfigError for a key that `kind` does not have, and for one that it needs and was not given.
    """
    named = of or kind.__name__.lower()
    known = [field.name for field in fields(kind) if field.init]  # type: ignore[arg-type]
    for key in options:
        if key not in known:
            raise ConfigError(f"{named} has no key '{key}'", remedy=nearest(key, known))
    try:
        return kind(**options)
    except TypeError as error:
        raise ConfigError(f"{named}: {error}") from error


def load_toml(path: str | Path) -> dict[str, Any]:
    """Return the tables of a TOML file. Raises InputMissing without the file, ConfigError for bad TOML."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputMissing(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
