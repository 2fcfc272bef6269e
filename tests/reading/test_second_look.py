"""A second look replaces a doubtful reading of a short strip by a surer one, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from foveal.reading.readings import ReadChar, Reading, ReadWord
from foveal.reading.second_look import SURE, VIEWS, Image, look_again


def reading(text: str, confidence: float) -> Reading:
    chars = tuple(ReadChar(c, i, i + 1, confidence, (), None) for i, c in enumerate(text))
    return Reading((ReadWord(chars),) if text else (), 4.0)


def surer(images: Sequence[Image]) -> list[Reading]:
    """Read the brightness of a view's middle, the surer the brighter."""
    levels = [int(image[image.shape[0] // 2, 0, 0]) for image in images]
    return [reading(str(level), level / 255) for level in levels]


def test_the_surest_view_is_kept() -> None:
    dark = np.full((20, 60, 3), 30, np.uint8)
    (kept,) = look_again([dark], [reading("first", 0.5)], surer)
    assert kept.text == "225"  # its negative


@pytest.mark.parametrize(
    ("first", "width"), [(reading("sure", SURE), 60), (reading("long", 0.5), 400), (reading("", 0.0), 60)]
)
def test_what_is_sure_long_or_empty_is_read_once(first: Reading, width: int) -> None:
    def never(images: Sequence[Image]) -> list[Reading]:
        raise AssertionError(f"{len(images)} views were read")

    assert look_again([np.zeros((20, width, 3), np.uint8)], [first], never) == [first]


def test_a_less_sure_view_changes_nothing() -> None:
    bright = np.full((20, 60, 3), 128, np.uint8)
    assert look_again([bright], [reading("kept", 0.9)], surer)[0].text == "kept"


def test_views_leave_columns_in_place() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 90, 3), dtype=np.uint8)
    for view in VIEWS:
        seen = view(image)
        assert seen.shape[1:] == image.shape[1:]
        assert 0.85 * 40 <= len(seen) <= 40
