"""A trained classifier as plain numbers, and its ONNX form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from .datasets import Dataset, Floats

OPSET, IR_VERSION = 17, 8
CLIP = 5.0  # deviations


@dataclass(frozen=True)
class Network:
    """Dense layers after a standardisation; the last layer has one output for each class."""

    mean: Floats
    scale: Floats
    layers: list[tuple[Floats, Floats]]
    clip: bool

    @property
    def parameters(self) -> int:
        """How many numbers were trained."""
        return sum(weight.size + bias.size for weight, bias in self.layers)


def standardisation(x: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation of every column; 0/1 columns stay as they are."""
    mean, scale = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    binary = ((x == 0) | (x == 1)).all(axis=0)
    mean[binary], scale[binary] = 0.0, 1.0
    return mean.astype(np.float32), scale.astype(np.float32)


def to_onnx(network: Network, data: Dataset) -> onnx.ModelProto:
    """Write the network with standard operators only: features in, probability out."""
    constants: dict[str, npt.NDArray[Any]] = {"mean": network.mean, "scale": network.scale}
    nodes = [
        helper.make_node("Sub", ["features", "mean"], ["centred"], "centre"),
        helper.make_node("Div", ["centred", "scale"], ["standard"], "scale_down"),
    ]
    last = "standard"
    if network.clip:
        constants["low"] = np.array(-CLIP, dtype=np.float32)
        constants["high"] = np.array(CLIP, dtype=np.float32)
        nodes.append(helper.make_node("Clip", [last, "low", "high"], ["clipped"], "clip"))
        last = "clipped"
    for index, (weight, bias) in enumerate(network.layers):
        constants |= {f"weight{index}": weight, f"bias{index}": bias}
        inputs, output = [last, f"weight{index}", f"bias{index}"], f"dense{index}_out"
        nodes.append(helper.make_node("Gemm", inputs, [output], f"dense{index}"))
        last = output
        if index + 1 < len(network.layers):
            nodes.append(helper.make_node("Relu", [last], [f"relu{index}_out"], f"relu{index}"))
            last = f"relu{index}_out"
    nodes.append(helper.make_node("Softmax", [last], ["probability"], "softmax", axis=1))
    shape: list[str | int | None] = ["batch", len(data.names)]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return finish(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)]), data)


def finish(model: onnx.ModelProto, data: Dataset) -> onnx.ModelProto:
    """Fix the versions, write the metadata, check the model."""
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "frugalbench", ""
    metadata = {
        "feature_names": json.dumps(data.names),
        "classes": json.dumps([0, 1]),
        "task": "classification",
    }
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return model
