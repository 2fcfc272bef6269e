"""A trajectory leaves as a film and as ALTO."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from lines import looking, paper
from lxml import etree

import foveal
from foveal.document import Block, Page
from foveal.explain.alto_path import TRAJECTORY, alto_with_paths
from foveal.explain.explanation import Explanation
from foveal.explain.film import RATE, can_film, film
from foveal.explain.trajectory import trace

ROOT = Path(__file__).parents[1]
RULES = etree.RelaxNG(etree.parse(ROOT / "data" / "schemas" / "alto-4-4.rng"))
ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"
LOOK = f"{{{TRAJECTORY}}}"


@pytest.fixture(scope="module")
def explained() -> Explanation:
    return foveal.explain(ROOT.parent / "examples" / "handwritten_note.jpg")


def test_every_fixation_is_in_the_alto_and_names_its_glyph(explained: Explanation) -> None:
    root = etree.fromstring(explained.to_alto().encode())
    RULES.assertValid(root)
    tags = {tag.get("ID"): tag for tag in root.iter(f"{ALTO}OtherTag") if tag.get("LABEL") == "trajectory"}
    lines = list(root.iter(f"{ALTO}TextLine"))
    assert len(lines) == len(tags) == len(explained.trajectories)
    for line, path in zip(lines, explained.trajectories.values(), strict=True):
        own = tags[line.get("TAGREFS")].find(f".//{LOOK}trajectory")
        assert float(own.get("COVERAGE")) == pytest.approx(path.coverage, abs=1e-3)
        glyphs = {glyph.get("ID"): glyph.get("CONTENT") for glyph in line.iter(f"{ALTO}Glyph")}
        fixations = own.findall(f"{LOOK}fixation")
        assert [glyphs[one.get("GLYPH")] for one in fixations] == [one.char.text[0] for one in path.fixations]
        assert [float(one.get("X")) for one in fixations] == pytest.approx(
            [one.point[0] for one in path.fixations], abs=0.06
        )
        assert len(own.findall(f"{LOOK}skip")) == len(path.skips)


def test_only_lines_with_looks_and_a_path_are_tagged() -> None:
    line = looking(10, 14, 30, 29)
    page = Page(1, 200, 20, (Block(line.polygon, 1.0, (line, line)),))
    path = trace(paper(10, 14, 30), line)
    root = etree.fromstring(alto_with_paths(page, {2: path}, source="a.png").encode())
    RULES.assertValid(root)
    assert [bool(one.get("TAGREFS")) for one in root.iter(f"{ALTO}TextLine")] == [False, True]
    kinds = [one.get("KIND") for one in root.iter(f"{LOOK}fixation")]
    assert kinds[0] is None
    assert kinds[-1] == ("back-step" if path.fixations[-1].is_back_step else None)
    assert etree.fromstring(alto_with_paths(page, {}, source="").encode()).find(f".//{LOOK}*") is None


@pytest.mark.skipif(not can_film(), reason="this OpenCV has no FFmpeg")
def test_a_film_shows_every_look_as_long_as_it_dwelt(tmp_path: Path) -> None:
    page = paper(10, 30)
    path = trace(page, looking(10, 30))
    (tmp_path / "a.mp4").write_bytes(film(page, path))
    reader = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert reader.get(cv2.CAP_PROP_FPS) == RATE
    shown = []
    while (got := reader.read())[0]:
        shown.append(got[1].astype(int))
    assert len(shown) == round(0.22 * RATE) + round(1.5 * RATE)
    assert shown[0].shape[0] % 2 == shown[0].shape[1] % 2 == 0
    heat = [np.ptp(frame, axis=2).mean(0) for frame in (shown[0], shown[-1])]
    places = [float(np.average(np.arange(len(one)), weights=one > one.max() / 2)) for one in heat]
    ends = [path.line.words[0].chars[i].polygon[0][0] + 5 for i in (0, 1)]
    scale = (places[1] - places[0]) / (ends[1] - ends[0])
    assert scale == pytest.approx(shown[0].shape[1] / page.shape[1], rel=0.05)
