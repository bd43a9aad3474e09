"""A model without its weights, its axes sized: what shape inference needs, and no more.

The copy holds every node, the small constants that shapes are computed from, and of each weight
only its shape. It is bounded: a graph that says it is larger is refused, not copied.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from frugalbench.models._order import in_order, inner_graphs
from frugalbench.models._plain import in_plain_words

__all__ = ["PER_ROW", "Slim", "TooLargeError", "slim"]

MAX_NODES = 200_000
MAX_BYTES = 64 * 1024**2
MAX_DEPTH = 32
KEPT = 32
"""Numbers in a constant that a shape may be computed from: no tensor has more axes."""

LISTED = 1024
"""Numbers in the attribute of an operator that are copied."""

PER_ROW = "frugalbench.per_row"
"""Attribute added to an ai.onnx.ml node: its multiply-adds for one row."""

KNOWN = ("", "ai.onnx", "ai.onnx.ml")
ML = "ai.onnx.ml"


class TooLargeError(Exception):
    """The graph, with its functions in place, has more parts than are looked at."""


@dataclass(slots=True)
class Slim:
    """The copy; how many samples one run of it takes; and how many axes were given size 1.

    `fixed` says that the graph itself says how many samples it takes.
    """

    proto: Any
    samples: int = 1
    fixed: bool = False
    unsized: int = 0
    nodes: int = 0
    functions: set[tuple[str, str]] = field(default_factory=set)
    opset: int = 0

    def add(self, nodes: int) -> None:
        """Count nodes that were copied.

        Raises:
            TooLargeError: there are too many.
        """
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise TooLargeError


def slim(proto: Any, dims: Mapping[str, int], batch: int = 1) -> Slim:
    """Copy a model without its weights.

    Args:
        proto: the model.
        dims: sizes of dynamic axes by name; those it does not name become 1.
        batch: size of the first axis of an input where it is dynamic and not in `dims`.

    Raises:
        TooLargeError: there is too much of it.
    """
    from onnx import ModelProto

    copy = Slim(ModelProto(ir_version=proto.ir_version))
    target = copy.proto
    target.opset_import.extend(proto.opset_import)
    copy.opset = max(
        (one.version for one in proto.opset_import if one.domain in KNOWN[:2]), default=0
    )
    if not copy.opset:
        # What is put in plain words needs the standard operators.
        target.opset_import.add(domain="", version=17)
    copy.functions = {(one.domain, one.name) for one in proto.functions}
    _copy_graph(proto.graph, target.graph, copy, 0)
    for function in proto.functions:
        _copy_function(function, target.functions.add(), copy)
    _size_axes(target.graph, dims, batch, copy)
    if target.ByteSize() > MAX_BYTES:
        raise TooLargeError
    _check_calls(target)
    return copy


def _copy_graph(source: Any, target: Any, copy: Slim, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise TooLargeError
    target.name = source.name
    target.input.extend(source.input)
    target.output.extend(source.output)
    for tensor in source.initializer:
        target.initializer.append(_without_data(tensor))
    for sparse in source.sparse_initializer:
        shape = _without_data(sparse.values)
        del shape.dims[:]
        shape.dims.extend(sparse.dims)
        target.initializer.append(shape)
    for output in target.output:
        # What comes out is inferred: what the file says of it may be of another batch, and of
        # another type than the plain operators give.
        if output.type.WhichOneof("value") == "tensor_type":
            output.ClearField("type")
    _copy_nodes(source.node, target.node, copy, depth)
    # Only of operators nobody here knows is the file's own word on shapes needed.
    foreign = {name for one in target.node if one.domain not in KNOWN for name in one.output}
    target.value_info.extend(one for one in source.value_info if one.name in foreign)


def _copy_function(source: Any, target: Any, copy: Slim) -> None:
    for name in ("name", "domain", "overload"):
        if hasattr(source, name):
            setattr(target, name, getattr(source, name))
    for name in ("input", "output", "attribute", "attribute_proto", "opset_import"):
        getattr(target, name).extend(getattr(source, name))
    _copy_nodes(source.node, target.node, copy, 0)


def _copy_nodes(source: Any, target: Any, copy: Slim, depth: int) -> None:
    copy.add(len(source))
    for node in in_order(source):
        made = _copy_node(node, copy, depth)
        called = (node.domain, node.op_type) in copy.functions
        target.extend([made] if called else in_plain_words(made, copy.opset))


def _copy_node(source: Any, copy: Slim, depth: int) -> Any:
    from onnx import NodeProto, helper

    node = NodeProto(name=source.name, op_type=source.op_type, domain=source.domain)
    if node.domain == "ai.onnx":
        node.domain = ""
    for name in ("input", "output"):
        getattr(node, name).extend(getattr(source, name))
    if hasattr(source, "overload"):
        node.overload = source.overload
    node.attribute.extend(_copy_attribute(one, copy, depth) for one in source.attribute)
    if source.domain == ML:
        kept = [one for one in node.attribute if one.name != PER_ROW]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(PER_ROW, _per_row(source))])
    return node


def _copy_attribute(source: Any, copy: Slim, depth: int) -> Any:
    from onnx import AttributeProto

    target = AttributeProto(
        name=source.name, type=source.type, ref_attr_name=source.ref_attr_name, i=source.i,
        f=source.f, s=source.s[:LISTED],
    )  # fmt: skip
    for name in ("ints", "floats", "strings", "type_protos"):
        values = getattr(source, name)
        if len(values) <= LISTED:
            getattr(target, name).extend(values)
    if source.HasField("tp"):
        target.tp.CopyFrom(source.tp)
    if source.HasField("t"):
        target.t.CopyFrom(_without_data(source.t))
    if source.HasField("g"):
        _copy_graph(source.g, target.g, copy, depth + 1)
    for graph in source.graphs:
        _copy_graph(graph, target.graphs.add(), copy, depth + 1)
    return target


def _without_data(source: Any) -> Any:
    """A tensor as it is when small, else its name, type and shape."""
    from onnx import TensorProto

    target = TensorProto(name=source.name, data_type=source.data_type, dims=source.dims)
    external = source.data_location == TensorProto.EXTERNAL
    small = math.prod(source.dims[:KEPT]) <= KEPT and source.ByteSize() < LISTED * KEPT
    if small and not external:
        target.CopyFrom(source)
    return target


def _per_row(node: Any) -> int:
    """Multiply-adds of a linear model or support-vector machine for one row, 0 for other ones."""
    lengths = {one.name: len(one.floats) for one in node.attribute}
    if node.op_type.startswith(("Linear", "SVM")):
        return lengths.get("coefficients", 0) + lengths.get("support_vectors", 0)
    return 0


def _size_axes(graph: Any, dims: Mapping[str, int], batch: int, copy: Slim) -> None:
    """Give every axis of the inputs a size, as `inputs.generate` does."""
    weights = {one.name for one in graph.initializer}
    shapes = [
        one.type.tensor_type.shape.dim
        for one in graph.input
        if one.name not in weights and one.type.WhichOneof("value") == "tensor_type"
    ]
    firsts = [shape[0] if len(shape) else None for shape in shapes]
    fixed = {one.dim_value if one is not None else 0 for one in firsts}
    if len(fixed) == 1 and min(fixed) > 0:
        # One number for the first axis of every input is a batch the graph fixes.
        copy.samples, copy.fixed = min(fixed), min(fixed) > 1
    sizes = dict(dims)
    for first in firsts:
        if first is not None and first.dim_value <= 0 and first.dim_param not in dims:
            copy.samples = batch
            sizes[first.dim_param or ""] = batch
            first.dim_value = batch
    sizes.pop("", None)
    for axis in (axis for shape in shapes for axis in shape if axis.dim_value <= 0):
        copy.unsized += axis.dim_param not in sizes
        axis.dim_value = sizes.get(axis.dim_param, 1)
    for value in graph.value_info:
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param in sizes:
                axis.dim_value = sizes[axis.dim_param]


def _check_calls(proto: Any) -> None:
    """Refuse functions that call themselves, and graphs that are too large once they are in place.

    Raises:
        TooLargeError: they do, or it is.
    """
    bodies = {(one.domain, one.name): one.node for one in proto.functions}
    sizes: dict[tuple[str, str], int] = {}

    def size(nodes: Any, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise TooLargeError
        total = 0
        for node in nodes:
            called = (node.domain, node.op_type)
            if called in bodies and called not in sizes:
                sizes[called] = size(bodies[called], depth + 1)
            inner = sum(size(graph.node, depth + 1) for graph in inner_graphs(node))
            total += 1 + sizes.get(called, 0) + inner
            if total > MAX_NODES:
                raise TooLargeError
        return total

    size(proto.graph.node, 0)
