"""Small ONNX graphs, made node by node, for tests that need a model file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["MATRIX", "constant", "linear", "node", "port", "same", "save_model"]

Shape = Sequence[int | str | None] | None
MATRIX = ("batch", 3)


def port(name: str, shape: Shape = MATRIX, dtype: int = TensorProto.FLOAT) -> Any:
    """The interface of one input or output."""
    return helper.make_tensor_value_info(name, dtype, shape)


def node(op: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    """A node; inputs and outputs are names separated by spaces."""
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def constant(name: str, values: Any, dtype: Any = np.float32) -> Any:
    """A weight of the graph."""
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def save_model(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    weights: Sequence[Any] = (),
    metadata: dict[str, str] | None = None,
    *,
    check: bool = True,
) -> Path:
    """Write a graph, checked unless it is meant to be wrong."""
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="by-hand")
    model.ir_version = 8
    if metadata:
        helper.set_model_props(model, metadata)
    if check:
        onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def linear(
    path: Path,
    last: str = "Softmax",
    weight: Any = ((1.0, -1.0), (0.5, -0.5), (0.0, 0.0)),
    *,
    shape: Shape = MATRIX,
    out: Shape = None,
    metadata: dict[str, str] | None = None,
    **attributes: Any,
) -> Path:
    """`x @ weight` and one last operator, from the input `x` to the output `y`."""
    matrix = np.asarray(weight, np.float32)
    first = None if shape is None else shape[0]
    kind = TensorProto.INT64 if last == "ArgMax" else TensorProto.FLOAT
    answer = port("y", (first, matrix.shape[1]) if out is None else out, kind)
    nodes = [node("MatMul", "x w", "z"), node(last, "z", "y", **attributes)]
    return save_model(path, nodes, [port("x", shape)], [answer], [constant("w", matrix)], metadata)


def same(path: Path, dtype: int, shape: Shape = ("batch",)) -> Path:
    """A graph that gives its one input back."""
    nodes = [node("Identity", "x", "y")]
    return save_model(path, nodes, [port("x", shape, dtype)], [port("y", shape, dtype)])
