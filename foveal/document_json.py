"""Document ⇄ JSON without loss, looks included; `formats/document.schema.json` says what a file holds."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Literal

import numpy as np

from foveal.document import Alternative, Block, Char, Document, Line, Look, Page, Polygon, Remedy, Word
from foveal.errors import FovealError

VERSION = "1.2"
"""The version of the schema; a reader of 1.x reads every 1.y."""

Boxes = Literal["line", "word", "char"]
"""How deep an output goes: to the lines, to the words, or to the characters."""

_DEPTH = {"line": 0, "word": 1, "char": 2}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def write(document: Document, *, boxes: Boxes = "char") -> str:
    """Return one line of JSON and a line feed. Only `boxes="char"` can be read back."""
    content = {
        "version": VERSION,
        "source": document.source,
        "model": document.model,
        "metadata": document.metadata,
        "boxes": boxes,
        "pages": [_page(page, depth=_DEPTH[boxes]) for page in document.pages],
    }
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # a file name that is not UTF-8 comes as lone surrogates, which no file could hold unescaped
    return _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", text) + "\n"


def read(text: str) -> Document:
    """Return the document of a text that `write` gave.

    Raises FovealError for a text that is not JSON, of another version, or without its characters.
    """
    try:
        content = json.loads(text)
        _admit(content)
        return Document(
            source=content["source"],
            pages=tuple(_read_page(page) for page in content["pages"]),
            model=content["model"],
            metadata=content["metadata"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FovealError(
            f"the text is not a document of foveal: {error!r}",
            remedy="write it with --format json --boxes char",
        ) from error


def _admit(content: dict[str, Any]) -> None:
    """Raise FovealError for another major version, or a document written without its characters."""
    version, boxes = str(content["version"]), content["boxes"]
    if version.split(".")[0] != VERSION.split(".")[0]:
        raise FovealError(
            f"the document has version {version}, not {VERSION}", remedy="use the foveal that wrote it"
        )
    if boxes != "char":
        raise FovealError(
            f"the document was written with boxes={boxes!r} and has no characters to read back",
            remedy="write it with --boxes char",
        )


def _polygon(polygon: Polygon) -> list[list[float]]:
    return [[float(x), float(y)] for x, y in polygon]


def _read_polygon(corners: list[list[float]]) -> Polygon:
    return tuple((x, y) for x, y in corners)


def _page(page: Page, *, depth: int) -> dict[str, Any]:
    return {
        "number": page.number,
        "width": page.width,
        "height": page.height,
        "rotation": page.rotation,
        "skew": float(page.skew),
        "blocks": [_block(block, depth=depth) for block in page.blocks],
        "unread": [_polygon(polygon) for polygon in page.unread],
    }


def _read_page(page: dict[str, Any]) -> Page:
    return Page(
        number=page["number"],
        width=page["width"],
        height=page["height"],
        blocks=tuple(_read_block(block) for block in page["blocks"]),
        rotation=page["rotation"],
        skew=page["skew"],
        unread=tuple(_read_polygon(polygon) for polygon in page["unread"]),
    )


def _block(block: Block, *, depth: int) -> dict[str, Any]:
    return {
        "label": block.label,
        "polygon": _polygon(block.polygon),
        "confidence": float(block.confidence),
        "lines": [_line(line, depth=depth) for line in block.lines],
    }


def _read_block(block: dict[str, Any]) -> Block:
    lines = tuple(_read_line(line) for line in block["lines"])
    return Block(_read_polygon(block["polygon"]), block["confidence"], lines, block["label"])


def _line(line: Line, *, depth: int) -> dict[str, Any]:
    content = _named(line)
    if depth >= _DEPTH["word"]:
        content["words"] = [_word(word, depth=depth) for word in line.words]
    return content


def _read_line(line: dict[str, Any]) -> Line:
    words = tuple(_read_word(word) for word in line["words"])
    return Line(_read_polygon(line["polygon"]), line["confidence"], words)


def _word(word: Word, *, depth: int) -> dict[str, Any]:
    content = _named(word) | _flagged(word)
    if word.remedy is not None:
        content["remedy"] = {"kind": word.remedy.kind, "before": word.remedy.before}
    if depth >= _DEPTH["char"]:
        content["chars"] = [_char(char) for char in word.chars]
    return content


def _read_word(word: dict[str, Any]) -> Word:
    chars = tuple(_read_char(char) for char in word["chars"])
    remedy = Remedy(**word["remedy"]) if "remedy" in word else None
    return Word(_read_polygon(word["polygon"]), word["confidence"], chars, remedy)


def _char(char: Char) -> dict[str, Any]:
    content = _named(char) | _flagged(char)
    if char.alternatives:
        content["alternatives"] = [
            {"text": other.text, "confidence": float(other.confidence)} for other in char.alternatives
        ]
    if char.look is not None:
        content["look"] = _look(char.look)
    return content


def _read_char(char: dict[str, Any]) -> Char:
    return Char(
        text=char["text"],
        polygon=_read_polygon(char["polygon"]),
        confidence=char["confidence"],
        alternatives=tuple(
            Alternative(other["text"], other["confidence"]) for other in char.get("alternatives", ())
        ),
        look=_read_look(char["look"]) if "look" in char else None,
        flag=char.get("flag", ""),
    )


def _named(level: Line | Word | Char) -> dict[str, Any]:
    return {
        "text": level.text,
        "polygon": _polygon(level.polygon),
        "confidence": float(level.confidence),
    }


def _flagged(level: Word | Char) -> dict[str, Any]:
    return {"flag": level.flag} if level.flag else {}


def _look(look: Look) -> dict[str, Any]:
    weights = np.ascontiguousarray(look.weights, dtype="<f4")
    return {
        "shape": list(weights.shape),
        "weights": base64.b64encode(weights.tobytes()).decode("ascii"),
        "cell": [float(side) for side in look.cell],
        "strip_size": [float(side) for side in look.strip_size],
        "to_page": np.asarray(look.to_page, dtype=np.float64).tolist(),
    }


def _read_look(look: dict[str, Any]) -> Look:
    weights = np.frombuffer(base64.b64decode(look["weights"]), dtype="<f4").reshape(look["shape"])
    return Look(
        weights=weights.astype(np.float32),
        cell=(look["cell"][0], look["cell"][1]),
        strip_size=(look["strip_size"][0], look["strip_size"][1]),
        to_page=np.array(look["to_page"], dtype=np.float64),
    )
