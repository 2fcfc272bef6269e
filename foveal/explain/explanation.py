"""Read a page and show where it was looked: for the whole page, one line, one word or one character."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from foveal.batch.outputs import whole, write_text
from foveal.document import Line, Page, Polygon, Word
from foveal.errors import ConfigError
from foveal.explain import report as html
from foveal.explain.alto_path import alto_with_paths
from foveal.explain.colours import ALPHA, noted, table
from foveal.explain.deletion import note
from foveal.explain.draw import overlay
from foveal.explain.film import can_film, film
from foveal.explain.looks import looks
from foveal.explain.maps import heat_map, multiples
from foveal.explain.scanpath import animation, path_picture, vectors
from foveal.explain.trajectory import Trajectory, trace
from foveal.images import Source
from foveal.images import pages as open_pages
from foveal.images.sources import stem_of
from foveal.reading.cut import cut
from foveal.reading.reader import Reader

Image = NDArray[np.uint8]
T = TypeVar("T")

WORST = 5
"""Lines of a page that get pictures of their own unless one is chosen: the most suspicious."""

_TALL = 96  # rows of the line in the picture of its looks
_WIDE = 1600  # and its columns, at most


@dataclass(frozen=True)
class Choice:
    """What is explained. `line`: its number, None for the whole page; `words`: those shown, () for all."""

    name: str
    line: int | None = None
    words: tuple[Word, ...] = ()
    polygon: Polygon = ()


@dataclass(frozen=True)
class Style:
    """How heat maps are drawn: see `foveal.explain.maps.heat_map`. Raises ConfigError for what cannot be."""

    alpha: float = ALPHA
    colours: str = "viridis"
    side_by_side: bool = False

    def __post_init__(self) -> None:
        table(self.colours)
        if not 0 <= self.alpha <= 1:
            raise ConfigError(f"an alpha of {self.alpha:g} cannot be drawn", remedy="give 0 to 1")


@dataclass(frozen=True, eq=False)
class Explanation:
    """A page that was read with its looks, and what of it is explained.

    `image`: the page's pixels "h w 3" (RGB). A notebook shows the report; `picture` gives the chosen part's
    heat map, `save` writes everything.
    """

    image: Image
    page: Page
    choice: Choice
    style: Style = Style()

    @cached_property
    def trajectories(self) -> dict[int, Trajectory]:
        """The trajectories of the page's lines, or of the chosen one, by the number of the line from 1."""
        return {
            number: trace(self.image, line)
            for number, line in enumerate(self.page.lines, 1)
            if self.choice.line in (None, number)
        }

    @cached_property
    def suspicious(self) -> html.Found:
        """What is suspicious, worst first: (number of the line, anomaly)."""
        return html.find(self.trajectories)

    def picture(self) -> Image:
        """Return what was chosen as a picture "h w 3".

        A word or character as a heat map, a line as small multiples, a page with its words by confidence.
        """
        if self.choice.line is None:
            return overlay(self.image, self.page)
        line = self.page.lines[self.choice.line - 1]
        if not self.choice.words:
            return self._tiles(line)
        return self._map(line, self.choice.words, self.choice.polygon)

    def report(self) -> str:
        """Return the report as one HTML file."""
        return html.report(self.image, self.trajectories, title=self.choice.name)

    def to_json(self) -> dict[str, Any]:
        """Return the trajectories and what is suspicious about them, in page pixels."""
        lines = [
            {
                "line": number,
                **path.to_json(),
                "anomalies": [one.to_json() for n, one in self.suspicious if n == number],
            }
            for number, path in self.trajectories.items()
        ]
        return {
            "page": self.page.number,
            "width": self.page.width,
            "height": self.page.height,
            "lines": lines,
        }

    def to_alto(self) -> str:
        """Return the page as ALTO 4.4 with these trajectories; see `foveal.explain.alto_path`."""
        return alto_with_paths(self.page, self.trajectories, source=self.choice.name)

    def save(self, folder: str | Path) -> list[Path]:
        """Write the report, the trajectories (JSON, ALTO) and the pictures to a folder; return their paths.

        Of a whole page the most suspicious lines get pictures. Raises OutputFailed.
        """
        folder = Path(folder)
        texts = {
            folder / "report.html": self.report(),
            folder / "trajectory.json": json.dumps(self.to_json(), ensure_ascii=False, indent=1) + "\n",
            folder / "trajectory.alto.xml": self.to_alto(),
        }
        for path, text in texts.items():
            write_text(path, text)
        written = [*texts, folder / f"{self.choice.name}.png"]
        _write(written[-1], as_png(self.picture()))
        for number in self.shown:
            written += self._save_line(folder, number)
        return written

    def _save_line(self, folder: Path, number: int) -> list[Path]:
        path, stem = self.trajectories[number], f"line-{number:02}"
        files = {
            folder / f"{stem}-map.png": as_png(self._map(path.line, path.line.words, path.line.polygon)),
            folder / f"{stem}-chars.png": as_png(self._tiles(path.line)),
            folder / f"{stem}-looks.png": as_png(self._looks(path.line)),
            folder / f"{stem}-path.png": as_png(path_picture(self.image, path)),
            folder / f"{stem}-path.gif": animation(self.image, path),
            folder / f"{stem}-path.svg": vectors(self.image, path).encode("utf-8"),
        }
        if can_film():
            files[folder / f"{stem}-path.mp4"] = film(self.image, path)
        for file, data in files.items():
            _write(file, data)
        return list(files)

    @property
    def shown(self) -> list[int]:
        """The numbers of the lines that get pictures: the chosen one, the most suspicious, or the first."""
        if self.choice.line is not None:
            return [self.choice.line]
        worst = list(dict.fromkeys(number for number, _ in self.suspicious))
        return sorted(worst[:WORST]) or list(self.trajectories)[:1]

    def _map(self, line: Line, words: Sequence[Word], polygon: Polygon) -> Image:
        style = self.style
        return heat_map(
            self.image,
            line,
            words,
            polygon=polygon,
            alpha=style.alpha,
            colours=style.colours,
            side_by_side=style.side_by_side,
            note=note(line, words),
        )

    def _tiles(self, line: Line) -> Image:
        return multiples(self.image, line, colours=self.style.colours, note=note(line, line.words))

    def _looks(self, line: Line) -> Image:
        strip = cut(self.image, line.polygon, height=_TALL).image
        picture = looks(strip, line, width=min(strip.shape[1], _WIDE))
        return np.concatenate([picture, noted(note(line, line.words), picture.shape[1])])

    def _repr_png_(self) -> bytes:
        return as_png(self.picture())

    def _repr_html_(self) -> str:
        return html.body(self.image, self.trajectories, title=self.choice.name)


def explain(
    source: Source,
    *,
    line: int | None = None,
    word: int | None = None,
    char: int | None = None,
    page: int = 1,
    model: str = "fast",
    language: str = "auto",
    context: bool | None = None,
    style: Style = Style(),
) -> Explanation:
    """Read one page of a source and return where it was looked.

    `line`, `word`, `char`: which, each counted from 1 in what was chosen before it, in reading order: word 17
    alone is the page's 17th, with a line it is that line's. `model`, `language`, `context`: see
    `foveal.Reader`. Raises ConfigError for one that is not there, and what `foveal.read` raises.

    >>> explain("receipt.jpg", line=3).save("out")  # doctest: +SKIP
    """
    (image,) = open_pages(source, select=[page])
    read = Reader(model, language=language, context=context).read_page(image, looks=True)
    name = stem_of(source) if isinstance(source, str | Path) else "page"
    choice = choose(read, line, word, char, name=name)
    return Explanation(image.pixels, read, choice, style)


def choose(page: Page, line: int | None, word: int | None, char: int | None, *, name: str) -> Choice:
    """Return the choice of a line, word and character of a page; see `explain`. Raises ConfigError."""
    if line is word is char is None:
        return Choice(name)
    lines = list(enumerate(page.lines, 1))
    if line is not None:
        lines = [_nth(lines, line, "line")]
        name += f"-line{line}"
    words = [(number, word) for number, whole in lines for word in whole.words]
    if word is not None:
        words = [_nth(words, word, "word")]
        name += f"-word{word}"
    if char is not None:
        chars = [(number, one) for number, word in words for one in word.chars]
        number, found = _nth(chars, char, "char")
        alone = Word(found.polygon, found.confidence, (found,))
        return Choice(f"{name}-char{char}", number, (alone,), found.polygon)
    if word is not None:
        return Choice(name, words[0][0], (words[0][1],), words[0][1].polygon)
    return Choice(name, line)


def _nth(parts: Sequence[T], number: int, kind: str) -> T:
    if 1 <= number <= len(parts):
        return parts[number - 1]
    remedy = f"the last one is {len(parts)}" if parts else "there are none"
    raise ConfigError(f"there is no {kind} {number}", remedy=remedy)


def as_png(picture: Image) -> bytes:
    """Return the bytes of a PNG file of a picture "h w 3"."""
    file = io.BytesIO()
    Pictures.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def _write(path: Path, data: bytes) -> None:
    with whole(path) as file:
        file.write(data)
