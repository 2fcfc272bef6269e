"""Blank margins of strips."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import foveal
from foveal.reading.trim import trimmed

INK = (slice(40, 60), slice(100, 180))


def strip(high: int = 100, wide: int = 400, *, paper: int = 230) -> np.ndarray:
    image = np.full((high, wide, 3), paper, np.uint8)
    image[INK] = 20
    return image


def test_wide_margins_are_cut_to_a_part_of_the_inks_height():
    cut = trimmed(strip())
    assert cut.image.shape == (20 + 2 * 5, 80 + 2 * 8, 3)
    assert cut.to_page([[8, 5]]).tolist() == [[100, 40]]


@pytest.mark.parametrize("paper", [0, 90, 255])
def test_paper_may_have_any_tone(paper):
    image = strip(paper=paper)
    image[INK] = 255 - paper if paper != 90 else 255
    assert trimmed(image).image.shape[:2] == (30, 96)


def test_a_strip_that_the_ink_fills_stays_as_it_is():
    image = strip()[36:66, 90:194]
    assert trimmed(image).image.shape == image.shape


def test_a_blank_strip_stays_as_it_is():
    image = np.full((30, 200, 3), 250, np.uint8)
    assert trimmed(image).image.shape == image.shape


def test_a_surface_without_paper_stays_as_it_is():
    image = np.random.default_rng(0).integers(0, 255, (60, 300, 3)).astype(np.uint8)
    assert trimmed(image).image.shape == image.shape


def test_a_dash_keeps_the_height_of_its_line():
    image = np.full((60, 600, 3), 250, np.uint8)
    image[28:32, 200:240] = 0
    cut = trimmed(image)
    assert cut.image.shape[0] == 60
    assert cut.image.shape[1] == 40 + 2 * 24


def test_texts_before_wide_blanks_are_read_to_their_end():
    image = Image.new("RGB", (700, 90), "white")
    ImageDraw.Draw(image).text((20, 28), "The quick brown fox", font=ImageFont.load_default(28), fill="black")
    (line,) = foveal.Reader("fast").transcribe([image])
    assert line.text == "The quick brown fox"
    assert line.polygon == ((0.0, 0.0), (700.0, 0.0), (700.0, 90.0), (0.0, 90.0))
    left, right = line.words[0].polygon[0][0], line.words[-1].polygon[1][0]
    assert 10 < left < 30
    assert 270 < right < 330
