"""How many numbers a graph holds, by type."""

import math
from collections.abc import Iterator
from typing import Any

from frugalbench.models._order import inner_graphs

__all__ = ["bodies", "weights"]

MAX_AXES = 64
MAX_INT64 = 2**63 - 1


def weights(proto: Any) -> dict[str, int]:
    """Numbers by type: initialisers and constants of every graph, lists of ai.onnx.ml operators.

    Raises:
        ValueError: a tensor is declared with a size that no tensor has.
    """
    held: dict[str, int] = {}
    for dtype, amount in _held(proto):
        held[dtype] = held.get(dtype, 0) + amount
    if sum(held.values()) > MAX_INT64:
        raise ValueError("more numbers than can be counted")
    return {dtype: amount for dtype, amount in sorted(held.items()) if amount}


def bodies(proto: Any) -> Iterator[Any]:
    """Every graph of a model, with its inner ones, and every function."""
    waiting = [proto.graph, *proto.functions]
    while waiting:
        body = waiting.pop()
        yield body
        for node in body.node:
            waiting += inner_graphs(node)


def _held(proto: Any) -> Iterator[tuple[str, int]]:
    for body in bodies(proto):
        for tensor in getattr(body, "initializer", ()):
            yield _type_of(tensor), _size(tensor)
        for sparse in getattr(body, "sparse_initializer", ()):
            yield _type_of(sparse.values), _size(sparse.values)
        for node in body.node:
            if node.op_type == "Constant" or node.domain == "ai.onnx.ml":
                yield from _attributes(node)


def _attributes(node: Any) -> Iterator[tuple[str, int]]:
    constant = node.domain != "ai.onnx.ml"
    for one in node.attribute:
        if one.HasField("t"):
            yield _type_of(one.t), _size(one.t)
        if one.HasField("sparse_tensor"):
            yield _type_of(one.sparse_tensor.values), _size(one.sparse_tensor.values)
        yield "float", len(one.floats) + (one.name == "value_float")
        # Integers of trees and label lists are structure, not weights.
        if constant:
            yield "int64", len(one.ints) + (one.name == "value_int")


def _size(tensor: Any) -> int:
    size = -1 if len(tensor.dims) > MAX_AXES else math.prod(tensor.dims)
    if min(tensor.dims, default=0) < 0 or not 0 <= size <= MAX_INT64:
        raise ValueError("no tensor has this size")
    return size


def _type_of(tensor: Any) -> str:
    from onnx import TensorProto

    known = tensor.data_type in TensorProto.DataType.values()
    return str(TensorProto.DataType.Name(tensor.data_type)).lower() if known else "unknown"
