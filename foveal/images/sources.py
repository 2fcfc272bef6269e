"""Where an image comes from: path, folder, glob, URL, standard input."""

from __future__ import annotations

import glob
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from foveal.errors import ImageTooLarge, InputMissing, UnreadableImage
from foveal.images.page import Limits

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"}
    | {".jp2", ".pbm", ".pgm", ".ppm", ".pnm", ".pdf"}
)
"""The endings by which a folder's images are known; a file named outright may end in anything."""

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def is_url(source: object) -> bool:
    """Tell whether a source is an http(s) address."""
    return isinstance(source, str) and source.lower().startswith(("http://", "https://"))


def name_of(source: object) -> str:
    """Return what a source is called in messages: its path or address, "-", or the kind of object it is."""
    return str(source) if isinstance(source, str | Path) else f"<{type(source).__name__}>"


def expand(source: str | Path) -> list[str | Path]:
    """Return the files behind one argument, in natural order: page2 before page10.

    A folder gives every image in it and in its subfolders, a glob what it matches; "-", an address and a path
    are returned as they are, so a missing file is only noticed when it is opened. Raises InputMissing if a
    folder or a glob has no image, for an empty name, and for an address that is not of the web.
    """
    if not str(source):
        raise InputMissing("an empty name", remedy="name a file, a folder, or - for standard input")
    if source == "-" or is_url(source):
        return [source]
    path = Path(source)
    if isinstance(source, str) and _ADDRESS.match(source) and not path.exists():
        raise InputMissing(f"{source}: not an http or https address", remedy="download it first")
    if _is_folder(path):
        found = sorted(_images_under(path), key=_natural)
        return list(found) if found else _nothing(f"{source}: no image or PDF in this folder")
    if glob.has_magic(str(source)) and not path.exists():
        matched = [Path(hit) for hit in glob.glob(str(source), recursive=True)]  # noqa: PTH207, may be absolute
        found = sorted((hit for hit in matched if hit.is_file()), key=_natural)
        return list(found) if found else _nothing(f"{source}: nothing matches this pattern")
    return [path]


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name no file can have; opening it says so
        return False


def _nothing(message: str) -> list[str | Path]:
    raise InputMissing(message, remedy="known endings: " + " ".join(sorted(SUFFIXES)))


def _images_under(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.suffix.lower() in SUFFIXES and path.is_file():
            yield path


def _natural(path: Path) -> list[tuple[int, str]]:
    return [
        (int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", str(path)) if part
    ]


def stem_of(source: object) -> str:
    """Return the name a result of this source takes, without an ending."""
    if isinstance(source, Path):
        return source.stem
    if is_url(source):
        return Path(unquote(urlsplit(str(source)).path)).stem or "page"
    return Path(str(source)).stem if isinstance(source, str) and source != "-" else "stdin"


def standard_input(limits: Limits) -> bytes:
    """Return all of standard input. Raises InputMissing on a terminal, where nothing is piped in."""
    if sys.stdin.isatty():
        raise InputMissing(
            "-: nothing comes from standard input", remedy="pipe an image in: foveal read - < scan.png"
        )
    return _at_most(sys.stdin.buffer, limits, name="-")


def download(url: str, limits: Limits) -> bytes:
    """Return what an http(s) address gives. Raises InputMissing if it does not answer."""
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    try:
        request = Request(url, headers={"User-Agent": "foveal"})
        with urlopen(request, timeout=limits.seconds) as answer:
            return _at_most(answer, limits, name=url)
    except (OSError, HTTPException, ValueError) as error:
        raise InputMissing(
            f"{url}: {getattr(error, 'reason', None) or error}", remedy="check the address"
        ) from error


def _at_most(stream: BinaryIO, limits: Limits, *, name: str) -> bytes:
    data = stream.read(limits.bytes + 1)
    if len(data) > limits.bytes:
        raise ImageTooLarge(
            f"{name}: more than the {limits.bytes:,} bytes that are taken in", remedy="save it to a file"
        )
    return data


def load(path: Path, limits: Limits) -> tuple[bytes, Path | bytes]:
    """Return the first 1,024 bytes of a file, and its path; or all of a pipe, which can be read only once.

    Raises InputMissing or UnreadableImage.
    """
    try:
        with path.open("rb") as file:
            if not path.is_file():
                data = _at_most(file, limits, name=str(path))
                return data[:1024], data
            return file.read(1024), path
    except (FileNotFoundError, ValueError) as error:
        raise InputMissing(f"{path}: no such file", remedy="check the path") from error
    except IsADirectoryError as error:
        raise InputMissing(f"{path}: is a folder", remedy="open its files one by one, see expand") from error
    except OSError as error:
        raise UnreadableImage(f"{path}: {error.strerror}") from error
