"""The line model's insides: torch agrees with ONNX, gates turn heads off, gradients are what Captum says."""

import itertools
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from ran import Ran
from torch import Tensor, nn

from foveal.attention import MultiHead
from foveal.errors import ConfigError
from foveal.explain.examiner import Asked, Examiner
from foveal.explain.explanation import explain
from foveal.models.line import LineModel
from foveal.probe.gradients import grad_cam, integrated_gradients
from foveal.probe.heads import Answer, gated, heads_of, importance
from foveal.probe.line import WordModule, as_tensor, line_maps, load_line, log_p
from foveal.probe.picture import heads_picture, heads_table
from foveal.probe.report import save_heads
from foveal.probe.study import as_read, study
from foveal.reading.cut import cut

PAGE = Path(__file__).parents[2] / "examples" / "sign.jpg"
Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def words() -> list[Asked]:
    explained = explain(PAGE)
    line = max(explained.page.lines, key=lambda line: len(line.text))
    return Examiner().words([cut(explained.image, line.polygon).image])[0]


@pytest.fixture(scope="module")
def model() -> LineModel:
    return load_line("fast")


def test_torch_sees_what_onnx_saw(words: list[Asked], model: LineModel) -> None:
    for word in words:
        chances = WordModule(model, word)(as_tensor(word.strip[None])).exp()
        assert_seen(chances[0], word.chances)
    together = log_p(model, words, model.glance(as_tensor(words[0].strip[None])).features).exp()
    every = np.concatenate([word.chances for word in words])
    assert every.max() > 0.99
    assert_seen(together[0], every)


def assert_seen(chances: Tensor, by_onnx: Floats) -> None:
    """The graph's products are of integers: what is in doubt moves by some hundredths."""
    found, sure = chances.detach().numpy(), by_onnx > 0.99
    assert found[sure] == pytest.approx(by_onnx[sure], abs=2e-3)
    assert found == pytest.approx(by_onnx, abs=0.1)


def test_the_heads_mean_of_the_last_layer_is_the_look(words: list[Asked], model: LineModel) -> None:
    maps = line_maps(model, words)
    looks = np.concatenate([word.looks for word in words])
    rounding = 2e-2  # the graph's looks are of products of integers
    assert maps["fixate_layers.1"].mean(0).numpy() == pytest.approx(looks, abs=rounding)
    n, t = len(words[0].count), len(looks)
    assert {tuple(each.shape[1:]) for each in maps.values()} == {(n, n), (t, n), (t, t)}
    sizes = np.cumsum([0, *(len(word.ids) for word in words)])
    own = np.zeros((t, t), bool)
    for low, high in itertools.pairwise(sizes):
        own[low:high, low:high] = True
    assert (maps["fixate_layers.1.talk"].numpy()[:, ~own] == 0).all()


def test_gates_of_one_change_nothing_and_a_closed_one_is_a_head_without_values() -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict({"a": MultiHead(12, 3)}).requires_grad_(False)
    x = torch.randn(2, 5, 12)
    plain = model["a"](x)
    with gated(model, {"a": torch.ones(3)}):
        torch.testing.assert_close(model["a"](x), plain)
    with gated(model, {"a": torch.tensor([1.0, 0.0, 1.0])}):
        closed = model["a"](x)
    model["a"].value.weight[4:8] = 0
    model["a"].value.bias[4:8] = 0
    torch.testing.assert_close(closed, model["a"](x))
    assert not torch.allclose(closed, plain)


def test_importance_finds_the_only_head_that_is_used() -> None:
    torch.manual_seed(1)
    model = nn.ModuleDict({"a": MultiHead(12, 3)}).requires_grad_(False)
    model["a"].out.weight[:, :8] = 0  # heads 0 and 1 are not listened to
    x = torch.randn(2, 5, 12)

    def ask() -> Answer:
        said = model["a"](x)
        return Answer(said.square().sum(), said.argmax(-1))

    found = importance(model, ask)
    assert list(found) == [("a", 0), ("a", 1), ("a", 2)]
    assert heads_of(model) == {"a": 3}
    for head in (0, 1):
        assert astuple(found["a", head]) == (0, 0, 0)
    assert found["a", 2].gradient > 0
    assert abs(found["a", 2].ablation) > 0
    assert 0 < found["a", 2].changed <= 1


def test_gradients_weigh_every_column_and_none_is_negative(words: list[Asked], model: LineModel) -> None:
    word = words[0].alone()
    for method in (grad_cam, integrated_gradients):
        found = method(model, word, 0)
        assert found.shape == (len(word.count),)
        assert (found >= 0).all()
        assert found.max() > 0
    left, right = word.boxes[0]
    heaviest = integrated_gradients(model, word, 0).argmax() + 0.5
    assert left - 2 <= heaviest <= right + 2


def test_a_study_names_every_head_and_a_picture_shows_them(words: list[Asked], model: LineModel) -> None:
    line = as_read(words)
    heads = study(model, [line])
    maps = {name: each.double().numpy() for name, each in line_maps(model, words).items()}
    assert [(one.layer, one.number) for one in heads] == [
        (layer, number) for layer, each in maps.items() for number in range(len(each))
    ]
    last = [one for one in heads if one.layer == "fixate_layers.1"]
    assert {one.pattern for one in last} == {"own character"}
    assert all(0 <= one.spread <= 1 and 0 <= one.apart <= 1 and one.gradient >= 0 for one in heads)
    assert max(one.ablation for one in heads) > 0
    assert all(0 <= one.changed < 0.5 for one in heads)  # no head of clean print decides alone
    assert len(heads_table(heads).splitlines()) == 1 + len(heads)
    picture = heads_picture(line, maps, heads)
    assert picture.dtype == np.uint8
    assert picture.shape[1] > 600
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100


def test_the_shell_writes_a_picture_and_a_table(tmp_path: Path, shell: Callable[..., Ran]) -> None:
    done = shell("explain", PAGE, "--line", 1, "--heads", "--out", tmp_path)
    assert done.code == 0
    written = [Path(line) for line in done.out.splitlines()]
    assert {path.name for path in written} >= {"line-01-heads.png", "line-01-heads.tsv"}
    with Image.open(tmp_path / "line-01-heads.png") as picture:
        assert picture.width > 600
    heading, *rows = (tmp_path / "line-01-heads.tsv").read_text("utf-8").splitlines()
    assert heading.startswith("layer\thead\tpattern")
    assert (
        len({tuple(row.split("\t")[:2]) for row in rows}) == len(rows) == sum(heads_of(load_line()).values())
    )


def test_heads_of_a_page_without_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no line"):
        save_heads(explain(np.full((200, 300, 3), 255, np.uint8)), tmp_path)


def test_a_model_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigError, match="fats"):
        load_line("fats")
