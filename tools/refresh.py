"""Bring everything that belongs to the weights up to date, after training: one command.

    python tools/refresh.py DATA FONTS [--only trust readme card pictures attention risk]
                                       [--models fast] [--sets receipts_sroie]

DATA holds `train/` and `dev/`. trust: the confidences of both models, or of those whose weights are new
(--models), are fitted again (tools/fit_trust.py). readme: every set of the README's table, or those named
(--sets), is read by them; the figures go into docs/figures.json, where those of the peers stand
(benchmarks/peers.py), the tables of README and model cards are written from it, and the errors of the last
leg of docs/legs/legs.json, which is to be entered before, with the curve. card: the attention of the models,
on their cards. pictures: those of README and of docs/explaining.md, asking.md and measuring.md. attention:
those of docs/attention.md. risk: that of docs/trust.md. Two hours on two cores.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from PIL import Image

from foveal.evaluate import evaluate
from foveal.reading.reader import Reader

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "docs" / "figures.json"
LEGS = ROOT / "docs" / "legs" / "legs.json"
CARDS = ROOT / "foveal" / "weights" / "README.md"
MODELS = ("fast", "accurate")
ENGINES = (*MODELS, "rapidocr", "tesseract")
HEADS = ("foveal fast", "foveal accurate", "RapidOCR 3.10", "Tesseract 5.5")


@dataclass(frozen=True)
class Asked:
    """What a part is about."""

    data: Path
    fonts: Path
    models: Sequence[str]
    sets: Sequence[str]


@dataclass(frozen=True)
class Row:
    """One row of the README's table: what it says, the sets, the figure, and how it is written."""

    says: str
    sets: tuple[str, ...]
    figure: str
    form: Callable[[float], str]
    least: bool = False
    """Whether less is better."""


def percent(value: float) -> str:
    """Write a share in %."""
    return f"{100 * value:.1f}"


def hundredths(value: float) -> str:
    """Write a share in %, to hundredths."""
    return f"{100 * value:.2f}"


def share(value: float) -> str:
    """Write a share without its zero."""
    return f"{value:.3f}".lstrip("0")


WORDS = ("scene_words_iiit5k", "scene_words_svt", "scene_words_icdar2003")
ROWS = (
    Row("scene words IIIT5K / SVT / IC03, % ↑", WORDS, "accuracy", percent),
    Row("printed lines UW3, CER % ↓", ("printed_lines_uw3",), "cer", hundredths, least=True),
    Row("old print: Fraktur / French, CER % ↓", ("printed_lines_archiscribe", "printed_lines_ocr17"),
        "cer", percent, least=True),
    Row("handwriting copiste / Lathrop, CER % ↓", ("handwriting_copiste", "handwriting_lathrop"),
        "cer", percent, least=True),
    Row("handwriting 1914–18 / of one hand / 1900s, CER % ↓",
        ("handwriting_testaments_poilus", "handwriting_peraire", "handwriting_cremma_mss19"),
        "cer", percent, least=True),
    Row("typed pages UNLV, F1 ↑", ("printed_pages_unlv",), "bag_of_words_f1", share),
    Row("old books, F1 ↑", ("printed_pages_oldbooks",), "bag_of_words_f1", share),
    Row("receipts SROIE, F1 ↑", ("receipts_sroie",), "bag_of_words_f1", share),
    Row("photos IC03, F1 ↑", ("scene_pages_icdar2003",), "bag_of_words_f1", share),
    Row("heaviest cell of a look inside its character (IIIT5K), % ↑", WORDS[:1], "look_inside", percent),
)  # fmt: skip

SETS = tuple(dict.fromkeys(name for row in ROWS for name in row.sets))
SHORT = {
    "scene_words_iiit5k": "iiit5k", "scene_words_svt": "svt", "scene_words_icdar2003": "ic03",
    "printed_lines_uw3": "uw3", "printed_lines_archiscribe": "fraktur", "printed_lines_ocr17": "french",
    "handwriting_copiste": "copiste", "handwriting_lathrop": "lathrop",
    "handwriting_testaments_poilus": "poilus", "handwriting_peraire": "peraire",
    "handwriting_cremma_mss19": "cremma", "printed_pages_unlv": "unlv", "printed_pages_oldbooks": "oldbooks",
    "receipts_sroie": "receipts", "scene_pages_icdar2003": "photos",
}  # fmt: skip
"""Names of the sets in docs/legs/legs.json."""

LEARNT = (
    "handwriting_copiste", "handwriting_testaments_poilus", "handwriting_peraire", "handwriting_cremma_mss19",
    "handwriting_lathrop", "printed_lines_archiscribe", "printed_lines_ocr17", "scene_words_icdar2003",
)  # fmt: skip
"""Sets of which training holds lines out."""
CHOSEN = ("printed_lines_uw3", "receipts_sroie", "scene_words_svt", "scene_words_iiit5k")

PICTURES = {
    "docs/looks.png": ("line-06-looks.png", "examples/printed_page.jpg --line 6"),
    "docs/explaining/till.png": (
        "receipt-line5-word1-char3-why.png", "examples/receipt.jpg --line 5 --word 1 --char 3 --why l"),
    "docs/explaining/skipped.png": ("line-01-path.png", "examples/failures/skipped.webp --line 1"),
    "docs/explaining/joined.png": (
        "line-01-looks.png", "examples/failures/touching.webp --line 1 --language none"),
    "docs/explaining/dots.png": (
        "dots-word2-char2-why.png", "examples/failures/dots.webp --word 2 --char 2 --why ä"),
    "docs/explaining/tail.png": ("line-01-looks.png", "examples/failures/tail.webp --line 1"),
    "docs/asking/three-or-eight.png": (
        "receipt-line5-word1-char6-why.png", "examples/receipt.jpg --line 5 --word 1 --char 6 --why 8"),
    "docs/asking/o-or-zero.png": (
        "receipt-line3-word1-char2-why.png", "examples/receipt.jpg --line 3 --word 1 --char 2 --why ?"),
    "docs/measuring/note.png": ("line-06-looks.png", "examples/handwritten_note.jpg --line 6"),
    "docs/measuring/heads.png": ("line-01-heads.png", "examples/sign.jpg --line 1 --heads"),
}  # fmt: skip
"""Of each picture of the pages on explaining the file that `foveal explain` writes; its arguments."""


def told(*command: str) -> str:
    """Run one of our own scripts and return what it prints; what it says besides is seen at once."""
    found = subprocess.run(
        [sys.executable, *command], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return found.stdout


def trust(asked: Asked) -> None:
    """Fit the confidences of the models."""
    learnt = [str(asked.data / "train" / name) for name in LEARNT]
    with tempfile.TemporaryDirectory() as scratch:
        rendered = []
        for kind, count, seed in (("line", 300, 4242), ("word", 600, 4243)):
            out = f"{scratch}/rendered_{kind}s"
            wide = ("--width", "512") if kind == "line" else ()
            fonts = ("--fonts", str(asked.fonts), "--seed", str(seed))
            told("-m", "foveal", "synth", out, "--kind", kind, "--count", str(count), *fonts, *wide)
            rendered.append(out)
        chosen = [str(asked.data / "dev" / name) for name in (*LEARNT, *CHOSEN)]
        for model in asked.models:
            print(told("tools/fit_trust.py", *learnt, "--rendered", *rendered, "--choose", *chosen,
                       "--model", model, "--limit", "400"))  # fmt: skip


def readme(asked: Asked) -> None:
    """Read the sets and write the table."""
    read: dict[str, dict[str, dict[str, float]]] = {}
    for model in asked.models:
        reader = Reader(model, threads=1)
        for name in asked.sets:
            found = evaluate(asked.data / "dev" / name, reader).to_json()["figures"]
            read.setdefault(name, {})[model] = {
                row.figure: found[row.figure] for row in ROWS if name in row.sets and row.figure in found
            }
            print(name, model, read[name][model], flush=True)
    figures = json.loads(FIGURES.read_text("utf-8"))
    for name, own in read.items():
        figures["sets"].setdefault(name, {}).update(own)
    figures["date"] = date.today().isoformat()
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    told_of(figures)


def told_of(figures: dict[str, Any]) -> None:
    """Write the figures where they are told: README, model cards, and the curve of legs."""
    legs = json.loads(LEGS.read_text("utf-8"))
    legs[-1]["errors"] = {model: errors(figures, model) for model in MODELS}
    LEGS.write_text("[\n" + ",\n".join(f" {json.dumps(leg)}" for leg in legs) + "\n]\n", encoding="utf-8")
    said = (
        f"Development sets, models of training leg {legs[-1]['leg']}, {figures['date']}. "
        "Peers in their best setting, 2026-11-22."
    )
    replace(ROOT / "README.md", "results", f"{said}\n\n{table(figures)}")
    for model in MODELS:
        replace(CARDS, f"figures of {model}", own_table(figures, model))
    gains = told("benchmarks/legs.py", str(LEGS), str(LEGS.with_suffix(".png")))
    replace(ROOT / "docs/design-notes.md", "legs", gains.strip())


def errors(figures: dict[str, Any], model: str) -> dict[str, float]:
    """Return the errors of a model in %, by the short names of the sets."""
    found = {}
    for row in ROWS[:-1]:
        for name in row.sets:
            value = figures["sets"][name][model][row.figure]
            found[SHORT[name]] = round(100 * (value if row.least else 1 - value), 2)
    return found


def own_table(figures: dict[str, Any], model: str) -> str:
    """Return one model's figures, for its card."""
    lines = [f"| development sets, {figures['date']} | |", "|---|---|"]
    for row in ROWS:
        values = [row.form(figures["sets"][name][model][row.figure]) for name in row.sets]
        lines.append(f"| {row.says} | {' / '.join(values)} |")
    return "\n".join(lines)


def table(figures: dict[str, Any]) -> str:
    """Return the README's table; the best of each set in bold."""
    lines = ["| set | " + " | ".join(HEADS) + " |", "|---" * (len(HEADS) + 1) + "|"]
    for row in ROWS:
        cells = [[cell(figures, name, engine, row) for name in row.sets] for engine in ENGINES]
        said = ["–" if set(some) == {"–"} else " / ".join(some) for some in cells]
        lines.append(f"| {' | '.join([row.says, *said])} |")
    return "\n".join(lines)


def cell(figures: dict[str, Any], name: str, engine: str, row: Row) -> str:
    """Return one figure as it is written, bold if no engine has a better one; – where there is none."""
    own: dict[str, dict[str, float]] = figures["sets"].get(name, {})
    values = {one: found[row.figure] for one, found in own.items() if found.get(row.figure) is not None}
    if engine not in values:
        return "–"
    best = (min if row.least else max)(values.values())
    text = row.form(values[engine])
    return f"**{text}**" if text == row.form(best) and len(values) > len(MODELS) else text


def card(asked: Asked) -> None:
    """Write how narrow, stable and true the models' looks are."""
    sets = [str(asked.data / "dev" / name) for name in (WORDS[0], "printed_lines_uw3", "handwriting_copiste")]
    found = [told("benchmarks/looks.py", *sets, "--model", model, "--limit", "40") for model in MODELS]
    replace(CARDS, "attention", "\n".join(one.strip() + "\n" for one in found).strip())


def pictures(_: Asked) -> None:
    """Draw the pictures of README and of the pages on explaining again, in 96 colours."""
    for picture, (made, arguments) in PICTURES.items():
        with tempfile.TemporaryDirectory() as scratch:
            told("-m", "foveal", "explain", *arguments.split(), "--out", scratch)
            with Image.open(Path(scratch) / made) as drawn:
                drawn.quantize(96, dither=Image.Dither.NONE).save(ROOT / picture, optimize=True)
        print(picture)


def attention(_: Asked) -> None:
    """Draw the weights of every mechanism on one line again."""
    line = ("examples/printed_page.jpg", "docs/attention", "--line", "9", "--head", "0")
    told("tools/attention_pictures.py", *line)


def risk(asked: Asked) -> None:
    """Print what confidences promise on half 1 of the development sets, and draw it."""
    sets = [str(asked.data / "dev" / name) for name in (*LEARNT, *CHOSEN)]
    picture = str(ROOT / "docs/trust/risk.png")
    print(told("benchmarks/trust.py", *sets, "--model", *MODELS, "--limit", "120", "--plot", picture))


def replace(page: Path, name: str, text: str) -> None:
    """Put `text` between `<!-- NAME -->` and `<!-- end of NAME -->`."""
    place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    page.write_text(
        place.sub(lambda at: at[1] + text + "\n" + at[2], page.read_text("utf-8")), encoding="utf-8"
    )


PARTS: dict[str, Callable[[Asked], None]] = {
    "trust": trust, "readme": readme, "card": card,
    "pictures": pictures, "attention": attention, "risk": risk,
}  # fmt: skip


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("fonts", type=Path)
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), default=list(PARTS))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    found = parser.parse_args()
    for name in found.only:
        PARTS[name](Asked(found.data, found.fonts, found.models, found.sets))


if __name__ == "__main__":
    main()
