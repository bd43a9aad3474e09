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
LABEL_MAKERS = {"ArgMax", "ArrayFeatureExtractor", "LabelEncoder"}


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
    digests = [file_sha256(part) for part in parts]
    graph = proto.graph
    weights = {one.name for one in graph.initializer}
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    outputs = tuple(_port(value) for value in graph.output)
    facts = ModelFacts(
        name=model.name or path.stem,
        sha256=digests[0] if len(parts) == 1 else _joined(digests),
        bytes=sum(part.stat().st_size for part in parts),
        inputs=tuple(_port(value) for value in graph.input if value.name not in weights),
        outputs=outputs,
        parameters=sum(math.prod(one.dims) for one in graph.initializer),
        opset=max(
            (one.version for one in proto.opset_import if one.domain in ("", "ai.onnx")),
            default=None,
        ),
        producer=f"{proto.producer_name} {proto.producer_version}".strip(),
        answer=_declared(model, outputs) or _recognised(graph, outputs),
    )
    classes = tuple(model.classes) or _names_in(metadata.get("classes")) or _class_labels(graph)
    return GraphFacts(facts, _strings_in(metadata.get("feature_names")), classes)


def _parse(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        size = path.stat().st_size
        if not path.is_file():
            raise UsageError(f"model {path} is not a file; give the path of an .onnx file")
        if size > MAX_GRAPH_BYTES:
            raise UsageError(f"model {path} is over 2 GiB; store its weights as external data")
        proto = onnx.load(str(path), load_external_data=False)
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
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            if entry.key != "location":
                continue
            part = (folder / entry.value).resolve()
            if not part.is_relative_to(folder):
                raise UsageError(
                    f"{path} keeps weights outside its folder ({entry.value}); refused"
                )
            if not part.is_file():
                raise UsageError(f"{path} needs the weights file {entry.value}, which is not there")
            found.add(part)
    return found


def _joined(digests: list[str]) -> str:
    """One digest of several files: SHA-256 over their raw digests, the model file's first."""
    return hashlib.sha256(b"".join(bytes.fromhex(one) for one in digests)).hexdigest()


def _port(value: Any) -> Port:
    import onnx

    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return Port(name=value.name, dtype=kind or "unknown", shape=None)
    tensor = value.type.tensor_type
    dtype = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    if not tensor.HasField("shape"):
        return Port(name=value.name, dtype=dtype, shape=None)
    shape = tuple(
        dim.dim_value if dim.HasField("dim_value") else (dim.dim_param or None)
        for dim in tensor.shape.dim
    )
    return Port(name=value.name, dtype=dtype, shape=shape)


def _declared(model: Model, outputs: tuple[Port, ...]) -> Answer | None:
    names = [port.name for port in outputs]
    if model.output is not None and model.output not in names:
        raise UsageError(
            f"the model has no output '{model.output}': {did_you_mean(model.output, names)}"
        )
    if model.output_kind is None:
        return None
    if model.output is None and len(names) > 1:
        raise UsageError(f"the model has outputs {', '.join(names)}: say which with model.output=…")
    return Answer(output=model.output or names[0], kind=model.output_kind, how="declared")


def _recognised(graph: Any, outputs: tuple[Port, ...]) -> Answer | None:
    makers = {name: (node, i) for node in graph.node for i, name in enumerate(node.output)}
    found = [answer for port in outputs if (answer := _kind_of(port, makers))]
    order = {"probability": 0, "logit": 1, "label": 2}
    return min(found, key=lambda answer: order[answer.kind], default=None)


def _kind_of(port: Port, makers: dict[str, Any]) -> Answer | None:
    """The answer an output is, judged by the operator that makes it."""
    for node, index in _upstream(port.name, makers):
        op = node.op_type
        if op in PASS_THROUGH:
            continue
        if op in ("Softmax", "ZipMap"):
            return Answer(output=port.name, kind="probability", how=f"made by {op}")
        if op == "Sigmoid" and port.shape and (len(port.shape) == 1 or port.shape[-1] == 1):
            return Answer(output=port.name, kind="probability", how="made by Sigmoid, one column")
        if op == "LogSoftmax":
            return Answer(output=port.name, kind="logit", how="made by LogSoftmax")
        if op in ML_CLASSIFIERS and index == 1 and _normalised(node):
            return Answer(output=port.name, kind="probability", how=f"scores of {op}")
        if (op in ML_CLASSIFIERS and index == 0) or op in LABEL_MAKERS:
            return Answer(output=port.name, kind="label", how=f"labels of {op}")
        return None
    return None


def _upstream(name: str, makers: dict[str, Any]) -> Iterator[tuple[Any, int]]:
    """The node that makes a tensor, then the maker of its first input, and so on."""
    seen: set[str] = set()
    while name in makers and name not in seen:
        seen.add(name)
        node, index = makers[name]
        yield node, index
        name = node.input[0] if node.input else ""


def _normalised(node: Any) -> bool:
    """Whether a classifier's scores are probabilities by its own attributes."""
    if node.op_type == "SVMClassifier":
        return any(one.name == "prob_a" and one.floats for one in node.attribute)
    transform = next((one.s for one in node.attribute if one.name == "post_transform"), b"NONE")
    # A tree ensemble exported from a forest sums class shares without any transform.
    return transform in (b"LOGISTIC", b"SOFTMAX") or (
        node.op_type == "TreeEnsembleClassifier" and transform == b"NONE"
    )


def _class_labels(graph: Any) -> tuple[Any, ...]:
    """The classes an ai.onnx.ml classifier or ZipMap carries, in column order."""
    for node in graph.node:
        for one in node.attribute:
            if one.name in ("classlabels_ints", "classlabels_int64s") and one.ints:
                return tuple(int(label) for label in one.ints)
            if one.name == "classlabels_strings" and one.strings:
                return tuple(label.decode("utf-8", "replace") for label in one.strings)
    return ()


def _names_in(text: str | None) -> tuple[Any, ...]:
    """A JSON list of plain labels from the graph's metadata; anything else is not one."""
    try:
        found = json.loads(text) if text else ()
    except ValueError:
        return ()
    plain = isinstance(found, list) and all(isinstance(one, int | float | str) for one in found)
    return tuple(found) if plain else ()


def _strings_in(text: str | None) -> tuple[str, ...]:
    found = _names_in(text)
    return found if all(isinstance(one, str) for one in found) else ()
