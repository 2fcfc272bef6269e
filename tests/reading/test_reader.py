"""Reading with the embedded models: what holds for every page."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from damaged import LINES, encoded, many, page
from PIL import Image
from rapidfuzz.distance import Levenshtein

from foveal import ConfigError, Document, Reader, UnreadableImage, read
from foveal.document import Line, Page
from foveal.geometry import bounds
from foveal.reading.engine import load_session

TRUTH = "\n".join((*LINES[:2], f"{LINES[2]} 1"))


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(threads=1)


def assert_reads(text: str, truth: str = TRUTH) -> None:
    """Clean print of this size may cost one character."""
    assert Levenshtein.distance(" ".join(text.split()), " ".join(truth.split())) <= 1, text


def strips() -> list[Image.Image]:
    """Three single lines of different widths."""
    return [page().crop((30, 50 + 80 * row, 250 + 80 * row, 110 + 80 * row)) for row in range(3)]


# --- what is read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["fast", "accurate"])
def test_a_clean_page_is_read(model: str) -> None:
    document = read(page(), model=model, threads=1)
    assert_reads(document.text)
    assert document.model == model
    assert document.confidence > 0.8


def test_a_blank_page_is_an_empty_page(reader: Reader) -> None:
    (blank,) = reader.read(np.full((500, 300), 255, np.uint8)).pages
    assert blank == Page(1, 300, 500, ())


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (33, 31)])
def test_a_page_of_any_shape_is_read(size: tuple[int, int], reader: Reader) -> None:
    for value in (0, 255):
        (odd,) = reader.read(np.full(size, value, np.uint8)).pages
        assert (odd.height, odd.width) == size


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_page_is_read_upright(turn: int, reader: Reader) -> None:
    (turned,) = reader.read(page().rotate(turn, expand=True)).pages
    assert_reads(turned.text)
    assert turned.rotation == turn  # PIL turned it anticlockwise; clockwise by as much sets it upright


def test_boxes_are_in_pixels_after_exif(reader: Reader) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = encoded(page().transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    (shown,), (plain,) = reader.read(stored).pages, reader.read(page()).pages
    assert shown == plain


# --- where it is --------------------------------------------------------------------------------------------


def test_every_part_lies_in_its_whole(reader: Reader) -> None:
    (opened,) = reader.read(page()).pages
    assert len(opened.lines) == 3
    for line in opened.lines:
        high = bounds(line.polygon)[3] - bounds(line.polygon)[1]
        for word in line.words:
            assert_inside(bounds(word.polygon), bounds(line.polygon), slack=high / 3)
            assert [bounds(c.polygon)[0] for c in word.chars] == sorted(
                bounds(c.polygon)[0] for c in word.chars
            )
            for char in word.chars:
                assert_inside(bounds(char.polygon), bounds(word.polygon), slack=1e-3)
                assert 0 <= char.confidence <= 1


def assert_inside(
    inner: tuple[float, float, float, float], outer: tuple[float, float, float, float], *, slack: float
) -> None:
    assert inner[0] >= outer[0] - slack
    assert inner[1] >= outer[1] - slack
    assert inner[2] <= outer[2] + slack
    assert inner[3] <= outer[3] + slack


def test_lines_lie_on_their_ink(reader: Reader) -> None:
    ink = np.asarray(page()) < 128
    (opened,) = reader.read(page()).pages
    covered = np.zeros_like(ink)
    for line in opened.lines:
        left, top, right, bottom = (round(edge) for edge in bounds(line.polygon))
        covered[max(top, 0) : bottom, max(left, 0) : right] = True
    assert ink[covered].sum() > 0.95 * ink.sum()
    assert covered.mean() < 0.4


def test_looks_are_kept_on_request_and_point_at_their_character(reader: Reader) -> None:
    plain, looked = reader.read(page()), reader.read(page(), looks=True)
    assert plain.text == looked.text
    assert all(char.look is None for char in chars(plain))
    hits = []
    for char in chars(looked):
        assert char.look is not None
        assert char.look.weights.sum() == pytest.approx(1, abs=1e-2)
        left, top, right, bottom = bounds(char.polygon)
        x, y = char.look.point
        wide = right - left
        hits.append(left - wide / 2 <= x <= right + wide / 2 and top <= y <= bottom)
    assert np.mean(hits) > 0.9


def chars(document: Document) -> list:
    return [c for p in document.pages for line in p.lines for word in line.words for c in word.chars]


# --- how it is asked ----------------------------------------------------------------------------------------


def test_a_batch_of_strips_reads_as_one_by_one(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "line.png"
    images = strips()
    images[0].save(path)
    sources = [path, images[1], np.asarray(images[2].convert("RGB")), np.asarray(images[0])]
    together = reader.transcribe(sources)
    apart = [reader.transcribe([source])[0] for source in sources]
    assert [line.text for line in together] == [line.text for line in apart]
    assert together[0].text == together[3].text
    for line, other in zip(together, apart, strict=True):
        assert line.confidence == pytest.approx(other.confidence, rel=1e-3)


def test_strips_are_read_in_their_own_pixels(reader: Reader) -> None:
    for image, line in zip(strips(), reader.transcribe(strips()), strict=True):
        assert bounds(line.polygon) == (0, 0, *image.size)
        for word in line.words:
            assert_inside(bounds(word.polygon), bounds(line.polygon), slack=1)


def test_strips_without_text_and_no_strips(reader: Reader) -> None:
    (line,) = reader.transcribe([np.full((32, 200), 255, np.uint8)])
    assert isinstance(line, Line)
    assert line.words == ()
    assert reader.transcribe([]) == []


def test_pages_come_one_by_one(reader: Reader) -> None:
    stream = reader.stream(many(3, "TIFF"))
    first = next(stream)
    assert first.number == 1
    assert_reads(first.text)
    assert [later.number for later in stream] == [2, 3]


def test_the_pages_before_a_fault_are_read(reader: Reader) -> None:
    data = many(3, "TIFF")
    stream = reader.stream(data[: int(len(data) * 0.9)])
    assert [next(stream).number, next(stream).number] == [1, 2]
    with pytest.raises(UnreadableImage, match="pages 1–2 were read"):
        next(stream)


def test_a_pdf_is_read_at_the_resolution_asked_for(reader: Reader) -> None:
    pdf = encoded(page(), "PDF", resolution=100)
    for dpi in (None, 100, 300):
        (opened,) = reader.read(pdf, dpi=dpi).pages
        assert opened.width == pytest.approx(640 * (dpi or 200) / 100, abs=2)
        assert_reads(opened.text)


def test_a_reader_is_shared_between_threads(reader: Reader) -> None:
    sources = [page(number) for number in range(1, 7)]
    alone = [reader.read(source).text for source in sources]
    with ThreadPoolExecutor(4) as pool:
        assert [document.text for document in pool.map(Reader(threads=1).read, sources)] == alone


def test_a_document_comes_back_from_json_without_loss(reader: Reader) -> None:
    document = reader.read(io.BytesIO(encoded(page(), "PNG")).getvalue(), looks=True)
    assert Document.from_json(document.to_json()).to_json() == document.to_json()


def test_a_reader_refuses_what_it_does_not_have() -> None:
    with pytest.raises(ConfigError, match="did you mean 'accurate'"):
        Reader("acurate")
    with pytest.raises(ConfigError, match="0 threads"):
        Reader(threads=0)
    with pytest.raises(ConfigError, match="no model 'line-fats-glance' is embedded"):
        load_session("line-fats-glance", 1)
