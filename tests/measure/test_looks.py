import math

import numpy as np
import pytest

from foveal.document import Char, Line, Look, Word
from foveal.measure.looks import box_count, look_count, paired
from foveal.measure.text import alphanumeric

BOXES = [(0.0, 0.0, 20.0, 40.0), (20.0, 0.0, 30.0, 40.0)]
CUTS = [(left, -math.inf, right, math.inf) for left, _, right, _ in BOXES]


def char(text: str, column: int, *, left: float = 0.0, scale: float = 0.5) -> Char:
    """One character that looks at one of 8 columns of 16 strip pixels; a strip is 1/scale times its crop."""
    weights = np.full((1, 8), 0.05, dtype=np.float32)
    weights[0, column] = 0.65
    look = Look(weights, (16.0, 80.0), (128.0, 80.0), np.diag([scale, scale, 1.0]))
    polygon = ((left, 0.0), (left + 20, 0.0), (left + 20, 40.0), (left, 40.0))
    return Char(text, polygon, 0.9, look=look)


def line(*chars: Char) -> Line:
    return Line(chars[0].polygon, 0.9, (Word(chars[0].polygon, 0.9, chars),))


def test_the_centre_of_the_heaviest_cell_in_crop_pixels_is_held_against_the_span() -> None:
    # cells are 8 crop pixels wide: column 0 centres at 4, column 2 at 20, column 3 at 28, column 4 at 36
    inside = look_count(list(zip([char("A", 0), char("B", 3)], CUTS, strict=True)))
    assert (inside.chars, inside.inside, inside.near) == (2, 2, 2)
    edge = look_count([(char("B", 2), CUTS[1])])
    assert edge.inside == 1
    outside = look_count([(char("A", 4), CUTS[0]), (char("B", 4), CUTS[1])])
    assert outside.inside == 0


def test_near_allows_half_a_cell_and_no_more() -> None:
    assert look_count([(char("A", 4), (0.0, 0.0, 33.0, 1.0))]).near == 1  # 36 - 4 = 32
    assert look_count([(char("A", 4), (0.0, 0.0, 31.0, 1.0))]).near == 0


def test_mass_is_the_weight_of_the_cells_inside() -> None:
    assert look_count([(char("A", 0), CUTS[0])]).mass == pytest.approx(0.65 + 2 * 0.05)


def test_a_character_without_a_look_is_missed() -> None:
    blind = Char("A", char("A", 0).polygon, 0.9)
    assert look_count([(blind, CUTS[0])]).inside == 0
    assert look_count([(blind, CUTS[0])]).chars == 1


def test_only_words_read_right_are_paired_and_dropped_signs_have_no_partner() -> None:
    read = line(char("a", 0), char("-", 1), char("B", 3))
    assert [pair[0].text for pair in paired(read, "Ab", BOXES, fold=alphanumeric)] == ["a", "B"]
    assert paired(line(char("a", 0), char("x", 3)), "Ab", BOXES, fold=alphanumeric) == []
    assert paired(line(char("a", 0), char("½", 3)), "a1⁄2", BOXES, fold=alphanumeric) == []


def test_boxes_of_characters_are_held_against_boxes_and_not_against_cuts() -> None:
    count = box_count([(char("A", 0), BOXES[0]), (char("B", 3, left=5.0), BOXES[1])])
    assert (count.chars, count.centred) == (2, 1)
    assert count.overlap == pytest.approx(1 + 5 / 25)
    assert box_count([(char("A", 0), CUTS[0])]).chars == 0
