"""`foveal synth`: sets on disk that `foveal evaluate` reads, with the place of everything on them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from ran import Ran

from foveal.geometry import bounds
from foveal.measure.sets import is_pages, read_crops, read_pages

FONTS = Path(__file__).parent.parent / "data" / "fonts"
Shell = Callable[..., Ran]


@pytest.mark.parametrize(("kind", "width"), [("word", 128), ("line", 512)])
def test_crops_have_their_text_and_a_box_for_every_character(
    kind: str, width: int, tmp_path: Path, shell: Shell
) -> None:
    out = tmp_path / "new" / "set"
    asked = ("synth", out, "--kind", kind, "--count", 9, "--fonts", FONTS, "--width", width)
    assert shell(*asked) == Ran(0, "", "")
    crops = read_crops(out)
    assert len(crops) == len(list((out / "images").iterdir())) == 9
    for crop in crops:
        with Image.open(crop.image) as image:
            assert image.height == 32
            assert image.width <= width
        assert len(crop.chars) == len(crop.text)
        for left, top, right, bottom in crop.chars:
            assert 0 <= left <= right <= image.width + 0.02
            assert 0 <= top <= bottom <= 32.02


def test_pages_have_their_lines_and_what_is_cut_off_has_no_text(tmp_path: Path, shell: Shell) -> None:
    asked = ("synth", tmp_path, "--kind", "page", "--count", 3, "--fonts", FONTS, "--width", 200)
    assert shell(*asked).code == 0
    assert is_pages(tmp_path)
    pages = read_pages(tmp_path)
    for page in pages:
        with Image.open(page.image) as image:
            assert image.size == (200, 200)
    places = [place for page in pages for place in page.places]
    assert any(place.text for place in places)
    for place in places:
        left, top, right, bottom = bounds(place.polygon)
        assert not place.text or (min(left, top) > -1.01 and max(right, bottom) < 201.01)


def test_a_seed_decides_the_set_and_a_folder_holds_only_one(tmp_path: Path, shell: Shell) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        shell("synth", tmp_path / name, "--count", 4, "--fonts", FONTS, "--seed", seed)
    sets = [
        [path.read_bytes() for path in sorted((tmp_path / name).rglob("*.*"))] for name in ("a", "b", "c")
    ]
    assert sets[0] == sets[1] != sets[2]
    shell("synth", tmp_path / "a", "--fonts", FONTS).assert_failed(7, "holds a set already")


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--kind", "wrod"), 2, "did you mean 'word'?"),
        (("--count", 0), 2, "0 of 160 px cannot be drawn"),
        (("--width", 8), 2, "100 of 8 px cannot be drawn"),
        (("--fonts", "nowhere"), 3, "fonts.tsv: no such file"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    options: tuple[object, ...], code: int, says: str, tmp_path: Path, shell: Shell
) -> None:
    shell("synth", tmp_path / "out", "--fonts", FONTS, *options).assert_failed(code, says)


def test_without_the_train_extra_the_way_out_is_named(tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from foveal.cli import main; main()"
    command = [sys.executable, "-c", code, "synth", str(tmp_path / "out"), "--fonts", str(FONTS)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    Ran(ran.returncode, ran.stdout, ran.stderr).assert_failed(9, "torch", 'pip install "foveal[train]"')
    assert not (tmp_path / "out").exists()
