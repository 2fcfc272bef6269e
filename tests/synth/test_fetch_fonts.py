"""Packing faces: what is put together, what is left out, whose licence is clear."""

import importlib.util
import sys
from pathlib import Path

import pytest
from fontTools import subset
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "tools").exists(), reason="only in a checkout")
FACE = ROOT / "tests/data/fonts/archivo-narrow-regular.woff2"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("fetch_fonts", ROOT / "tools/fetch_fonts.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for their module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def part(path: Path, text: str) -> Path:
    """Write the letters of `text` alone, as a package with one file a script has them."""
    cutter = subset.Subsetter()
    cutter.populate(text=text)
    with TTFont(FACE) as font:
        cutter.subset(font)
        font.save(path)
    return path


def change(path: Path, char: str, drawn: str) -> Path:
    """Write a face that draws other letters, side by side, in a character's place."""
    with TTFont(FACE) as font:
        names, pen, x = font.getBestCmap(), TTGlyphPen(font.getGlyphSet()), 0
        for letter in drawn:
            pen.addComponent(names[ord(letter)], (1, 0, 0, 1, x, 0))
            x += font["hmtx"][names[ord(letter)]][0]
        font["glyf"][names[ord(char)]] = pen.glyph()
        font["hmtx"][names[ord(char)]] = (x, font["hmtx"][names[ord(drawn[0])]][1])
        font.save(path)
    return path


def test_a_face_in_two_files_is_put_together(tool, tmp_path):
    latin = part(tmp_path / "archivo-narrow-latin-400-normal.woff2", "AVader é")
    more = part(tmp_path / "archivo-narrow-latin-ext-400-normal.woff2", "Łőą")
    assert tool.font_files(tmp_path) == [latin]
    assert tool.names_of(latin) == {("archivo-narrow", "400 normal")}
    assert set(tool.cut(latin, tmp_path / "out.woff2")) == set("AVader éŁőą")
    more.unlink()
    assert set(tool.cut(latin, tmp_path / "out.woff2")) == set("AVader é")


@pytest.mark.parametrize(("char", "drawn"), [("é", "e"), ("ß", "s"), ("ß", "ss"), ("Ö", "O")])
def test_a_character_drawn_as_others_is_left_out(tool, tmp_path, char, drawn):
    kept = tool.cut(FACE, tmp_path / "out.woff2")
    assert char in kept
    changed = tool.cut(change(tmp_path / "changed.woff2", char, drawn), tmp_path / "out.woff2")
    assert set(kept) - set(changed) == {char}


@pytest.mark.parametrize(
    "clear", ["OFL-1.1", "LGPL-2+", "CC-BY-SA-3.0", "UFL-1.0", "0BSD", "sil-1.1; GPL-2.0+"]
)
def test_clear_licences_are_taken(tool, clear):
    assert tool.LICENCES.search(clear)


@pytest.mark.parametrize(
    "unclear", ["", "custom", "unlimited copying", "CC-BY-NC-4.0", "free for personal use"]
)
def test_unclear_licences_are_not(tool, unclear):
    assert not tool.LICENCES.search(unclear)
