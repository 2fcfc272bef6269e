"""Real pages with the embedded models: whichever way they lie, their text is the same."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

from foveal import Reader
from foveal.document import Char, Line, Page, Word
from foveal.geometry import bounds, box
from foveal.images import PageImage, pages
from foveal.reading.engine import load_session
from foveal.reading.find import find
from foveal.reading.found import FoundLine
from foveal.reading.outlines import HEIGHT_UNIT, KINDS
from foveal.reading.read_page import _lines, better, is_read, upended

EXAMPLES = Path(__file__).parents[2] / "examples"
READER = Reader(threads=1)


@cache
def opened(name: str) -> PageImage:
    return next(iter(pages(EXAMPLES / name)))


@cache
def upright(name: str) -> Page:
    return READER.read_page(opened(name))


def askew(pixels: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """Turn a page clockwise about its middle, on a sheet that holds all of it."""
    high, wide = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((wide / 2, high / 2), -degrees, 1)
    cos, sin = abs(turn[0, :2])
    size = (round(high * sin + wide * cos), round(high * cos + wide * sin))
    turn[:, 2] += ((size[0] - wide) / 2, (size[1] - high) / 2)
    white = (255, 255, 255)
    return np.asarray(cv2.warpAffine(pixels, turn, size, flags=cv2.INTER_CUBIC, borderValue=white), np.uint8)


def error(page: Page, name: str) -> float:
    """CER against the upright reading."""
    truth = upright(name).text
    return Levenshtein.distance(page.text, truth) / len(truth)


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("name", ["fraktur.png", "receipt.jpg", "sign.jpg"])
def test_a_page_turned_by_quarters_reads_the_same(name: str, turns: int) -> None:
    image = opened(name)
    turned = np.ascontiguousarray(np.rot90(image.pixels, -turns))
    page = READER.read_page(replace(image, pixels=turned))
    assert page.rotation == -90 * turns % 360
    assert error(page, name) < 0.06


@pytest.mark.parametrize("degrees", [-15.0, 15.0])
def test_a_page_askew_reads_the_same(degrees: float) -> None:
    image = opened("fraktur.png")
    page = READER.read_page(replace(image, pixels=askew(image.pixels, degrees)))
    assert page.skew == pytest.approx(upright("fraktur.png").skew - degrees, abs=1)
    assert error(page, "fraktur.png") < 0.06


@pytest.mark.parametrize("turns", [1, 3])
def test_a_line_up_or_down_beside_level_ones_is_read(turns: int) -> None:
    """Its letters are found one by one here."""
    sheet = Image.new("RGB", (700, 560), (190, 200, 190))
    for y, text in ((60, "MARKET STREET"), (200, "open daily"), (340, "from nine to five")):
        ImageDraw.Draw(sheet).text((200, y), text, font=ImageFont.load_default(48), fill="black")
    spine = Image.new("RGB", (460, 70), (190, 200, 190))
    ImageDraw.Draw(spine).text((20, 8), "BAKERY HOUSE", font=ImageFont.load_default(48), fill="black")
    sheet.paste(spine.rotate(90 * turns, expand=True), (60, 50))
    page = READER.read_page(PageImage(1, np.asarray(sheet)))
    assert {"BAKERY HOUSE", "MARKET STREET"} <= {line.text for line in page.lines}
    assert page.rotation == 0


@pytest.mark.parametrize("over", [False, True])
def test_a_steep_line_is_read_from_either_end(over: bool) -> None:
    """Whichever end it was taken to begin at; level lines are left as they are."""
    image = opened("sign.jpg")
    turned = replace(image, pixels=np.ascontiguousarray(np.rot90(image.pixels)))
    places = find(turned.pixels, load_session("page", 1)).lines
    places = [place.turned_over() if over else place for place in places]
    near = _lines(turned, places, READER._transcriber, looks=False)
    read = upended(turned, near, READER._transcriber, rotation=0, looks=False)
    assert "PARKING" in " ".join(line.text for _, line in read)
    assert upended(turned, near, READER._transcriber, rotation=90, looks=False) == near


def test_a_receipt_is_read_row_by_row() -> None:
    text = upright("receipt.jpg").text
    places = [text.index(part) for part in ("DoubleCoco", "Mother", "Tiramisu", "Cheese", "Inclusive")]
    assert places == sorted(places)
    rows = [line for line in upright("receipt.jpg").lines if line.text in ("Cash", "RM51.30")]
    assert [line.text for line in rows] == ["Cash", "RM51.30"]


def test_the_left_column_is_read_before_the_right() -> None:
    page = READER.read_page(opened("two_columns.png"))
    middle = page.width * 0.54
    text = page.text
    left = text.index("OPTICALLY MARKED")
    assert left < text.index("Prior Publication Data") < text.index("The invention is directed")
    body = [line for line in page.lines if bounds(line.polygon)[1] > page.height * 0.3]
    sides = [bounds(line.polygon)[0] > middle for line in body[:-3]]
    assert sides == sorted(sides)


def test_a_blank_page_is_empty() -> None:
    page = READER.read_page(PageImage(1, np.full((700, 500, 3), 250, np.uint8)))
    assert (page.blocks, page.unread, page.text) == ((), (), "")


def test_what_cannot_be_read_is_listed() -> None:
    image = opened("sign.jpg")
    page = upright("sign.jpg")
    assert page.text.split().count("PARKING") + page.text.count("NOPARKING") == 2
    assert len(page.unread) + len(page.lines) >= len(find(image.pixels, load_session("page", 1)).lines)


def test_the_finder_knows_the_model_it_reads() -> None:
    described = load_session("page", 1).get_modelmeta().custom_metadata_map
    assert tuple(json.loads(described["kinds"])) == KINDS
    assert float(described["line_height_unit"]) == HEIGHT_UNIT


def read_as(text: str, confidence: float, *, sure: float = 0.9) -> tuple[FoundLine, Line]:
    """A line at a place, every character read with one confidence."""
    corners = box(10, 10, 90, 30)
    outline = tuple((float(x), float(y)) for x, y in corners)
    chars = tuple(Char(char, outline, confidence) for char in text)
    found = FoundLine(corners[:2], corners[[3, 2]], 20, sure)
    return found, Line(outline, confidence, (Word(outline, confidence, chars),))


@pytest.mark.parametrize(
    ("text", "confidence", "sure", "document", "sign"),
    [
        ("a line of running text", 0.5, 0.9, True, True),
        ("a line of running text", 0.45, 0.9, False, False),
        ("a line of running text", 0.5, 0.6, False, False),
        ("EXIT", 0.62, 0.9, True, True),
        ("EXIT", 0.55, 0.9, False, False),
        ("2", 0.7, 0.9, True, False),
        ("2", 0.6, 0.9, False, False),
        ("12", 0.7, 0.6, True, False),
    ],
)
def test_short_lines_must_be_read_more_surely_most_of_all_on_signs(
    text: str, confidence: float, sure: float, document: bool, sign: bool
) -> None:
    place, line = read_as(text, confidence, sure=sure)
    assert is_read(place, line) == document
    assert is_read(place, line, most=1.0) == sign


def test_a_longer_reading_from_afar_beats_a_shorter_one_a_little_surer() -> None:
    near, afar = read_as("20)", 0.79), read_as("DIESEL", 0.75)
    assert better([near], [afar]) == [afar]
    assert better([afar], [near]) == [afar]
    assert better([near], [read_as("DIESEL", 0.55)]) == [near]
