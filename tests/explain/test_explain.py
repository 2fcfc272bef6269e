"""`foveal explain` and `foveal.explain` on a page: what is chosen, what is written, and what is refused."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from damaged import page
from PIL import Image
from ran import Ran

import foveal
from foveal.errors import ConfigError
from foveal.explain.deletion import note
from foveal.explain.explanation import Explanation, Style, choose
from foveal.explain.maps import multiples
from foveal.reading.compose import compose_block

Shell = Callable[..., Ran]


@pytest.fixture(scope="module")
def explained() -> Explanation:
    return foveal.explain(page())


def chosen(whole: Explanation, **parts: int) -> Explanation:
    asked = {"line": None, "word": None, "char": None} | parts
    return Explanation(whole.image, whole.page, choose(whole.page, **asked, name="page"))


def test_the_whole_page_is_explained(explained: Explanation) -> None:
    assert list(explained.trajectories) == [1, 2, 3]
    assert explained.picture().shape == explained.image.shape


@pytest.mark.parametrize(
    ("parts", "name", "line", "text"),
    [
        ({"line": 2}, "page-line2", 2, ""),
        ({"line": 2, "word": 4}, "page-line2-word4", 2, "lazy"),
        ({"line": 2, "word": 4, "char": 3}, "page-line2-word4-char3", 2, "z"),
        ({"line": 2, "char": 6}, "page-line2-char6", 2, "o"),
        ({"word": 5}, "page-word5", 2, "jumps"),
        ({"word": 5, "char": 1}, "page-word5-char1", 2, "j"),
        ({"char": 17}, "page-char17", 2, "j"),
    ],
)
def test_parts_are_counted_in_what_was_chosen_before(
    parts: dict[str, int], name: str, line: int, text: str, explained: Explanation
) -> None:
    choice = chosen(explained, **parts).choice
    assert (choice.name, choice.line) == (name, line)
    assert "".join(word.text for word in choice.words) == text


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"line": 4}, r"no line 4 \(the last one is 3\)"),
        ({"line": 0}, r"no line 0 \(the last one is 3\)"),
        ({"line": 2, "word": 6}, r"no word 6 \(the last one is 5\)"),
        ({"line": 2, "word": 4, "char": 5}, r"no char 5 \(the last one is 4\)"),
        ({"word": 99}, r"no word 99"),
    ],
)
def test_what_is_not_there_names_the_last(parts: dict[str, int], says: str, explained: Explanation) -> None:
    with pytest.raises(ConfigError, match=says):
        chosen(explained, **parts)


def test_a_line_is_shown_as_small_multiples_and_a_word_as_a_map(explained: Explanation) -> None:
    line = chosen(explained, line=1)
    first = line.page.lines[0]
    assert np.array_equal(line.picture(), multiples(line.image, first, note=note(first, first.words)))
    word = chosen(explained, line=1, word=2).picture()
    assert np.ptp(word.astype(int), axis=2).max() > 50, "no heat on the word"


def test_a_notebook_shows_it(explained: Explanation) -> None:
    one = chosen(explained, line=1, word=1)
    assert Image.open(io.BytesIO(one._repr_png_())).format == "PNG"
    assert "<details" in one._repr_html_()
    assert "<html" not in one._repr_html_()


def test_everything_is_written(explained: Explanation, tmp_path: Path) -> None:
    one = chosen(explained, line=1)
    written = one.save(tmp_path / "out")
    assert sorted(written) == sorted((tmp_path / "out").iterdir())
    files = {path.name: path for path in written}
    assert set(files) == {
        "report.html", "trajectory.json", "page-line1.png", "line-01-map.png", "line-01-chars.png",
        "line-01-looks.png",
        "line-01-path.png", "line-01-path.gif", "line-01-path.svg", "line-01-path.mp4", "trajectory.alto.xml",
    }  # fmt: skip
    fixations = one.trajectories[1].fixations
    with Image.open(files["line-01-path.gif"]) as film:
        assert film.n_frames == len(fixations)
    drawing = ElementTree.parse(files["line-01-path.svg"]).getroot()
    assert len(drawing.findall("{*}circle/{*}title")) == len(fixations)
    assert json.loads(files["trajectory.json"].read_text("utf-8")) == json.loads(json.dumps(one.to_json()))


def test_the_report_needs_nothing_else(explained: Explanation) -> None:
    report = explained.report()
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', report) == []
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", report) == []
    assert report.count("<details") == 3
    linked = set(re.findall(r'href="#([^"]+)"', report))
    assert linked <= set(re.findall(r'id="([^"]+)"', report))


def test_the_report_opens_at_what_is_suspicious(explained: Explanation) -> None:
    first, *others = explained.page.lines
    short = replace(first, words=first.words[:-1])
    page = replace(explained.page, blocks=(compose_block([short, *others]),))
    number, worst = Explanation(explained.image, page, explained.choice).suspicious[0]
    assert (number, worst.kind) == (1, "truncated tail")
    report = Explanation(explained.image, page, explained.choice).report()
    assert report.index(escape(worst.says)) < report.index("<h2>The page</h2>")
    assert '<details id="line-1" open>' in report
    assert '<details id="line-2">' in report


def test_a_page_without_text_is_explained_too(tmp_path: Path) -> None:
    blank = foveal.explain(Image.new("RGB", (300, 200), "white"))
    assert blank.suspicious == []
    assert "Nothing is suspicious" in blank.report()
    assert {path.suffix for path in blank.save(tmp_path)} == {".html", ".json", ".xml", ".png"}


def test_the_shell_lists_what_it_wrote(tmp_path: Path, shell: Shell) -> None:
    page().save(tmp_path / "scan.png")
    out = tmp_path / "out"
    ran = shell("explain", tmp_path / "scan.png", "--line", 1, "--word", 2, "--char", 1, "--out", out)
    assert (ran.code, ran.err) == (0, "")
    assert [Path(line) for line in ran.out.splitlines()]
    assert sorted(map(Path, ran.out.splitlines())) == sorted(out.iterdir())
    assert (out / "scan-line1-word2-char1.png").exists()


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--line", 9], 2, "there is no line 9 (the last one is 3)"),
        (["--page", 2], 3, "none of the pages 2 is there"),
        (["--colours", "virids"], 2, "did you mean 'viridis'?"),
        (["--alpha", 2], 2, "give 0 to 1"),
    ],
)
def test_the_shell_refuses_what_is_not_there(
    options: list[object], code: int, says: str, tmp_path: Path, shell: Shell
) -> None:
    page().save(tmp_path / "scan.png")
    shell("explain", tmp_path / "scan.png", *options, "--out", tmp_path / "out").assert_failed(code, says)
    assert not (tmp_path / "out").exists()


def test_a_style_that_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ConfigError, match="give 0 to 1"):
        Style(alpha=-1)


def test_the_language_is_that_of_reading(tmp_path: Path, shell: Shell) -> None:
    page().save(tmp_path / "scan.png")
    ran = shell("explain", tmp_path / "scan.png", "--language", "xx", "--out", tmp_path / "out")
    assert ran.code != 0
    assert "'xx'" in ran.err
    assert foveal.explain(page(), language="none").page.text
