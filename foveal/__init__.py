"""OCR you can check: every character is grounded in the pixels it was read from.

>>> import foveal
>>> foveal.read("receipt.png").text  # doctest: +SKIP
'TOTAL 12.80'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from foveal.errors import (
    ConfigError,
    FovealError,
    ImageTooLarge,
    InputMissing,
    Interrupted,
    LockedDocument,
    MissingExtra,
    OutputFailed,
    SomeFailed,
    UnreadableImage,
)

if TYPE_CHECKING:
    from foveal.document import Document
    from foveal.explain.explanation import explain
    from foveal.reading.reader import Reader, load, read

__version__ = "0.1.0"
__all__ = [
    "ConfigError",
    "Document",
    "FovealError",
    "ImageTooLarge",
    "InputMissing",
    "Interrupted",
    "LockedDocument",
    "MissingExtra",
    "OutputFailed",
    "Reader",
    "SomeFailed",
    "UnreadableImage",
    "explain",
    "load",
    "read",
]

_LOADED_WHEN_ASKED = {"Document": "document"} | dict.fromkeys(("Reader", "load", "read"), "reading.reader")
_PACKAGES = ("explain",)


def __getattr__(name: str) -> Any:
    """Load what needs NumPy and ONNX Runtime when it is first asked for, so that `import foveal` is fast."""
    if name in _PACKAGES:
        return import_module(f"foveal.{name}")
    if name not in _LOADED_WHEN_ASKED:
        raise AttributeError(f"module 'foveal' has no attribute '{name}'")
    return getattr(import_module(f"foveal.{_LOADED_WHEN_ASKED[name]}"), name)
