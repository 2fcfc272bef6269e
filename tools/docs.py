"""Write the generated tables of README.md and docs/ again from the code; --check fails when one is stale.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; NAME is a key of TABLES.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from foveal import errors
from foveal.attention.core import Attention
from foveal.attention.gates import GATES
from foveal.attention.pyramid import FUSIONS
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


def mechanisms() -> str:
    """Tabulate the parts of `foveal.attention` that a model is built from."""
    named = {kind: name for table in (GATES, FUSIONS) for name, kind in table.items()}
    kinds = [*Attention.__subclasses__(), *named]
    rows = [(f"`{k.__name__}`", f"`{named[k]}`" if k in named else "", meaning(k)) for k in kinds]
    return markdown(("part", "chosen by", "what it is"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "formats": formats,
    "exit-codes": exit_codes,
    "mechanisms": mechanisms,
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
