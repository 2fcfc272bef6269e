"""What each recipe came to, written into it.

    cd docs/laboratory; python ../../benchmarks/laboratory_recipes.py words.json later.json lines.json …

Fills `expected`, and `command`, `machine` and `minutes` that gave it, from what `foveal compare` kept. Of
several files with the same task (words, words of hands, lines, each with real crops to learn from or without)
the one named first counts.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from laboratory_tables import LINES, SETS, WORDS, cell

from foveal.laboratory.table import short, summary

RECIPES = Path(__file__).parent.parent / "recipes"
FOLDERS = {name: title for title, name in (WORDS | LINES).items()}


def expected(facts: dict[str, Any], name: str) -> str:
    """Return what a recipe came to on every set, in words."""
    own = [trial for trial in facts["trials"] if short(trial["recipe"]) == name]
    (row,) = summary(own)
    figures = [(title, known, row["cells"].get(known)) for title, known in SETS.items()]
    right = [
        f"{title} {cell(value)}" for title, known, value in figures if value and known.endswith("right %")
    ]
    wrong = [f"{title} {cell(value)}" for title, known, value in figures if value and known.endswith("CER %")]
    parts = ([f"read right, %: {', '.join(right)}"] if right else []) + (
        [f"CER, %: {', '.join(wrong)}"] if wrong else []
    )
    return f"{task(facts)} after {facts['budget']['minutes']:g} min, {row['seeds']} seeds: {'; '.join(parts)}"


def task(facts: dict[str, Any]) -> str:
    """Return what was read: words, words of hands and print, or lines."""
    if facts["budget"]["lines"]:
        return "lines"
    if not any(name in WORDS.values() for name in facts["trials"][0]["sets"]):
        return "words of hands and print"
    return "words, real ones learnt from too," if facts.get("data", {}).get("train") else "words"


def command(facts: dict[str, Any], name: str) -> str:
    """Return the command that gave the figures, but for the recipes beside this one."""
    budget, data = facts["budget"], facts.get("data", {})
    seeds = len({trial["seed"] for trial in facts["trials"] if short(trial["recipe"]) == name})
    train = "".join(f" --train {folder}" for folder in data.get("train", ["SET…"] if budget["lines"] else []))
    limit = data.get("limit") or (60 if budget["lines"] else 300)
    sets = "".join(f" --dev {folder}" for folder in facts["trials"][0]["sets"])
    kind = " --lines" if budget["lines"] else ""
    return (
        f"foveal compare recipes/{name}.toml --fonts PACK{train}{sets}{kind} --minutes {budget['minutes']:g} "
        f"--seeds {seeds} --together {budget['together']} --workers 1 --threads 1 "
        f"--batch {budget['batch']} --echo {budget['echo']} --limit {limit}"
    )


def about(known: list[dict[str, Any]], name: str) -> dict[str, str]:
    """Return the values of `[about]` that a recipe's figures give, as TOML writes them."""
    by_task: dict[str, dict[str, Any]] = {}
    for facts in known:
        if any(short(trial["recipe"]) == name for trial in facts["trials"]):
            by_task.setdefault(task(facts), facts)
    if not by_task:
        return {"expected": json.dumps("nothing measured yet")}
    first = by_task.get("words") or next(iter(by_task.values()))
    machine = first["machine"]
    together = first["budget"]["together"]
    where = f"one {machine['gpu']}, {machine.get('cores', 16)} cores, {together} trials at a time"
    told = ". ".join(expected(facts, name) for facts in by_task.values())
    values = {"command": command(first, name), "machine": where, "expected": told}
    as_toml = {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
    return as_toml | {"minutes": f"{first['budget']['minutes']:g}"}


def main() -> None:
    """Read the trials, write the recipes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trials", nargs="+", type=Path)
    known = [json.loads(path.read_text(encoding="utf-8")) for path in parser.parse_args().trials]
    for path in sorted(RECIPES.rglob("*.toml")):
        text = path.read_text(encoding="utf-8")
        for key, value in about(known, short(str(path))).items():
            text = re.sub(rf"(?m)^{key} = .*$", lambda _, row=f"{key} = {value}": row, text, count=1)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
