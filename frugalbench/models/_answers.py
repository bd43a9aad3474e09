"""Which output of a graph is its answer, and as what: judged by the operators that make it.

What the operators do not say is not known here, and has to be declared.
"""

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from frugalbench.errors import UsageError, did_you_mean
from frugalbench.record import Answer, Port
from frugalbench.spec import Model

__all__ = ["MAX_INT64", "answer_of", "class_labels", "declared_answer", "plain_labels"]

MAX_INT64 = 2**63 - 1
PASS_THROUGH = {
    "Cast",
    "DequantizeLinear",
    "Flatten",
    "Identity",
    "QuantizeLinear",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
}
ML_CLASSIFIERS = {"LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier"}
FLOATS = {"float", "double", "float16", "bfloat16"}
MAPS = {"sequence_type", "map_type"}


def answer_of(model: Model, graph: Any, outputs: tuple[Port, ...]) -> Answer | None:
    """The answer as declared, else as recognised; None when neither is.

    Raises:
        UsageError: the declared output does not exist, or there are several to choose from.
    """
    chosen = _chosen(model, outputs)
    makers = {name: (node, i) for node in graph.node for i, name in enumerate(node.output)}
    constants = {one.name: one for one in graph.initializer}
    found = [answer for port in chosen if (answer := _kind_of(port, makers, constants))]
    if model.output_kind is None:
        return _certain(found)
    positions = model.output_kind == "label" and any(one.positions for one in found)
    return declared_answer(model, outputs, positions=positions)


def declared_answer(
    model: Model, outputs: tuple[Port, ...], *, positions: bool = False
) -> Answer | None:
    """The answer as declared; None when it is not.

    Raises:
        UsageError: the declared output does not exist, or there are several to choose from.
    """
    chosen = _chosen(model, outputs)
    if model.output_kind is None:
        return None
    if len(chosen) > 1:
        names = ", ".join(port.name for port in outputs)
        raise UsageError(f"the model has outputs {names}: say which with model.output=…")
    return Answer(
        output=chosen[0].name, kind=model.output_kind, how="declared", positions=positions
    )


def _chosen(model: Model, outputs: tuple[Port, ...]) -> list[Port]:
    """The output that is declared, or all of them."""
    names = [port.name for port in outputs]
    if model.output is not None and model.output not in names:
        raise UsageError(
            f"the model has no output '{model.output}': {did_you_mean(model.output, names)}"
        )
    return [port for port in outputs if model.output in (None, port.name)]


def _certain(found: list[Answer]) -> Answer | None:
    """The one answer a graph gives, its own labels kept beside it; None when there are two."""
    labels = [one for one in found if one.kind == "label"]
    for kind in ("probability", "logit", "label"):
        best = [one for one in found if one.kind == kind]
        if len(best) > 1:
            return None
        if best and kind != "label" and len(labels) == 1 and not labels[0].positions:
            return msgspec.structs.replace(best[0], labels=labels[0].output)
        if best:
            return best[0]
    return None


def _kind_of(port: Port, makers: dict[str, Any], constants: dict[str, Any]) -> Answer | None:
    """The answer an output is, judged by the operators that make it."""
    wrapped, mapped = "", False
    node, index, op = None, 0, ""
    for node, index in _upstream(port.name, makers, constants):  # noqa: B007 - used below
        op = node.op_type
        if op in PASS_THROUGH or op == "LabelEncoder":
            wrapped = wrapped or (op if op == "LabelEncoder" else "")
        elif op == "ArrayFeatureExtractor" and node.input[0] in constants:
            wrapped = wrapped or op
        elif op == "ZipMap":
            mapped = True
        elif op != "Normalizer" or _attribute(node, "norm") != b"L1":
            break
    else:
        return None
    if op == "ArgMax" or (op in ML_CLASSIFIERS and index == 0):
        how, positions = f"labels of {wrapped or op}", op == "ArgMax" and not wrapped
        return Answer(output=port.name, kind="label", how=how, positions=positions)
    if wrapped or port.dtype not in (MAPS if mapped else FLOATS):
        return None
    if op == "LogSoftmax" and not mapped:
        return Answer(output=port.name, kind="logit", how="made by LogSoftmax")
    how = _probability(node, index, makers, constants, port)
    return Answer(output=port.name, kind="probability", how=how) if how else None


def _probability(
    node: Any, index: int, makers: dict[str, Any], constants: dict[str, Any], port: Port
) -> str:
    """How it is known that a node gives the probabilities of classes, or nothing."""
    op = node.op_type
    if op == "Softmax" and _attribute(node, "axis") in (None, 1, -1):
        return "made by Softmax"
    if op == "Sigmoid" and port.shape and (len(port.shape) == 1 or port.shape[-1] == 1):
        return "made by Sigmoid, one column"
    if op == "Concat" and _is_complement(node, makers, constants):
        return "made by Sigmoid and its complement"
    return f"scores of {op}" if op in ML_CLASSIFIERS and index == 1 and _normalised(node) else ""


def _upstream(
    name: str, makers: dict[str, Any], constants: dict[str, Any]
) -> Iterator[tuple[Any, int]]:
    """The node that makes a tensor, then the maker of its first varying input, and so on."""
    seen: set[str] = set()
    while name in makers and name not in seen:
        seen.add(name)
        node, index = makers[name]
        yield node, index
        name = next((one for one in node.input if one not in constants), "")


def _attribute(node: Any, name: str) -> Any:
    """An attribute of a node by name, or None."""
    from onnx.helper import get_attribute_value

    found = next((one for one in node.attribute if one.name == name), None)
    return None if found is None else get_attribute_value(found)


def _is_complement(node: Any, makers: dict[str, Any], constants: dict[str, Any]) -> bool:
    """Whether a node joins 1 - p and p, where p is made by Sigmoid."""
    sub, sigmoid = (makers.get(name, (None, 0))[0] for name in (*node.input, "", "")[:2])
    return (
        len(node.input) == 2
        and sub is not None
        and sigmoid is not None
        and (sub.op_type, sigmoid.op_type) == ("Sub", "Sigmoid")
        and sub.input[1] == node.input[1]
        and _values(constants.get(sub.input[0])) == [1]
    )


def _normalised(node: Any) -> bool:
    """Whether a classifier's scores are probabilities by its own attributes."""
    if node.op_type == "SVMClassifier":
        return bool(_attribute(node, "prob_a"))
    if (_attribute(node, "post_transform") or b"NONE") in (b"LOGISTIC", b"SOFTMAX"):
        return True
    return node.op_type == "TreeEnsembleClassifier" and _shares(node)


def _shares(node: Any) -> bool:
    """Whether the leaves of each tree hold shares of classes, so that a forest's sum to one."""
    trees = _attribute(node, "class_treeids") or ()
    leaves = list(zip(trees, _attribute(node, "class_nodeids") or (), strict=False))
    weights = _attribute(node, "class_weights") or _values(
        _attribute(node, "class_weights_as_tensor")
    )
    if not leaves or len(leaves) != len(weights) or _attribute(node, "base_values"):
        return False
    totals = dict.fromkeys(leaves, 0.0)
    for leaf, weight in zip(leaves, weights, strict=True):
        totals[leaf] += weight
    # A forest of two classes may keep the share of one class only; the other has the rest.
    single = len(set(_attribute(node, "class_ids") or ())) == 1
    share = 1 / len(set(trees))
    full = all(
        one <= share + 1e-4 if single else abs(one - share) < 1e-4 for one in totals.values()
    )
    return full and min(weights) >= 0


def _values(tensor: Any) -> list[Any]:
    """The elements of a small constant, or nothing where they cannot be read."""
    from onnx.numpy_helper import to_array

    try:
        found: list[Any] = [] if tensor is None else to_array(tensor).ravel().tolist()
    except (ValueError, TypeError, OSError):
        return []
    return found


def class_labels(graph: Any, answer: Answer) -> tuple[tuple[Any, ...], bool]:
    """The classes the graph itself gives its answer, in column order, and whether as map keys."""
    makers = {name: (node, i) for node in graph.node for i, name in enumerate(node.output)}
    constants = {one.name: one for one in graph.initializer}
    for output in reversed(answer.outputs):
        found = _named_on_the_way(output, makers, constants)
        if found[0]:
            return found
    path = [node for node, _ in _upstream(answer.output, makers, constants)]
    # Scikit-learn picks its label out of a constant, at the position of the largest score.
    scores = {name for node in path for name in (*node.output, *node.input)}
    for node in graph.node:
        if node.op_type == "ArrayFeatureExtractor" and node.input[0] in constants:
            picked = makers.get(node.input[1], (None, 0))[0]
            if picked is not None and picked.op_type == "ArgMax" and picked.input[0] in scores:
                return plain_labels(_values(constants[node.input[0]])), False
    return (), False


def _named_on_the_way(
    output: str, makers: dict[str, Any], constants: dict[str, Any]
) -> tuple[tuple[Any, ...], bool]:
    """The classes named by the operator nearest to an output, and whether as map keys."""
    for node, _ in _upstream(output, makers, constants):
        if node.op_type == "ArrayFeatureExtractor" and node.input[0] in constants:
            return plain_labels(_values(constants[node.input[0]])), False
        ints = _attribute(node, "classlabels_ints") or _attribute(node, "classlabels_int64s")
        texts = _attribute(node, "classlabels_strings")
        if ints:
            return tuple(int(label) for label in ints), node.op_type == "ZipMap"
        if texts:
            decoded = tuple(label.decode("utf-8", "replace") for label in texts)
            return decoded, node.op_type == "ZipMap"
    return (), False


def plain_labels(found: Any) -> tuple[Any, ...]:
    """The labels of a list when a record can hold all of them, else none."""
    if not isinstance(found, list):
        return ()
    labels = [one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in found]
    storable = all(
        isinstance(one, str)
        or (isinstance(one, int) and abs(one) <= MAX_INT64)
        or (isinstance(one, float) and math.isfinite(one))
        for one in labels
    )
    return tuple(labels) if storable else ()
