"""A folder of corrected lines: clean print of our own drawing, with texts as one likes."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from foveal.train.clean_print import clean_print


def write_lines(folder: Path, count: int, *, words: int = 2, told: Callable[[str], str] = str) -> Path:
    """Write lines whose labels say `told` of what stands there."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for number, line in enumerate(clean_print(count, words=words)):
        Image.fromarray(line.image).save(folder / "images" / f"{number}.png")
        rows.append(f"images/{number}.png\t{told(line.text)}\n")
    (folder / "labels.tsv").write_text("".join(rows), encoding="utf-8")
    return folder
