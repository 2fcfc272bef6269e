"""hOCR, ALTO and PAGE-XML: valid for every document, and they say what the document says."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import alto_tools.alto_tools as alto_tools
import pytest
from documents import DEPTHS, LETTER, box, depths, documents, for_any, make_block, make_document, single_pages
from lxml import etree, html

from foveal.document import Alternative, Block, Char, Document, Line, Word
from foveal.errors import FovealError
from foveal.formats import FORMATS
from foveal.formats.alto import NAMESPACE as ALTO
from foveal.formats.base import legible
from foveal.formats.page_xml import NAMESPACE as PAGE

BOX = re.compile(r"\b(bbox|x_bboxes) \d+ \d+ \d+ \d+(;|$)")
SCHEMAS = Path(__file__).parent.parent / "data" / "schemas"
ALTO_RULES = etree.RelaxNG(etree.parse(SCHEMAS / "alto-4-4.rng"))
PAGE_SCHEMA = etree.XMLSchema(etree.parse(SCHEMAS / "pagecontent-2019-07-15.xsd"))
NINE = box(0.0, 0.0, 9.0, 9.0)
LIKE_M = (Alternative("rn", 0.4), Alternative("nmnm", 0.1))
CHARS = Char("m", box(0.2, 0.0, 8.6, 9.0), 0.5, LIKE_M), Char("a\u0303", box(8.6, 0.0, 9.0, 9.0), 1.0)
M = make_document(Block(NINE, 0.5, (Line(NINE, 0.5, (Word(NINE, 0.5, CHARS),)),)))


def parse(text):
    return etree.fromstring(text.encode("utf-8"), etree.XMLParser(huge_tree=True))


def assert_references_resolve(root, names, references):
    known = [element.get(name) for element in root.iter() for name in names if element.get(name)]
    assert len(known) == len(set(known))
    asked = {each for element in root.iter() for name in references for each in element.get(name, "").split()}
    assert asked <= set(known)


def words_of(document):
    return [legible(word.text) for page in document.pages for line in page.lines for word in line.words]


@for_any(documents, depths)
def test_alto_keeps_the_rules(document, boxes):
    root = parse(FORMATS["alto"].write(document, boxes=boxes))
    ALTO_RULES.assertValid(root)
    assert_references_resolve(root, ["ID"], ["TAGREFS", "PROCESSINGREFS"])


@for_any(single_pages, depths)
def test_page_xml_meets_the_schema(document, boxes):
    root = parse(FORMATS["page-xml"].write(document, boxes=boxes))
    PAGE_SCHEMA.assertValid(root)
    assert_references_resolve(root, ["id"], ["regionRef"])


@for_any(documents, depths)
def test_hocr_is_xml_and_html(document, boxes):
    text = FORMATS["hocr"].write(document, boxes=boxes)
    root = parse(text)
    body = html.document_fromstring(text.encode("utf-8"))
    assert_references_resolve(root, ["id"], [])
    for kind in ("ocr_page", "ocr_carea", "ocr_par", "ocr_line", "ocrx_word", "ocrx_cinfo"):
        marked = root.findall(f".//*[@class='{kind}']")
        assert len(marked) == len(body.find_class(kind))
        assert all(BOX.search(element.get("title")) for element in marked)


@for_any(documents)
def test_alto_holds_the_words(document):
    lines = parse(FORMATS["alto"].write(document)).iter(f"{{{ALTO}}}TextLine")
    read = [[string.get("CONTENT") for string in line.iter(f"{{{ALTO}}}String")] for line in lines]
    expected = [[legible(word.text) for word in line.words] for page in document.pages for line in page.lines]
    assert read == [words or [""] for words in expected]


@for_any(single_pages)
def test_page_xml_holds_the_words(document):
    words = parse(FORMATS["page-xml"].write(document, boxes="char")).iter(f"{{{PAGE}}}Word")
    read = [word.findtext(f"{{{PAGE}}}TextEquiv/{{{PAGE}}}Unicode") for word in words]
    assert [legible(word) for word in read] == words_of(document)


@for_any(documents)
def test_hocr_holds_the_words(document):
    root = parse(FORMATS["hocr"].write(document, boxes="char"))
    read = ["".join(word.itertext()) for word in root.findall(".//*[@class='ocrx_word']")]
    assert read == words_of(document)


@pytest.mark.parametrize("boxes", DEPTHS)
def test_hocr_check_finds_nothing(tmp_path, boxes):
    file = tmp_path / "letter.hocr"
    file.write_text(FORMATS["hocr"].write(LETTER, boxes=boxes), encoding="utf-8")
    check = Path(sys.executable).parent / "hocr-check"
    done = subprocess.run([sys.executable, check, file], capture_output=True, text=True, check=True)
    assert done.stderr.count("ok ") > 10
    assert "not ok" not in done.stderr


def test_hocr_lines_reads_the_text(tmp_path):
    file = tmp_path / "letter.hocr"
    file.write_text(FORMATS["hocr"].write(LETTER), encoding="utf-8")
    lines = Path(sys.executable).parent / "hocr-lines"
    done = subprocess.run([sys.executable, lines, file], capture_output=True, text=True, check=True)
    assert [" ".join(line.split()) for line in done.stdout.splitlines() if line.strip()] == [
        line.text for line in LETTER.pages[0].lines
    ]


def test_hocr_says_where_and_how_sure():
    text = FORMATS["hocr"].write(make_document(make_block("Hello world"), source='a";b.png'))
    root = parse(text)
    title = root.find(".//*[@class='ocr_page']").get("title")
    assert title == 'image "a%22%3Bb.png"; bbox 0 0 640 480; ppageno 0'
    word = root.findall(".//*[@class='ocrx_word']")[1]
    assert word.get("title") == "bbox 70 0 120 20; x_wconf 90"


def test_hocr_gives_a_slanting_line_its_polygon_and_angle():
    slanting = ((0.0, 100.0), (100.0, 0.0), (110.0, 10.0), (10.0, 110.0))
    line = Line(slanting, 0.9, ())
    document = make_document(Block(slanting, 0.9, (line,)))
    title = parse(FORMATS["hocr"].write(document)).find(".//*[@class='ocr_line']").get("title")
    assert title == "bbox 0 0 110 110; poly 0 100 100 0 110 10 10 110; textangle 45"


def test_alto_is_read_by_alto_tools(tmp_path, capsys):
    file = tmp_path / "letter.xml"
    file.write_text(FORMATS["alto"].write(LETTER), encoding="utf-8")
    with file.open(encoding="utf-8") as opened:
        _, tree, namespace = alto_tools.alto_parse(opened)
    alto_tools.alto_text(tree, namespace)
    read = [line.rstrip() for line in capsys.readouterr().out.strip("\n").split("\n")]
    assert read == [line.text for line in LETTER.pages[0].lines]


def test_alto_has_a_glyph_a_code_point_and_variants_it_can_hold():
    root = parse(FORMATS["alto"].write(M, boxes="char"))
    glyphs = root.findall(f".//{{{ALTO}}}Glyph")
    assert [glyph.get("CONTENT") for glyph in glyphs] == ["m", "a", "\u0303"]
    variants = root.findall(f".//{{{ALTO}}}Variant")
    assert [(variant.get("CONTENT"), variant.get("VC")) for variant in variants] == [("rn", "0.4")]
    boxes = [[glyph.get(side) for side in ("HPOS", "VPOS", "WIDTH", "HEIGHT")] for glyph in glyphs]
    assert boxes == [["0", "0", "9", "9"], ["8", "0", "1", "9"], ["8", "0", "1", "9"]]


def test_page_xml_orders_the_readings_of_a_glyph():
    root = parse(FORMATS["page-xml"].write(M, boxes="char"))
    glyph = root.find(f".//{{{PAGE}}}Glyph")
    readings = {
        equiv.get("index"): equiv.findtext(f"{{{PAGE}}}Unicode")
        for equiv in glyph.iter(f"{{{PAGE}}}TextEquiv")
    }
    assert readings == {"0": "m", "1": "rn", "2": "nmnm"}


def test_page_xml_keeps_order_text_and_turn():
    root = parse(FORMATS["page-xml"].write(LETTER))
    order = [ref.get("regionRef") for ref in root.iter(f"{{{PAGE}}}RegionRefIndexed")]
    regions = {region.get("id"): region for region in root.find(f"{{{PAGE}}}Page") if region.get("id")}
    texts = [regions[name].findtext(f"{{{PAGE}}}TextEquiv/{{{PAGE}}}Unicode") for name in order]
    assert texts == [block.text for block in LETTER.pages[0].blocks[:-1]] + [None]
    assert root.find(f"{{{PAGE}}}Page").get("orientation") == "91.5"
    assert [region.tag for region in regions.values()][-2:] == [
        f"{{{PAGE}}}ImageRegion",
        f"{{{PAGE}}}UnknownRegion",
    ]


def test_page_xml_holds_one_page():
    two = Document("book.pdf", LETTER.pages * 2)
    with pytest.raises(FovealError, match=r"book.pdf: PAGE-XML holds one page a file, the document has 2"):
        FORMATS["page-xml"].write(two)
    assert FORMATS["page-xml"].one_page


@pytest.mark.parametrize("name", ["hocr", "alto", "page-xml"])
def test_the_standard_library_reads_it_too(name):
    text = FORMATS[name].write(LETTER, boxes="char")
    ElementTree.fromstring(text.encode("utf-8"))
    assert text.endswith(">\n")


@pytest.mark.parametrize(
    ("name", "path", "attribute", "value"),
    [
        ("hocr", ".//*[@class='ocrx_word']", "title", 'x_flag "guessed"'),
        ("hocr", ".//*[@class='ocrx_cinfo']", "title", 'x_flag "guessed"'),
        ("page-xml", f".//{{{PAGE}}}Word", "custom", "flag {type:guessed;}"),
        ("page-xml", f".//{{{PAGE}}}Glyph", "custom", "flag {type:guessed;}"),
        ("alto", f".//{{{ALTO}}}String", "TAGREFS", "flag-guessed"),
    ],
)
def test_what_was_guessed_is_flagged_and_nothing_else(name, path, attribute, value):
    sure, guess = (Char("1", box(0.0, 0.0, 9.0, 9.0), 0.9, flag=flag) for flag in ("", "guessed"))
    words = tuple(Word(box(0.0, 0.0, 9.0, 9.0), 0.9, (char,)) for char in (sure, guess))
    line = Line(box(0.0, 0.0, 9.0, 9.0), 0.9, words)
    root = parse(FORMATS[name].write(make_document(Block(line.polygon, 0.9, (line,))), boxes="char"))
    said = [element.get(attribute) or "" for element in root.findall(path)]
    assert [value in text for text in said] == [False, True]
    if name == "alto":
        assert root.find(f".//{{{ALTO}}}OtherTag").get("ID") == value
