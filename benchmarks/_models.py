"""Three models for measuring a harness: trivial, about 100 µs and about 5 ms on one core.

Chains of matrix products with fixed seeds: what they compute has no meaning, and how long they
take depends on the machine.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["MODELS", "build"]

MODELS = {"trivial": (1, 4, 1), "100 µs": (1, 384, 11), "5 ms": (64, 512, 12)}
"""Rows, width and number of layers."""


def build(name: str, folder: Path) -> Path:
    """Write one of the models; returns its file."""
    rows, width, layers = MODELS[name]
    rng = np.random.default_rng(7)
    weights = list(_weights(rng, width, layers))
    nodes = []
    for number in range(layers):
        source = "x" if number == 0 else f"r{number - 1}"
        result = "y" if number == layers - 1 else f"r{number}"
        nodes.append(helper.make_node("MatMul", [source, f"w{number}"], [f"m{number}"]))
        nodes.append(helper.make_node("Relu", [f"m{number}"], [result]))
    shape = [rows, width]
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    path = folder / f"{name.replace(' ', '-')}.onnx"
    onnx.save(model, str(path))
    return path


def _weights(rng: np.random.Generator, width: int, layers: int) -> Iterator[onnx.TensorProto]:
    for number in range(layers):
        values = rng.normal(0, width**-0.5, (width, width)).astype(np.float32)
        yield numpy_helper.from_array(values, f"w{number}")
