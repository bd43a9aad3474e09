"""Work out the small numbers that shapes are computed from, and the choices they decide.

ONNX follows lists of sizes through a graph only while they are lists; exporters also turn them into
small matrices (the paddings of every padded convolution) and ask about them (squeeze this axis, if
it has one row). Numbers are worked out here in arrays of `MOST` elements at most.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from frugalbench.models._look import (
    MOST,
    NUMBERS,
    Array,
    Shape,
    attributes_of,
    shapes_of,
    small_array,
)
from frugalbench.models._order import inner_graphs

__all__ = ["fold"]

MOST_AXES = 32

Fold = Callable[[list[Array], dict[str, Any]], Any]


def fold(
    graph: Any, around: Mapping[str, Shape | None], outside: Mapping[str, Array] | None = None
) -> int:
    """Replace nodes whose result is a small known array by that array, and decided choices.

    Args:
        graph: is changed.
        around: shapes of the tensors of the graphs around it.
        outside: small arrays of the graphs around it.

    Returns:
        How many nodes were replaced or learnt something.
    """
    shapes = {**around, **shapes_of(graph)}
    values = dict(outside or {})
    values |= {
        one.name: array for one in graph.initializer if (array := small_array(one)) is not None
    }
    kept: list[Any] = []
    made: dict[str, Array] = {}
    replaced = 0
    for node in graph.node:
        found = _value(node, values, shapes)
        if found is not None and node.output:
            values[node.output[0]] = found
            if node.op_type != "Constant":
                made[node.output[0]] = found
                continue
        branch = _decided(node, values)
        if branch is not None:
            replaced += 1
            graph.initializer.extend(branch.initializer)
            kept += [*branch.node, *_bridges(branch.output, node.output)]
            continue
        for inner in inner_graphs(node):
            replaced += _hand_down(inner, values)
            replaced += fold(inner, shapes, values)
        kept.append(node)
    if made or replaced:
        nodes = [_copy(node) for node in kept]
        del graph.node[:]
        graph.node.extend(nodes)
        graph.initializer.extend(_tensor(name, array) for name, array in made.items())
    return replaced + len(made)


def _copy(node: Any) -> Any:
    from onnx import NodeProto

    copy = NodeProto()
    copy.CopyFrom(node)
    return copy


def _bridges(made: Any, wanted: Any) -> list[Any]:
    from onnx import helper

    pairs = zip(made, wanted, strict=False)
    return [helper.make_node("Identity", [one.name], [name]) for one, name in pairs]


def _hand_down(inner: Any, values: Mapping[str, Array]) -> int:
    """Give an inner graph the small arrays it reads: inference does not look for them outside."""
    own = {one.name for one in (*inner.initializer, *inner.input)}
    own |= {name for node in inner.node for name in node.output}
    wanted = {name for node in inner.node for name in node.input if name in values} - own
    inner.initializer.extend(_tensor(name, values[name]) for name in sorted(wanted))
    return len(wanted)


def _decided(node: Any, values: Mapping[str, Array]) -> Any:
    """The branch of a choice whose condition is known."""
    if node.op_type != "If" or not node.input or values.get(node.input[0], _NOTHING).size != 1:
        return None
    wanted = "then_branch" if bool(values[node.input[0]].ravel()[0]) else "else_branch"
    return next((one.g for one in node.attribute if one.name == wanted), None)


def _value(
    node: Any, values: Mapping[str, Array], shapes: Mapping[str, Shape | None]
) -> Array | None:
    """The result of a node, when it is known and small."""
    if node.domain or inner_graphs(node):
        return None
    try:
        with np.errstate(all="ignore"):
            if node.op_type == "Constant":
                return _constant(node)
            if node.op_type in ("Shape", "Size"):
                shape = shapes[node.input[0]]
                assert shape is not None
                found = _of_shape(node.op_type, shape, attributes_of(node))
            else:
                # An input that is left out has no name.
                inputs = [values[name] if name else _NOTHING for name in node.input]
                found = np.asarray(FOLDS[node.op_type](inputs, attributes_of(node)))
    except (*_UNKNOWN, AssertionError):
        return None
    small = found.size <= MOST and found.ndim <= MOST_AXES
    return found if small and found.dtype in NUMBERS.values() else None


_NOTHING = np.empty(0, np.int64)
_UNKNOWN = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, MemoryError)


def _constant(node: Any) -> Array | None:
    one = node.attribute[0]
    if one.name in ("value_int", "value_ints"):
        return np.asarray(one.i if one.name == "value_int" else list(one.ints), np.int64)
    return small_array(one.t) if one.name == "value" else None


def _of_shape(op: str, shape: Shape, attributes: Mapping[str, Any]) -> Array:
    if op == "Size":
        return np.asarray(math.prod(shape), np.int64)
    return np.asarray(shape[attributes.get("start", 0) : attributes.get("end")], np.int64)


def _tensor(name: str, array: Array) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(array, name)


def _constant_of_shape(inputs: list[Array], attributes: dict[str, Any]) -> Array:
    shape = _bounded(inputs[0].ravel().tolist())
    value = np.asarray(attributes.get("value", np.zeros(1, np.float32)))
    return np.full(shape, value.ravel()[0], value.dtype)


def _reshape(inputs: list[Array], attributes: dict[str, Any]) -> Array:
    data, wanted = inputs
    sizes = [
        data.shape[place] if not size else int(size) for place, size in enumerate(wanted.ravel())
    ]
    return data.reshape(sizes)


def _slice(inputs: list[Array], attributes: dict[str, Any]) -> Array:
    data, *rest = inputs
    lists = [one.ravel().tolist() for one in rest]
    if not lists:
        lists = [attributes["starts"], attributes["ends"], attributes.get("axes", [])]
    starts, ends, axes, steps = (*lists, [], [])[:4]
    axes, steps = axes or list(range(len(starts))), steps or [1] * len(starts)
    cut = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        cut[axis] = slice(start, end, step)
    return data[tuple(cut)]


def _axes(inputs: list[Array], attributes: dict[str, Any]) -> tuple[int, ...] | None:
    """Axes are an attribute, and from version 13 on an input."""
    axes = attributes.get("axes", inputs[1].tolist() if len(inputs) > 1 else None)
    return None if axes is None else tuple(axes)


def _divide(inputs: list[Array], attributes: dict[str, Any]) -> Array:
    one, two = inputs
    if one.dtype.kind == "f":
        return np.asarray(one / two)
    if not two.all():
        raise ZeroDivisionError
    # Of integers the quotient is cut off, not rounded down.
    return np.asarray(np.sign(one) * np.sign(two) * (np.abs(one) // np.abs(two)), one.dtype)


def _range(inputs: list[Array], attributes: dict[str, Any]) -> Array:
    start, end, step = (one.ravel()[0] for one in inputs)
    if not step or abs((end - start) / step) > MOST:
        raise ValueError("too large")
    return np.asarray(np.arange(start, end, step), inputs[0].dtype)


def _expand(inputs: list[Array], attributes: dict[str, Any]) -> Array:
    shape = np.broadcast_shapes(inputs[0].shape, tuple(inputs[1].ravel().tolist()))
    return np.broadcast_to(inputs[0], _bounded(shape))


def _concat(inputs: list[Array], attributes: dict[str, Any]) -> Array:
    _bounded([sum(one.size for one in inputs)])
    return np.concatenate(inputs, attributes["axis"])


def _bounded(shape: Sequence[int]) -> Sequence[int]:
    if math.prod(shape) > MOST:
        raise ValueError("too large")
    return shape


def _joined(function: Callable[..., Any]) -> Fold:
    """An element-wise operator."""

    def join(inputs: list[Array], attributes: dict[str, Any]) -> Any:
        _bounded(np.broadcast_shapes(*(one.shape for one in inputs)))
        return function(*inputs)

    return join


FOLDS: dict[str, Fold] = {
    "Abs": _joined(np.abs),
    "Add": _joined(np.add),
    "And": _joined(np.logical_and),
    "Cast": lambda inputs, attributes: inputs[0].astype(NUMBERS[attributes["to"]]),
    "Ceil": _joined(np.ceil),
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "Div": _divide,
    "Equal": _joined(np.equal),
    "Expand": _expand,
    "Floor": _joined(np.floor),
    "Gather": lambda inputs, attributes: inputs[0].take(
        inputs[1], attributes.get("axis", 0), mode="raise"
    ),
    "Greater": _joined(np.greater),
    "Identity": _joined(np.asarray),
    "Less": _joined(np.less),
    "Max": _joined(lambda *inputs: np.maximum.reduce(np.broadcast_arrays(*inputs))),
    "Min": _joined(lambda *inputs: np.minimum.reduce(np.broadcast_arrays(*inputs))),
    "Mul": _joined(np.multiply),
    "Neg": _joined(np.negative),
    "Not": _joined(np.logical_not),
    "Or": _joined(np.logical_or),
    "Range": _range,
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": lambda inputs, attributes: np.squeeze(inputs[0], _axes(inputs, attributes)),
    "Sub": _joined(np.subtract),
    "Transpose": lambda inputs, attributes: np.transpose(inputs[0], attributes.get("perm")),
    "Unsqueeze": lambda inputs, attributes: np.expand_dims(
        inputs[0], _axes(inputs, attributes) or ()
    ),
    "Where": _joined(np.where),
}
