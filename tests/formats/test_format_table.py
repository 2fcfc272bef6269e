"""The table of formats: names, suffixes, and one line of words for each."""

import pytest
from documents import DEPTHS, LETTER

from foveal.document import Document
from foveal.formats import FORMATS


@pytest.mark.parametrize(("name", "form"), FORMATS.items())
def test_a_format_is_known_by_its_own_name(name, form):
    assert form.name == name
    assert form.suffix.startswith(".")
    assert type(form).__doc__
    assert "\n" not in type(form).__doc__


def test_no_two_formats_share_a_suffix():
    assert len({form.suffix for form in FORMATS.values()}) == len(FORMATS)


@pytest.mark.parametrize("boxes", DEPTHS)
@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_every_format_writes_every_depth(form, boxes):
    text = form.write(LETTER, boxes=boxes)
    assert text.endswith("\n")
    if (form.name, boxes) != ("hocr", "char"):  # there each character has an element of its own
        assert all(word in text for word in ("Quarterly", "second", "0.90"))


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_deeper_is_never_shorter(form):
    lengths = [len(form.write(LETTER, boxes=boxes)) for boxes in DEPTHS]
    if form.name in ("text", "markdown"):
        assert len(set(lengths)) == 1
    else:
        assert lengths == sorted(lengths)
        assert lengths[0] < lengths[2]


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_a_document_without_pages_is_written(form):
    assert isinstance(form.write(Document("empty.pdf", ())), str)
