"""Documents to write: one that looks like a page, and a strategy for any that could exist."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from foveal.document import Alternative, Block, Char, Document, Line, Look, Page, Word

WIDTH, HEIGHT = 640, 480


def box(left, top, right, bottom):
    return (left, top), (right, top), (right, bottom), (left, bottom)


def make_line(text, *, top=0.0, left=10.0, size=10.0, confidence=0.9):
    """A line whose characters are `size` wide and twice as high."""
    words, x = [], left
    for word in text.split():
        chars = tuple(
            Char(sign, box(x + size * i, top, x + size * (i + 1), top + 2 * size), confidence)
            for i, sign in enumerate(word)
        )
        end = x + size * len(word)
        words.append(Word(box(x, top, end, top + 2 * size), confidence, chars))
        x = end + size
    return Line(box(left, top, x - size, top + 2 * size), confidence, tuple(words))


def make_block(*texts, label="text", top=0.0):
    lines = tuple(make_line(text, top=top + 25 * i) for i, text in enumerate(texts))
    return Block(box(10.0, top, 600.0, top + 25 * max(len(texts), 1)), 0.9, lines, label)


def make_document(*blocks, source="scan.png", **page):
    return Document(source, (Page(1, WIDTH, HEIGHT, tuple(blocks), **page),), model="fast")


LETTER = make_document(
    make_block("Quarterly & annual", label="title"),
    make_block("A well-known exam-", 'ple of "text" <here>', top=60.0),
    make_block("• first", "• second", label="list", top=140.0),
    make_block("tea 1.20", "milk 0.90", label="table", top=220.0),
    make_block(label="figure", top=300.0),
    rotation=90,
    skew=1.5,
    unread=(box(5.0, 400.0, 50.0, 420.0),),
)


def without_looks(document):
    """The document alone: a look holds arrays, which dataclasses cannot compare."""

    def bare(line):
        words = tuple(
            replace(word, chars=tuple(replace(char, look=None) for char in word.chars)) for word in line.words
        )
        return replace(line, words=words)

    pages = tuple(
        replace(
            page,
            blocks=tuple(replace(block, lines=tuple(map(bare, block.lines))) for block in page.blocks),
        )
        for page in document.pages
    )
    return replace(document, pages=pages)


def looks(document):
    lines = (line for page in document.pages for line in page.lines)
    return [char.look for line in lines for word in line.words for char in word.chars]


@st.composite
def look(draw):
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    weights = rng.random((rows, columns)).astype(np.float32)
    return Look(weights / weights.sum(), draw(pair), draw(pair), rng.normal(size=(3, 3)))


@st.composite
def made(draw, kind, *parts, **named):
    """As `st.builds`, whose report of a failure takes minutes for values nested this deep."""
    return kind(*map(draw, parts), **{name: draw(part) for name, part in named.items()})


number = st.floats(-50.0, 1000.0)
pair = st.tuples(number, number)
polygon = st.lists(pair, min_size=3, max_size=5).map(tuple)
confidence = st.floats(0.0, 1.0)
ODD = ["&", "<", ">", '"', "'", "]]>", "\\", ";", "*", "_", "#", "|", "-", " ", "", "rn", "\U0001f600"]
ODD += ["\f", "\t", "\n", "\r", "\x00", "\x85", "\ufffe", "\u2028", "e\u0301", "ſ\u0303"]
sign = st.one_of(st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"]), max_size=2))
alternative = made(Alternative, sign, confidence)
alternatives = st.lists(alternative, max_size=2).map(tuple)
flag = st.sampled_from(["", "guessed"])
char = made(Char, sign, polygon, confidence, alternatives, st.none() | look(), flag)
word = made(Word, polygon, confidence, st.lists(char, max_size=4).map(tuple))
line = made(Line, polygon, confidence, st.lists(word, max_size=3).map(tuple))
label = st.sampled_from(["text", "title", "list", "table", "figure", 'odd; "label"'])
block = made(Block, polygon, confidence, st.lists(line, max_size=3).map(tuple), label)
page = made(
    Page,
    st.integers(1, 9999),
    st.integers(0, 20000),
    st.integers(0, 20000),
    st.lists(block, max_size=3).map(tuple),
    rotation=st.sampled_from([0, 90, 180, 270]),
    skew=st.floats(-15.0, 15.0),
    unread=st.lists(polygon, max_size=2).map(tuple),
)
source = st.one_of(
    st.text(), st.sampled_from(["-", 'a "b"; c.png', "caf\udce9.tif", "https://a.b/c?d=e&f=g"])
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
metadata = st.dictionaries(st.text(), plain, max_size=2)
documents = made(
    Document, source, st.lists(page, max_size=2).map(tuple), model=st.text(max_size=8), metadata=metadata
)
single_pages = made(Document, source, st.lists(page, max_size=1).map(tuple), model=st.text(max_size=8))
DEPTHS = ("line", "word", "char")
depths = st.sampled_from(DEPTHS)


def for_any(*strategies):
    """Run a test on many drawn values; a slow machine is no failure."""
    return lambda test: settings(deadline=None, max_examples=60)(given(*strategies)(test))
