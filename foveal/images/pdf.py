"""PDF pages drawn by PDFium. PDFium is not thread-safe: every call to it is made under one lock."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from foveal.errors import LockedDocument, UnreadableImage
from foveal.images.page import Faults, Limits, PageImage, Selection

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument  # type: ignore[import-untyped]

_LOCK = threading.RLock()  # re-entrant: a generator dropped by the collector closes its document under it
_NEEDS_PASSWORD = 4  # FPDF_ERR_PASSWORD
_MOST_PIXELS = 50_000_000  # a larger sheet is drawn at a lower resolution: A2 at 400 dpi, A0 at 150 dpi
_POINTS = 72.0  # to the inch


def pages(
    data: Path | bytes, selection: Selection, *, name: str, password: str | None, dpi: float, limits: Limits
) -> Iterator[PageImage]:
    """Yield the pages drawn at `dpi`, white under them, forms filled in.

    Raises LockedDocument, or UnreadableImage: at once, or after the last page if some cannot be drawn.
    """
    faults = Faults(name, cut_off=_is_cut_off(data))
    document = _open(data, name=name, password=password)
    try:
        with _LOCK:
            total = len(document)
        for index in range(total):
            if index + 1 in selection:
                try:
                    pixels, resolution = _draw(document, index, dpi, most=min(_MOST_PIXELS, limits.pixels))
                except RuntimeError as error:  # PdfiumError
                    faults.failed.append((index + 1, str(error)))
                    continue
                faults.opened.append(index + 1)
                yield PageImage(index + 1, pixels, resolution)
    finally:
        with _LOCK:
            document.close()
    faults.check(selection, total)


def _open(data: Path | bytes, *, name: str, password: str | None) -> PdfDocument:
    from pypdfium2 import PdfDocument, PdfiumError

    with _LOCK:
        try:
            document = PdfDocument(data, password=password)
        except PdfiumError as error:
            if error.err_code == _NEEDS_PASSWORD:
                what = "the password is wrong" if password else "the PDF is encrypted"
                raise LockedDocument(f"{name}: {what}", remedy="give its password: --password") from error
            cut = "the PDF is cut off or damaged"
            raise UnreadableImage(f"{name}: {cut}", remedy="get it again") from error
        document.init_forms()
        return document


def _draw(document: PdfDocument, index: int, dpi: float, *, most: int) -> tuple[NDArray[np.uint8], float]:
    """Return a page's pixels, and the resolution it was drawn at: lowered if it has more than `most`."""
    with _LOCK:
        page = document[index]
        try:
            width, height = page.get_size()
            fitting = _POINTS * math.sqrt(most / max(width * height, 1.0))
            resolution = min(dpi, fitting)
            bitmap = page.render(scale=resolution / _POINTS, rev_byteorder=True)
            try:
                return np.array(bitmap.to_numpy()[..., :3]), resolution
            finally:
                bitmap.close()
        finally:
            page.close()


def _is_cut_off(data: Path | bytes) -> bool:
    """Tell whether a PDF ends early: without its end mark, or before the length a linearised one states."""
    if isinstance(data, bytes):
        head, tail, size = data[:1024], data[-65536:], len(data)
    else:
        size = data.stat().st_size
        with data.open("rb") as file:
            head = file.read(1024)
            file.seek(max(0, size - 65536))
            tail = file.read()
    stated = re.search(rb"/Linearized\b[^>]*?/L\s+(\d+)", head, re.DOTALL)
    return b"%%EOF" not in tail or (stated is not None and size < int(stated[1]))
