"""Steering: a look that is moved, added, removed, widened or forbidden is obeyed; nothing else changes."""

import pickle

import numpy as np
import pytest
from damaged import page

import foveal
from foveal.document import Add, Char, Document, Forbid, Line, Move, Remove, Widen
from foveal.errors import ConfigError
from foveal.geometry import Transform, bounds
from foveal.reading.cut import Strip
from foveal.reading.steer import Held
from foveal.reading.transcribe import load_transcriber


@pytest.fixture(scope="module")
def line() -> Line:
    """The line “The quick brown fox”."""
    return foveal.read(page(), looks=True).pages[0].lines[0]


def chars(line: Line) -> list[Char]:
    return [char for word in line.words for char in word.chars]


def middle(char: Char) -> tuple[float, float]:
    left, top, right, bottom = bounds(char.polygon)
    return (left + right) / 2, (top + bottom) / 2


def left_out(line: Line, number: int) -> str:
    kept = [char.text for char in chars(line)]
    return "".join(kept[: number - 1] + kept[number:])


def test_a_moved_look_reads_what_is_under_it(line: Line) -> None:
    every = chars(line)
    obeyed = [chars(line.reread([Move(1, middle(goal))]))[0].text == goal.text for goal in every]
    assert sum(obeyed) >= 0.95 * len(every)


def test_the_rest_of_the_line_stays(line: Line) -> None:
    again = line.reread([Move(5, middle(chars(line)[8]))])
    assert left_out(again, 5) == left_out(line, 5)
    assert [char.polygon for char in chars(again)[5:]] == [char.polygon for char in chars(line)[5:]]
    assert [word.confidence for word in again.words[2:]] == [word.confidence for word in line.words[2:]]
    assert again.polygon == line.polygon


def test_a_moved_look_moves_its_box_and_its_weights(line: Line) -> None:
    goal = chars(line)[8]
    moved = chars(line.reread([Move(5, middle(goal))]))[4]
    assert moved.look is not None
    left, _, right, _ = bounds(goal.polygon)
    assert left <= moved.look.point[0] <= right
    assert middle(moved)[0] == pytest.approx(middle(goal)[0], abs=0.5)  # the goal's box is drawn to its ink


def test_what_was_removed_can_be_added_again(line: Line) -> None:
    gone = chars(line)[5]
    without = line.reread([Remove(6)])
    assert without.text.replace(" ", "") == left_out(line, 6)
    assert without.reread([Add(5, middle(gone))]).text == line.text
    assert line.reread([Remove(6), Add(5, middle(gone))]).text == line.text


def test_a_look_can_be_added_before_all_others(line: Line) -> None:
    first = chars(line)[0]
    assert line.reread([Remove(1), Add(0, middle(first))]).text == line.text
    assert line.reread([Add(0, middle(first), new_word=True)]).text == f"T {line.text}"


def test_a_new_word_parts_the_one_it_stands_in(line: Line) -> None:
    again = line.reread([Add(5, middle(chars(line)[0]), new_word=True)])
    assert again.text == "The qu T ick brown fox"
    after_a_word = line.reread([Add(8, middle(chars(line)[0]), new_word=True)])
    assert after_a_word.text == "The quick T brown fox"
    assert after_a_word.words[1].confidence == line.words[1].confidence


def test_a_word_without_characters_is_no_word(line: Line) -> None:
    assert line.reread([Remove(1), Remove(1), Remove(1)]).text == "quick brown fox"


def test_a_widened_look_is_wider(line: Line) -> None:
    def spread(line: Line) -> int:
        look = chars(line)[10].look
        assert look is not None
        return int((look.weights > 0.01).sum())

    wide, narrow = line.reread([Widen(11, 3)]), line.reread([Widen(11, 0.34)])
    assert spread(narrow) == 1
    assert spread(wide) > spread(narrow)
    boxes = [bounds(chars(one)[10].polygon) for one in (wide, line)]
    assert boxes[0][2] - boxes[0][0] == pytest.approx(3 * (boxes[1][2] - boxes[1][0]), rel=0.01)


def test_nothing_is_read_where_it_is_forbidden(line: Line) -> None:
    quick = line.words[1]
    left, _, right, _ = bounds(quick.polygon)
    again = line.reread([Forbid(quick.polygon)])
    assert all(not left < middle(char)[0] < right for char in chars(again))
    assert again.text == "The brown fox"
    assert again.words[-1].confidence == line.words[-1].confidence


def test_a_line_that_was_reread_can_be_read_without_a_place_for_good(line: Line) -> None:
    quick = line.words[1]
    again = line.reread([Forbid(quick.polygon)]).reread([Move(1, middle(quick.chars[2]))])
    assert chars(again)[0].confidence < 0.9, "read from a place that was blanked"


@pytest.mark.parametrize(
    ("look", "says"),
    [
        (Move(99, (50.0, 80.0)), r"no char 99 \(the last one is 16\)"),
        (Remove(0), r"no char 0"),
        (Move(1, (9000.0, 80.0)), "does not reach"),
        (Widen(1, 0.0), "0 times as wide"),
    ],
)
def test_what_cannot_be_is_refused(look: Move | Remove | Widen, says: str, line: Line) -> None:
    with pytest.raises(ConfigError, match=says):
        line.reread([look])


def test_only_a_line_that_was_looked_at_can_be_read_again(line: Line) -> None:
    for plain in (foveal.read(page()).pages[0].lines[0], Line(line.polygon, 1.0, line.words)):
        with pytest.raises(ConfigError, match="looks=True"):
            plain.reread([Remove(1)])


def test_a_line_alone_can_be_read_again() -> None:
    (line,) = foveal.Reader().transcribe([page().crop((20, 40, 420, 120))], looks=True)
    assert line.text == "The quick brown fox"
    assert line.reread([Remove(4)]).text == "The uick brown fox"


def test_a_line_that_a_second_look_read_keeps_one_grid() -> None:
    image = np.asarray(page().convert("RGB").crop((20, 40, 420, 120)))
    (seen,) = load_transcriber("fast").read([np.ascontiguousarray(image[8:])], looks=True, again=False)
    (own,) = load_transcriber("fast").read([image], looks=True, again=False)
    assert seen.cell != own.cell
    line = Held(Strip(image, Transform.shift(0, 0)), seen, "fast").line()
    every = chars(line)
    moved = [chars(line.reread([Move(1, middle(goal))]))[0] for goal in every]
    assert sum(one.text == goal.text for one, goal in zip(moved, every, strict=True)) >= 0.8 * len(every)
    for one, goal in zip(moved, every, strict=True):
        assert one.look is not None
        assert goal.look is not None
        assert one.look.weights.shape == goal.look.weights.shape
        assert abs(one.look.point[0] - goal.look.point[0]) < 3 * seen.cell
    shapes = {
        char.look.weights.shape for char in chars(line.reread([Forbid(line.words[0].polygon)])) if char.look
    }
    assert len(shapes) == 1


def test_what_is_held_is_not_part_of_the_reading(line: Line) -> None:
    document = foveal.read(page(), looks=True)
    assert Document.from_json(document.to_json()).pages[0].lines[0].held is None
    assert pickle.loads(pickle.dumps(line)).reread([Remove(1)]).text == "he quick brown fox"
