"""The shell's commands that make a line model of one's own from a given one; the others are in cli.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foveal.cli_laboratory import needs_train

Output = Annotated[Path, typer.Option("-o", "--output", help="The new model's file.")]
Seed = Annotated[int, typer.Option(help="Another seed draws other lines.")]
From = Annotated[str, typer.Option("--from", help="fast, accurate, or a file: mine.onnx, mine.npz.")]
Threads = Annotated[int | None, typer.Option(help="CPU threads; as many as there are cores unless told.")]


def adapt(
    lines: Annotated[Path, typer.Option(help="Corrected lines: images/ and labels.tsv.")],
    source: From = "fast",
    output: Output = Path("mine.onnx"),
    minutes: Annotated[float, typer.Option(help="At the most.")] = 5.0,
    threads: Threads = None,
    seed: Seed = 0,
) -> None:
    """Learn from 10 to 200 corrected lines, on a CPU; refused unless held-out lines are read better.

    -o mine.onnx is a whole model; -o mine.npz what was learnt alone, read beside the embedded model.
    """
    with needs_train("adapt"):
        from foveal.train.adapt import Plan, adapt
    from foveal.batch.talk import share_done

    plan = Plan(minutes=minutes, threads=threads, seed=seed)
    with share_done() as told:
        result = adapt(source, lines, output, plan=plan, told=told)
    typer.echo(f"{output}: {result.to_text()}")


def finetune(
    train: Annotated[list[Path], typer.Option(help="Lines to learn from: images/ and labels.tsv.")],
    dev: Annotated[Path | None, typer.Option(help="Lines to measure on, or a tenth is held out.")] = None,
    before: Annotated[list[Path] | None, typer.Option(help="What it reads already: measured too.")] = None,
    rehearse: Annotated[list[Path] | None, typer.Option(help="Lines like those, learnt from too.")] = None,
    source: From = "fast",
    output: Output = Path("mine.onnx"),
    frozen: Annotated[bool, typer.Option("--frozen", help="The encoder stays as it is.")] = False,
    minutes: Annotated[float, typer.Option(help="At the most.")] = 10.0,
    threads: Threads = None,
    seed: Seed = 0,
) -> None:
    """Train on from a model with one's own lines; signs it lacks are added. Figures before and after."""
    with needs_train("finetune"):
        from foveal.train.finetune import Plan, Sets, finetune
    from foveal.batch.talk import share_done

    sets = Sets(train, dev, tuple(before or ()), tuple(rehearse or ()))
    plan = Plan(frozen=frozen, minutes=minutes, threads=threads, seed=seed)
    with share_done() as told:
        result = finetune(source, sets, output, plan=plan, told=told)
    typer.echo(result.to_text())


def export(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The file: mine.onnx.")],
    source: Annotated[
        str, typer.Option("--from", help="fast, accurate, a file (.onnx, .npz), or a run's best.safetensors.")
    ] = "fast",
    storage: Annotated[
        str, typer.Option(help="Of the parameters: fp32, fp16, int8, or integer: int8, and faster.")
    ] = "fp16",
    strips: Annotated[
        Path | None, typer.Option(help="Images of lines to compare on; unless told, those of the run's sets.")
    ] = None,
) -> None:
    """Write a model as one ONNX file that foveal.load reads, compared with torch before it is kept."""
    with needs_train("export"):
        from foveal.models.export_file import export_file
    parity = export_file(source, output, storage=storage, strips=strips)
    typer.echo(f"{output}: {parity.to_text()}")
