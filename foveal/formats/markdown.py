"""Markdown (CommonMark)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from foveal.document import Block, Document, Page
from foveal.formats.base import Boxes, Format, legible

_HYPHENS = "-\u2010\u00ad¬⸗"
_HYPHENATED = re.compile(rf"(\w+)[{_HYPHENS}]$")
_COMPOUND = re.compile(r"\w+(?:-\w+)+")
# "pre- and post-war": the hyphen stands for a part left out, in the languages foveal reads
_CONJUNCTION = re.compile(r"(?:and|or|to|und|oder|bis|bzw|et|ou|y|e|o|u|en|of|och|eller|og|ja|i|a|lub)\b")
# a dash or an asterisk without a space is a minus, or the mark of a footnote
_BULLET = re.compile(r"(?:[-–—*] +|[•·‣⁃◦●○■□▪▫►▶☐☑☒✓✔] *)(?=\S)")
_NUMBER = re.compile(r"(\d{1,9})[.)] +(?=\S)")
_MARKS = re.compile(r"[\\`*\[\]~|]|<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])|#$")
_OPENERS = re.compile(r"^(\d{1,9})([.)])(?=\s|$)|^([-+=>#:])")


class Markdown(Format):
    """Markdown: titles as headings, lists as items, paragraphs re-flowed with their hyphens joined."""

    name = "markdown"
    suffix = ".md"
    lists_unread = False

    def write(self, document: Document, *, boxes: Boxes = "word") -> str:  # noqa: ARG002 - Markdown has no boxes
        """Return CommonMark; a thematic break (---) parts the pages, and rows of a table stay lines."""
        compounds = _compounds(document)
        pages = "\n\n---\n\n".join(_page(page, compounds) for page in document.pages)
        return pages + "\n" if pages else ""


def _page(page: Page, compounds: set[str]) -> str:
    return "\n\n".join(filter(None, (_block(block, compounds) for block in page.blocks)))


def _block(block: Block, compounds: set[str]) -> str:
    lines = [line for line in (" ".join(legible(line.text).split()) for line in block.lines) if line]
    if not lines:
        return ""
    if block.label == "title":
        return f"# {_escape(flow(lines, compounds))}"
    if block.label == "list":
        return "\n".join(_items(lines, compounds))
    if block.label in ("table", "figure"):
        return "\\\n".join(_escape(line) for line in lines)
    return _escape(flow(lines, compounds))


def flow(lines: Iterable[str], compounds: set[str]) -> str:
    """Return lines as one, words cut at a line's end joined again.

    A hyphen goes where the next line begins with a small letter, unless the word is known with its hyphen
    (`compounds`, in lower case); it stays before a capital or a digit, and in "pre- and post-war".

    >>> flow(["a well-", "known exam-", "ple of Jean-", "Paul"], {"well-known"})
    'a well-known example of Jean-Paul'
    """
    text = ""
    for line in lines:
        cut = _HYPHENATED.search(text)
        if cut is None or _CONJUNCTION.match(line):
            text = f"{text} {line}" if text else line
        elif line[0].islower() and not _is_compound(cut.group(1), line, compounds):
            text = text[:-1] + line
        else:
            text = text[:-1] + "-" + line if line[0].isalnum() else f"{text} {line}"
    return text


def _is_compound(head: str, line: str, compounds: set[str]) -> bool:
    tail = re.match(r"\w+", line)
    return tail is not None and f"{head}-{tail.group()}".lower() in compounds


def _compounds(document: Document) -> set[str]:
    """Return the words with a hyphen inside that stand uncut in some line, in lower case."""
    lines = (line.text for page in document.pages for line in page.lines)
    return {word.lower() for line in lines for word in _COMPOUND.findall(line)}


def _items(lines: list[str], compounds: set[str]) -> Iterator[str]:
    """Yield the items of a list. A line without a mark goes on the item before it, if any line has a mark."""
    marked = [bool(_BULLET.match(line) or _NUMBER.match(line)) for line in lines]
    starts = [number for number in range(len(lines)) if marked[number] or not any(marked) or number == 0]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield _item(flow(lines[start:end], compounds))


def _item(text: str) -> str:
    """Return one item; a number is kept, whatever the mark was."""
    number = _NUMBER.match(text)
    if number:
        return f"{number.group(1)}. {_escape(text[number.end() :])}"
    return f"- {_escape(_BULLET.sub('', text, count=1))}"


def _escape(text: str) -> str:
    """Return `text` with a backslash before each sign that Markdown would take for its own."""
    marked = _MARKS.sub(lambda sign: "\\" + sign.group(), text)
    return _OPENERS.sub(lambda sign: f"{sign[1]}\\{sign[2]}" if sign[1] else "\\" + sign[0], marked)
