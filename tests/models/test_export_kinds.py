"""A recogniser of every kind: trained by a recipe, exported, and read with by ONNX Runtime as by torch."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from ran import Ran
from word_set import WORDS, write_words

import foveal
from foveal.errors import ConfigError, FovealError, InputMissing
from foveal.models import real_strips
from foveal.models.encoders import EncoderSpec
from foveal.models.export import rounded
from foveal.models.export_file import STORAGE, Parity, export_file
from foveal.models.one_file import open_line
from foveal.models.parity import step_difference
from foveal.models.recogniser import Fixating
from foveal.models.run_file import open_run
from foveal.reading.asked import SearchSpec
from foveal.reading.recognisers import load_reads
from foveal.train import state
from foveal.train.lessons import Aims
from foveal.train.recipe import About, Recipe, Schedule
from foveal.train.run import LAST, Run, train
from foveal.train.strips import DataSpec, Sources
from foveal.train.torch_reader import TorchReader
from foveal.train.torch_reader import opened as read_image

BARE: dict[str, Any] = {"stem": (8, 16, 24), "convs": (0, 0), "dim": 32, "depth": 1, "mixer": "none"}
LSTM = BARE | {"mixer": "lstm"}
STEPS = 15
SPELLING: list[tuple[Any, dict[str, Any], str]] = [
    ({"name": "summary", "hidden": 32}, LSTM, "fp32"),
    ({"name": "recurrent", "hidden": 32, "attention": "location"}, BARE, "fp16"),
    ({"name": "autoregressive", "hidden": 32, "heads": 2, "depth": 1}, BARE, "int8"),
    ({"name": "parallel", "hidden": 32, "heads": 2, "longest": 8, "depth": 1}, BARE, "fp16"),
]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_words(tmp_path_factory.mktemp("words") / "set", count=8)


def recipe_of(decoder: Any, encoder: dict[str, Any]) -> Recipe:
    data = DataSpec(batch=8, width=96, characters=6, augment=0.0)
    schedule = Schedule(steps=STEPS, warm=3, rate=6e-3, average=0.8)
    about = About("a test", "none", "any", 0.1, "nothing")
    return Recipe(about, decoder, EncoderSpec(**encoder), data, Aims(), schedule, alphabet="abc ")


def trained(decoder: Any, encoder: dict[str, Any], words: Path, output: Path) -> Path:
    """Train for a moment; return the weights."""
    train(Run(recipe_of(decoder, encoder), Sources((words,)), output, device="cpu"))
    return output / "final.safetensors"


@pytest.fixture(scope="module")
def glancing(words: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the weights of CTC alone, and its file."""
    folder = tmp_path_factory.mktemp("ctc")
    run = trained("ctc", BARE, words, folder)
    parity = export_file(str(run), folder / "mine.onnx", storage="fp32")
    assert parity.where == "set"  # the run's own
    assert (parity.strips, parity.same) == (8, 8)
    return run, folder / "mine.onnx"


def images(words: Path) -> list[Path]:
    return sorted((words / "images").iterdir())


def texts(reader: Any, words: Path) -> list[str]:
    return [line.text for line in reader.transcribe(images(words))]


@pytest.mark.parametrize(("decoder", "encoder", "storage"), SPELLING, ids=str)
def test_what_is_spelt_by_torch_is_spelt_by_the_file(
    decoder: Any, encoder: dict[str, Any], storage: str, words: Path, tmp_path: Path
) -> None:
    run, file = trained(decoder, encoder, words, tmp_path), tmp_path / "mine.onnx"
    parity = export_file(str(run), file, storage=storage)
    assert parity.difference < 1e-4
    opened = open_run(run)
    model = rounded(opened.model, STORAGE[storage])
    crops = [read_image(path) for path in images(words)]
    for asked in (SearchSpec(), SearchSpec(beam=3)):
        theirs = TorchReader(model, opened.alphabet, search=asked.search(opened.alphabet))
        mine = load_reads(str(file), 2, search=asked).read(crops, looks=True)
        lines = theirs.transcribe(crops)
        assert [reading.text for reading in mine] == [line.text for line in lines]
    chars = [char for reading in mine for word in reading.words for char in word.chars]
    assert chars
    assert all((char.look is None) == (decoder["name"] == "summary") for char in chars)
    assert [line.text for line in foveal.load(file).transcribe(crops)] == texts(foveal.load(file), words)


def test_glance_and_fixations_of_a_recipe_are_one_file_too(words: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    run, file = tmp_path / "best.safetensors", tmp_path / "mine.onnx"
    recipe = recipe_of({"name": "fixations", "hidden": 32, "depth": 1}, BARE)
    model = recipe.model()
    assert isinstance(model, Fixating)
    with torch.no_grad():
        model.read.bias[0] -= 3  # at first it learns to say nothing
    state.write(run, model.state_dict(), recipe=recipe.to_json(), sets=str(words))
    export_file(str(run), file, storage="fp32")
    mine, theirs = (foveal.Reader(each, 1, language="none") for each in (file, run))
    assert texts(mine, words) == texts(theirs, words)
    assert any(texts(mine, words))
    assert texts(foveal.load(file), words)
    again = open_line(str(file))  # training may go on from it
    assert again.model.state_dict().keys() == open_run(run).model.state_dict().keys()
    with pytest.raises(ConfigError, match="fixated, not searched for"):
        foveal.Reader(file, search=SearchSpec(beam=2)).opened()


def test_a_shell_evaluates_a_run_and_its_file_alike(
    glancing: tuple[Path, Path], words: Path, tmp_path: Path, shell: Callable[..., Ran]
) -> None:
    told = tmp_path / "texts.txt"
    told.write_text("\n".join(WORDS * 20), encoding="utf-8")

    def figures(model: Path, *more: object) -> dict[str, Any]:
        ran = shell("evaluate", words, "--json", "--threads", 1, "--model", model, *more)
        assert ran.code == 0, ran.err
        found: dict[str, Any] = json.loads(ran.out)
        return {"cer": found["figures"]["cer"], "wrong": found["wrong"]}

    plain, fused = [], []
    for model in glancing:
        plain.append(figures(model))
        assert figures(model, "--beam", 4)["cer"] <= 1
        fused.append(figures(model, "--beam", 4, "--fuse", told, "--fuse-weight", 1.5))
    assert plain[0] == plain[1]
    assert fused[0] == fused[1]
    assert fused[0] != plain[0]


def test_a_page_is_read_with_what_knows_lines_only(
    glancing: tuple[Path, Path], shell: Callable[..., Ran]
) -> None:
    page = Path(__file__).parents[2] / "examples" / "sign.jpg"
    ran = shell("read", page, "--model", glancing[1], "--beam", 2, "-f", "json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["model"] == str(glancing[1])


READ = """
import json, sys, foveal
lines = foveal.load(sys.argv[1]).transcribe(sys.argv[2:])
json.dump([[line.text for line in lines], sorted(sys.modules)], sys.stdout)
"""


def test_the_file_is_read_without_torch(glancing: tuple[Path, Path], words: Path) -> None:
    command = [sys.executable, "-c", READ, glancing[1], *images(words)]
    said = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True).stdout
    read, loaded = json.loads(said)
    assert read == texts(foveal.load(glancing[0]), words)
    assert not {"torch", "onnx", "safetensors"} & set(loaded)


def test_what_cannot_act_is_refused_in_a_sentence(
    glancing: tuple[Path, Path], words: Path, tmp_path: Path, shell: Callable[..., Ran]
) -> None:
    run, file = glancing
    (tmp_path / "foreign.txt").write_text("xyz\n", encoding="utf-8")
    for arguments, said in [
        (("evaluate", words, "--beam", 4), "fast: its texts are fixated"),
        (("evaluate", words, "--model", file, "--language", "fr"), "--language does nothing"),
        (("evaluate", words, "--model", run, "--context"), "--context does nothing"),
        (("evaluate", words, "--model", file, "--attention"), "gives texts only"),
        (("evaluate", words, "--model", run, "--attention"), "foveal export"),
        (("evaluate", words, "--model", file, "--beam", 0), "keeps nothing"),
        (("evaluate", words, "--model", file, "--fuse-weight", 1), "a weight of no language"),
        (("evaluate", words, "--model", file, "--fuse", "xx"), "nothing is counted of 'xx'"),
        (("evaluate", words, "--model", file, "--fuse", "en"), "other characters"),
        (("evaluate", words, "--model", file, "--fuse", "none.txt"), "no such file"),
        (("evaluate", words, "--model", file, "--fuse", tmp_path / "foreign.txt"), "no line that"),
        (("read", words / "images/0.png", "--beam", 4), "fast: its texts are fixated"),
        (("read", words / "images/0.png", "--model", file, "--remedies", "--beam", 2), "--remedies"),
        (("export", tmp_path / "a.onnx", "--from", run, "--storage", "integer"), "fixations only"),
        (("export", tmp_path / "a.onnx", "--from", run.with_name(LAST)), "not the weights of a recogniser"),
        (("export", tmp_path / "a.onnx", "--from", file), "not trained on from its file"),
    ]:
        ran = shell(*arguments)
        assert ran.code, arguments
        assert said in ran.err, arguments
        assert len(ran.err.splitlines()) == 1, arguments
    assert not (tmp_path / "a.onnx").exists()
    with pytest.raises(InputMissing):
        foveal.load("none.safetensors")


def test_strips_to_compare_on_are_those_at_hand(
    glancing: tuple[Path, Path], words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = str(glancing[0])
    assert len(real_strips.real_strips(run, None).images) == 8
    assert real_strips.real_strips(run, words / "images").where == "images"
    monkeypatch.setattr(real_strips, "sets_of", lambda _: [tmp_path / "gone"])
    found = real_strips.real_strips(run, None)
    assert found.where == "the examples"
    assert 4 <= len(found.images) <= real_strips.MOST
    monkeypatch.setattr(real_strips, "EXAMPLES", tmp_path)
    assert real_strips.real_strips("fast", None).images == []
    assert "no real strips were found" in Parity(0.0, 0).to_text()


def test_a_file_that_spells_otherwise_is_found_out() -> None:
    class Same:
        def __init__(self, off: float) -> None:
            self.off = off

        def start(self, strip: Any) -> tuple[torch.Tensor, ...]:
            return (torch.zeros(len(strip[:1])),)

        def __call__(self, state: Any, ids: Any) -> Any:
            log_probs = torch.log_softmax(torch.arange(3.0).repeat(len(ids), 1), -1).numpy()
            return log_probs + self.off * (len(ids) > 1), None, state

    strips = [torch.zeros(32, 16, 3, dtype=torch.uint8).numpy()]
    assert step_difference(Same(0.0), Same(1e-3), strips, first=3) == pytest.approx(1e-3, abs=1e-6)
    for off in (0.01, float("nan")):
        with pytest.raises(FovealError, match="differs from torch"):
            step_difference(Same(0.0), Same(off), strips, first=3)


def test_an_embedded_model_has_no_search(words: Path) -> None:
    with pytest.raises(ConfigError, match="fixated"):
        load_reads("fast", search=SearchSpec(fuse="en"))
    assert foveal.Reader("fast", search=SearchSpec()).opened().transcribe(images(words)[:1])
