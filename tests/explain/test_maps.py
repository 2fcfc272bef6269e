"""Heat maps: colour stands where the weight is, on the page's own pixels."""

import cv2
import numpy as np
import pytest
from lines import CELL, OUTLINE, TALL, looking, paper

from foveal.errors import ConfigError
from foveal.explain.colours import COLOURS, caption, legend, table, tinted, written
from foveal.explain.maps import heat, heat_map, multiples, strip_of, view
from foveal.geometry import Transform


@pytest.mark.parametrize("colours", COLOURS)
def test_colours_grow_lighter_in_even_steps(colours: str) -> None:
    scale = table(colours)[None].astype(np.float32) / 255
    light = cv2.cvtColor(scale, cv2.COLOR_RGB2LAB)[0, :, 0]
    steps = np.diff(light[::15])
    assert (steps > 0).all()
    assert steps.max() < 2.5 * steps.mean()


def test_colours_that_are_not_there_name_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'viridis'"):
        table("viridia")


def test_no_heat_no_tint() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    warm = np.zeros((9, 13), np.float32)
    assert np.array_equal(tinted(image, warm, top=1), image)
    warm[4, 5] = 0.5
    assert np.array_equal(tinted(image, warm, top=1, alpha=0), image)
    changed = (tinted(image, warm, top=0.5, alpha=1) != image).any(axis=2)
    assert np.argwhere(changed).tolist() == [[4, 5]]
    assert (tinted(image, warm, top=0.5, alpha=1)[4, 5] == table("viridis")[-1]).all()


def test_the_heat_lies_on_the_column_that_was_looked_at() -> None:
    page, line = paper(10), looking(10)
    seen = view(page, [OUTLINE], margin=0, scale=2)
    looks = [char.look for char in line.words[0].chars if char.look]
    shade = heat(looks, strip_of(page, line).way, seen)
    assert shade.shape == (2 * TALL, 400)
    assert shade.max() == pytest.approx(1, abs=0.1)
    x = np.flatnonzero(shade.max(axis=0) > 0.5 * shade.max())
    assert abs(x.mean() + 0.5 - 2 * 10.5 * CELL) <= 1
    assert np.ptp(x) <= 2 * CELL + 2


def test_the_heat_moves_with_the_way_to_the_page() -> None:
    shift = Transform.shift(30, 0)
    page, line = paper(), looking(10, to_page=shift.matrix)
    seen = view(page, [OUTLINE], margin=0, scale=1)
    looks = [char.look for char in line.words[0].chars if char.look]
    shade = heat(looks, strip_of(page, line).way, seen)
    assert abs(shade.max(axis=0).argmax() - (10.5 * CELL + 30)) <= 2


def test_a_view_is_the_page() -> None:
    page = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    seen = view(page, [((10.0, 20.0), (30.0, 40.0))], margin=0, scale=1)
    assert np.array_equal(seen.image, page[20:41, 10:31])
    assert seen.way.to([[10, 20]]).tolist() == [[0, 0]]


@pytest.mark.parametrize("corner", [(-90.0, -90.0), (500.0, 20.0), (30.0, 500.0)])
def test_a_view_beyond_the_page_ends_at_its_edge(corner: tuple[float, float]) -> None:
    page = np.zeros((50, 60, 3), np.uint8)
    seen = view(page, [(corner, (corner[0] + 5, corner[1] + 5))], margin=3, scale=2)
    assert min(seen.image.shape) > 0


def test_side_by_side_shows_the_page_as_it_is_too() -> None:
    page, line = paper(10, 30), looking(10, 30)
    one = heat_map(page, line, line.words, polygon=OUTLINE)
    two = heat_map(page, line, line.words, polygon=OUTLINE, side_by_side=True)
    assert two.shape[0] > 1.5 * one.shape[0]
    grey = np.ptp(two[: TALL * 2].astype(int), axis=2)
    assert grey.max() == 0  # no colour on the page as it is
    assert np.ptp(one[: TALL * 2].astype(int), axis=2).max() > 50


def test_a_line_has_a_tile_for_every_character() -> None:
    page, line = paper(5, 10, 15), looking(5, 10, 15)
    wide = multiples(page, line, columns=3)
    tall = multiples(page, line, columns=1)
    assert wide.shape[1] == 3 * tall.shape[1]
    rest = legend(tall.shape[1], 1.0).shape[0]
    assert tall.shape[0] - rest == 3 * (wide.shape[0] - rest)


def test_what_the_font_has_not_is_named() -> None:
    assert written("A 7") == "A 7"
    assert written("A\ue123") == "AU+E123"
    assert (caption("e", 40) < 100).any()
