"""What a run says while it works: on standard error, with a bar if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


class Talk:
    """Standard error, and the bar on it. Use as a context; without a terminal there is no bar."""

    def __init__(self, total: int) -> None:
        self._bar: Progress | None = _bar() if sys.stderr.isatty() else None
        self._task = self._bar.add_task("", total=total) if self._bar else None

    def __enter__(self) -> Talk:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def reading(self, name: str, page: int) -> None:
        """Show which page is being read."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, description=f"{Path(name).name}, page {page}")

    def done(self) -> None:
        """One more input is finished."""
        if self._bar and self._task is not None:
            self._bar.advance(self._task)

    def at(self, done: int) -> None:
        """So much of the total is finished."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=done)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the bar away while results are printed."""
        if self._bar:
            self._bar.stop()
        try:
            yield
        finally:
            if self._bar:
                self._bar.start()

    def say(self, sentence: str) -> None:
        """Print one sentence."""
        with self.paused():
            print(f"foveal: {sentence}", file=sys.stderr, flush=True)


@contextmanager
def share_done() -> Iterator[Callable[[float], None]]:
    """Show a bar for one task on standard error, if that is a terminal; it is told the share done, 0 to 1."""
    with Talk(100) as talk:
        yield lambda done: talk.at(round(100 * done))


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=Console(stderr=True), transient=True)
