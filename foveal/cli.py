"""The shell's commands. Each body lives in its own module and is loaded only when it is asked for."""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

from foveal.errors import FovealError

app = typer.Typer(
    name="foveal",
    help="OCR you can check: every character is grounded in the pixels it was read from.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.command()
def read(
    files: Annotated[
        list[str], typer.Argument(help="Images, PDFs, folders, globs, URLs, or - for standard input.")
    ],
    format: Annotated[
        str, typer.Option("--format", "-f", help="text, json, markdown, hocr, alto, page-xml, tsv.")
    ] = "text",
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="A file, or a folder: one file an input.")
    ] = None,
    pages: Annotated[str | None, typer.Option(help="Pages of PDFs and TIFFs, such as 1-3,5,8-.")] = None,
    model: Annotated[str, typer.Option(help="fast or accurate.")] = "fast",
    threads: Annotated[
        int | None, typer.Option(help="CPU threads; as many as there are cores unless told.")
    ] = None,
    boxes: Annotated[str, typer.Option(help="How deep boxes go: line, word or char.")] = "word",
    overlay: Annotated[
        str | None, typer.Option(help="Draw the boxes over the pages: a PNG, or a folder.")
    ] = None,
    password: Annotated[str | None, typer.Option(help="Opens an encrypted PDF.")] = None,
    dpi: Annotated[
        float | None, typer.Option(help="Resolution PDF pages are drawn at.", show_default="200")
    ] = None,
    looks: Annotated[
        bool, typer.Option("--looks", help="Keep where each character was looked for (json).")
    ] = False,
) -> None:
    """Read images and PDFs as text with boxes and confidences."""
    from foveal.batch.local import Opening, find_inputs, read_inputs
    from foveal.batch.results import Results
    from foveal.reading.reader import Reader

    reader = Reader(model, threads)
    inputs, failed = find_inputs(files)
    several = len(inputs) + len(failed) > 1
    results = Results(format=format, boxes=boxes, several=several, output=output, picture=overlay)
    opening = Opening(pages=pages, password=password, dpi=dpi, looks=looks)
    read_inputs(inputs, failed, reader=reader, opening=opening, results=results)


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
