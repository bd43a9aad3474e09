"""ONNX graphs, node by node, that take another model's inputs."""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.baselines._rows import Rows

__all__ = ["ANSWER", "ML", "Graph"]

ANSWER = "baseline_answer"
"""The output of every baseline: probabilities (rows, classes), or numbers (rows, 1)."""

ML = "ai.onnx.ml"
"""The operators of classical machine learning: one of them does what several plain ones do."""

OPSET, ML_OPSET, IR = 17, 3, 8


class Graph:
    """A graph under construction; `rows` say which inputs it takes."""

    def __init__(self, rows: Rows) -> None:
        """Begin with the inputs alone."""
        self._rows = rows
        self._taken = {ANSWER, *(port.name for port in rows.ports)}
        self._nodes: list[Any] = []
        self._weights: list[Any] = []

    def add(
        self, op: str, *inputs: str, output: str = "", domain: str = "", **attributes: Any
    ) -> str:
        """Add an operator, and return the name of its output."""
        from onnx import helper

        name = output or self._fresh(op.lower())
        self._nodes.append(helper.make_node(op, [*inputs], [name], domain=domain, **attributes))
        return name

    def weight(self, values: npt.ArrayLike, dtype: Any = np.float32) -> str:
        """Add constant values, and return their name."""
        from onnx import numpy_helper

        name = self._fresh("weight")
        self._weights.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def features(self) -> str:
        """Every input as one matrix of single precision, (rows, features)."""
        from onnx import TensorProto

        parts = []
        for port in self._rows.ports:
            name = port.name
            if self._rows.is_whole(port):
                name = self.add("Reshape", name, self.weight([1, -1], np.int64))
            elif port.shape is None or len(port.shape) != 2:
                name = self.add("Flatten", name, axis=1)
            if port.dtype != "float":
                name = self.add("Cast", name, to=TensorProto.FLOAT)
            parts.append(name)
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=1)

    def size(self) -> str:
        """How many rows a call holds, int64 (1,)."""
        port = self._rows.ports[0]
        if self._rows.is_whole(port):
            return self.weight([1], np.int64)
        return self.add("Shape", port.name, start=0, end=1)

    def finish(self, columns: int) -> bytes:
        """The file, whose output `ANSWER` has so many columns."""
        import onnx
        from onnx import TensorProto, helper

        taken = [
            helper.make_tensor_value_info(
                port.name, TensorProto.DataType.Value(port.dtype.upper()), port.shape
            )
            for port in self._rows.ports
        ]
        first = self._rows.ports[0]
        rows = 1 if self._rows.is_whole(first) else (first.shape or (None,))[0]
        given = helper.make_tensor_value_info(ANSWER, TensorProto.FLOAT, (rows, columns))
        graph = helper.make_graph(self._nodes, "baseline", taken, [given], self._weights)
        model = helper.make_model(
            graph,
            producer_name="frugalbench",
            opset_imports=[
                helper.make_opsetid("", OPSET),
                helper.make_opsetid(ML, ML_OPSET),
            ],
        )
        model.ir_version = IR
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    def _fresh(self, word: str) -> str:
        name = f"{word}_{len(self._taken)}"
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name
