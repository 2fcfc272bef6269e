from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from foveal.measure.halves import halves

NAMES = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 99)), min_size=1, max_size=60)


@given(NAMES)
def test_no_page_is_in_both_halves_unless_it_is_a_book(drawn: list[tuple[str, int]]) -> None:
    names = [f"{page}_{number}" for page, number in drawn]
    half = halves(names)
    for page in {page for page, _ in drawn}:
        own = {side for name, side in zip(names, half, strict=True) if name.startswith(page)}
        assert len(own) == 1 or sum(name.startswith(page) for name in names) > len(names) / 4


def test_both_halves_hold_much_of_a_set() -> None:
    names = [f"page{page}_{line}" for page in range(30) for line in range(page % 7 + 1)]
    assert 0.4 < sum(halves(names)) / len(names) < 0.6


def test_the_lines_of_one_book_are_parted() -> None:
    half = halves([f"book_{line}" for line in range(100)])
    assert sum(half) == 50


def test_halves_do_not_depend_on_the_order_of_names() -> None:
    names = [f"page{page}_{line}" for page in range(9) for line in range(4)]
    assert halves(names[::-1]) == halves(names)[::-1]
