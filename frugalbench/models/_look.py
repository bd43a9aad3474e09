"""What the parts of a graph say: attributes of nodes, shapes and elements of tensors."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MOST", "NUMBERS", "Array", "Shape", "attributes_of", "shapes_of", "small_array"]

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
MOST = 1024
"""Elements of the arrays that are looked into."""

NUMBERS: dict[int, Any] = dict(
    zip((1, 6, 7, 9, 10, 11), map(np.dtype, ("f4", "i4", "i8", "?", "f2", "f8")), strict=True)
)
"""The types of ONNX tensors whose elements are looked at."""


def attributes_of(node: Any) -> dict[str, Any]:
    """The plain attributes of a node: integers, texts, lists of integers, small tensors."""
    from onnx import AttributeProto as Kind

    read: dict[int, Callable[[Any], Any]] = {
        Kind.TENSOR: lambda one: small_array(one.t),
        Kind.INT: lambda one: one.i,
        Kind.STRING: lambda one: one.s.decode("utf-8", "replace"),
        Kind.INTS: lambda one: list(one.ints),
    }
    return {one.name: read[one.type](one) for one in node.attribute if one.type in read}


def shapes_of(graph: Any) -> dict[str, Shape | None]:
    """The shapes of the tensors of a graph, by name."""
    found = {one.name: _shape(one) for one in (*graph.input, *graph.value_info, *graph.output)}
    for tensor in graph.initializer:
        found[tensor.name] = tuple(tensor.dims) if min(tensor.dims, default=0) >= 0 else None
    return found


def _shape(value: Any) -> Shape | None:
    """The shape of a tensor when every axis has a size."""
    tensor = value.type.tensor_type
    if value.type.WhichOneof("value") != "tensor_type" or not tensor.HasField("shape"):
        return None
    dims = tensor.shape.dim
    sized = all(one.WhichOneof("value") == "dim_value" and one.dim_value >= 0 for one in dims)
    return tuple(one.dim_value for one in dims) if sized else None


def small_array(tensor: Any) -> Array | None:
    """The elements of a small tensor of numbers; None where it is large or holds no data."""
    from onnx import numpy_helper

    # Short lists of dims first: their product is then cheap.
    if len(tensor.dims) > 32 or math.prod(tensor.dims) > MOST:
        return None
    if tensor.data_location or tensor.data_type not in NUMBERS:
        return None
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError):
        return None
