"""What is not accepted is listed, with its place; what is guessed always is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ran import Ran

from foveal.document import Block, Char, Document, Line, Page, Word
from foveal.errors import ConfigError
from foveal.reading.review import COLUMNS, as_share, doubts, review_list

PLACE = ((1.0, 2.0), (9.0, 2.0), (9.0, 8.0), (1.0, 8.0))
PAGE = Path(__file__).parents[2] / "examples" / "printed_page.jpg"


def document(*words: tuple[str, float, str]) -> Document:
    made = tuple(Word(PLACE, sure, (Char(text, PLACE, sure, flag=flag),)) for text, sure, flag in words)
    blocks = (Block(PLACE, 1.0, (Line(PLACE, 1.0, made),)),)
    return Document("a.png", (Page(3, 10, 10, blocks),))


def test_the_surest_words_are_accepted_within_the_bound() -> None:
    read = document(("a", 1.0, ""), ("b", 0.5, ""), ("c", 0.99, ""))
    assert [one.word.text for one in doubts(read, max_error=0.01)] == ["b"]
    assert [one.word.text for one in doubts(read, max_error=0.0)] == ["b", "c"]
    assert doubts(read, max_error=0.25) == []


def test_a_guess_is_never_accepted() -> None:
    read = document(("a", 1.0, "guessed"), ("b", 1.0, ""))
    assert [(one.page, one.line, one.number) for one in doubts(read, max_error=1.0)] == [(3, 1, 1)]


def test_the_list_says_where_and_why() -> None:
    listed = review_list(document(("a", 0.25, "guessed")), max_error=0.1)
    rows = [row.split("\t") for row in listed.splitlines()]
    assert rows == [list(COLUMNS), ["3", "1", "1", "1", "2", "9", "8", "0.2500", "guessed", "a"]]


@pytest.mark.parametrize("text", ["much", "101%", "-1%", "nan", "2"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no share"):
        as_share(text)


def test_the_shell_writes_the_list_beside_the_text(tmp_path: Path, shell: Callable[..., Ran]) -> None:
    for bound in ("0.1%", "100%"):
        assert shell("read", PAGE, "-o", tmp_path / "page.txt", "--max-error", bound).code == 0
        rows = (tmp_path / "page.review.tsv").read_text(encoding="utf-8").splitlines()
        assert rows[0] == "\t".join(COLUMNS)
        words = (tmp_path / "page.txt").read_text(encoding="utf-8").split()
        assert {row.split("\t")[-1] for row in rows[1:]} <= set(words)
        assert (len(rows) > 1) or bound == "100%"
    shell("read", PAGE, "--max-error", "lots").assert_failed(2, "no share")
