"""One file holds a line model: reading opens it, training goes on from it, and both see the same."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from line_set import write_lines
from torch.testing import assert_close

import foveal
from foveal.alphabet import Alphabet
from foveal.errors import ConfigError, FovealError, InputMissing, OutputFailed
from foveal.models import checkpoint
from foveal.models.export import FixateGraph, fixate_inputs
from foveal.models.export_file import STORAGE, as_file, export_file
from foveal.models.line import SIZES, LineModel
from foveal.models.one_file import LineFile, open_line, save
from foveal.models.torch_halves import texts, transcriber
from foveal.reading.engine import load_session
from foveal.reading.line_graphs import load_line
from foveal.train.clean_print import clean_print
from foveal.train.finetune import grow


@pytest.fixture(scope="module")
def tiny() -> LineFile:
    torch.manual_seed(0)
    alphabet = Alphabet(" abc")
    return as_file(LineModel("tiny", len(alphabet)).eval(), alphabet, size="tiny")


def same_parameters(one: LineModel, other: LineModel, *, close: float) -> None:
    theirs = other.state_dict()
    for name, value in one.state_dict().items():
        assert_close(theirs[name], value, rtol=close, atol=close)


@pytest.mark.parametrize(("storage", "close"), [("float", 0.0), ("half", 1e-3), ("byte", 2e-2)])
def test_what_is_saved_is_what_is_opened(tiny: LineFile, storage: str, close: float, tmp_path: Path) -> None:
    path = tmp_path / "my-own.onnx"
    save(tiny, path, storage=storage)  # type: ignore[arg-type]
    again = open_line(str(path))
    assert again.alphabet.characters == " abc"
    same_parameters(tiny.model, again.model, close=close)
    fresh = LineModel("tiny", 5)
    checkpoint.load(fresh, path)
    same_parameters(fresh, again.model, close=0.0)
    strips = np.random.default_rng(0).integers(0, 256, (2, 32, 48, 3)).astype(np.uint8)
    graphs = load_line(str(path))
    features, log_probs, density = graphs.glance.run(None, {"strips": strips})
    assert features.shape[:2] == log_probs.shape[:2] == density.shape == (2, 12)
    assert graphs.glance.run(["density"], {"strips": strips})[0].tolist() == density.tolist()


def test_training_starts_from_the_file_that_reading_uses() -> None:
    line = open_line("fast")
    images = [one.image for one in clean_print(3)]
    embedded = foveal.load("fast", threads=1).transcribe(images)
    assert texts(transcriber(line.model, line.alphabet), images) == [one.text for one in embedded]


def test_a_file_reads_as_the_model_it_was_made_of(tmp_path: Path) -> None:
    line, images = open_line("fast"), [one.image for one in clean_print(3)]
    save(line, tmp_path / "mine.onnx")
    own, embedded = (foveal.load(each, threads=1) for each in (tmp_path / "mine.onnx", "fast"))
    for mine, theirs in zip(own.transcribe(images), embedded.transcribe(images), strict=True):
        assert mine.text == theirs.text
        assert mine.confidence == pytest.approx(theirs.confidence, abs=1e-4)


def test_new_signs_leave_what_is_known_of_the_old(tiny: LineFile, tmp_path: Path) -> None:
    save(tiny, tmp_path / "old.onnx", storage="float")
    line, strips = open_line(str(tmp_path / "old.onnx")), torch.rand(2, 3, 32, 64)
    with torch.no_grad():
        before = line.model.glance(strips).logits
        grow(line, "жц")
        after = line.model.glance(strips).logits
    assert_close(after[..., :5], before)
    assert after.shape[-1] == 7
    save(line, tmp_path / "new.onnx")
    graphs = load_line(str(tmp_path / "new.onnx"))
    assert graphs.alphabet.characters == " abcжц"
    features, log_probs, _ = graphs.glance.run(None, {"strips": np.zeros((1, 32, 32, 3), np.uint8)})
    assert log_probs.shape == (1, 8, 7)
    asked = fixate_inputs(torch.from_numpy(features), fixations=3)
    named, look = graphs.fixate.run(None, {name: value.numpy() for name, value in asked.items()})
    assert named.shape == (1, 3, 7)
    with torch.no_grad():
        assert_close(torch.from_numpy(named), FixateGraph(line.model)(**asked)[0], rtol=0.05, atol=0.05)
    assert look.shape == (1, 3, 8)


def test_words_are_kept_in_the_file(tiny: LineFile, tmp_path: Path) -> None:
    facts = tiny.facts | {"words": "ab -3.5\ncab -7.25"}
    save(LineFile(tiny.model, tiny.alphabet, tiny.graph, facts), tmp_path / "mine.onnx")
    words = load_line(str(tmp_path / "mine.onnx")).words
    assert words is not None
    own = words.own
    assert own is not None
    (chance,) = own.log_chances(np.array([own.find("cab")]), np.ones(1, np.float32))
    assert chance == pytest.approx(-7.25, abs=0.05)
    facts = tiny.facts | {"language": "none"}
    save(LineFile(tiny.model, tiny.alphabet, tiny.graph, facts), tmp_path / "no.onnx")
    assert load_line(str(tmp_path / "no.onnx")).words is None


def test_what_is_usual_in_its_texts_is_kept_in_the_file(tiny: LineFile, tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    facts = tiny.facts | {"texts": "ab cab\nno\nba", "context": "yes"}
    save(LineFile(tiny.model, tiny.alphabet, tiny.graph, facts), path)
    graphs, line = load_line(str(path)), open_line(str(path))
    assert graphs.in_context
    assert graphs.context.own == ((2, 3, 1, 4, 2, 3), (3, 2))  # what it cannot write is left out
    assert line.context is not None
    assert line.context.own == graphs.context.own
    save(tiny, path)
    assert not load_line(str(path)).in_context
    assert open_line(str(path)).context is None
    assert open_line("accurate").context is not None


def test_a_file_of_another_encoder_is_read_and_not_trained_on(tiny: LineFile, tmp_path: Path) -> None:
    path = tmp_path / "earlier.onnx"
    save(LineFile(tiny.model, tiny.alphabet, tiny.graph, tiny.facts | {"size": "fast"}), path)
    assert load_line(str(path)).alphabet.characters == " abc"
    with pytest.raises(ConfigError, match="an earlier 'fast'"):
        open_line(str(path))


def test_an_export_begins_with_the_weights_and_positions_of_a_training_run(tmp_path: Path) -> None:
    rotary = {"name": "rotary", "longest": 64.0}
    model = LineModel(replace(SIZES["tiny"], position=rotary), len(Alphabet())).eval()
    run, path = tmp_path / "run.safetensors", tmp_path / "mine.onnx"
    checkpoint.save(model, run, kind="line", size="tiny", position=json.dumps(rotary))
    export_file(str(run), path, storage="fp16")
    opened = open_line(str(path))
    same_parameters(model, opened.model, close=1e-3)
    strips = torch.rand(1, 3, 32, 160)
    assert opened.model.blocks[0].attention.position.frequencies.numel() == 8  # a head of 16 has 8 pairs
    ours, theirs = (one.glance(strips).logits for one in (opened.model, model.half().float()))
    assert_close(ours, theirs, rtol=1e-2, atol=1e-3)
    checkpoint.save(model, tmp_path / "plain.safetensors", size="tiny")
    assert checkpoint.built(checkpoint.facts(tmp_path / "plain.safetensors")) == SIZES["tiny"]
    checkpoint.save(model, tmp_path / "other.safetensors", kind="page")
    with pytest.raises(ConfigError, match="not the weights of a recogniser"):
        export_file(str(tmp_path / "other.safetensors"), path)


@pytest.mark.parametrize("storage", STORAGE)
def test_an_export_reads_strips_as_before(storage: str, tmp_path: Path) -> None:
    strips = write_lines(tmp_path / "lines", 1) / "images"
    parity = export_file("fast", tmp_path / "mine.onnx", storage=storage, strips=strips)
    assert parity.difference < 2e-3
    assert (parity.strips, parity.same) == (1, 1)
    assert foveal.load(tmp_path / "mine.onnx").model == str(tmp_path / "mine.onnx")


def test_faults_are_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"fp61.*did you mean 'fp16'"):
        export_file("fast", tmp_path / "mine.onnx", storage="fp61")
    with pytest.raises(InputMissing, match="no such file"):
        foveal.load(tmp_path / "none.onnx")
    with pytest.raises(ConfigError, match=r"ends in \.onnx"):
        foveal.load("mine.pt")
    (tmp_path / "noise.onnx").write_bytes(b"no graph")
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "none", [], [])), tmp_path / "empty.onnx")
    for name in ("noise", "empty"):
        for opened in (foveal.load, open_line):
            with pytest.raises(ConfigError):
                opened(str(tmp_path / f"{name}.onnx"))
    with pytest.raises(ConfigError, match=r"ends in \.onnx"):
        export_file("fast", tmp_path / "mine")
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(OutputFailed):
        save(open_line("fast"), tmp_path / "taken" / "mine.onnx")
    with pytest.raises(FovealError, match="no model 'fats' is embedded"):
        load_session("fats", 1)
