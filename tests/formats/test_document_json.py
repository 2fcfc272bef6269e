"""JSON: every document reads back as it was, and meets the schema at every depth."""

import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from documents import DEPTHS, LETTER, box, depths, documents, for_any, looks, make_document, without_looks
from jsonschema import Draft202012Validator

from foveal.document import Block, Char, Document, Line, Remedy, Word
from foveal.document_json import VERSION
from foveal.errors import FovealError
from foveal.formats import FORMATS
from foveal.reading.codes import CODE
from foveal.reading.context import CONTEXT
from foveal.reading.words import LISTED

SCHEMA = json.loads(files("foveal.formats").joinpath("document.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def test_schema_is_one_and_names_the_version():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["version"]["const"] == VERSION
    assert SCHEMA["$id"].endswith(f":{VERSION}")


@for_any(documents)
def test_reads_back_without_loss(document):
    back = Document.from_json(document.to_json())
    assert without_looks(back) == without_looks(document)
    for ours, theirs in zip(looks(back), looks(document), strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert ours.weights.dtype == np.float32
            assert np.array_equal(ours.weights, theirs.weights)
            assert np.array_equal(ours.to_page, theirs.to_page)
            assert (ours.cell, ours.strip_size) == (theirs.cell, theirs.strip_size)


@for_any(documents, depths)
def test_meets_the_schema(document, boxes):
    text = FORMATS["json"].write(document, boxes=boxes)
    text.encode("utf-8")
    VALIDATOR.validate(json.loads(text))


@pytest.mark.parametrize("kind", [LISTED, CONTEXT, CODE, "monotonic", "split"])
def test_schema_knows_why_a_word_was_read_otherwise(kind):
    page = LETTER.pages[0]
    line = page.blocks[0].lines[0]
    word = replace(line.words[0], remedy=Remedy(kind, "Quarter1y"))
    line = replace(line, words=(word, *line.words[1:]))
    block = replace(page.blocks[0], lines=(line, *page.blocks[0].lines[1:]))
    letter = replace(LETTER, pages=(replace(page, blocks=(block, *page.blocks[1:])),))
    text = FORMATS["json"].write(letter)
    assert VALIDATOR.is_valid(json.loads(text))
    assert not VALIDATOR.is_valid(json.loads(text.replace(f'"kind":"{kind}"', '"kind":"other"')))


@pytest.mark.parametrize("boxes", DEPTHS)
def test_schema_knows_the_depths(boxes):
    content = json.loads(FORMATS["json"].write(LETTER, boxes=boxes))
    for other in set(DEPTHS) - {boxes}:
        assert not VALIDATOR.is_valid(content | {"boxes": other})


def test_text_stands_at_each_level():
    line = json.loads(FORMATS["json"].write(LETTER))["pages"][0]["blocks"][0]["lines"][0]
    assert line["text"] == "Quarterly & annual"
    assert [word["text"] for word in line["words"]] == ["Quarterly", "&", "annual"]
    assert "chars" not in line["words"][0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no json", "not a document"),
        ("[]", "not a document"),
        ("{}", "not a document"),
        (LETTER.to_json()[:-40], "not a document"),
        (LETTER.to_json().replace('"version":"1.2"', '"version":"2.0"'), "version 2.0"),
        (FORMATS["json"].write(LETTER, boxes="word"), "boxes='word'"),
    ],
)
def test_other_texts_are_refused(text, says):
    with pytest.raises(FovealError, match=says):
        Document.from_json(text)


def test_a_newer_minor_version_is_read():
    text = LETTER.to_json().replace('"version":"1.2"', '"version":"1.7"')
    assert without_looks(Document.from_json(text)) == LETTER


def test_a_flag_is_kept_and_older_files_have_none():
    place = box(0.0, 0.0, 9.0, 9.0)
    word = Word(place, 0.5, (Char("8", place, 0.9, flag="guessed"),))
    document = make_document(Block(place, 0.5, (Line(place, 0.5, (word,)),)))
    content = json.loads(document.to_json())
    assert content["pages"][0]["blocks"][0]["lines"][0]["words"][0]["flag"] == "guessed"
    assert Document.from_json(document.to_json()) == document
    old = LETTER.to_json().replace('"version":"1.2"', '"version":"1.0"')
    assert "flag" not in old
    assert without_looks(Document.from_json(old)) == LETTER
