"""A handful of lines: cut where the model sees the spaces, put together anew, in batches of a width."""

from pathlib import Path

import numpy as np
import pytest
import torch
from line_set import write_lines

from foveal.alphabet import Alphabet
from foveal.errors import InputMissing
from foveal.models.one_file import open_line
from foveal.train.clean_print import clean_print
from foveal.train.few_lines import Drawing, TextLine, batches, by_width, cut, read_lines


def test_words_are_cut_in_the_paper_between_them() -> None:
    line = open_line("fast")
    lines = clean_print(3, words=3)
    cuts = cut(line.model, lines, line.alphabet)
    assert [one.words for one in cuts] == [one.text.split() for one in lines]
    for one in cuts:
        for edge in one.edges[1:-1]:
            assert one.line.image[:, edge].min() > 200
        assert one.part(1, 2).text == " ".join(one.words[1:])
    wrong = TextLine(lines[0].image, "nothing like it stands here at all, not even nearly")
    assert cut(line.model, [wrong], line.alphabet) == []


def test_batches_hold_augmented_lines_of_known_words() -> None:
    line = open_line("fast")
    lines = clean_print(4, words=2)
    known = {word for one in lines for word in one.text.split()}
    drawing = Drawing(batch=3, anew=1.0)
    made = batches(lines, cut(line.model, lines, line.alphabet), line.alphabet, drawing=drawing, seed=1)
    for _ in range(2):
        asked = next(made)
        b, _, height, width = asked.images.shape
        assert (b, height, width % 16) == (3, 32, 0)
        assert int(asked.widths.max()) <= width
        texts = [line.alphabet.decode(ids) for ids in asked.queries["ids"].tolist()]
        assert {word for text in texts for word in text.split()} <= known
        assert bool((asked.queries["target"] >= 0).any(0).all())


def test_a_group_is_never_wider_than_memory_allows() -> None:
    lines = [TextLine(np.zeros((10, width, 3), np.uint8), "x") for width in (20, 30000, 40, 30, 2000)]
    groups = by_width(lines, 3)
    assert [[one.image.shape[1] for one in group] for group in groups] == [[20, 30, 40], [2000], [30000]]


def test_a_folder_without_labels_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match=r"labels\.tsv"):
        read_lines(tmp_path)
    lines = read_lines(write_lines(tmp_path / "lines", 2), small=True)
    assert {one.image.shape[0] for one in lines} == {48}
    assert torch.tensor([Alphabet().encode(one.text) for one in lines[:1]]).numel() == len(lines[0].text)
