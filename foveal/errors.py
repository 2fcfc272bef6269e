"""Every deliberate error of foveal: what happened, the way out, and the exit code of its class."""

from __future__ import annotations


class FovealError(Exception):
    """Base of every error raised on purpose: one sentence, a remedy, and an exit code for the shell.

    >>> str(InputMissing("scan.png: no such file", remedy="check the path"))
    'scan.png: no such file (check the path)'
    """

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        """Return the sentence, with the remedy in brackets if there is one."""
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class ConfigError(FovealError):
    """A setting, option or name that does not exist or cannot be used."""

    exit_code = 2


class InputMissing(FovealError):
    """A file, folder, glob or URL that leads to nothing readable."""

    exit_code = 3


class UnreadableImage(FovealError):
    """A file that is there but cannot be decoded: truncated, empty, or not an image at all."""

    exit_code = 4


class ImageTooLarge(FovealError):
    """An image beyond the decoding limits (a decompression bomb)."""

    exit_code = 5


class LockedDocument(FovealError):
    """An encrypted PDF without its password, or with a wrong one."""

    exit_code = 6


class OutputFailed(FovealError):
    """A result that could not be written: full disk, no permission, a folder in the way."""

    exit_code = 7


class SomeFailed(FovealError):
    """A batch in which at least one input failed; the others were read and written."""

    exit_code = 8


class MissingExtra(FovealError):
    """A command that needs an optional part of foveal which is not installed."""

    exit_code = 9


class Interrupted(FovealError):
    """A run that was stopped by Ctrl-C; what was read until then is kept."""

    exit_code = 130
