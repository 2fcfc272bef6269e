"""The shell's commands that train from a recipe and compare recipes; the others are in cli.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from foveal.errors import MissingExtra

Train = Annotated[list[Path] | None, typer.Option(help="Folders of crops to learn from: labels.tsv.")]
Dev = Annotated[list[Path] | None, typer.Option(help="Folders of crops to choose and report by.")]
Fonts = Annotated[Path | None, typer.Option(help="A pack of fonts to draw strips with.")]
Limit = Annotated[int | None, typer.Option(help="Only the first crops of each set of --dev.")]
Seed = Annotated[int, typer.Option(help="Another seed, another run; the same, the same.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Workers = Annotated[int, typer.Option(help="Processes that make batches.")]

Steps = Annotated[int | None, typer.Option(help="Of training, instead of the recipe's.")]
Minutes = Annotated[float | None, typer.Option(help="Of training, by the clock, instead of steps.")]
Batch = Annotated[int | None, typer.Option(help="Strips in a batch, instead of the recipe's.")]
Echo = Annotated[int | None, typer.Option(help="Steps for which a batch is taken, worn anew each time.")]
Load = Annotated[
    list[Path] | None, typer.Option(help="Python files that add mechanisms of one's own, run first.")
]
Lines = Annotated[bool, typer.Option("--lines", help="Lines of text instead of words.")]


@contextmanager
def needs_train(command: str) -> Iterator[None]:
    """Say which package is missing where an import of the train extra fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra(f"{command} needs {error.name}", remedy='pip install "foveal[train]"') from error


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe: recipes/ctc.toml.")],
    train: Train = None,
    dev: Dev = None,
    fonts: Fonts = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the run is kept.")] = Path("trained"),
    steps: Steps = None,
    minutes: Minutes = None,
    batch: Batch = None,
    echo: Echo = None,
    lines: Lines = False,
    seed: Seed = 0,
    device: Device = "auto",
    devices: Annotated[int, typer.Option(help="How many of them share the work: --parallel.")] = 1,
    parallel: Annotated[
        str, typer.Option(help="What several devices share out: data, weights or heads.")
    ] = "data",
    half: Annotated[bool | None, typer.Option(help="Compute in bfloat16; on a GPU unless told.")] = None,
    compile: Annotated[bool, typer.Option("--compile", help="Compile the model first.")] = False,
    workers: Workers = 0,
    limit: Limit = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Memory and time of one step, after one to warm up.")
    ] = False,
    load: Load = None,
) -> None:
    """Train a recogniser by a recipe. A run that was cut short goes on where --output was kept."""
    with needs_train("train"):
        from foveal.attention import load as load_mechanisms
        from foveal.train.dry_run import dry_run as try_out
        from foveal.train.recipe import Changes, read_recipe
        from foveal.train.run import Run
        from foveal.train.run import train as train_by
        from foveal.train.strips import Sources
    for file in load or ():
        load_mechanisms(file)
    changes = Changes(steps, minutes, batch, echo, lines)
    run = Run(
        changes.of(read_recipe(recipe)), Sources(tuple(train or ()), fonts), output,
        dev=tuple(dev or ()), seed=seed, device=device, devices=devices, half=half, compile=compile,
        workers=workers, limit=limit, parallel=parallel,
    )  # fmt: skip
    if dry_run:
        cost = asdict(try_out(run))
        if cost.pop("leads"):
            typer.echo(json.dumps(cost))
        return
    outcome = train_by(run)
    if not outcome.leads:
        return
    typer.echo(f"{output}: {outcome.steps} steps in {outcome.seconds:.0f} s")
    for report in outcome.reports:
        typer.echo(report.to_text())


def compare(
    recipes: Annotated[list[Path], typer.Argument(help="Recipes: recipes/*.toml.")],
    train: Train = None,
    dev: Dev = None,
    fonts: Fonts = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Table, JSON and plots.")] = Path("compared"),
    minutes: Minutes = None,
    steps: Steps = None,
    batch: Batch = None,
    echo: Echo = None,
    lines: Lines = False,
    seeds: Annotated[int, typer.Option(help="How often each is trained.")] = 3,
    together: Annotated[int, typer.Option(help="Trained at a time.")] = 1,
    device: Device = "auto",
    workers: Workers = 0,
    threads: Annotated[int | None, typer.Option(help="Of torch, for each of those.")] = None,
    limit: Limit = None,
    costs: Annotated[bool, typer.Option(help="Measure what reading costs, alone, at the end.")] = True,
    load: Load = None,
) -> None:
    """Train recipes under the same budget and seeds, and print one table of what came of them."""
    with needs_train("compare"):
        from foveal.laboratory.compare import Comparison
        from foveal.laboratory.compare import compare as compare_all
        from foveal.laboratory.table import markdown
        from foveal.train.recipe import Changes
        from foveal.train.strips import Sources
    asked = Comparison(
        tuple(recipes), Sources(tuple(train or ()), fonts), output,
        Changes(steps, minutes, batch, echo, lines), dev=tuple(dev or ()), seeds=seeds, limit=limit,
        device=device, workers=workers, together=together, threads=threads, costs=costs,
        load=tuple(load or ()),
    )  # fmt: skip
    typer.echo(markdown(compare_all(asked, told=lambda said: typer.echo(said, err=True))))


def choose(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Crops with their texts: labels.tsv.")],
    recipes: Annotated[
        Path | None, typer.Option(help="A folder of recipes that take part, instead of the package's own.")
    ] = None,
    every: Annotated[bool, typer.Option("--every", help="Recipes in sub-folders too.")] = False,
    fonts: Fonts = None,
    max_ms: Annotated[
        float, typer.Option(help="CPU milliseconds, on one core, that reading a crop may take.")
    ] = 1000.0,
    minutes: Annotated[float, typer.Option(help="Of training, in all.")] = 20.0,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the runs are kept.")] = Path("chosen"),
    cpu: Annotated[bool, typer.Option("--cpu", help="Train on the CPU even where there is a GPU.")] = False,
    limit: Annotated[int, typer.Option(help="Held-out crops that are read at most.")] = 100,
    seed: Seed = 0,
    workers: Workers = 0,
    load: Load = None,
) -> None:
    """Find out which recipe suits one's own crops: a short tournament, and its evidence."""
    with needs_train("choose"):
        from foveal.attention import load as load_mechanisms
        from foveal.laboratory.choose import Question, in_folder, shipped
        from foveal.laboratory.choose import choose as choose_among
    for file in load or ():
        load_mechanisms(file)
    files = shipped(every=every) if recipes is None else in_folder(recipes, every=every)
    asked = Question(
        folder, files, output, max_ms=max_ms, minutes=minutes, fonts=fonts, limit=limit, seed=seed,
        device="cpu" if cpu else "auto", workers=workers,
    )  # fmt: skip
    typer.echo(choose_among(asked, told=lambda said: typer.echo(said, err=True)).to_text())
