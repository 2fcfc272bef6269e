"""The benchmark of character boxes: on drawn words foveal itself, and an engine off by so many pixels."""

import importlib
import json
import sys
from argparse import Namespace
from pathlib import Path
from types import ModuleType

import pytest
from word_set import write_words

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"

# every box five pixels of twenty too far to the right, and the last letter of the first word misread
ENGINE = """
import sys
sys.path[:0] = [{engines!r}, {tests!r}]
from pathlib import Path
from word_set import WORDS
from worker import serve

def locate(image, task, language):
    number = int(Path(image).stem)
    lefts = [9 + 20 * place for place in range(len(WORDS[number]))]
    boxes = [[[x, 4], [x + 20, 4], [x + 20, 28], [x, 28]] for x in lefts]
    word = WORDS[number] if number else WORDS[number][:-1] + "z"
    return list(zip(word, boxes))

serve(None, locate)
"""


@pytest.fixture
def char_boxes(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("peers", "char_boxes"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("char_boxes")


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    return write_words(tmp_path / "scene_words_drawn", count=8)


@pytest.fixture
def shifted(char_boxes: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Namespace:
    script = tmp_path / "engine.py"
    script.write_text(ENGINE.format(engines=str(BENCHMARKS / "engines"), tests=str(Path(__file__).parent)))
    monkeypatch.setattr(char_boxes, "commands", lambda _: {"shifted": [sys.executable, str(script)]})
    return Namespace(model=[], limit=None, threads=1, found=False)


def test_foveal_finds_the_letters_of_drawn_words(
    char_boxes: ModuleType,
    drawn: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = tmp_path / "figures.json"
    monkeypatch.setattr(sys, "argv", ["char_boxes.py", str(drawn), "--model", "fast", "--json", str(kept)])
    char_boxes.main()
    read, shared = json.loads(kept.read_text(encoding="utf-8"))
    assert read | {"of": "shared"} == shared  # one engine shares all with itself
    assert read["true"] == 25
    assert 20 <= read["matched"] <= 25
    assert read["centred"] == read["look_inside"] == 1
    assert 0.6 < read["iou_x"] < 1
    assert read["look_inside"] >= read["look_half"] >= read["look_most"] > 0.5
    heading, _, row, _ = capsys.readouterr().out.splitlines()
    assert heading.startswith("| set | engine |")
    assert row.startswith(f"| scene_words_drawn | foveal-fast | read | 25 | {read['matched']} | 1.000 |")


def test_figures_are_those_of_boxes_that_are_off_by_a_quarter(
    char_boxes: ModuleType, drawn: Path, shifted: Namespace
) -> None:
    row = next(char_boxes.compare(drawn, shifted))
    assert (row["engine"], row["true"], row["matched"]) == ("shifted", 25, 24)
    overlap = pytest.approx(15 / 25)
    assert [row[name] for name in ("centred", "iou", "iou_half", "iou_x")] == [1, overlap, 1, overlap]
    assert "look_inside" not in row


def test_between_cuts_boxes_overlap_along_x(char_boxes: ModuleType, drawn: Path, shifted: Namespace) -> None:
    (drawn / "charboxes.jsonl").unlink()
    cuts = {"image": "images/5.png", "text": "bb", "width": 48, "cuts_x": [24]}
    (drawn / "charcuts.jsonl").write_text(json.dumps(cuts), encoding="utf-8")
    row = next(char_boxes.compare(drawn, shifted))
    assert (row["true"], row["matched"]) == (2, 2)
    # 9–29 in 0–24, 29–49 in 24–48
    assert row["iou"] == row["iou_x"] == pytest.approx((15 / 29 + 19 / 25) / 2)


def test_a_letter_with_marks_is_one_and_a_ligature_is_not(char_boxes: ModuleType) -> None:
    assert [char_boxes.is_one(text) for text in ("a", "aͤ", "ch", "")] == [True, True, False, False]


def test_boxes_that_are_not_the_engines_own_answer_have_a_star(char_boxes: ModuleType) -> None:
    rows = [{"engine": name, "by_rule": name == "rapidocr", "iou": 0.5} for name in ("rapidocr", "tesseract")]
    _, _, one, other, *note = char_boxes.table(rows).splitlines()
    assert ("| rapidocr * |" in one, "| tesseract |" in other) == (True, True)
    assert note[-1] == char_boxes.NOTE.strip()
