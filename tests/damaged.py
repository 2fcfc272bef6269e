"""Files that nobody can read, each made here."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

LINES = ("The quick brown fox", "jumps over the lazy dog", "and reads on page")


def page(number: int = 1, *, width: int = 640, height: int = 400) -> Image.Image:
    """A clean printed page of three lines, the last with a number."""
    image = Image.new("L", (width, height), 255)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(36)
    for row, text in enumerate((*LINES[:2], f"{LINES[2]} {number}")):
        draw.text((40, 60 + 80 * row), text, fill=0, font=font)
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return the bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def many(count: int, kind: str, **options: object) -> bytes:
    """Return a TIFF or PDF of `count` pages."""
    rest = [page(number) for number in range(2, count + 1)]
    return encoded(page(), kind, save_all=True, append_images=rest, **options)


def cut(data: bytes, share: float) -> bytes:
    """Return the first part of a file."""
    return data[: int(len(data) * share)]


def noise(kind: str, **options: object) -> bytes:
    """Return a file that does not compress, so that a cut goes through its pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    return encoded(Image.fromarray(pixels), kind, **options)


def png_bomb(side: int = 60_000) -> bytes:
    """Return a PNG of a few bytes that promises side × side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )


def tiff_bomb(side: int = 60_000) -> bytes:
    """Return a TIFF whose one strip is said to hold side × side pixels."""
    tags = (
        (256, side),
        (257, side),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, side),
        (279, 100),
    )
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(4)


def jpeg_bomb(side: int = 60_000) -> bytes:
    """Return a JPEG whose frame header says side × side pixels."""
    data = bytearray(noise("JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", side, side)
    return bytes(data)


UNREADABLE: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "truncated jpeg": ("photo.jpg", lambda: cut(noise("JPEG"), 0.6), "truncated"),
    "truncated png": ("scan.png", lambda: cut(noise("PNG"), 0.6), "cannot be decoded"),
    "truncated webp": ("scan.webp", lambda: cut(noise("WEBP", lossless=True), 0.6), "photo|image|decoded"),
    "truncated gif": ("scan.gif", lambda: cut(noise("GIF"), 0.6), "truncated"),
    "truncated bmp": ("scan.bmp", lambda: cut(noise("BMP"), 0.6), "truncated"),
    "truncated tiff": (
        "scan.tif",
        lambda: cut(noise("TIFF", compression="tiff_lzw"), 0.6),
        "cut off",
    ),
    "pdf cut in its first object": ("a.pdf", lambda: many(1, "PDF")[:60], "cut off"),
    "empty": ("empty.png", lambda: b"", "empty"),
    "text named png": ("notes.png", lambda: b"milk, bread, eggs\n" * 40, "neither an image nor a PDF"),
    "pdf in name only": ("notes.pdf", lambda: b"%PDF-1.7\nmilk, bread, eggs\n", "cut off"),
    "zeros": ("zero.tif", lambda: bytes(5000), "neither an image nor a PDF"),
    "a program, not an image": (
        "page.png",
        lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "neither",
    ),
}
"""By fault: the file's name, its bytes, and what the error says (a pattern)."""

BOMBS = {"png": png_bomb, "tiff": tiff_bomb, "jpeg": jpeg_bomb}
