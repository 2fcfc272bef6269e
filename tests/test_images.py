"""Opening images: what a viewer shows is what is read, one page at a time."""

import gc
import io
import os
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from foveal.errors import ConfigError, ImageTooLarge, InputMissing, LockedDocument, UnreadableImage
from foveal.images import Limits, Selection, expand, pages

LOCKED = Path(__file__).parent / "data" / "locked.pdf"
RED, WHITE, GRAY = (200, 30, 40), (255, 255, 255), (90, 90, 90)


def drawn() -> Image.Image:
    """A white sheet, 40 × 30, with a red patch at its left top and a gray one at its right bottom."""
    image = Image.new("RGB", (40, 30), WHITE)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 15, 15), RED)
    draw.rectangle((30, 20, 39, 29), GRAY)
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def one(source: object, **options: object) -> np.ndarray:
    (page,) = pages(source, **options)  # type: ignore[arg-type]
    assert page.number == 1
    assert page.pixels.dtype == np.uint8
    assert page.pixels.flags.writeable
    return page.pixels


def assert_drawn(pixels: np.ndarray, *, tolerance: int = 0) -> None:
    assert pixels.shape == (30, 40, 3)
    for (x, y), colour in {(5, 5): RED, (35, 25): GRAY, (20, 25): WHITE}.items():
        assert np.abs(pixels[y, x].astype(int) - colour).max() <= tolerance, (x, y)


LOSSLESS: dict[str, Callable[[Image.Image], bytes]] = {
    "png": lambda image: encoded(image, "PNG"),
    "palette png": lambda image: encoded(image.convert("P", palette=Image.Palette.ADAPTIVE), "PNG"),
    "bmp": lambda image: encoded(image, "BMP"),
    "gif": lambda image: encoded(image, "GIF"),
    "webp": lambda image: encoded(image, "WEBP", lossless=True),
    "ppm": lambda image: encoded(image, "PPM"),
    "tiff lzw": lambda image: encoded(image, "TIFF", compression="tiff_lzw"),
    "jpeg 2000": lambda image: encoded(image, "JPEG2000"),
}


@pytest.mark.parametrize("kind", LOSSLESS)
def test_a_lossless_file_gives_its_pixels(kind: str) -> None:
    assert_drawn(one(LOSSLESS[kind](drawn())))


def test_a_jpeg_gives_nearly_its_pixels() -> None:
    assert_drawn(one(encoded(drawn(), "JPEG", quality=95)), tolerance=12)


def test_a_cmyk_jpeg_is_not_inverted() -> None:
    assert_drawn(one(encoded(drawn().convert("CMYK"), "JPEG", quality=95)), tolerance=12)


def test_transparency_is_over_white() -> None:
    image = drawn().convert("RGBA")
    image.paste((0, 0, 0, 0), (16, 0, 40, 20))
    pixels = one(encoded(image, "PNG"))
    assert_drawn(pixels)
    assert tuple(pixels[5, 30]) == WHITE


def test_a_transparent_palette_entry_is_white() -> None:
    image = Image.new("P", (4, 2), 1)
    image.putpalette([10, 20, 30, 0, 0, 0])
    image.putpixel((0, 0), 0)
    pixels = one(encoded(image, "PNG", transparency=1))
    assert tuple(pixels[0, 0]) == (10, 20, 30)
    assert tuple(pixels[1, 3]) == WHITE


def test_sixteen_bit_gray_keeps_its_range() -> None:
    deep = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    expected = np.arange(256).reshape(16, 16)
    for kind in ("PNG", "TIFF"):
        assert np.abs(one(encoded(Image.fromarray(deep), kind))[..., 0].astype(int) - expected).max() <= 1


def test_twelve_bits_in_sixteen_are_not_black() -> None:
    assert one(encoded(Image.fromarray(np.array([[0, 4095]], np.uint16)), "TIFF"))[0, :, 0].tolist() == [
        0,
        255,
    ]


def test_one_bit_fax_is_black_and_white() -> None:
    pixels = one(
        encoded(
            drawn().convert("L").point(lambda v: 255 * (v > 128)).convert("1"), "TIFF", compression="group4"
        )
    )
    assert tuple(pixels[5, 5]) == (0, 0, 0)
    assert tuple(pixels[25, 20]) == WHITE


def test_lab_is_converted() -> None:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(drawn(), srgb, lab, outputMode="LAB")
    assert image is not None
    assert_drawn(one(encoded(image, "TIFF")), tolerance=3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_honoured(kind: str, orientation: int) -> None:
    turns = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM], 5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90], 7: [Image.Transpose.TRANSVERSE], 8: [Image.Transpose.ROTATE_270],
    }  # fmt: skip
    image, exif = drawn(), Image.Exif()
    for turn in turns.get(orientation, []):
        image = image.transpose(turn)
    exif[0x0112] = orientation
    options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    assert_drawn(one(encoded(image, kind, exif=exif, **options)), tolerance=40)


def test_an_animation_is_its_first_frame() -> None:
    for kind in ("GIF", "WEBP", "PNG"):
        frames = [Image.new("RGB", (40, 30), (i, 0, 0)) for i in range(3)]
        assert one(encoded(drawn(), kind, save_all=True, append_images=frames)).shape == (30, 40, 3)


# --- pages -------------------------------------------------------------------------------------------------


def sheets(count: int) -> list[Image.Image]:
    """Sheets of different sizes: the k-th is 20 + k wide."""
    return [Image.new("L", (20 + k, 30), 40 * k) for k in range(1, count + 1)]


def tiff(count: int, **options: object) -> bytes:
    first, *rest = sheets(count)
    return encoded(first, "TIFF", save_all=True, append_images=rest, **options)


def pdf(count: int) -> bytes:
    first, *rest = sheets(count)
    return encoded(first, "PDF", save_all=True, append_images=rest, resolution=72)


@pytest.mark.parametrize("kind", [tiff, pdf])
@pytest.mark.parametrize(
    ("select", "expected"),
    [(None, [1, 2, 3, 4]), ("2-3", [2, 3]), ("1,3-", [1, 3, 4]), ([4], [4]), ("3-9", [3, 4])],
)
def test_the_pages_that_are_selected_are_opened(
    kind: Callable[[int], bytes], select: object, expected: list[int]
) -> None:
    opened = list(pages(kind(4), select=select, dpi=72))  # type: ignore[arg-type]
    assert [page.number for page in opened] == expected
    assert [page.pixels.shape[1] for page in opened] == [20 + k for k in expected]


@pytest.mark.parametrize("kind", [tiff, pdf])
def test_a_selection_without_a_page_says_how_many_there_are(kind: Callable[[int], bytes]) -> None:
    with pytest.raises(InputMissing, match=r"none of the pages 7- is there \(it has 3\)"):
        list(pages(kind(3), select="7-"))


@pytest.mark.parametrize("wrong", ["", "0", "3-1", "one", "1--2", "1,,2", "-"])
def test_a_selection_that_means_nothing_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="cannot be understood"):
        Selection.parse(wrong)


def test_a_thumbnail_in_a_tiff_is_no_page() -> None:
    file = io.BytesIO()
    first, second = sheets(2)
    first.save(file, "TIFF", save_all=True, append_images=[second], tiffinfo={254: 1})
    assert len(list(pages(file.getvalue()))) == 1


def test_dpi_scales_pdf_pages() -> None:
    for dpi, width in ((72, 21), (144, 42), (None, 58)):
        (page,) = pages(pdf(1), dpi=dpi)
        assert abs(page.pixels.shape[1] - width) <= 1
        assert page.dpi == pytest.approx(dpi or 200)


def test_a_huge_pdf_sheet_is_drawn_smaller() -> None:
    poster = encoded(Image.new("1", (144, 144), 1), "PDF", resolution=1.0)  # two metres and a half square
    (page,) = pages(poster, dpi=300)
    assert page.pixels.shape[0] * page.pixels.shape[1] <= 50_100_000
    assert page.dpi is not None
    assert page.dpi < 100


def test_a_locked_pdf_opens_with_its_password_only() -> None:
    assert one(LOCKED, password="eye").min() < 128
    with pytest.raises(LockedDocument, match=r"encrypted.*--password"):
        list(pages(LOCKED))
    with pytest.raises(LockedDocument, match="wrong"):
        list(pages(LOCKED, password="ear"))


def test_pages_are_opened_one_at_a_time(tmp_path: Path) -> None:
    for kind, data in (("tif", tiff(5, compression="tiff_lzw")), ("pdf", pdf(5))):
        path = tmp_path / f"five.{kind}"
        path.write_bytes(data)
        opened = pages(path)
        assert next(opened).number == 1
        opened.close()  # type: ignore[attr-defined]  # drops the file: a warning, hence an error, if not
        path.unlink()
    gc.collect()


def test_pdfs_are_drawn_from_several_threads() -> None:
    data, wrong = pdf(6), []

    def draw() -> None:
        widths = [page.pixels.shape[1] for _ in range(4) for page in pages(data, dpi=72)]
        if widths != [21, 22, 23, 24, 25, 26] * 4:
            wrong.append(widths)

    threads = [threading.Thread(target=draw) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- arrays and pictures -----------------------------------------------------------------------------------


def test_arrays_of_every_kind_are_the_same_page() -> None:
    rgb = np.asarray(drawn())
    for array in (
        rgb,
        rgb / 255,
        rgb.astype(np.uint16) * 257,
        np.dstack([rgb, np.full((30, 40), 255, np.uint8)]),
    ):
        assert_drawn(one(array), tolerance=1)


def test_gray_arrays_become_rgb() -> None:
    gray = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for array in (gray, gray[..., None]):
        assert (one(array) == gray[..., None]).all()
    assert one(gray > 5)[..., 2].tolist() == (255 * (gray > 5)).tolist()


def test_a_page_never_shares_memory_with_its_source() -> None:
    array = np.zeros((5, 6, 3), np.uint8)
    assert not np.shares_memory(one(array), array)


@pytest.mark.parametrize("shape", [(5,), (5, 6, 2), (0, 6), (2, 5, 6, 3)])
def test_an_array_that_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UnreadableImage, match="not an image"):
        list(pages(np.zeros(shape)))


def test_a_picture_is_left_as_it_was() -> None:
    exif, image = Image.Exif(), drawn()
    exif[0x0112] = 6
    turned = Image.open(io.BytesIO(encoded(image.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)))
    assert_drawn(one(turned))
    assert turned.size == (30, 40)


# --- limits, addresses, folders ----------------------------------------------------------------------------


def test_too_many_pixels_are_refused_for_every_source(tmp_path: Path) -> None:
    small, path = Limits(pixels=1000), tmp_path / "a.png"
    drawn().save(path)
    for source in (path, path.read_bytes(), drawn(), np.asarray(drawn())):
        with pytest.raises(ImageTooLarge, match="40 × 30"):
            list(pages(source, limits=small))


@pytest.fixture
def address() -> object:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.startswith("/a.png")
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(encoded(drawn(), "PNG") if found else b"")

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_address_is_downloaded(address: str) -> None:
    assert_drawn(one(f"{address}/a.png?size=1"))


def test_an_address_that_does_not_answer_is_missing(address: str) -> None:
    with pytest.raises(InputMissing, match="Not Found"):
        list(pages(f"{address}/b.png"))
    with pytest.raises(InputMissing, match="check the address"):
        list(pages("http://127.0.0.1:9/a.png"))


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(encoded(drawn(), "PNG"),))
    writer.start()
    assert_drawn(one(pipe))
    writer.join()


def test_a_download_has_a_limit(address: str) -> None:
    with pytest.raises(ImageTooLarge, match="more than the 50 bytes"):
        list(pages(f"{address}/a.png", limits=Limits(bytes=50)))


def test_a_folder_gives_its_images_in_natural_order(tmp_path: Path) -> None:
    names = ["p10.png", "p2.jpg", "p1.TIF", "notes.txt", ".hidden.png", "sub/p3.pdf", ".git/p4.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [str(Path(path).relative_to(tmp_path)) for path in expand(tmp_path)]
    assert found == ["p1.TIF", "p2.jpg", "p10.png", "sub/p3.pdf"]
    assert [Path(path).name for path in expand(f"{tmp_path}/p*.[pj]*")] == ["p2.jpg", "p10.png"]
    assert [Path(path).name for path in expand(f"{tmp_path}/**/*.pdf")] == ["p3.pdf"]


def test_what_is_not_a_pattern_stays_as_it_is(tmp_path: Path) -> None:
    odd = tmp_path / "scan[1].png"
    odd.touch()
    assert expand(str(odd)) == [odd]
    assert expand("-") == ["-"]
    assert expand("https://example.org/a*.png") == ["https://example.org/a*.png"]
    assert expand(str(tmp_path / "missing.png")) == [tmp_path / "missing.png"]


def test_a_folder_without_images_is_missing(tmp_path: Path) -> None:
    for empty in (tmp_path, f"{tmp_path}/*.png"):
        with pytest.raises(InputMissing, match=r"known endings: \.bmp"):
            expand(empty)
