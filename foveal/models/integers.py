"""Products of integers in a graph: x Wᵀ with both rounded, and back again.

A weight is int8 with one scale an output channel, an activation 8 bits by the range that it has: one scale
for the whole tensor, so strips go through such a graph one at a time (reading/line_graphs.py). Weights have
7 bits: a processor without VNNI adds two products in 16 bits, and 2 · 255 · 64 < 2¹⁵.
"""

from __future__ import annotations

import onnx
from onnx import FunctionProto, GraphProto, NodeProto, TensorProto, helper

from foveal.models.faster import rewrite
from foveal.reading.line_graphs import PRODUCTS
from foveal.reading.stored import in_products

DOMAIN, PRODUCT = "foveal", "IntegerProduct"


def to_integers(graph: onnx.ModelProto) -> None:
    """Turn products with float parameters into nodes that ask for `NAME:byte` and `NAME:scale`."""
    floats = {one.name for one in graph.graph.initializer if one.data_type == TensorProto.FLOAT}
    fit = {one.name for one in graph.graph.initializer if in_products(one.dims)} & floats
    turned = {
        node.output[0]: node.input[0]
        for node in graph.graph.node
        if node.op_type == "Transpose" and node.input[0] in fit
    }

    def product(_: GraphProto, node: NodeProto) -> list[NodeProto]:
        x, weight = node.input[0], turned.get(node.input[1])
        if weight is None:
            return [node]
        given = [x, f"{weight}:byte", f"{weight}:scale"]
        return [helper.make_node(PRODUCT, given, list(node.output), domain=DOMAIN)]

    rewrite(graph.graph, {"MatMul": product})
    unasked = turned.keys() - {name for node in graph.graph.node for name in node.input}
    rewrite(graph.graph, {"Transpose": lambda _, node: [] if node.output[0] in unasked else [node]})
    graph.functions.append(_function(graph))
    graph.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    graph.metadata_props.add(key=PRODUCTS, value="integer")


def to_floats(graph: onnx.ModelProto) -> None:
    """Undo `to_integers`: ask for the parameters by their own names, and multiply floats."""

    def product(_: GraphProto, node: NodeProto) -> list[NodeProto]:
        (x, weight, _), (y,) = node.input, node.output
        whole, turned = weight.removesuffix(":byte"), f"{y}/turned"
        return [
            helper.make_node("Transpose", [whole], [turned], perm=[1, 0]),
            helper.make_node("MatMul", [x, turned], [y]),
        ]

    rewrite(graph.graph, {PRODUCT: product})
    graph.ClearField("functions")
    for domain in [one for one in graph.opset_import if one.domain == DOMAIN]:
        graph.opset_import.remove(domain)
    for said in [one for one in graph.metadata_props if one.key == PRODUCTS]:
        graph.metadata_props.remove(said)


def _function(graph: onnx.ModelProto) -> FunctionProto:
    """Return what the node does, in the operators that ONNX Runtime joins into one."""
    steps = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["whole", "step", "zero"]),
        helper.make_node("Transpose", ["weight"], ["turned"], perm=[1, 0]),
        helper.make_node("MatMulInteger", ["whole", "turned", "zero"], ["sums"]),
        helper.make_node("Cast", ["sums"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Constant", [], ["flat"], value_ints=[-1]),
        helper.make_node("Reshape", ["scale", "flat"], ["steps"]),
        helper.make_node("Mul", ["step", "steps"], ["unit"]),
        helper.make_node("Mul", ["floats", "unit"], ["y"]),
    ]
    opset = [one for one in graph.opset_import if not one.domain]
    return helper.make_function(DOMAIN, PRODUCT, ["x", "weight", "scale"], ["y"], steps, opset)
