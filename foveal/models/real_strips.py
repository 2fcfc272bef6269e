"""Real images of lines on which an export is compared with torch: those at hand, the likest first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foveal.images import expand, pages
from foveal.measure.sets import read_crops
from foveal.models.run_file import sets_of
from foveal.reading.cut import cut
from foveal.reading.engine import load_session
from foveal.reading.find import find
from foveal.reading.line_graphs import is_run

MOST = 24
"""So many are compared, spread evenly over what there is."""

EXAMPLES = Path(__file__).parents[2] / "examples"
"""Beside the package where foveal runs from its repository."""

_PAGES = ("receipt.jpg", "fraktur.png", "handwritten_note.jpg")

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class RealStrips:
    """Images of lines "h w 3", and what they are: a folder's name."""

    images: list[Image]
    where: str = ""


def real_strips(source: str, asked: Path | None) -> RealStrips:
    """Return the images in the folder that is asked for; or the strips at hand, none where there are none.

    Those are crops of the first set that the training run knew of and that is still there, or else lines cut
    from the repository's examples. Raises InputMissing for a folder without images.
    """
    if asked is not None:
        return RealStrips([page.pixels for file in expand(asked) for page in pages(file)], asked.name)
    for folder in sets_of(Path(source)) if is_run(source) else []:
        if images := _crops(folder):
            return RealStrips(images, folder.name)
    return RealStrips(_lines(), "the examples")


def _crops(folder: Path) -> list[Image]:
    if not (folder / "labels.tsv").is_file():
        return []
    files = [crop.image for crop in read_crops(folder) if crop.image.is_file()]
    return [next(pages(file)).pixels for file in files[:: max(len(files) // MOST, 1)][:MOST]]


def _lines() -> list[Image]:
    """Return lines of the examples, as the page model finds them."""
    found = []
    for file in (EXAMPLES / name for name in _PAGES):
        for page in pages(file) if file.is_file() else ():
            places = find(page.pixels, load_session("page", 1)).lines[: MOST // len(_PAGES)]
            found += [cut(page.pixels, place.polygon).image for place in places]
    return found
