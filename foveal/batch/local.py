"""Many inputs, one after another, in this process: a bad one does not stop those after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from foveal.batch.results import Results
from foveal.batch.talk import Talk
from foveal.document import Document, Page
from foveal.errors import ConfigError, FovealError, Interrupted, OutputFailed, SomeFailed
from foveal.formats import FORMATS
from foveal.images import Selection, expand, pages
from foveal.images.sources import stem_of

if TYPE_CHECKING:
    from foveal.reading.reader import Reader


@dataclass(frozen=True)
class Opening:
    """How inputs are opened and read: see Reader.stream. Raises ConfigError for pages such as "3-1"."""

    pages: str | None = None
    password: str | None = None
    dpi: float | None = None
    looks: bool = False

    def __post_init__(self) -> None:
        Selection.parse(self.pages)


@dataclass(frozen=True)
class Input:
    """One thing to open, and the name its results take: a path without an ending, inside their folder."""

    source: str | Path
    stem: str


def find_inputs(arguments: Sequence[str]) -> tuple[list[Input], list[FovealError]]:
    """Return the inputs behind the arguments of a command, and an error for each that leads to nothing."""
    found: list[Input] = []
    failed: list[FovealError] = []
    for argument in arguments:
        try:
            found += [Input(source, _stem(source, argument)) for source in expand(argument)]
        except FovealError as error:
            failed.append(error)
    return found, failed


def _stem(source: str | Path, argument: str) -> str:
    if isinstance(source, Path) and Path(argument) in source.parents:
        return str(source.relative_to(argument).with_suffix(""))
    return stem_of(source)


def read_inputs(
    inputs: Sequence[Input],
    failed: list[FovealError],
    *,
    reader: Reader,
    opening: Opening,
    results: Results,
) -> None:
    """Read every input and hand on its document, whole or as far as it could be read.

    Raises, at the end, the error itself if there was a single input, else SomeFailed; at once, Interrupted
    after Ctrl-C, OutputFailed if a result cannot be written, ConfigError. What was read is handed on first.
    """
    total = len(inputs) + len(failed)
    with Talk(total) as talk:
        for error in failed if total > 1 else ():
            talk.say(str(error))
        for count, item in enumerate(inputs):
            fault = _read_input(item, reader=reader, opening=opening, results=results, talk=talk)
            talk.done()
            if isinstance(fault, Interrupted):
                raise Interrupted(
                    f"stopped in {item.source}", remedy=f"{count} of {total} inputs were read whole"
                )
            if fault is not None:
                failed.append(fault)
                if total > 1:
                    talk.say(str(fault))
        if results.untold:
            talk.say(_untold(results.untold))
    if failed:
        some = SomeFailed(f"{len(failed)} of {total} inputs failed", remedy="the others were read")
        raise failed[0] if total == 1 else some


def _untold(places: int) -> str:
    listing = ", ".join(name for name, form in FORMATS.items() if form.lists_unread)
    what = "place looks" if places == 1 else "places look"
    return f"{places} {what} like text but could not be read (listed by --format {listing})"


def _read_input(
    item: Input, *, reader: Reader, opening: Opening, results: Results, talk: Talk
) -> FovealError | None:
    """Read one input and hand on what could be read; return what went wrong."""
    read: list[Page] = []
    fault: FovealError | None = None
    try:
        for page in _pages(item, reader=reader, opening=opening, results=results, talk=talk):
            read.append(page)
    except ConfigError:
        raise
    except FovealError as error:
        fault = error
    except KeyboardInterrupt:
        fault = Interrupted("stopped")
    if read:
        document = Document(str(item.source), tuple(read), reader.model)
        if fault is not None:
            document = replace(document, metadata={"incomplete": fault.message})
        with talk.paused():
            results.add(document, item.stem)
    if isinstance(fault, OutputFailed):
        raise fault
    return fault


def _pages(item: Input, *, reader: Reader, opening: Opening, results: Results, talk: Talk) -> Iterator[Page]:
    images = pages(item.source, password=opening.password, dpi=opening.dpi, select=opening.pages)
    for image in images:
        talk.reading(str(item.source), image.number)
        page = reader.read_page(image, looks=opening.looks)
        yield page
        drawn = results.add_overlay(image.pixels, page, item.stem)
        if drawn is not None:
            talk.say(f"wrote {drawn}")
