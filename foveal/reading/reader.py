"""The reader: a source in, a Document out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from foveal.document import Document, Line, Page
from foveal.errors import ConfigError
from foveal.geometry import box
from foveal.images import PageImage, Source, name_of
from foveal.images import pages as open_pages
from foveal.reading.engine import Session, load_session, threads_here
from foveal.reading.line_graphs import MODELS, check
from foveal.reading.vocabulary import check_language

if TYPE_CHECKING:
    from foveal.reading.asked import SearchSpec
    from foveal.reading.recognisers import Reads

__all__ = ["MODELS", "Reader", "load", "read"]


class Reader:
    """Reads pages with one of the embedded models, or with one of one's own.

    `model`: "fast", "accurate", a file that foveal adapt, finetune or export wrote, or the weights of a
    training run (.safetensors, read with by torch). `threads`: CPU threads
    for one reading; as many as there are cores, 8 at most, unless told. `language`: whose words decide where
    what is seen leaves a doubt, which is said on each word (`Word.remedy`): "auto", found out from each page
    or line; "fr", "fr+en", …; "none", nothing but what is seen counts. `context`: whether lines in doubt are
    read again by what usually follows what in French, German or English, said on each word that changes; as
    the model does unless told ("accurate" does, "fast" does not: a line of handwriting takes three times as
    long). `remedies`: read again, under a
    constraint, the words whose looks went wrong; it is said too (docs/asking.md). `search`: how
    a recogniser without fixations looks for texts, greedily unless told; it has no use for `language`,
    `context` and `remedies`, nor other models for it, which is said. Models are loaded at the first reading.
    A Reader keeps nothing between readings and is safe to share between threads.

    Raises ConfigError for a model or language that does not exist, InputMissing for a file that does not.
    """

    def __init__(
        self,
        model: str | Path = "fast",
        threads: int | None = None,
        *,
        language: str = "auto",
        context: bool | None = None,
        remedies: bool = False,
        search: SearchSpec | None = None,
    ) -> None:
        model = str(model)
        check(model)
        check_language(language)
        if threads is not None and threads < 1:
            raise ConfigError(f"{threads} threads cannot read", remedy="give 1 or more")
        self.model = model
        self.threads = threads or threads_here()
        self.language, self.context = language, context
        self._remedies, self._search = remedies, search

    def read(
        self,
        source: Source,
        *,
        pages: str | Iterable[int] | None = None,
        looks: bool = False,
        password: str | None = None,
        dpi: float | None = None,
    ) -> Document:
        """Return the whole reading of a source: see `stream` for the options and for many pages."""
        read = tuple(self.stream(source, pages=pages, looks=looks, password=password, dpi=dpi))
        return Document(name_of(source), read, self.model)

    def stream(
        self,
        source: Source,
        *,
        pages: str | Iterable[int] | None = None,
        looks: bool = False,
        password: str | None = None,
        dpi: float | None = None,
    ) -> Iterator[Page]:
        """Yield the pages of a source one by one, each opened only when it is asked for.

        `pages`: which ones, "1-3,5,8-" or numbers from 1. `looks`: keep where every character was looked for.
        `password`, `dpi`: how a PDF is opened and drawn (200 dots an inch unless told).

        Raises what `foveal.images.pages` raises; a damaged page raises only after the pages that can be read.
        """
        for image in open_pages(source, password=password, dpi=dpi, select=pages):
            yield self.read_page(image, looks=looks)

    def read_page(self, image: PageImage, *, looks: bool = False) -> Page:
        """Return the reading of one opened page."""
        from foveal.reading.read_page import read_page

        return read_page(image, self._page_model, self._transcriber, looks=looks)

    def transcribe(self, strips: Sequence[Source], *, looks: bool = False) -> list[Line]:
        """Return one Line for each image of a single line or word (array, PIL image, path), in their order.

        Wide blank margins are not looked at. Polygons are in pixels of the image given. An image without text
        gives a Line without words.
        """
        from foveal.reading.compose import as_polygon
        from foveal.reading.inked import with_boxes
        from foveal.reading.steer import Held
        from foveal.reading.trim import trimmed

        images = [image.pixels for strip in strips for image in open_pages(strip, select=[1])]
        cut = [trimmed(image) for image in images]
        readings = self._transcriber.read([strip.image for strip in cut], looks=looks)
        held = [
            Held(
                strip,
                with_boxes(reading, strip.image),
                self.model,
                polygon=as_polygon(box(0, 0, *image.shape[1::-1])),
            )
            for reading, strip, image in zip(readings, cut, images, strict=True)
        ]
        return [one.line() if looks else one.plain() for one in held]

    @cached_property
    def _page_model(self) -> Session:
        return load_session("page", self.threads)

    @cached_property
    def _transcriber(self) -> Reads:
        from foveal.reading.recognisers import load_reads

        return load_reads(
            self.model,
            self.threads,
            language=self.language,
            context=self.context,
            remedies=self._remedies,
            search=self._search,
        )

    def opened(self) -> Reader:
        """Return this reader with its model loaded: faults of a file, and options it has no use for, show."""
        assert self._transcriber
        return self


def load(model: str | Path, *, threads: int | None = None) -> Reader:
    """Return a Reader of a model: one's own file, a training run's weights, "fast" or "accurate".

    Faults of the file show at once.

    Raises what Reader does, and ConfigError for a file that is no line model of foveal's.

    >>> load("mine.onnx").read("letter.png").text  # doctest: +SKIP
    'Dear Ada,'
    """
    return Reader(model, threads).opened()


def read(
    source: Source,
    *,
    model: str | Path = "fast",
    threads: int | None = None,
    language: str = "auto",
    context: bool | None = None,
    pages: str | Iterable[int] | None = None,
    looks: bool = False,
    password: str | None = None,
    dpi: float | None = None,
) -> Document:
    """Return the reading of a file, an address, the bytes of a file, an array "h w 3" (RGB) or a PIL image.

    The options are those of Reader and of Reader.stream.

    >>> read("receipt.png").text  # doctest: +SKIP
    'TOTAL 12.80'
    """
    reader = Reader(model, threads, language=language, context=context)
    return reader.read(source, pages=pages, looks=looks, password=password, dpi=dpi)
