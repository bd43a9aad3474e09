"""Open a model file as data: digest, size, interface, and which output is its answer.

The graph is parsed, never run, and the weights stored beside it are located, never loaded: this
is what the parent process does before it hands the model to a worker. How an output is read
(labels, probabilities, logits) is declared, or recognised from the operator that makes it; it is
never guessed from a name or a shape alone.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from frugalbench.errors import UsageError, did_you_mean
from frugalbench.record import Answer, ModelFacts, Port
from frugalbench.spec import Model

__all__ = ["GraphFacts", "file_sha256", "inspect"]

MAX_GRAPH_BYTES = 2 * 1024**3
"""The limit of the protobuf format itself."""
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


class GraphFacts:
    """What the graph says beyond its interface: column names and classes, where it holds them."""

    def __init__(self, facts: ModelFacts, features: tuple[str, ...], classes: tuple[Any, ...]):
        """Keep the facts of a record beside what only the preparation needs."""
        self.facts = facts
        self.features = features
        self.classes = classes


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def inspect(model: Model) -> GraphFacts:
    """Read the facts of a model file.

    Raises:
        UsageError: the file is absent, is not ONNX, points outside its own folder, or a declared
            output does not exist.
    """
    path = Path(model.path)
    proto = _parse(path)
    parts = [path, *sorted(_external_files(proto, path))]
    digests = [_digest(part) for part in parts]
    graph = proto.graph
    weights = {one.name for one in graph.initializer}
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    taken = tuple(_port(value) for value in graph.input if value.name not in weights)
    if not taken:
        raise UsageError(f"{path} takes no input, so there is nothing to measure it on")
    outputs = tuple(_port(value) for value in graph.output)
    parameters = _parameters(graph)
    if not 0 <= parameters <= MAX_INT64:
        raise UsageError(f"{path} declares weights of an impossible size; export the model again")
    answer = _answer(model, graph, outputs)
    facts = ModelFacts(
        name=model.name or path.stem,
        sha256=digests[0] if len(parts) == 1 else _joined(digests),
        bytes=sum(part.stat().st_size for part in parts),
        inputs=taken,
        outputs=outputs,
        parameters=parameters,
        opset=max(
            (one.version for one in proto.opset_import if one.domain in ("", "ai.onnx")),
            default=None,
        ),
        producer=f"{proto.producer_name} {proto.producer_version}".strip(),
        answer=answer,
    )
    in_graph, from_map = _class_labels(graph, answer) if answer else ((), False)
    classes = tuple(model.classes) or _names_in(metadata.get("classes")) or in_graph
    if from_map and set(classes) == set(in_graph):
        # The runtime hands maps over in the order of their keys, whatever the graph's order.
        classes = tuple(sorted(in_graph))
    return GraphFacts(facts, _strings_in(metadata.get("feature_names")), classes)


def _parameters(graph: Any) -> int:
    """Numbers held as weights: initialisers, and the lists of ai.onnx.ml operators."""
    held: int = sum(math.prod(one.dims) for one in graph.initializer)
    for node in graph.node:
        if node.domain == "ai.onnx.ml":
            held += sum(len(one.floats) + math.prod(one.t.dims or (0,)) for one in node.attribute)
    return held


def _parse(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        size = path.stat().st_size
        if not path.is_file():
            raise UsageError(f"model {path} is not a file; give the path of an .onnx file")
        if size > MAX_GRAPH_BYTES:
            raise UsageError(f"model {path} is over 2 GiB; store its weights as external data")
        # By name of format: a suffix such as .json would choose another parser.
        proto = onnx.load(str(path), format="protobuf", load_external_data=False)
    except FileNotFoundError:
        raise UsageError(f"there is no model file {path}; check model=…") from None
    except OSError as error:
        raise UsageError(f"model {path} cannot be read: {error.strerror}") from None
    except (DecodeError, ValueError):
        raise UsageError(f"{path} is not an ONNX file; export the model to .onnx first") from None
    if not proto.ir_version or not (proto.graph.node and proto.graph.output):
        raise UsageError(f"{path} is not an ONNX file: it holds no graph")
    return proto


def _external_files(proto: Any, path: Path) -> set[Path]:
    """Files that hold weights, each checked to lie inside the model's own folder."""
    folder, found = path.parent.resolve(), set()
    for tensor in _tensors(proto):
        for entry in tensor.external_data:
            if entry.key != "location":
                continue
            part = (folder / entry.value.replace("\0", "")).resolve()
            if not part.is_relative_to(folder):
                raise UsageError(
                    f"{path} keeps weights outside its folder ({entry.value}); store them beside it"
                )
            if not part.is_file():
                raise UsageError(f"{path} needs the weights file {entry.value}, which is not there")
            found.add(part)
    return found


def _tensors(proto: Any) -> Iterator[Any]:
    """Every tensor of a model: weights, constants of nodes, those of inner graphs and functions."""
    bodies = [proto.graph, *proto.functions]
    while bodies:
        body = bodies.pop()
        sparse = getattr(body, "sparse_initializer", ())
        yield from getattr(body, "initializer", ())
        for attribute in (one for node in body.node for one in node.attribute):
            yield from (attribute.t, *attribute.tensors)
            sparse = [*sparse, attribute.sparse_tensor, *attribute.sparse_tensors]
            bodies += [attribute.g, *attribute.graphs]
        for tensor in sparse:
            yield from (tensor.values, tensor.indices)


def _digest(part: Path) -> str:
    try:
        return file_sha256(part)
    except OSError as error:
        raise UsageError(f"model file {part} cannot be read: {error.strerror}") from None


def _joined(digests: list[str]) -> str:
    """One digest of several files: SHA-256 over their raw digests, the model file's first."""
    return hashlib.sha256(b"".join(bytes.fromhex(one) for one in digests)).hexdigest()


def _port(value: Any) -> Port:
    import onnx

    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return Port(name=value.name, dtype=kind or "unknown", shape=None)
    tensor = value.type.tensor_type
    known = tensor.elem_type in onnx.TensorProto.DataType.values()
    dtype = onnx.TensorProto.DataType.Name(tensor.elem_type).lower() if known else "unknown"
    if not tensor.HasField("shape"):
        return Port(name=value.name, dtype=dtype, shape=None)
    # Exporters that know no names write 0 or -1 for a dynamic axis.
    shape = tuple(
        dim.dim_value if dim.dim_value > 0 else (dim.dim_param or None) for dim in tensor.shape.dim
    )
    return Port(name=value.name, dtype=dtype, shape=shape)


def _answer(model: Model, graph: Any, outputs: tuple[Port, ...]) -> Answer | None:
    """The answer as declared, else as recognised."""
    names = [port.name for port in outputs]
    if model.output is not None and model.output not in names:
        raise UsageError(
            f"the model has no output '{model.output}': {did_you_mean(model.output, names)}"
        )
    makers = {name: (node, i) for node in graph.node for i, name in enumerate(node.output)}
    constants = {one.name: one for one in graph.initializer}
    chosen = [port for port in outputs if model.output in (None, port.name)]
    found = [answer for port in chosen if (answer := _kind_of(port, makers, constants))]
    if model.output_kind is None:
        order = {"probability": 0, "logit": 1, "label": 2}
        return min(found, key=lambda answer: order[answer.kind], default=None)
    if len(chosen) > 1:
        raise UsageError(f"the model has outputs {', '.join(names)}: say which with model.output=…")
    return Answer(
        output=chosen[0].name,
        kind=model.output_kind,
        how="declared",
        positions=model.output_kind == "label" and any(one.positions for one in found),
    )


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


def _class_labels(graph: Any, answer: Answer) -> tuple[tuple[Any, ...], bool]:
    """The classes the graph itself gives its answer, in column order, and whether as map keys."""
    makers = {name: (node, i) for node in graph.node for i, name in enumerate(node.output)}
    constants = {one.name: one for one in graph.initializer}
    path = [node for node, _ in _upstream(answer.output, makers, constants)]
    for node in path:
        ints = _attribute(node, "classlabels_ints") or _attribute(node, "classlabels_int64s")
        texts = _attribute(node, "classlabels_strings")
        if ints:
            return tuple(int(label) for label in ints), node.op_type == "ZipMap"
        if texts:
            decoded = tuple(label.decode("utf-8", "replace") for label in texts)
            return decoded, node.op_type == "ZipMap"
    # Scikit-learn picks its label out of a constant, at the position of the largest score.
    scores = {name for node in path for name in (*node.output, *node.input)}
    for node in graph.node:
        if node.op_type == "ArrayFeatureExtractor" and node.input[0] in constants:
            picked = makers.get(node.input[1], (None, 0))[0]
            if picked is not None and picked.op_type == "ArgMax" and picked.input[0] in scores:
                return _plain(_values(constants[node.input[0]])), False
    return (), False


def _names_in(text: str | None) -> tuple[Any, ...]:
    """A JSON list of plain labels from the graph's metadata; anything else is not one."""
    try:
        found = json.loads(text) if text else ()
    except (ValueError, RecursionError):
        return ()
    return _plain(found)


def _plain(found: Any) -> tuple[Any, ...]:
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


def _strings_in(text: str | None) -> tuple[str, ...]:
    found = _names_in(text)
    return found if all(isinstance(one, str) for one in found) else ()
