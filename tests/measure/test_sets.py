import json
import math
from pathlib import Path

import pytest

from foveal.errors import InputMissing
from foveal.measure.sets import is_pages, read_crops, read_pages

SQUARE = [[0, 0], [9, 0], [9, 9], [0, 9]]


def write(file: Path, *records: object) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def test_crops_are_cleaned_and_those_without_a_text_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "handwriting_lathrop"
    folder.mkdir()
    rows = "images/a.png\t21^st\u2028x\ty\r\nimages/b.png\t><\n\n"
    (folder / "labels.tsv").write_text(rows, encoding="utf-8")
    assert not is_pages(folder)
    assert [(crop.image, crop.text) for crop in read_crops(folder)] == [(folder / "images/a.png", "21st x y")]


def test_boxes_and_cuts_become_the_boxes_of_characters(tmp_path: Path) -> None:
    (tmp_path / "labels.tsv").write_text("a.png\tab\nb.png\tcd\nc.png\te\n", encoding="utf-8")
    write(tmp_path / "charboxes.jsonl", {"image": "a.png", "boxes_xywh": [[1, 2, 3, 4], [5, 6, 7, 8]]})
    write(tmp_path / "charcuts.jsonl", {"image": "b.png", "width": 9.5, "cuts_x": [4.5]})
    assert [crop.chars for crop in read_crops(tmp_path)] == [
        ((1, 2, 4, 6), (5, 6, 12, 14)),
        ((0, -math.inf, 4.5, math.inf), (4.5, -math.inf, 9.5, math.inf)),
        (),
    ]


def test_a_page_without_a_text_has_that_of_its_lines_or_words(tmp_path: Path) -> None:
    items = [{"polygon": SQUARE, "text": "***"}, {"polygon": SQUARE, "text": "TOTAL"}]
    folder = tmp_path / "receipts_sroie"
    second = {"image": "b", "words": items, "text": "x\n***"}
    write(folder / "pages.jsonl", {"image": "a", "lines": items}, second)
    by_lines, by_words = read_pages(folder)
    assert is_pages(folder)
    assert (by_lines.text, by_lines.level) == ("TOTAL", "line")
    assert [place.text for place in by_lines.places] == [None, "TOTAL"]
    assert (by_words.text, by_words.level) == ("x\n", "word")


def test_a_folder_that_is_no_set_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match=r"no labels\.tsv and no pages\.jsonl"):
        is_pages(tmp_path)
