"""An exported graph in nodes that ONNX Runtime computes faster; what it computes stays the same.

docs/design-notes.md tells what each rewrite saves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, helper, numpy_helper, shape_inference

_LOWEST = -80.0
"""e⁻⁸⁰ is no share of anything, and still a normal number: subnormal ones are computed many times slower."""

Writer = Callable[[GraphProto, NodeProto], list[NodeProto]]


def faster(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Rewrite a fresh export, whose parameters are initializers, and return it."""
    _settle_types(graph)
    rewrite(graph.graph, {"LayerNormalization": _norm, "Softmax": _softmax})
    return graph


def rewrite(graph: GraphProto, writers: dict[str, Writer]) -> None:
    """Replace every node of a kind by what its writer makes of it."""
    nodes: list[NodeProto] = []
    for node in graph.node:
        nodes += writers[node.op_type](graph, node) if node.op_type in writers else [node]
    whole = GraphProto(node=nodes)  # a copy, before those it came from are cleared
    del graph.node[:]
    graph.node.extend(whole.node)


def constant(graph: GraphProto, name: str, value: NDArray[Any]) -> str:
    """Return the name of a constant, put into the graph if it is new."""
    if all(one.name != name for one in graph.initializer):
        graph.initializer.append(numpy_helper.from_array(value, name))
    return name


def _settle_types(graph: onnx.ModelProto) -> None:
    """Say to which type constants are cast instead of "like that tensor".

    Then a constant is one for the runtime: it drops the zeros that convolutions are given as their bias, and
    folds batch norms and activations into them.
    """
    inferred = shape_inference.infer_shapes(graph).graph
    known = {put.name: put.type.tensor_type.elem_type for put in (*inferred.value_info, *inferred.input)}
    known |= {one.name: one.data_type for one in inferred.initializer}
    for node in graph.graph.node:
        if node.op_type == "CastLike" and known.get(node.input[1]):
            node.op_type = "Cast"
            node.attribute.append(helper.make_attribute("to", known[node.input.pop()]))


def _norm(graph: GraphProto, node: NodeProto) -> list[NodeProto]:
    """Write a layer norm over the last axis out: the runtime's own goes through it number by number."""
    x, weight, bias = node.input
    options = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    if options.get("axis", -1) != -1:
        return [node]
    (size,) = next(one.dims for one in graph.initializer if one.name == weight)
    last = constant(graph, "last_axis", np.array([-1], np.int64))
    share = constant(graph, f"one_of_{size}", np.float32(1 / size).reshape(()))
    epsilon = constant(graph, "epsilon", np.float32(options["epsilon"]).reshape(()))
    at = node.output[0] + "/"
    return [
        helper.make_node("ReduceMean", [x, last], [at + "mean"]),
        helper.make_node("Sub", [x, at + "mean"], [at + "centred"]),
        helper.make_node("ReduceSumSquare", [at + "centred", last], [at + "squares"]),
        helper.make_node("Mul", [at + "squares", share], [at + "variance"]),
        helper.make_node("Add", [at + "variance", epsilon], [at + "above_zero"]),
        helper.make_node("Sqrt", [at + "above_zero"], [at + "deviation"]),
        # not Div, by which the runtime would know a layer norm and put it together again
        helper.make_node("Reciprocal", [at + "deviation"], [at + "scale"]),
        helper.make_node("Mul", [at + "centred", at + "scale"], [at + "normal"]),
        helper.make_node("Mul", [at + "normal", weight], [at + "weighted"]),
        helper.make_node("Add", [at + "weighted", bias], [node.output[0]]),
    ]


def _softmax(graph: GraphProto, node: NodeProto) -> list[NodeProto]:
    """Bound masked or biased scores from below; write one across channels out, which would be transposed."""
    (x,), (y,) = node.input, node.output
    axis = next(one.i for one in node.attribute if one.name == "axis")
    made_by = next((one.op_type for one in graph.node if x in one.output), "")
    if axis != 1 and made_by not in ("Where", "Add"):
        return [node]
    over = constant(graph, f"axis_{axis}", np.array([axis], np.int64))
    below = [
        helper.make_node("ReduceMax", [x, over], [y + "/most"]),
        helper.make_node("Sub", [x, y + "/most"], [y + "/below"]),
    ]
    if axis == 1:
        return [
            *below,
            helper.make_node("Exp", [y + "/below"], [y + "/powers"]),
            helper.make_node("ReduceSum", [y + "/powers", over], [y + "/sum"]),
            helper.make_node("Div", [y + "/powers", y + "/sum"], [y]),
        ]
    lowest = constant(graph, "lowest", np.float32(_LOWEST).reshape(()))
    return [
        *below,
        helper.make_node("Max", [y + "/below", lowest], [y + "/bounded"]),
        helper.make_node("Softmax", [y + "/bounded"], [y], axis=axis),
    ]
