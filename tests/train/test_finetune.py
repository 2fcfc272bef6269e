"""Finetuning: signs are added, an encoder may stay as it is, figures say what was won and what lost."""

from pathlib import Path

import pytest
import torch
from line_set import write_lines

from foveal.errors import ConfigError
from foveal.models.line import LineModel
from foveal.models.one_file import open_line
from foveal.reading.line_graphs import load_line
from foveal.train.finetune import ENCODER, Plan, Sets, finetune, learnt

QUICK = Plan(frozen=True, steps=2, threads=1)


def cyrillic(text: str) -> str:
    """Return a text in which every o is a sign that the embedded models cannot write."""
    return text.replace("o", "ж")


def test_new_signs_are_added_and_a_frozen_encoder_stays(tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "lines", 12, told=cyrillic)
    other = write_lines(tmp_path / "other", 3)
    result = finetune("fast", Sets([lines], before=[other]), tmp_path / "mine.onnx", plan=QUICK)
    assert result.added == "ж"
    assert [(figure.name, figure.lines) for figure in result.figures] == [("held out", 1), ("other", 3)]
    assert result.figures[1].before == 0
    assert "other" in result.to_text()
    assert "ж" in load_line(str(tmp_path / "mine.onnx")).alphabet
    old, new = (open_line(source).model for source in ("fast", str(tmp_path / "mine.onnx")))
    assert torch.equal(old.stem.merge.weight, new.stem.merge.weight)  # type: ignore[union-attr]
    assert not torch.equal(old.name.weight, new.name.weight[: old.name.out_features])


def test_what_could_be_read_before_is_measured_even_if_no_set_is_given(tmp_path: Path) -> None:
    lines, dev = write_lines(tmp_path / "lines", 4), write_lines(tmp_path / "dev", 2)
    sets = Sets([lines], dev=dev, rehearse=[dev])
    result = finetune("fast", sets, tmp_path / "mine.onnx", plan=Plan(frozen=True, steps=1, threads=1))
    assert [figure.name for figure in result.figures] == ["dev", "clean print"]
    assert result.figures[1].after == pytest.approx(result.figures[1].before, abs=0.01)
    assert result.added == ""


def test_frozen_means_that_the_encoder_is_not_learnt() -> None:
    model = LineModel("tiny", 41)
    everything, some = learnt(model, frozen=False), learnt(model, frozen=True)
    assert len(everything) == len(list(model.parameters()))
    encoder = [one for name, one in model.named_parameters() if name.startswith(ENCODER)]
    assert encoder
    assert not {id(one) for one in encoder} & {id(one) for one in some}


def test_nothing_to_learn_from_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="too few lines"):
        finetune("fast", Sets([write_lines(tmp_path / "one", 1)]), tmp_path / "mine.onnx", plan=QUICK)
