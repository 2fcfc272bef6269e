import csv
import re
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

from foveal.errors import InputMissing
from foveal.synth.fonts import KINDS, Face, Faces

PACK = Path(__file__).parent.parent / "data" / "fonts"


@pytest.fixture(scope="module")
def faces():
    return Faces(PACK)


def face_of(faces: Faces, kind: str) -> Face:
    return faces.by_kind[kind][0]


def test_a_folder_without_a_listing_names_the_way_out(tmp_path):
    with pytest.raises(InputMissing, match=r"tools/fetch_fonts\.py"):
        Faces(tmp_path)


@pytest.mark.parametrize("char", "AgjÄéß.|")
@pytest.mark.parametrize("kind", ["sans", "mono", "black", "hand"])
def test_glyphs_are_what_freetype_draws(faces, kind, char):
    face = face_of(faces, kind)
    glyph = face.glyph(char, 40)
    image = Image.new("L", (120, 120))
    ImageDraw.Draw(image).text((40, 60), char, fill=255, font=ImageFont.truetype(face.path, 40), anchor="ls")
    ours = np.zeros((120, 120), np.uint8)
    rows, columns = glyph.mask.shape
    ours[60 + glyph.top : 60 + glyph.top + rows, 40 + glyph.left : 40 + glyph.left + columns] = glyph.mask
    assert np.abs(ours.astype(int) - np.asarray(image)).max() <= 24


def test_every_listed_character_has_ink(faces):
    for face in faces.all:
        empty = [char for char in face.characters if char != " " and not face.glyph(char, 30).mask.any()]
        assert not empty, face


@pytest.mark.parametrize("pair", ["AV", "To", "LT", "nn", "r."])
def test_kerning_is_what_the_font_says(faces, pair):
    font = TTFont(face_of(faces, "sans").path)
    names, table = font.getBestCmap(), font["kern"].kernTables[0].kernTable
    units = table.get((names[ord(pair[0])], names[ord(pair[1])]), 0)
    assert face_of(faces, "sans").kerning(pair) == pytest.approx(units / font["head"].unitsPerEm, abs=0.006)
    assert face_of(faces, "mono").kerning(pair) == 0


def test_letters_above_and_double_hyphens_are_derived(faces):
    face = face_of(faces, "sans")
    small, letter = face.glyph("\u0364", 48), face.glyph("e", 48)
    assert small.advance == 0
    assert small.mask.shape[0] < 0.7 * letter.mask.shape[0]
    assert small.top + small.mask.shape[0] <= -round(face.x_height * 48)
    assert face.glyph("⸗", 48).mask.shape[0] > face.glyph("=", 48).mask.shape[0]


def small_capitals(source: Path, target: Path) -> Path:
    """Write a face whose small letters are its capitals, made smaller."""
    with TTFont(source) as font:
        names, glyphs = font.getBestCmap(), font.getGlyphSet()
        for capital in "ABDEGHNQRT":
            pen = TTGlyphPen(glyphs)
            pen.addComponent(names[ord(capital)], (0.7, 0, 0, 0.75, 0, 0))
            font["glyf"][names[ord(capital.lower())]] = pen.glyph()
        font.save(target)
    return target


def test_a_text_in_small_capitals_reads_as_capitals(faces, tmp_path):
    path = small_capitals(face_of(faces, "sans").path, tmp_path / "small.woff2")
    face = Face(path, kind="sans", characters=face_of(faces, "sans").characters)
    assert face.unicase
    assert not any(face.unicase for face in faces.all)


def test_a_chosen_face_covers_the_text(faces):
    rng = np.random.default_rng(0)
    for text in ("plain", "ſüß ⸗", "Łódź", "für 20 €"):
        for kinds in (("hand",), KINDS):
            face = faces.choose(rng, text, kinds=kinds)
            assert face is None or (face.covers(text) and face.kind in kinds)
    assert faces.choose(rng, "漢") is None


def test_the_list_names_a_clear_licence_for_every_face():
    clear = re.compile(
        r"(?<![a-z])(?:OFL|SIL|Open ?Font|Apache|MIT|Expat|BSD|[AL]?GPL|Vera|GUST|LPPL|LaTeX|CC0|CC-BY(?!-N)|"
        r"public-domain|ParaType|EPL|UFL|Unlicense|Artistic)(?![a-z])",
        re.IGNORECASE,
    )
    text = (resources.files("foveal.synth") / "fonts.tsv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) > 500
    assert len({row["file"] for row in rows}) == len(rows)
    assert {row["kind"] for row in rows} == set(KINDS)
    assert [row["file"] for row in rows if not clear.search(row["licence"])] == []
    assert all(re.match(r"(deb:[^=]+=|npm:@[^@]+@)\S+$", row["package"]) for row in rows)
