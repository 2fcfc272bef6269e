"""One door for every source: path, bytes, address, standard input, array or picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray

from foveal.errors import ConfigError, UnreadableImage
from foveal.images import pdf, raster
from foveal.images.page import Limits, PageImage, Selection
from foveal.images.sources import download, is_url, load, name_of, standard_input

if TYPE_CHECKING:
    from PIL.Image import Image

Source = Union[str, Path, bytes, "NDArray[Any]", "Image"]
"""A path, "-", an http(s) address, the bytes of a file, an array "h w" or "h w 3" (RGB), or a PIL image."""

DPI = 200.0
"""The resolution PDF pages are drawn at unless told: ten-point text is 28 pixels high."""


def pages(
    source: Source,
    *,
    password: str | None = None,
    dpi: float | None = None,
    select: str | Iterable[int] | None = None,
    limits: Limits | None = None,
) -> Iterator[PageImage]:
    """Yield the pages of a source, each decoded only when it is asked for.

    The frames of a TIFF and the pages of a PDF are pages; an animation is its first frame. `select` is
    "1-3,5,8-" or page numbers from 1. A page that fails does not stop those after it: UnreadableImage is
    raised after the last one, and says which pages were opened.

    Raises InputMissing (also if no page of `select` is there), UnreadableImage, ImageTooLarge,
    LockedDocument.

    >>> [page.pixels.shape for page in pages(np.zeros((20, 30), np.uint8))]
    [(20, 30, 3)]
    """
    if dpi is not None and not dpi > 0:  # nan is neither
        raise ConfigError(f"a page cannot be drawn at {dpi:g} dpi", remedy="300 is a usual resolution")
    selection, limits = Selection.parse(select), limits or Limits()
    if isinstance(source, np.ndarray):
        yield PageImage(1, raster.from_array(source, limits=limits))
        return
    if not isinstance(source, str | Path | bytes | bytearray):
        yield PageImage(1, raster.from_picture(source, limits=limits))
        return
    name = name_of(source)
    head, data = _fetch(source, limits)
    if not head:
        raise UnreadableImage(f"{name}: the file is empty", remedy="get it again")
    if b"%PDF-" in head:
        yield from pdf.pages(data, selection, name=name, password=password, dpi=dpi or DPI, limits=limits)
    else:
        yield from raster.pages(data, selection, name=name, limits=limits, head=head)


def _fetch(source: str | Path | bytes | bytearray, limits: Limits) -> tuple[bytes, Path | bytes]:
    """Return the first bytes of a source, and where or what the whole of it is."""
    if isinstance(source, bytes | bytearray):
        data = bytes(source)
    elif source == "-":
        data = standard_input(limits)
    elif is_url(source):
        data = download(str(source), limits)
    else:
        return load(Path(source), limits)
    return data[:1024], data
