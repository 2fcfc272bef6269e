"""Rewritten graphs compute what they did, and the embedded ones hold nothing that is known to be slow."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.testing import assert_allclose
from onnx import NodeProto, TensorProto, helper, numpy_helper

from foveal.models.faster import faster
from foveal.reading.engine import embedded

RNG = np.random.default_rng(0)
MASKED = float(np.finfo(np.float32).min)
CASES: dict[str, list[NodeProto]] = {
    "norm": [helper.make_node("LayerNormalization", ["x", "weight", "bias"], ["y"], axis=-1, epsilon=1e-5)],
    "attention": [helper.make_node("Softmax", ["x"], ["y"], axis=-1)],
    "biased": [
        helper.make_node("Add", ["x", "far"], ["z"]),
        helper.make_node("Softmax", ["z"], ["y"], axis=-1),
    ],
    "masked": [
        helper.make_node("Where", ["kept", "x", "never"], ["z"]),
        helper.make_node("Softmax", ["z"], ["y"], axis=-1),
    ],
    "channels": [helper.make_node("Softmax", ["x"], ["y"], axis=1)],
    "type of another": [
        helper.make_node("CastLike", ["whole", "x"], ["z"]),
        helper.make_node("Add", ["x", "z"], ["y"]),
    ],
}
VALUES: dict[str, Any] = {
    "weight": RNG.normal(size=13).astype(np.float32),
    "bias": RNG.normal(size=13).astype(np.float32),
    "far": np.array([0, -500, *[0] * 11], np.float32),
    "kept": np.array([True] * 12 + [False]),
    "never": np.array(MASKED, np.float32),
    "whole": np.array(3, np.int64),
}


def graph_of(nodes: list[NodeProto]) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3, 5, 13]) for name in "xy")
    asked = {name for node in nodes for name in node.input}
    stored = [numpy_helper.from_array(value, name) for name, value in VALUES.items() if name in asked]
    graph = helper.make_graph(nodes, "one", [x], [y], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def run(graph: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


@pytest.mark.parametrize("case", CASES)
def test_what_is_rewritten_computes_the_same(case: str) -> None:
    x = 5 * RNG.normal(size=(2, 3, 5, 13)).astype(np.float32)
    before = graph_of(CASES[case])
    after = faster(graph_of(CASES[case]))
    assert_allclose(run(after, x), run(before, x), rtol=1e-5, atol=1e-6)
    kinds = [node.op_type for node in after.graph.node]
    assert (kinds == [node.op_type for node in before.graph.node]) == (case == "attention")


@pytest.mark.parametrize("case", ["biased", "masked"])
def test_shares_of_nothing_are_no_subnormal_numbers(case: str) -> None:
    x = np.zeros((2, 3, 5, 13), np.float32)
    shares = run(faster(graph_of(CASES[case])), x)
    assert shares.min() < 1e-30
    assert shares.min() >= np.finfo(np.float32).tiny


@pytest.mark.parametrize("name", embedded())
def test_the_embedded_graphs_are_rewritten(name: str) -> None:
    kinds = {node.op_type for node in onnx.load(embedded()[name]).graph.node}
    assert not kinds & {"CastLike", "LayerNormalization"}
