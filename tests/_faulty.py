"""Models that misbehave when they run, and one that does not."""

from pathlib import Path

from _onnx import constant, node, port, save_model
from onnx import TensorProto, helper

__all__ = ["hang", "hog", "sized", "slow", "softmax"]

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


def sized(path: Path) -> Path:
    """A model that takes as many 32-bit floats of memory as its input says."""
    nodes = [
        node("Reshape", "x one", "size"),
        node("ConstantOfShape", "size", "big"),
        node("ReduceSum", "big", "sum", keepdims=0),
        node("Reshape", "sum pair", "y"),
    ]
    weights = [constant("one", [1], "int64"), constant("pair", [1, 1], "int64")]
    inputs = [port("x", (1, 1), TensorProto.INT64)]
    return save_model(path, nodes, inputs, [port("y", (1, 1))], weights)


def hang(path: Path) -> Path:
    """A model that loops for some thousand years."""
    return slow(path, 10**12)


def slow(path: Path, turns: int) -> Path:
    """A model that loops so many times, for a microsecond or so each."""
    inside = [
        port("step", [], TensorProto.INT64),
        port("go", [], TensorProto.BOOL),
        port("value", PAIRS),
    ]
    outside = [port("still", [], TensorProto.BOOL), port("next", PAIRS)]
    steps = [node("Identity", "go", "still"), node("Sin", "value", "next")]
    body = helper.make_graph(steps, "body", inside, outside)
    weights = [constant("turns", turns, "int64"), constant("yes", True, "bool")]
    loop = [node("Loop", "turns yes x", "y", body=body)]
    return save_model(path, loop, [port("x", PAIRS)], [port("y", PAIRS)], weights)
