"""Images of pixels, by Pillow: every mode becomes RGB uint8 "h w 3"."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from foveal.errors import ImageTooLarge, UnreadableImage
from foveal.images.page import Faults, Limits, PageImage, Selection

# the formats that are decoded in this process; Pillow would hand EPS to another program
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "JPEG2000", "PPM")
_SIGNATURES = (b"\x89PNG", b"\xff\xd8", b"GIF8", b"II*\0", b"MM\0*", b"RIFF", b"BM")
_ORIENTATION, _SUBFILE, _REDUCED = 0x0112, 254, 1


def pages(
    data: Path | bytes, selection: Selection, *, name: str, limits: Limits, head: bytes
) -> Iterator[PageImage]:
    """Yield the image, or the frames of a TIFF. Raises UnreadableImage after the last if one failed.

    `head`: the first bytes of the file.
    """
    faults, number, index = Faults(name), 1, 0
    with _open(data, head, name=name) as image:
        while number <= selection.last and _seek(image, index, number, faults):
            if index and _is_thumbnail(image):
                index += 1
                continue
            if number in selection:
                limits.check(*image.size, name=name)
                pixels = _decode(image, number, faults)
                if pixels is not None:
                    yield PageImage(number, pixels)
            number, index = number + 1, index + 1
            if image.format != "TIFF":
                break
    faults.check(selection, total=number - 1)


def from_picture(image: Image.Image, *, limits: Limits) -> NDArray[np.uint8]:
    """Return the pixels of a PIL image, upright; the image is left as it is."""
    limits.check(*image.size, name="<Image>")
    try:
        return _rgb(_upright(image))
    except OSError as error:
        raise UnreadableImage(f"<Image>: cannot be decoded: {error}") from error


def from_array(array: NDArray[Any], *, limits: Limits) -> NDArray[np.uint8]:
    """Return an array "h w", "h w 1", "h w 3" (RGB) or "h w 4" (RGBA) as RGB uint8; floats are 0 to 1."""
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4) or 0 in array.shape:
        raise UnreadableImage(
            f"an array of shape {array.shape} is not an image", remedy='give "h w" or "h w 3" (RGB)'
        )
    limits.check(array.shape[1], array.shape[0], name="<ndarray>")
    pixels = _eight_bit(array)
    if channels == 4:
        return _rgb(Image.fromarray(pixels, "RGBA"))
    height, width = pixels.shape[:2]
    return np.array(np.broadcast_to(pixels.reshape(height, width, channels), (height, width, 3)))


def _open(data: Path | bytes, head: bytes, *, name: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data) if isinstance(data, bytes) else data, formats=_FORMATS)
    except UnidentifiedImageError as error:
        if head.startswith(_SIGNATURES):
            raise UnreadableImage(f"{name}: cut off or damaged", remedy="get the file again") from error
        raise UnreadableImage(f"{name}: neither an image nor a PDF", remedy="is its name right?") from error
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(f"{name}: {error}", remedy="scale the image down or cut it into parts") from error
    except Exception as error:  # a decoder may raise anything on a damaged file
        raise UnreadableImage(f"{name}: cannot be decoded: {_reason(error)}") from error


def _seek(image: Image.Image, index: int, number: int, faults: Faults) -> bool:
    """Go to a frame; False after the last one, and after one that cannot be found in a damaged file."""
    if index == 0:
        return True
    try:
        image.seek(index)
    except EOFError:
        return False
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(f"{faults.name}: {error}", remedy="read the pages before it: --pages") from error
    except Exception as error:  # a decoder may raise anything on a damaged file
        faults.failed.append((number, _reason(error)))
        return False
    return True


def _decode(image: Image.Image, number: int, faults: Faults) -> NDArray[np.uint8] | None:
    try:
        pixels = _rgb(_upright(image))
    except Exception as error:  # a decoder may raise anything on a damaged file
        faults.failed.append((number, _reason(error)))
        return None
    faults.opened.append(number)
    return pixels


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _is_thumbnail(image: Image.Image) -> bool:
    tags = getattr(image, "tag_v2", {})
    return bool(tags.get(_SUBFILE, 0) & _REDUCED)


def _upright(image: Image.Image) -> Image.Image:
    return ImageOps.exif_transpose(image) if image.getexif().get(_ORIENTATION, 1) != 1 else image


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(_eight_bit(np.asarray(image)))
    if image.mode in ("1", "L") and not image.has_transparency_data:
        return _thrice(np.asarray(image.convert("L")))
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        image = Image.alpha_composite(white, picture)
    return np.array(image.convert("RGB"))


def _thrice(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture "h w" as "h w 3", at a third of what Pillow needs for it."""
    from cv2 import COLOR_GRAY2RGB, cvtColor

    return np.asarray(cvtColor(grey, COLOR_GRAY2RGB), np.uint8)


def _eight_bit(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale to 0–255: floats from 0–1, wider integers from the fewest bits that hold the brightest value."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return np.asarray(array * np.uint8(255), dtype=np.uint8)
    values = np.nan_to_num(array.astype(np.float32)).clip(0, None)
    brightest = float(values.max(initial=0))
    white = (
        1.0 if brightest <= 1 and array.dtype.kind == "f" else 2.0 ** max(8, int(brightest).bit_length()) - 1
    )
    return np.asarray((values * (255 / white)).round(), dtype=np.uint8)
