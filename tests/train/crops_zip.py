"""A small zip of real crops, as tools/pack_crops.py writes it."""

import io
import zipfile
from pathlib import Path

from damaged import page

ROWS = (
    ("receipts_sroie", "1", "The quick brown fox"),
    ("handwriting_copiste", "0", "jumps over the lazy dog"),
    ("scene_words_icdar2003", "1", "page"),
    ("receipts_sroie", "1", "日本"),  # cannot be written
)


def write_crops(path: Path) -> Path:
    """Write the zip; what the pictures show has nothing to do with their labels."""
    with zipfile.ZipFile(path, "w") as crops:
        rows = []
        for number, (name, caseless, text) in enumerate(ROWS):
            file = io.BytesIO()
            page().crop((30, 50, 330 + 60 * number, 110)).save(file, "PNG")
            crops.writestr(f"images/{number}.png", file.getvalue())
            rows.append(f"images/{number}.png\t{name}\t{caseless}\t{text}\n")
        crops.writestr("labels.tsv", "".join(rows))
    return path
