"""Products of integers: what they compute, that they come back as floats, and that strips stay apart."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from foveal.errors import FovealError
from foveal.models import graphs
from foveal.models.export import fixate_inputs
from foveal.models.graphs import compact, expand, parameters, snap, values_of
from foveal.models.integers import DOMAIN, PRODUCT, in_products
from foveal.models.parity import Asked, largest_difference, mean_move
from foveal.reading.engine import load_session
from foveal.reading.line_graphs import PRODUCTS, load_line

RNG = np.random.default_rng(0)
WIDE, NARROW = (17, 11), (3, 11)


def model(wide: np.ndarray, narrow: np.ndarray) -> onnx.ModelProto:
    """y = x Wᵀ and z = x Nᵀ; N has too few outputs to be multiplied as integers."""
    nodes = [
        helper.make_node("Transpose", ["wide"], ["wide_turned"], perm=[1, 0]),
        helper.make_node("Transpose", ["narrow"], ["narrow_turned"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "wide_turned"], ["y"]),
        helper.make_node("MatMul", ["x", "narrow_turned"], ["z"]),
    ]
    puts = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xyz"]
    stored = [numpy_helper.from_array(value, name) for name, value in (("wide", wide), ("narrow", narrow))]
    graph = helper.make_graph(nodes, "two", puts[:1], puts[1:], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def run(graph: onnx.ModelProto, x: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})


def rounded(x: np.ndarray) -> np.ndarray:
    """What is left of an activation: 255 steps over its range and 0  (ONNX, DynamicQuantizeLinear)."""
    low, high = min(x.min(), 0), max(x.max(), 0)
    step = (high - low) / 255
    zero = np.rint(-low / step)
    return (np.clip(np.rint(x / step) + zero, 0, 255) - zero) * step


@pytest.fixture
def both() -> tuple[onnx.ModelProto, np.ndarray, np.ndarray]:
    wide, narrow = (RNG.normal(size=size).astype(np.float32) for size in (WIDE, NARROW))
    return compact(model(wide, narrow), "integer"), wide, narrow


def test_a_product_is_that_of_both_rounded(both: tuple[onnx.ModelProto, np.ndarray, np.ndarray]) -> None:
    graph, wide, narrow = both
    x = RNG.normal(size=(2, 5, 11)).astype(np.float32)
    y, z = run(graph, x)
    assert_allclose(y, rounded(x) @ snap(wide, "integer").T, atol=1e-5)
    assert_allclose(z, x @ narrow.T, atol=1e-5)
    assert [node.op_type for node in graph.graph.node].count(PRODUCT) == 1
    assert np.abs(y - x @ wide.T).max() > 1e-3  # or nothing was rounded


def test_floats_come_back(both: tuple[onnx.ModelProto, np.ndarray, np.ndarray]) -> None:
    graph, wide, narrow = both
    kept = values_of(graph)
    floats = expand(graph)
    assert not floats.functions
    assert not [one for one in floats.opset_import if one.domain == DOMAIN]
    assert not [one for one in floats.metadata_props if one.key == PRODUCTS]
    x = RNG.normal(size=(2, 5, 11)).astype(np.float32)
    assert_allclose(run(floats, x)[0], x @ snap(wide, "integer").T, atol=1e-5)
    for name, value in (("wide", wide), ("narrow", narrow)):
        assert_array_equal(kept[name], snap(value, "integer"))
        assert_array_equal(values_of(floats)[name], kept[name])
    once_more = compact(floats, "integer")
    assert_allclose(values_of(once_more)["wide"], kept["wide"], rtol=1e-6)


def test_the_embedded_models_multiply_integers_of_seven_bits() -> None:
    folder = Path(graphs.__file__).parent.parent / "weights"
    for step in ("glance", "fixate"):
        graph = onnx.load(folder / f"line-fast-{step}.onnx")
        asked = {name for node in graph.graph.node if node.op_type == PRODUCT for name in node.input}
        weights = [one for one in graph.graph.initializer if one.name in asked and one.name.endswith(":byte")]
        assert len(weights) > 10
        assert all(np.abs(numpy_helper.to_array(one)).max() == 64 for one in weights)
        whole = parameters([folder / f"line-fast-{step}.onnx"])
        names = {one.name.removesuffix(":byte") for one in weights}
        assert all(in_products(whole[name].shape) for name in names)
        assert "density.weight" not in names


def unlike_strips() -> np.ndarray:
    """Strips whose activations differ in range: paper, and noise."""
    plain = np.full((1, 32, 96, 3), 250, np.uint8)
    return np.concatenate([plain, RNG.integers(0, 256, plain.shape, dtype=np.uint8)])


def test_a_strip_is_glanced_at_as_if_alone() -> None:
    strips = unlike_strips()
    together = load_line("fast").glance.run(None, {"strips": strips})
    for place in range(2):
        alone = load_session("line-fast-glance", 1).run(None, {"strips": strips[place : place + 1]})
        for one, other in zip(together, alone, strict=True):
            assert_array_equal(one[place], other[0])
    mixed = load_session("line-fast-glance", 1).run(None, {"strips": strips})
    assert np.abs(mixed[1] - together[1]).max() > 1e-3  # what would happen otherwise


def test_padding_does_not_reach_fixations() -> None:
    graphs = load_line("fast")
    features = torch.from_numpy(graphs.glance.run(None, {"strips": unlike_strips()})[0])
    asked = {name: value.numpy() for name, value in fixate_inputs(features, fixations=7).items()}
    padded = {name: value.copy() for name, value in asked.items()}
    padded["words"][0, 5:], padded["positions"][0, 5:] = -1, 1e3
    log_probs, looks = graphs.fixate.run(None, padded)
    short = {
        name: value[:1, :5] if name in ("positions", "words", "window") else value[:1]
        for name, value in asked.items()
    }
    for whole, part in zip((log_probs, looks), graphs.fixate.run(None, short), strict=True):
        assert_array_equal(whole[0, :5], part[0])
    assert_array_equal(log_probs[1], graphs.fixate.run(None, asked)[0][1])


class Told:
    """A session that answers with log-probabilities given before."""

    def __init__(self, chances: list[list[float]]) -> None:
        self._answer = np.log(np.array([chances], np.float32))

    def run(self, _: object, __: object, /) -> list[np.ndarray]:
        """Return them."""
        return [self._answer]


def asked(ours: list[list[float]], theirs: list[list[float]]) -> Asked:
    inputs: list[dict[str, Tensor]] = [{}]
    return Asked(Told(ours), Told(theirs), inputs, 0)


def test_what_may_move_and_what_may_not() -> None:
    sure, doubtful = [0.98, 0.02], [0.51, 0.49]
    assert mean_move(asked([sure, doubtful], [sure, [0.49, 0.51]])) == pytest.approx(0.01)
    with pytest.raises(FovealError, match="moves 48"):
        mean_move(asked([sure, doubtful], [[0.02, 0.98], doubtful]))
    many = [sure] * 99  # one of a hundred moves little, but torch was sure of it
    with pytest.raises(FovealError, match="1 sure places change"):
        mean_move(asked([*many, sure], [*many, [0.02, 0.98]]))
    assert largest_difference(asked([sure], [sure])) == 0
    with pytest.raises(FovealError, match="differs from torch"):
        largest_difference(asked([doubtful], [[0.5, 0.5]]))
