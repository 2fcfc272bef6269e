"""foveal beside its peers: the same sets, the same images, one machine, each engine in its own process.

    python benchmarks/peers.py SET [SET...] --rapidocr PYTHON --tesseract PYTHON [--busy N] [--json FILE]

benchmarks/README.md says how the environments of the peers are made and what the columns mean.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from foveal.measure.rules import rule_named, rule_of, unknown_of
from foveal.measure.score import Figures, crop_figures, page_figures
from foveal.measure.sets import is_pages, read_crops, read_pages

ENGINES = Path(__file__).parent / "engines"
TESSDATA = "/usr/share/tesseract-ocr/5/tessdata/"
LANGUAGES = {
    "handwriting_lathrop": "eng",
    "handwriting": "fra",
    "printed_lines_ocr17": "fra",
    "printed_lines_archiscribe": "Fraktur",
    "glyphs_kant": "Fraktur",
}
HEADLINE = {"word": "accuracy_alphanumeric", "line": "cer", "page": "bag_of_words_f1"}
Answer = dict[str, Any]


@dataclass
class Result:
    """What one engine read in one set. Seconds are medians an image, the first image left out; peak in bytes.

    `start`: seconds from the start of the process to its first answer. `busy`: wall time an image with every
    core busy elsewhere, over the quiet one; 0 if not measured.
    """

    engine: str
    set: str
    wall: float
    cpu: float
    start: float
    peak: int
    busy: float = 0.0
    texts: list[str] = field(default_factory=list, repr=False)


def commands(options: argparse.Namespace) -> dict[str, list[str]]:
    """Return the command line of every engine asked for."""
    threads = str(options.threads)
    found = {
        "foveal-fast": [sys.executable, "foveal_engine.py", "fast", threads],
        "foveal-accurate": [sys.executable, "foveal_engine.py", "accurate", threads],
        "rapidocr": [options.rapidocr, "rapidocr_engine.py", "best", threads],
        "rapidocr-default": [options.rapidocr, "rapidocr_engine.py", "default", threads],
        "tesseract": [options.tesseract, "tesseract_engine.py", "best", options.tessdata],
        "tesseract-default": [options.tesseract, "tesseract_engine.py", "default", options.tessdata],
    }
    some = ((name, found[name]) for name in options.engines or found)
    return {name: [python, str(ENGINES / script), *rest] for name, (python, script, *rest) in some if python}


def task(folder: Path) -> str:
    """Name what the images of a set are: word, line or page."""
    if is_pages(folder):
        return "page"
    return "word" if "words" in folder.name else "line"


def truths(folder: Path) -> list[tuple[Path, str]]:
    """Return the images of a set with their true texts."""
    items = read_pages(folder) if is_pages(folder) else read_crops(folder)
    return [(item.image, item.text) for item in items]


def requests(folder: Path, limit: int | None) -> list[dict[str, str]]:
    """Return what every engine is asked."""
    language = next((tongue for kind, tongue in LANGUAGES.items() if folder.name.startswith(kind)), "eng")
    images = [image for image, _ in truths(folder)][:limit]
    return [{"image": str(image), "task": task(folder), "language": language} for image in images]


def ask(
    command: Sequence[str], questions: Sequence[dict[str, str]], *, threads: int
) -> tuple[float, list[Answer]]:
    """Run one engine over all questions; return its seconds to the first answer, and its answers."""
    limits = {"OMP_THREAD_LIMIT": str(threads)} if threads else {}
    began, start = time.perf_counter(), 0.0
    answers: list[Answer] = []
    pipes = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | limits
    )
    with pipes as engine:
        assert engine.stdin
        assert engine.stdout
        for question in questions:
            engine.stdin.write(json.dumps(question) + "\n")
            engine.stdin.flush()
            row = engine.stdout.readline()
            if not row:
                raise SystemExit(f"{' '.join(command)}: ended at {question['image']}")
            start = start or time.perf_counter() - began
            answers.append(json.loads(row))
    return start, answers


@contextmanager
def every_core_busy() -> Iterator[None]:
    """Keep every core busy with a process of its own."""
    busy = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(busy) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def middle(answers: Sequence[Answer], key: str) -> float:
    """Return the median over answers, the first (which warms up) left out where there are more."""
    return statistics.median(answer[key] for answer in answers[1:] or answers)


def measure(engine: str, command: Sequence[str], folder: Path, *, options: argparse.Namespace) -> Result:
    """Read a set with one engine."""
    questions = requests(folder, options.limit)
    start, answers = ask(command, questions, threads=options.threads)
    result = Result(
        engine=engine,
        set=folder.name,
        wall=middle(answers, "wall"),
        cpu=middle(answers, "cpu"),
        start=start,
        peak=max(answer["peak"] for answer in answers),
        texts=[answer["text"] for answer in answers],
    )
    if options.busy:
        with every_core_busy():
            _, again = ask(command, questions[: options.busy], threads=options.threads)
        result.busy = middle(again, "wall") / middle(answers[: options.busy], "wall")
    return result


def figures(result: Result, folder: Path) -> Figures:
    """Score what was read, from its texts: a changed rule needs no new reading."""
    pairs = [(text, truth) for text, (_, truth) in zip(result.texts, truths(folder), strict=False)]
    rule = rule_named(rule_of(folder))
    if task(folder) == "page":
        return page_figures(pairs, rule=rule, flows=False, unknown=unknown_of(folder))
    return crop_figures(pairs, rule=rule)


def table(results: Sequence[Result], folders: Sequence[Path]) -> str:
    """Return the results on the given sets as text: one row a set and engine."""
    rows = [["set", "engine", "n", "figure", "value", "wall ms", "CPU ms", "start s", "peak MB", "busy x"]]
    for folder in folders:
        name = HEADLINE[task(folder)]
        for one in (result for result in results if result.set == folder.name):
            value = f"{figures(one, folder)[name]:.4f}"
            times = [f"{1000 * one.wall:.1f}", f"{1000 * one.cpu:.1f}", f"{one.start:.2f}"]
            rest = [f"{one.peak / 1e6:.0f}", f"{one.busy:.2f}" if one.busy else "-"]
            rows.append([one.set, one.engine, str(len(one.texts)), name, value, *times, *rest])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return "\n".join("  ".join(row).rstrip() for row in cells)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET", help="has labels.tsv or pages.jsonl")
    parser.add_argument("--rapidocr", metavar="PYTHON", help="the Python that has rapidocr")
    parser.add_argument("--tesseract", metavar="PYTHON", help="the Python that has tesserocr")
    parser.add_argument("--tessdata", default=TESSDATA, help="the folder of Tesseract's language data")
    parser.add_argument("--engines", nargs="+", metavar="NAME", help="only these engines")
    parser.add_argument("--limit", type=int, help="only the first N images of a set")
    parser.add_argument("--threads", type=int, default=2, help="threads of every engine; 0: its own choice")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="N images again, all cores busy")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep results; do not repeat those kept")
    return parser.parse_args()


def main() -> None:
    """Measure every engine on every set that FILE does not hold yet; print the table."""
    options = arguments()
    results: list[Result] = []
    if options.json and options.json.exists():
        results = [Result(**record) for record in json.loads(options.json.read_text(encoding="utf-8"))]
    known = {(result.engine, result.set) for result in results}
    for folder in options.sets:
        for engine, command in commands(options).items():
            if (engine, folder.name) in known:
                continue
            results.append(measure(engine, command, folder, options=options))
            print(table(results[-1:], [folder]), file=sys.stderr)
            if options.json:
                records = [asdict(result) for result in results]
                options.json.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    print(table(results, options.sets))


if __name__ == "__main__":
    main()
