"""Results on disk and on standard output: written whole, or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from foveal.errors import OutputFailed


def write_text(path: Path, text: str) -> None:
    """Write a file as UTF-8, whole: see `whole`."""
    with whole(path) as file:
        file.write(text.encode("utf-8"))


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write; it takes its name only when it is complete, so a reader never sees half of it.

    What already stands under the name stays until then; a device or a pipe is written to directly. Raises
    OutputFailed with the system's reason (disk full, no permission, a folder in the way).
    """
    direct = path.exists() and not path.is_file() and not path.is_dir()
    part = path if direct else path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                yield file
            if not direct:
                part.replace(path)
        finally:
            if not direct:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputFailed(f"{path}: {error.strerror}", remedy="nothing was written there") from error


def write_stdout(text: str) -> None:
    """Write to standard output at once. Raises OutputFailed; BrokenPipeError if nobody reads any more."""
    try:
        sys.stdout.buffer.write(text.encode("utf-8"))
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
        raise
    except OSError as error:
        _forget_stdout()
        raise OutputFailed(
            f"standard output: {error.strerror}", remedy="write elsewhere: --output"
        ) from error


def _forget_stdout() -> None:
    """Point standard output to nowhere, or Python would try to write the rest again at its exit."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def namer() -> Callable[[Path, str, str], Path]:
    """Return a function (folder, stem, suffix) -> path that gives no path twice: scan.txt, scan-2.txt."""
    given: set[Path] = set()

    def name(folder: Path, stem: str, suffix: str) -> Path:
        path, count = folder / f"{stem}{suffix}", 1
        while path in given:
            count += 1
            path = folder / f"{stem}-{count}{suffix}"
        given.add(path)
        return path

    return name
