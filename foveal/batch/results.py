"""Where documents and overlay pictures go: standard output, one file, or a folder with one file an input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from foveal.batch.outputs import namer, whole, write_stdout, write_text
from foveal.config import nearest
from foveal.document import Document, Page
from foveal.errors import ConfigError
from foveal.explain.draw import overlay
from foveal.formats import FORMATS, Boxes
from foveal.reading.review import review_list

_JOINABLE = ("text", "markdown", "json", "tsv")  # several of these make sense on one standard output


class Results:
    """Writes documents in one format, and the overlays of their pages; no path is written twice.

    `output`: a file, or a folder if it exists as one, ends in "/", or there are `several` inputs; None is
    standard output. `picture`: the same for the overlays. `max_error`: write a review list beside each result
    (reading/review.py), for a result on standard output into the working folder. Raises ConfigError for what
    cannot be: a format that does not exist, several XML files on standard output, one file for several
    inputs; and before a result would take the place of one of the files `kept`.
    """

    def __init__(
        self,
        *,
        format: str,
        boxes: str,
        several: bool,
        output: str | None = None,
        picture: str | None = None,
        max_error: float | None = None,
        kept: Sequence[str | Path] = (),
    ) -> None:
        for name, value, known in (("format", format, tuple(FORMATS)), ("boxes", boxes, get_args(Boxes))):
            if value not in known:
                raise ConfigError(f"there is no {name} '{value}'", remedy=nearest(value, known))
        if several and output is None and format not in _JOINABLE:
            raise ConfigError(
                f"several inputs in {format} need a folder", remedy="give one: --output FOLDER/"
            )
        for option, target in (("--output", output), ("--overlay", picture)):
            if several and target is not None and _names_a_file(target):
                raise ConfigError(
                    f"{option} {target}: several inputs need a folder",
                    remedy=f"give one, with its slash: {option} FOLDER/",
                )
        self._format, self._boxes = FORMATS[format], boxes
        files = frozenset(Path(source).resolve() for source in kept)
        self._output = None if output is None else _Target(output, several=several, kept=files)
        self._picture = None if picture is None else _Target(picture, several=several, kept=files)
        self.untold = 0  # places of `Page.unread` that the format has no room for
        self._max_error, self._review = max_error, _beside(output, several=several, kept=files)

    def add(self, document: Document, stem: str) -> None:
        """Write one document. Raises OutputFailed."""
        if not self._format.lists_unread:
            self.untold += sum(len(page.unread) for page in document.pages)
        parts = [document]
        if self._format.one_page and self._output is not None:
            parts = [replace(document, pages=(page,)) for page in document.pages]
        for part in parts:
            text = self._format.write(part, boxes=self._boxes)  # type: ignore[arg-type]
            if self._output is None:
                write_stdout(text)
            else:
                write_text(self._output.path(stem, self._format.suffix), text)
        if self._max_error is not None:
            listed = review_list(document, max_error=self._max_error)
            write_text(self._review.path(stem, ".review.tsv"), listed)

    def add_overlay(self, pixels: NDArray[np.uint8], page: Page, stem: str) -> Path | None:
        """Draw a page's boxes over its pixels "h w 3", if asked for; return where. Raises OutputFailed."""
        if self._picture is None:
            return None
        from PIL import Image

        path = self._picture.path(f"{stem}.overlay", ".png")
        with whole(path) as file:
            Image.fromarray(overlay(pixels, page, level=self._boxes)).save(file, "PNG")  # type: ignore[arg-type]
        return path


def _names_a_file(target: str) -> bool:
    """Tell whether a target that is no folder yet looks like a file: it has an ending and no slash."""
    return bool(Path(target).suffix) and not target.endswith("/") and not Path(target).is_dir()


def _beside(output: str | None, *, several: bool, kept: frozenset[Path]) -> _Target:
    """Return where review lists go: into the folder of the results, or named after the only file."""
    if output is None or several or output.endswith("/") or Path(output).is_dir():
        return _Target(output or "./", several=True, kept=kept)
    return _Target(str(Path(output).with_suffix(".review.tsv")), several=False, kept=kept)


class _Target:
    """A file or a folder that results go to; a second result for the file is numbered."""

    def __init__(self, path: str, *, several: bool, kept: frozenset[Path]) -> None:
        self._path, self._name, self._kept = Path(path), namer(), kept
        self._is_folder = several or path.endswith("/") or self._path.is_dir()

    def path(self, stem: str, suffix: str) -> Path:
        """Return the next path for a result."""
        folder = self._path if self._is_folder else self._path.parent
        if not self._is_folder:
            stem, suffix = self._path.stem, self._path.suffix
        path = self._name(folder, stem, suffix)
        if path.resolve() in self._kept:
            raise ConfigError(f"{path} is an input and would be overwritten", remedy="write elsewhere")
        return path
