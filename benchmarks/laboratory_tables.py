"""The tables of docs/laboratory.md: `python benchmarks/laboratory_tables.py docs/laboratory/words.json`.

One for each question, or for those named, each with the twin that lacks what is asked about, and one of what
every recipe costs (`costs`); of lines.json ask for `kinds`. Means over seeds ± half their range; of words
those read right, of lines the CER. `--write docs/laboratory.md` puts each table behind its mark there,
`<!-- NAME: QUESTION -->`, NAME that of the file: words, lines, …
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from foveal.laboratory.table import COLUMNS, Trial, short, summary

QUESTIONS: dict[str, tuple[str, ...]] = {
    "kinds": ("", "none"),
    "heads": ("heads/", "autoregressive"),
    "positions": ("positions/", "ctc"),
    "encoders": ("encoders/", "ctc"),
    "gates and scales": ("gates/", "scales/", "ctc"),
    "alignment": ("alignment/", "recurrent-additive"),
    "regularisation": ("regular/", "alignment/unsupervised", "recurrent-additive"),
    "schedule": ("schedule/", "ctc", "autoregressive", "recurrent-additive"),
    "boxes": ("alignment/manual", "alignment/rendered", "alignment/unsupervised"),
}
"""Recipes of a question: of a folder, or by name; the first question has those in no folder."""

WORDS = {
    "IIIT5K": "scene_words_iiit5k", "SVT": "scene_words_svt", "IC03": "scene_words_icdar2003",
}  # fmt: skip
LINES = {
    "copiste": "handwriting_copiste", "Lathrop": "handwriting_lathrop", "Peraire": "handwriting_peraire",
    "1914–18": "handwriting_testaments_poilus", "1900s": "handwriting_cremma_mss19",
    "Fraktur": "printed_lines_archiscribe", "OCR17": "printed_lines_ocr17", "UW3": "printed_lines_uw3",
}  # fmt: skip
SETS = {title: f"{name} right %" for title, name in WORDS.items()} | {
    title: f"{name} CER %" for title, name in LINES.items()
}
"""Titles here, and those of `foveal compare`."""
LOOKS = ("look in box %", "look entropy", "look Gini", "look stability", "steps")
COSTS = (
    "M parameters",
    "GFLOP",
    "training strips/s",
    "training GB",
    "CPU ms",
    "GPU ms",
    "reading MB",
    "J a strip",
)


def asked(recipe: str, question: str) -> bool:
    """Tell whether a recipe belongs to a question."""
    wanted = QUESTIONS[question]
    if question == "kinds":
        return "/" not in recipe
    return recipe in wanted or any(recipe.startswith(one) for one in wanted if one.endswith("/"))


def cell(values: tuple[float, float] | None) -> str:
    """Return a mean with half the range over seeds, as many digits as that allows."""
    if values is None:
        return "–"
    mean, spread = values
    digits = 0 if mean >= 100 else 1 if mean >= 5 else 2 if mean >= 0.1 or mean == 0 else 4
    return f"{mean:.{digits}f}" + (f" ± {spread:.{digits}f}" if spread >= 0.5 * 10**-digits else "")


def table(trials: list[Trial]) -> str:
    """Return the table of some trials, best first."""
    found = summary(trials)
    known = {title for row in found for title, value in row["cells"].items() if value is not None}
    shown = {title: name for title, name in SETS.items() if name in known}
    shown |= {name: name for name in LOOKS if name in known}
    rows = [f"| recipe | {' | '.join(shown)} |", "|---|" + "--:|" * len(shown)]
    for row in found:
        cells = " | ".join(cell(row["cells"].get(name)) for name in shown.values())
        rows.append(f"| {row['recipe']} | {cells} |")
    return "\n".join(rows)


BESIDE = (
    "Measured with other trials on the machine, in several sessions: this tells kinds apart, not neighbours "
    "in the table, and joules below one step of the card's counter (0.4) say nothing."
)


def costs(trials: list[Trial], measured: dict[str, Any] | None) -> str:
    """Return what every recipe costs, a row each: the mean over its trials; and how it was measured."""
    rows = [f"| recipe | {' | '.join(COSTS)} |", "|---|" + "--:|" * len(COSTS)]
    for recipe in sorted({trial["recipe"] for trial in trials}, key=lambda name: ("/" in name, name)):
        own = [trial for trial in trials if trial["recipe"] == recipe]
        means = []
        for title in COSTS:
            values = [value for value in map(COLUMNS[title], own) if value is not None]
            mean = sum(values) / len(values) if values else None
            means.append("–" if mean is None else f"{mean:.0f}" if mean >= 100 else f"{mean:.3g}")
        rows.append(f"| {recipe} | {' | '.join(means)} |")
    if measured is None:
        return "\n".join([*rows, "", BESIDE])
    machine = ", ".join(
        str(part) for part in (measured["machine"]["gpu"], measured["machine"]["cpu"]) if part
    )
    how = (
        f"Measured one recipe after another, with nothing else on the machine: {machine}, {measured['date']}."
    )
    return "\n".join([*rows, "", how])


def of_question(kept: dict[str, Any], question: str) -> str:
    """Return the table of one question, of what `foveal compare` kept."""
    trials: list[Trial] = [trial | {"recipe": short(trial["recipe"])} for trial in kept["trials"]]
    if question == "costs":
        return costs(trials, kept.get("costs"))
    return table([trial for trial in trials if asked(trial["recipe"], question)])


def written(page: str, name: str, kept: dict[str, Any]) -> str:
    """Return a page with the tables behind the marks of a file made anew."""

    def put(match: re.Match[str]) -> str:
        return f"{match[1]}\n{of_question(kept, match[2])}\n\n"

    return re.sub(rf"(<!-- {name}: ([\w ]+) -->\n)\n(?:(?:\|.*\n)+\n?)?(?:Measured .*\n\n)?", put, page)


def main() -> None:
    """Read the trials, print the tables or write them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trials", type=Path)
    parser.add_argument("questions", nargs="*", help=", ".join((*QUESTIONS, "costs")))
    parser.add_argument("--write", type=Path, help="the page whose tables are made anew")
    arguments = parser.parse_args()
    kept: dict[str, Any] = json.loads(arguments.trials.read_text(encoding="utf-8"))
    if arguments.write:
        page = arguments.write.read_text(encoding="utf-8")
        arguments.write.write_text(written(page, arguments.trials.stem, kept), encoding="utf-8")
        return
    for question in arguments.questions or (*QUESTIONS, "costs"):
        print(f"\n{question}\n\n{of_question(kept, question)}")


if __name__ == "__main__":
    main()
