"""The shell's commands. Each body lives in its own module and is loaded only when it is asked for."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from foveal.cli_laboratory import choose, compare, needs_train, train
from foveal.cli_own import Threads, adapt, export, finetune
from foveal.errors import ConfigError, FovealError, Interrupted

app = typer.Typer(
    name="foveal",
    help="OCR you can check: every character is grounded in the pixels it was read from.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


Model = Annotated[str, typer.Option(help="fast, accurate, or a file: mine.onnx, mine.npz.")]
ReadingModel = Annotated[
    str, typer.Option(help="fast, accurate, a file (mine.onnx, mine.npz), or a run's best.safetensors.")
]
Beam = Annotated[int, typer.Option(help="Texts kept while spelling; for models without fixations.")]
Fuse = Annotated[
    str | None, typer.Option(help="Language that weighs in there: fr, de, en, or a file of texts.")
]
FuseWeight = Annotated[
    float | None, typer.Option(help="What --fuse weighs beside the image; 0.3 unless told.")
]
Language = Annotated[
    str, typer.Option(help="Whose words help where ink leaves a doubt: auto, none, fr, fr+en, ….")
]
Context = Annotated[
    bool | None,
    typer.Option(help="Read doubtful lines again by what is usual in fr, de, en; else as the model does."),
]


@app.command()
def read(
    files: Annotated[list[str], typer.Argument(help="Images, PDFs, folders, globs, URLs, or - (stdin).")],
    format: Annotated[
        str, typer.Option("-f", "--format", help="text, json, markdown, hocr, alto, page-xml or tsv.")
    ] = "text",
    output: Annotated[str | None, typer.Option("-o", "--output", help="A file or a folder.")] = None,
    pages: Annotated[str | None, typer.Option(help="Pages of PDFs and TIFFs: 1-3,5,8-.")] = None,
    model: ReadingModel = "fast",
    language: Language = "auto",
    context: Context = None,
    beam: Beam = 1,
    fuse: Fuse = None,
    fuse_weight: FuseWeight = None,
    threads: Threads = None,
    boxes: Annotated[str, typer.Option(help="How deep boxes go: line, word or char.")] = "word",
    overlay: Annotated[str | None, typer.Option(help="Draw the boxes: a PNG or a folder.")] = None,
    password: Annotated[str | None, typer.Option(help="Opens an encrypted PDF.")] = None,
    dpi: Annotated[float | None, typer.Option(help="Draw PDF pages at this resolution, not 200.")] = None,
    looks: Annotated[
        bool, typer.Option("--looks", help="Keep every character's look; for --format json, boxes char.")
    ] = False,
    remedies: Annotated[
        bool, typer.Option("--remedies", help="Read words again whose looks went wrong; JSON says which.")
    ] = False,
    max_error: Annotated[
        str | None,
        typer.Option(help="1%: list what to review; of the rest no more is wrong, by its own estimate."),
    ] = None,
) -> None:
    """Read images and PDFs as text with boxes and confidences."""
    from foveal.batch.local import Opening, find_inputs, read_inputs
    from foveal.batch.results import Results
    from foveal.reading.asked import SearchSpec
    from foveal.reading.reader import Reader
    from foveal.reading.review import as_share

    if looks and format != "json":
        raise ConfigError(f"{format} cannot hold looks", remedy="only --format json does")
    boxes = "char" if looks else boxes
    share = None if max_error is None else as_share(max_error)
    search = SearchSpec(beam, fuse, fuse_weight)
    reader = Reader(model, threads, language=language, context=context, remedies=remedies, search=search)
    if search.acts:
        reader.opened()  # a model that has no use for it is told at once, not of each page
    inputs, failed = find_inputs(files)
    several = len(inputs) + len(failed) > 1
    kept = [item.source for item in inputs]
    targets = {"output": output, "picture": overlay}
    results = Results(format=format, boxes=boxes, several=several, max_error=share, kept=kept, **targets)
    opening = Opening(pages=pages, password=password, dpi=dpi, looks=looks)
    read_inputs(inputs, failed, reader=reader, opening=opening, results=results)


@app.command()
def explain(
    file: Annotated[str, typer.Argument(help="An image, a PDF, a URL, or - (stdin).")],
    line: Annotated[int | None, typer.Option(help="Only this line, from 1 in reading order.")] = None,
    word: Annotated[int | None, typer.Option(help="Only this word, of the line or the page.")] = None,
    char: Annotated[int | None, typer.Option(help="Only this character of what was chosen.")] = None,
    page: Annotated[int, typer.Option(help="Which page of a PDF or TIFF.")] = 1,
    out: Annotated[Path, typer.Option(help="The folder of the report and the pictures.")] = Path("explained"),
    model: Model = "fast",
    language: Language = "auto",
    context: Context = None,
    colours: Annotated[str, typer.Option(help="viridis, inferno, magma, plasma or cividis.")] = "viridis",
    alpha: Annotated[float, typer.Option(help="Opacity of the strongest colour, 0 to 1.")] = 0.7,
    side_by_side: Annotated[
        bool, typer.Option("--side-by-side", help="Show the page as it is beside the heat map.")
    ] = False,
    why: Annotated[
        str | None, typer.Option(help="Why not this character? ? for the runner-up; with --char.")
    ] = None,
    by: Annotated[
        str, typer.Option(help="Of --why: evidence by occlusion, or by gradients (needs torch).")
    ] = "occlusion",
    what_if: Annotated[
        bool, typer.Option("--what-if", help="What the looks do: they are moved; with --word or --char.")
    ] = False,
    heads: Annotated[
        bool, typer.Option("--heads", help="Every head of the line model: a picture and a table.")
    ] = False,
) -> None:
    """Show where a page was looked at: a report, heat maps and trajectories; the files are listed."""
    from foveal.explain.asking import save_what_if, save_why
    from foveal.explain.explanation import Style, explain

    style = Style(alpha=alpha, colours=colours, side_by_side=side_by_side)
    explanation = explain(
        file,
        line=line,
        word=word,
        char=char,
        page=page,
        model=model,
        language=language,
        context=context,
        style=style,
    )
    answers = [] if why is None else save_why(explanation, why, out, by=by)
    answers += save_what_if(explanation, out) if what_if else []
    for said in [*answers, *explanation.save(out)]:
        typer.echo(said)
    if heads:
        with needs_train("--heads"):
            from foveal.probe.report import save_heads
        for path in save_heads(explanation, out):
            typer.echo(path)


@app.command()
def evaluate(
    folders: Annotated[list[Path], typer.Argument(metavar="SET...", help="Crops or pages with their truth.")],
    model: ReadingModel = "fast",
    language: Language = "auto",
    context: Context = None,
    beam: Beam = 1,
    fuse: Fuse = None,
    fuse_weight: FuseWeight = None,
    threads: Threads = None,
    rule: Annotated[
        str | None, typer.Option(help="What counts as the same text; unless told, the set's.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first items of each.")] = None,
    attention: Annotated[
        bool, typer.Option("--attention", help="Measure the looks too: how narrow, stable and faithful.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a set.")] = False,
) -> None:
    """Read sets with truth and print how well, and at what cost."""
    import json

    from foveal.evaluate import evaluate
    from foveal.explain.examiner import Examiner
    from foveal.reading.asked import SearchSpec
    from foveal.reading.reader import Reader

    search = SearchSpec(beam, fuse, fuse_weight)
    reader = Reader(model, threads, language=language, context=context, search=search).opened()
    examiner = Examiner(model, threads=reader.threads) if attention else None
    for folder in folders:
        report = evaluate(folder, reader, rule=rule, limit=limit, attention=examiner)
        typer.echo(json.dumps(report.to_json(), ensure_ascii=False) if as_json else report.to_text())


@app.command()
def robustness(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Sets, or folders of images.")],
    model: Model = "fast",
    threads: Threads = None,
    family: Annotated[
        list[str] | None,
        typer.Option(help="blur, noise, rotation, contrast, jpeg or occlusion; all unless told."),
    ] = None,
    limit: Annotated[int, typer.Option(help="Images of each folder, spread over it.")] = 60,
    share: Annotated[float, typer.Option(help="Lines that a certificate promises to keep, 0 to 1.")] = 0.9,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a folder.")] = False,
) -> None:
    """Print for each folder what blur, noise and the like do to its reading, and what is certified."""
    import json

    from foveal.explain.robustness import named, robustness
    from foveal.reading.reader import Reader

    reader, families = Reader(model, threads), named(family)
    for folder in folders:
        found = robustness(folder, reader, families=families, limit=limit, share=share)
        typer.echo(json.dumps(found.to_json(), ensure_ascii=False) if as_json else found.to_text())


@app.command()
def synth(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="The folder of the new set.")],
    fonts: Annotated[Path, typer.Option(help="A pack of fonts, made by tools/fetch_fonts.py.")],
    kind: Annotated[str, typer.Option(help="word, line or page.")] = "word",
    count: Annotated[int, typer.Option(help="How many.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same set.")] = 0,
    width: Annotated[
        int | None, typer.Option(help="Pixels: room for words (160) or lines (768), side of pages (640).")
    ] = None,
) -> None:
    """Write a set of rendered words, lines or pages with the place of everything on them."""
    with needs_train("synth"):
        from foveal.synth.write import write
    write(folder, kind=kind, count=count, fonts=fonts, seed=seed, width=width)


for command in (adapt, finetune, export, train, compare, choose):
    app.command()(command)


@app.command()
def models() -> None:
    """List the embedded models and their sizes."""
    from foveal.reading.engine import embedded

    for name, path in embedded().items():
        typer.echo(f"{name}\t{path.stat().st_size / 2**20:.1f} MB")


@app.command()
def version() -> None:
    """Print the version."""
    from foveal import __version__

    typer.echo(__version__)


def main() -> None:
    """Run a command; an error made on purpose is one sentence on standard error and an exit code."""
    warnings.filterwarnings("ignore", module="PIL")  # what Pillow has to say, the errors say
    try:
        app()
    except FovealError as error:
        print(f"foveal: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as ended:
        if ended.code == Interrupted.exit_code:  # Typer ends with it after Ctrl-C, without a word
            print("foveal: stopped (what was written until then is whole)", file=sys.stderr)
        raise
