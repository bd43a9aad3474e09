"""Models that misbehave when they run, and one that does not."""

from pathlib import Path

from _onnx import constant, node, port, save_model
from onnx import TensorProto, helper

__all__ = ["hang", "hog", "softmax"]

PAIRS = ("batch", 2)


def softmax(path: Path, op: str = "Softmax") -> Path:
    """Two scores in, two probabilities out; another `op` makes a graph no runtime knows."""
    nodes = [node(op, "x", "y")]
    return save_model(path, nodes, [port("x", PAIRS)], [port("y", PAIRS)], check=op == "Softmax")


def hog(path: Path) -> Path:
    """A model that asks for 36 GB at once."""
    nodes = [
        node("ConstantOfShape", "size", "big"),
        node("ReduceSum", "big", "sum", keepdims=0),
        node("Add", "x sum", "y"),
    ]
    size = constant("size", [9_000_000_000], "int64")
    return save_model(path, nodes, [port("x", PAIRS)], [port("y", PAIRS)], [size])


def hang(path: Path) -> Path:
    """A model that loops for some thousand years."""
    inside = [
        port("step", [], TensorProto.INT64),
        port("go", [], TensorProto.BOOL),
        port("value", PAIRS),
    ]
    outside = [port("still", [], TensorProto.BOOL), port("next", PAIRS)]
    steps = [node("Identity", "go", "still"), node("Sin", "value", "next")]
    body = helper.make_graph(steps, "body", inside, outside)
    weights = [constant("turns", 10**12, "int64"), constant("yes", True, "bool")]
    loop = [node("Loop", "turns yes x", "y", body=body)]
    return save_model(path, loop, [port("x", PAIRS)], [port("y", PAIRS)], weights)
