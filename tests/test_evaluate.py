import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from damaged import page
from PIL import Image
from ran import Ran

from foveal.document import Block, Char, Document, Line, Look, Page, Polygon, Word
from foveal.errors import ConfigError, InputMissing
from foveal.evaluate import evaluate
from foveal.geometry import bounds
from foveal.reading.reader import Reader

EXAMPLE = Path(__file__).parent.parent / "examples" / "printed_page.jpg"
PITCH = 10.0
Shell = Callable[..., Ran]


def box(left: float, top: float, right: float, bottom: float) -> Polygon:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def line_of(text: str, *, top: float = 0.0, looks: bool = True) -> Line:
    """Return a line whose characters stand PITCH pixels apart, each looked at in its middle."""
    words, x = [], 0.0
    for word in text.split():
        chars = []
        for sign in word:
            weights = np.zeros((1, 100), dtype=np.float32)
            weights[0, int(x / PITCH)] = 1.0
            look = Look(weights, (PITCH, 10.0), (100 * PITCH, 10.0), np.eye(3)) if looks else None
            chars.append(Char(sign, box(x, top, x + PITCH, top + 10), 1.0, look=look))
            x += PITCH
        words.append(Word(box(x - PITCH * len(word), top, x, top + 10), 1.0, tuple(chars)))
        x += PITCH
    return Line(box(0, top, x - PITCH, top + 10), 1.0, tuple(words))


class Scripted:
    """A reader that reads what it is told for each image name."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts

    def transcribe(self, strips: Sequence[Path], *, looks: bool = False) -> list[Line]:
        return [line_of(self.texts[strip.name], looks=looks) for strip in strips]

    def read(self, source: Path) -> Document:
        lines = [line_of(row, top=20.0 * i) for i, row in enumerate(self.texts[source.name].split("\n"))]
        return Document(str(source), (Page(1, 900, 900, (Block(box(0, 0, 900, 900), 1.0, tuple(lines)),)),))


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    folder = tmp_path / "scene_words_tiny"
    folder.mkdir()
    (folder / "labels.tsv").write_text("a.png\tExit\nb.png\tBar\n", encoding="utf-8")
    boxes = [[PITCH * i, 0, PITCH, 10] for i in range(4)]
    records = [{"image": "a.png", "boxes_xywh": boxes}, {"image": "b.png", "boxes_xywh": boxes[:3]}]
    (folder / "charboxes.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    return folder


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "receipts_tiny"
    folder.mkdir()
    lines = [
        {"polygon": box(0, 0, 50, 10), "text": "TOTAL"},
        {"polygon": box(0, 20, 40, 30), "text": "9.90"},
    ]
    glyphs = [{"polygon": box(10, 0, 20, 10), "text": "O"}, {"polygon": box(20, 0, 30, 10), "text": "X"}]
    page = {"image": "a.png", "lines": lines, "glyphs": glyphs}
    (folder / "pages.jsonl").write_text(json.dumps(page), encoding="utf-8")
    return folder


def test_a_perfect_reading_of_crops_is_perfect(crops: Path) -> None:
    report = evaluate(crops, Scripted({"a.png": "EXIT!", "b.png": "bar"}))
    perfect = {"accuracy", "accuracy_alphanumeric", "look_inside", "look_near", "look_mass", "char_overlap"}
    assert {report.figures[name] for name in perfect | {"char_centred"}} == {1.0}
    assert report.figures["cer"] == report.figures["ece"] == report.figures["ece_chars"] == 0
    assert (report.rule, report.items, report.figures["accuracy_exact"]) == ("alphanumeric", 2, 0)


def test_a_wrong_word_costs_accuracy_and_trust_but_not_looks(crops: Path) -> None:
    report = evaluate(crops, Scripted({"a.png": "Exit", "b.png": "8ar"}))
    assert (report.figures["accuracy"], report.figures["look_inside"]) == (0.5, 1.0)
    assert report.figures["ece"] == pytest.approx(0.5)
    assert report.figures["ece_chars"] == pytest.approx(1 / 7)
    assert report.confusions == (("8", "b", 1),)
    assert report.wrong == (("b.png", "8ar", "Bar"),)


def test_the_rule_and_the_number_of_items_can_be_told(crops: Path) -> None:
    reader = Scripted({"a.png": "EXIT", "b.png": "bar"})
    report = evaluate(crops, reader, rule="exact", limit=1)
    assert (report.rule, report.items, report.figures["accuracy"]) == ("exact", 1, 0)
    with pytest.raises(ConfigError, match="exact"):
        evaluate(crops, reader, rule="exakt")


def test_pages_are_scored_on_words_boxes_and_glyphs(pages: Path) -> None:
    figures = evaluate(pages, Scripted({"a.png": "Total\n9.90"})).figures
    assert (figures["bag_of_words_f1"], figures["detection_f1"]) == (1.0, 1.0)
    assert figures["glyphs_read_in_place"] == 0  # the case of a glyph counts
    figures = evaluate(pages, Scripted({"a.png": "TOTAL\n9.90 EURO"})).figures
    assert figures["bag_of_words_f1"] == pytest.approx(4 / 5)
    assert figures["detection_precision"] == 0.5
    assert figures["glyphs_read_in_place"] == 0.5


def test_a_report_is_json_without_nan_and_text_with_every_figure(crops: Path) -> None:
    report = evaluate(crops, Scripted({"a.png": "Exit", "b.png": "Bar"}))
    record = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert record["figures"]["auroc"] is None  # no mistake to rank
    assert record["cost"]["peak"] > 0
    assert all(name.replace("_", " ") in report.to_text() for name in report.figures)
    assert "0.0" in replace(report, items=0).to_text()


def test_a_folder_that_is_no_set_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputMissing):
        evaluate(tmp_path, Scripted({}))


def test_several_sets_are_read_one_after_another(crops: Path, tmp_path: Path, shell: Shell) -> None:
    other = tmp_path / "handwriting_tiny"
    other.mkdir()
    (other / "labels.tsv").write_text("c.png\tfox\n", encoding="utf-8")
    for image in (crops / "a.png", crops / "b.png", other / "c.png"):
        page().save(image)
    printed = shell("evaluate", crops, other, "--json", "--threads", 1).out
    reports = [json.loads(row) for row in printed.splitlines()]
    assert [(report["set"], report["rule"]) for report in reports] == [
        ("scene_words_tiny", "alphanumeric"),
        ("handwriting_tiny", "exact"),
    ]
    assert "scene_words_tiny: 1 items" in shell("evaluate", crops, "--limit", 1).out


@pytest.mark.parametrize("kind", ["crops", "pages"])
def test_attention_is_measured_beside_the_text_where_it_is_asked_for(
    kind: str, tmp_path: Path, shell: Shell
) -> None:
    with Image.open(EXAMPLE) as image:
        paragraph = image.crop((0, 0, image.width, image.height // 3)).convert("RGB")
    paragraph.save(tmp_path / "a.png")
    if kind == "crops":
        line = Reader().read(paragraph).pages[0].lines[3]
        paragraph.crop(tuple(map(round, bounds(line.polygon)))).save(tmp_path / "a.png")
        (tmp_path / "labels.tsv").write_text("a.png\tfox\n", encoding="utf-8")
    else:
        (tmp_path / "pages.jsonl").write_text(json.dumps({"image": "a.png", "text": "fox"}), encoding="utf-8")
    plain, measured = (
        json.loads(shell("evaluate", tmp_path, "--json", *more).out)["figures"]
        for more in ((), ("--attention",))
    )
    assert plain == {name: measured[name] for name in plain}
    new = set(measured) - set(plain)
    assert {"look_entropy", "look_stability", "deletion_look", "road_random", "insertion_gaussian"} <= new
