"""Draw the looks of one line of a page: `python tools/looks_picture.py IMAGE PICTURE.png [--line 7]`.

`docs/looks.png` is made by

    python tools/looks_picture.py examples/printed_page.jpg docs/looks.png --line 7
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from foveal import Reader
from foveal.explain.looks import looks
from foveal.images import pages
from foveal.reading.cut import cut


def main() -> None:
    """Read the page, cut the line out, and draw it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("image", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--line", type=int, default=1, help="which line of the page, from 1")
    parser.add_argument("--model", default="fast")
    parser.add_argument("--width", type=int, default=1600, help="of the picture, in pixels")
    asked = parser.parse_args()
    (image,) = pages(asked.image)
    reader = Reader(asked.model)
    line = reader.read_page(image).lines[asked.line - 1]
    strip = cut(image.pixels, line.polygon, height=96).image
    (read,) = reader.transcribe([strip], looks=True)
    Image.fromarray(looks(strip, read, width=asked.width)).save(asked.picture, optimize=True)
    print(read.text)


if __name__ == "__main__":
    main()
