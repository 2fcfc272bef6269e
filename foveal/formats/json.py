"""JSON in foveal's own schema."""

from __future__ import annotations

from foveal import document_json
from foveal.document import Document
from foveal.formats.base import Boxes, Format


class Json(Format):
    """JSON with everything that was read; `Document.from_json` reads it back at character depth."""

    name = "json"
    suffix = ".json"

    def write(self, document: Document, *, boxes: Boxes = "word") -> str:
        """Return one line of JSON that meets `document.schema.json`."""
        return document_json.write(document, boxes=boxes)
