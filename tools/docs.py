"""Write the generated tables of README.md and docs/ again from the code; --check fails when one is stale.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; NAME is a key of TABLES.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import typer
from attention_docs import attention

from foveal import errors
from foveal.cli import app
from foveal.formats import FORMATS

ROOT = Path(__file__).parent.parent
PLACE = re.compile(r"(<!-- table: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def formats() -> str:
    """Tabulate what a document can be written as."""
    rows = [(f"`{name}`", f"`{form.suffix}`", meaning(type(form))) for name, form in FORMATS.items()]
    return markdown(("`--format`", "ending", "what it is"), rows)


def exit_codes() -> str:
    """Tabulate the deliberate errors by the exit code that the shell sees."""
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    rows = [(kind.exit_code, f"`{kind.__name__}`", meaning(kind)) for kind in kinds]
    return markdown(("exit code", "error", "meaning"), sorted(rows))


def options() -> str:
    """Describe every command of the shell under a heading of its own, its options in a table."""
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return "".join(command(name, kind) for name, kind in commands.items())


def command(name: str, kind: Any) -> str:
    """Describe one command: what it does, then its arguments and options."""
    rows = [(called(p), default(p), p.help) for p in kind.params]
    table = "\n" + markdown(("option", "unless told", "what it says"), rows) if rows else ""
    return f"\n## foveal {name}\n\n{kind.help}\n{table}"


def default(parameter: Any) -> str:
    """Return what an option is unless told, or nothing where that says nothing."""
    shown = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
    return "" if shown in (None, False) else f"`{shown}`"


def called(parameter: Any) -> str:
    """Return how an argument or option is written in a shell."""
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    return ", ".join(f"`{name}`" for name in parameter.opts)


TABLES: dict[str, Callable[[], str]] = {
    "options": options,
    "formats": formats,
    "exit-codes": exit_codes,
    "attention": attention,
}


def meaning(kind: type) -> str:
    """Return the first sentence of a class's docstring on one line."""
    text = inspect.getdoc(kind) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("|", "\\|")


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay out a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def renewed(text: str) -> str:
    """Return the text of a page with every table in it written again."""
    return PLACE.sub(lambda place: place[1] + TABLES[place["name"]]() + place[3], text)


def main() -> int:
    """Renew the pages, or with --check only name those that are stale."""
    check = sys.argv[1:] == ["--check"]
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    stale = [page for page in pages if renewed(page.read_text("utf-8")) != page.read_text("utf-8")]
    for page in stale:
        if check:
            print(f"{page.relative_to(ROOT)} is stale: run `make docs`", file=sys.stderr)
        else:
            page.write_text(renewed(page.read_text("utf-8")), encoding="utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
