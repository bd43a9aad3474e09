"""Open a model file as data: digest, size, interface, and which output is its answer.

The graph is parsed, never run, and the weights stored beside it are located, never loaded: this
is what the parent process does before it hands the model to a worker. How an output is read
(labels, probabilities, logits) is declared, or recognised from the operator that makes it; it is
never guessed from a name or a shape alone. A torch model has no graph to parse: a child process
builds it and says what it is.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from frugalbench.errors import UsageError
from frugalbench.models._answers import (
    answer_of,
    class_labels,
    declared_answer,
    plain_labels,
)
from frugalbench.models._convert import convert
from frugalbench.models._macs import count
from frugalbench.models._ort import is_ort, shown
from frugalbench.models._prepare import make
from frugalbench.models._torch import (
    SUFFIXES,
    Compared,
    as_file,
    check,
    export,
    is_torch,
    look,
    target_for,
)
from frugalbench.models._variant import read, tell, told_answer
from frugalbench.models._weights import weights
from frugalbench.record import ModelFacts, Port
from frugalbench.spec import Model

__all__ = [
    "Compared",
    "GraphFacts",
    "as_file",
    "check",
    "converted",
    "export",
    "file_sha256",
    "inspect",
    "is_ort",
    "make",
    "parts",
    "target_for",
    "tell",
]

MAX_GRAPH_BYTES = 2 * 1024**3
"""The limit of the protobuf format itself."""


NO_OPERATORS = "the ORT format does not show its operators"


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


def parts(path: Path) -> dict[str, str]:
    """SHA-256 of each file of a model by its path in the model's folder; the model file's first.

    Raises:
        UsageError: as `inspect`.
    """
    torch = path.suffix.lower() in SUFFIXES and path.is_file()
    if torch or is_ort(path):
        return {path.name: _digest(path)}
    folder = path.parent.resolve()
    beside = sorted(_external_files(_parse(path), path))
    weights_of = {part.relative_to(folder).as_posix(): _digest(part) for part in beside}
    return {path.name: _digest(path)} | weights_of


def inspect(model: Model) -> GraphFacts:
    """Read the facts of a model file, ONNX or ORT format.

    Raises:
        UsageError: the file is absent, is neither, points outside its own folder, or a declared
            output does not exist; or a torch model cannot be built and run.
    """
    check(model)
    path = Path(model.path)
    if is_torch(model):
        return _built(model, path)
    if is_ort(path):
        return _inspect_ort(model, path)
    proto = _parse(path)
    parts = [path, *sorted(_external_files(proto, path))]
    digests = [_digest(part) for part in parts]
    graph = proto.graph
    initialised = {one.name for one in graph.initializer}
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    taken = tuple(_port(value) for value in graph.input if value.name not in initialised)
    if not taken:
        raise UsageError(f"{path} takes no input, so there is nothing to measure it on")
    outputs = tuple(_port(value) for value in graph.output)
    try:
        held = weights(proto)
    except ValueError:
        raise UsageError(
            f"{path} declares weights of an impossible size; export the model again"
        ) from None
    macs, macs_note = count(proto, model.dims)
    told = read(metadata)
    # Quantised, a graph may end in other operators than the ones that say what its answer is.
    answer = told_answer(model, told, outputs) or answer_of(model, graph, outputs)
    facts = ModelFacts(
        name=model.name or path.stem,
        sha256=digests[0] if len(parts) == 1 else _joined(digests),
        bytes=sum(part.stat().st_size for part in parts),
        inputs=taken,
        outputs=outputs,
        parameters=sum(held.values()),
        opset=max(
            (one.version for one in proto.opset_import if one.domain in ("", "ai.onnx")),
            default=None,
        ),
        producer=f"{proto.producer_name} {proto.producer_version}".strip(),
        answer=answer,
        macs=macs,
        macs_note=macs_note,
        weights=held,
        variant=told.variant if told else None,
    )
    in_graph, from_map = class_labels(graph, answer) if answer else ((), False)
    classes = tuple(model.classes) or _names_in(metadata.get("classes")) or in_graph
    if from_map and set(classes) == set(in_graph):
        # The runtime hands maps over in the order of their keys, whatever the graph's order.
        classes = tuple(sorted(in_graph))
    return GraphFacts(facts, _strings_in(metadata.get("feature_names")), classes)


def _inspect_ort(model: Model, path: Path) -> GraphFacts:
    """The facts of a file in the ORT format: its interface, and what a prepared one kept."""
    seen = shown(path)
    if not seen.inputs:
        raise UsageError(f"{path} takes no input, so there is nothing to measure it on")
    told = read(seen.metadata)
    answer = told_answer(model, told, seen.outputs) or declared_answer(model, seen.outputs)
    facts = ModelFacts(
        name=model.name or path.stem,
        sha256=_digest(path),
        bytes=path.stat().st_size,
        inputs=seen.inputs,
        outputs=seen.outputs,
        parameters=told.parameters if told else None,
        opset=told.opset if told else None,
        producer=seen.producer,
        answer=answer,
        macs=told.macs if told else None,
        macs_note=told.macs_note if told else NO_OPERATORS,
        weights=told.weights if told else {},
        variant=told.variant if told else None,
    )
    kept = (told.classes, told.features) if told else ((), ())
    classes = tuple(model.classes) or _names_in(seen.metadata.get("classes")) or kept[0]
    return GraphFacts(facts, _strings_in(seen.metadata.get("feature_names")) or kept[1], classes)


def converted(model: Model, folder: Path) -> tuple[Model, GraphFacts]:
    """The model in the precision it asks for, written into `folder`, and its facts.

    Its name gets the precision as a suffix, and its facts keep the digest of the file that was
    given. How its answer is read does not change with the precision of its weights. A model that
    is measured as it is comes back as it is; the weights of a torch model are converted where it
    is opened, and no file is written.

    Raises:
        UsageError: what `inspect` raises, or nothing in the model can be converted.
    """
    graph = inspect(model)
    if model.precision == "as_is" or is_torch(model):
        return model, graph
    if is_ort(Path(model.path)):
        raise UsageError(
            f"{model.path} is in the ORT format, whose weights stay as they are: give the .onnx "
            "file, or use model.precision=as_is"
        )
    made = msgspec.structs.replace(
        model,
        path=str(convert(Path(model.path), model.precision, folder)),
        name=f"{graph.facts.name}-{model.precision}",
    )
    facts = msgspec.structs.replace(
        inspect(made).facts, answer=graph.facts.answer, converted_from=graph.facts.sha256
    )
    return made, GraphFacts(facts, graph.features, graph.classes)


def _built(model: Model, path: Path) -> GraphFacts:
    """The facts of a torch model; columns are named by its user, and so are classes."""
    digest, size = None, 0
    if model.path:
        if not path.is_file():
            raise UsageError(f"there is no model file {path}; check model=…")
        digest, size = _digest(path), path.stat().st_size
    return GraphFacts(look(model, digest, size), (), tuple(model.classes))


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


def _names_in(text: str | None) -> tuple[Any, ...]:
    """A JSON list of plain labels from the graph's metadata; anything else is not one."""
    try:
        found = json.loads(text) if text else ()
    except (ValueError, RecursionError):
        return ()
    return plain_labels(found)


def _strings_in(text: str | None) -> tuple[str, ...]:
    found = _names_in(text)
    return found if all(isinstance(one, str) for one in found) else ()
