"""Text, Markdown and TSV: what they say, and that nothing in a document breaks them."""

import csv
import io

import pytest
from documents import LETTER, depths, documents, for_any, make_block, make_document
from lxml import html
from markdown_it import MarkdownIt

from foveal.document import Document
from foveal.formats import FORMATS
from foveal.formats.base import legible
from foveal.formats.markdown import flow
from foveal.formats.tsv import COLUMNS


def test_text_parts_blocks_and_pages():
    page = make_document(make_block("one", "two"), make_block(label="figure"), make_block("three")).pages[0]
    text = "one\ntwo\n\nthree\n"
    assert FORMATS["text"].write(Document("-", (page, page))) == f"{text}\f\n{text}"


@for_any(documents)
def test_text_has_a_form_feed_between_pages_only(document):
    text = FORMATS["text"].write(document)
    text.encode("utf-8")
    assert text.count("\f") == max(len(document.pages) - 1, 0)
    lines = [legible(line.text) for page in document.pages for line in page.lines]
    assert [line for line in text.split("\n") if line not in ("", "\f")] == [line for line in lines if line]


def test_markdown_of_a_letter():
    assert FORMATS["markdown"].write(LETTER) == (
        "# Quarterly & annual\n\n"
        'A well-known example of "text" \\<here>\n\n'
        "- first\n- second\n\n"
        "tea 1.20\\\nmilk 0.90\n"
    )


@pytest.mark.parametrize(
    ("lines", "one"),
    [
        (["exam-", "ple"], "example"),
        (["well-", "known"], "well-known"),
        (["Jean-", "Paul"], "Jean-Paul"),
        (["1914-", "1918"], "1914-1918"),
        (["pre-", "and post-war"], "pre- and post-war"),
        (["Vor-", "und Nachteile"], "Vor- und Nachteile"),
        (["a dash –", "here"], "a dash – here"),
        (["or -", "here"], "or - here"),
        (["Wachſ⸗", "tum"], "Wachſtum"),
        (["exam-"], "exam-"),
        ([], ""),
    ],
)
def test_lines_flow_into_one(lines, one):
    assert flow(lines, {"well-known"}) == one


def test_a_compound_seen_whole_keeps_its_hyphen():
    document = make_document(make_block("the well-", "known and well-known", "exam-", "ple"))
    assert FORMATS["markdown"].write(document) == "the well-known and well-known example\n"


def test_items_go_on_over_lines_and_keep_their_numbers():
    items = make_block("1. one and", "a half", "2) two", label="list")
    assert FORMATS["markdown"].write(make_document(items)) == "1. one and a half\n2. two\n"
    assert FORMATS["markdown"].write(make_document(make_block("a", "b", label="list"))) == "- a\n- b\n"


@for_any(documents)
def test_markdown_shows_the_signs_of_the_document(document):
    """Somebody else's parser shows, as text, the letters and signs that were read, in their order."""
    text = FORMATS["markdown"].write(document)
    text.encode("utf-8")
    shown = html.fragment_fromstring(MarkdownIt().render(text), create_parent="div").text_content()
    lines = [legible(line.text) for page in document.pages for line in page.lines]
    assert bare(shown) == bare("".join(lines))


def bare(text):
    """Only the signs that no mark of a list and no hyphen at a line's end could have taken."""
    return [sign for sign in text if sign.isalpha() or sign in "&<>\"'\\`_#|;]"]


@pytest.mark.parametrize("line", ["-5 °C", "*and children", "**", "–", "*&"])
def test_a_minus_or_a_footnote_is_no_mark_of_a_list(line):
    rendered = MarkdownIt().render(FORMATS["markdown"].write(make_document(make_block(line, label="list"))))
    assert html.fromstring(rendered).text_content().strip() == line


def test_markdown_escapes_what_it_would_take_for_its_own():
    odd = ["# no heading", "1914. was", "- dash", "a*b*c snake_case _emphasis_", "[link](x) &amp; <b>", "C#"]
    document = make_document(*(make_block(line) for line in odd))
    rendered = MarkdownIt().render(FORMATS["markdown"].write(document))
    assert [item.text_content() for item in html.fromstring(f"<div>{rendered}</div>")] == odd
    assert "snake_case" in FORMATS["markdown"].write(document)


def read_tsv(text):
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE))


@for_any(documents, depths)
def test_tsv_reads_as_a_table(document, boxes):
    rows = read_tsv(FORMATS["tsv"].write(document, boxes=boxes))
    assert all(set(row) == set(COLUMNS) and None not in row.values() for row in rows)
    assert all(int(row["width"]) >= 0 and int(row["height"]) >= 0 for row in rows)
    lines = [line for page in document.pages for line in page.lines]
    words = [word for line in lines for word in line.words]
    texts = [row["text"] for row in rows if row["level"] == ("4" if boxes == "line" else "5")]
    assert texts == [legible(item.text) for item in (lines if boxes == "line" else words)]


def test_tsv_numbers_and_boxes():
    rows = read_tsv(FORMATS["tsv"].write(make_document(make_block("Hello world"))))
    assert [row["level"] for row in rows] == ["1", "2", "3", "4", "5", "5"]
    assert list(rows[-1].values()) == ["5", "1", "1", "1", "1", "2", "70", "0", "50", "20", "90", "world"]
    assert list(rows[0].values()) == ["1", "1", "0", "0", "0", "0", "0", "0", "640", "480", "-1", ""]


def test_tsv_has_the_columns_of_tesseract():
    """As Tesseract 5.5 writes them above the first row: `tesseract page.png - tsv`."""
    theirs = "level page_num block_num par_num line_num word_num left top width height conf text"
    assert theirs.split() == COLUMNS
