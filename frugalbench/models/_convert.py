"""Weights of another precision: 16-bit floats, or 8-bit integers with scales found as it runs.

The work is done in a child process: the converters are those of ONNX Runtime, which this process
does not load, and they log, warn and leave temporary files where they are let.
"""

import logging
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from frugalbench.errors import MeasurementError, UsageError
from frugalbench.models import _child
from frugalbench.models._order import in_order
from frugalbench.models._weights import bodies, weights
from frugalbench.spec import Precision

__all__ = [
    "convert",
    "import_once",
    "lift_constants",
    "refusal",
    "save",
    "tidy",
    "without_weight",
]

SECONDS = 600.0
MEMORY = 4 * 1024**3
COPIES = 16
"""Times the size of a model that its conversion may take in memory, beside `MEMORY`."""

LARGEST = 1_900_000_000
"""Bytes of a file that holds its own weights: protobuf ends at 2 GiB."""

LEAST = 0.1
"""Share of a model's numbers that must change their type for it to be called converted."""

NOTHING = 3
"""Exit code of the child when fewer did."""

KINDS = {"fp16": ("float16",), "int8": ("int8", "uint8")}
QUANTISED = (
    *("DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul"),
    *("QuantizeLinear", "DynamicQuantizeLSTM", "QGemm"),
)
"""Operators whose scales are 32-bit floats."""

SILENT = {"ORT_DISABLE_TELEMETRY": "1", "ORT_TELEMETRY_DISABLED": "1"}


def convert(path: Path, precision: Precision, folder: Path, seconds: float = SECONDS) -> Path:
    """Write a model with weights of another precision into `folder`; inputs and outputs stay.

    `fp16` computes in 16-bit floats between inputs and outputs of the type they had. `int8` holds
    the weights of MatMul, Gemm, Conv, LSTM and Gather as 8-bit integers, one scale a channel where
    the operator takes one, and scales activations as they come. The same file gives the same bytes.

    Args:
        path: the model file; weights beside it are read too.
        precision: `fp16` or `int8`.
        folder: where to write; not the model's own folder.
        seconds: how long it may take.

    Returns:
        The new file. Weights too large for it lie beside it.

    Raises:
        UsageError: nothing in the model can be converted, or the runtime cannot do it.
        MeasurementError: `folder` cannot be written to.
    """
    target, scratch = folder / "model.onnx", folder / "converting"
    try:
        scratch.mkdir()
    except OSError as error:
        raise MeasurementError(
            f"the converted model cannot be written to {folder}: {error.strerror}; free some space "
            "or set TMPDIR"
        ) from None
    try:
        ended = _child.run(
            __name__,
            [str(path), str(target), precision, str(scratch), str(int(seconds))],
            seconds=seconds,
            # Names are put in sets on the way, whose order is otherwise drawn anew each time.
            environment=SILENT | {"PYTHONHASHSEED": "0", "TMPDIR": str(scratch)},
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if ended.code == NOTHING:
        raise UsageError(
            f"{path} has no weights that {precision} can convert, or too few ({ended.said}); "
            "use model.precision=as_is"
        )
    if ended.code != 0 or not target.is_file():
        how = ended.how.replace(f"{folder}/", "")
        raise UsageError(
            f"{path} could not be converted to {precision} ({how}); "
            "convert it with other tools and use model.precision=as_is"
        )
    return target


def main(arguments: list[str]) -> int:
    """The child: convert one file.

    Returns:
        Its exit code: 0, `NOTHING`, or 1 with the reason on standard error.
    """
    source, target, precision, scratch, seconds = arguments
    os.environ |= SILENT
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    import onnx

    model = onnx.load(source, format="protobuf")
    size, before = _bytes(model), weights(model)
    _child.confine(MEMORY + COPIES * size, int(seconds))
    given = onnx.ModelProto()
    for name in ("metadata_props", "producer_name", "producer_version", "domain", "doc_string"):
        _copy_field(model, given, name)
    import_once(model)
    ports = [(one.name, one.type.tensor_type.elem_type) for one in _ports(model)]
    why = ""
    for convert_to in CONVERTERS[precision]:
        made = convert_to(model, Path(scratch), size)
        after = weights(made)
        gained = sum(after.get(kind, 0) - before.get(kind, 0) for kind in KINDS[precision])
        total = sum(before.values())
        if gained <= 0 or gained < LEAST * total:
            held = any(one.domain == "ai.onnx.ml" for one in model.graph.node)
            kept = "; this graph holds trees or linear models of ai.onnx.ml, which stay as they are"
            sys.stderr.write(f"\n{max(0, gained):,} of {total:,} numbers{kept * held}\n")
            return NOTHING
        if ports != [(one.name, one.type.tensor_type.elem_type) for one in _ports(made)]:
            why = "its inputs or outputs would change"
            continue
        tidy(made, given)
        save(made, Path(target))
        why = refusal(target)
        if not why:
            return 0
        Path(target).unlink()
    sys.stderr.write(f"\n{why}\n")
    return 1


def import_once(model: Any) -> None:
    """Name each operator set once: skl2onnx writes some twice, and the quantiser stops at that."""
    once = {one.domain: _copy(one) for one in model.opset_import}
    del model.opset_import[:]
    model.opset_import.extend(once.values())


def _to_fp16(model: Any, scratch: Path, size: int) -> Any:
    from onnxruntime.transformers import float16

    return float16.convert_float_to_float16(
        model,
        keep_io_types=True,
        # Shapes are inferred on a copy in one piece, which ends at the limit of protobuf.
        disable_shape_infer=size > LARGEST,
        op_block_list=[*float16.DEFAULT_OP_BLOCK_LIST, *QUANTISED],
    )


def _to_int8(model: Any, scratch: Path, size: int, *, signed: bool = True) -> Any:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    made = scratch / "made.onnx"
    lift_constants(model.graph)
    quantize_dynamic(
        model,
        made,
        per_channel=True,
        # 7 bits of the signed ones: on processors without VNNI, pairs of full 8-bit products
        # saturate, and the same file would answer differently from one machine to another.
        reduce_range=signed,
        weight_type=QuantType.QInt8 if signed else QuantType.QUInt8,
        nodes_to_exclude=without_weight(model.graph),
        use_external_data_format=size > LARGEST,
    )
    return onnx.load(str(made), format="protobuf")


def lift_constants(graph: Any) -> None:
    """Make initialisers of constants: the quantiser takes only those for weights."""
    kept = []
    for node in graph.node:
        value = next((one.t for one in node.attribute if one.name == "value"), None)
        if node.op_type == "Constant" and value is not None:
            graph.initializer.add().CopyFrom(value)
            graph.initializer[-1].name = node.output[0]
        else:
            kept.append(_copy(node))
    del graph.node[:]
    graph.node.extend(kept)


def without_weight(graph: Any) -> list[str]:
    """Names of the convolutions whose weight is computed: the quantiser stops at them."""
    weighed, names = {one.name for one in graph.initializer}, []
    for place, node in enumerate(graph.node):
        if node.op_type == "Conv" and node.input[1] not in weighed:
            node.name = node.name or f"convolution {place}"
            names.append(node.name)
    return names


CONVERTERS: dict[str, tuple[Callable[[Any, Path, int], Any], ...]] = {
    "fp16": (_to_fp16,),
    # Some versions of the runtime run convolutions with unsigned weights only.
    "int8": (_to_int8, partial(_to_int8, signed=False)),
}


def _ports(model: Any) -> list[Any]:
    weighed = {one.name for one in model.graph.initializer}
    return [*(one for one in model.graph.input if one.name not in weighed), *model.graph.output]


def _copy_field(source: Any, target: Any, name: str) -> None:
    target.ClearField(name)
    if name == "metadata_props":
        target.metadata_props.extend(source.metadata_props)
    else:
        setattr(target, name, getattr(source, name))


def tidy(made: Any, given: Any) -> None:
    """What the file says of itself as it was, nodes in order, and no shapes of other types."""
    for name in ("metadata_props", "producer_name", "producer_version", "domain", "doc_string"):
        _copy_field(given, made, name)
    for body in bodies(made):
        nodes = in_order(body.node)
        if any(one is not other for one, other in zip(nodes, body.node, strict=True)):
            copies = [_copy(one) for one in nodes]
            del body.node[:]
            body.node.extend(copies)
    del made.graph.value_info[:]


def _copy(node: Any) -> Any:
    copy = type(node)()
    copy.CopyFrom(node)
    return copy


def _bytes(model: Any) -> int:
    """About how much the weights take: eight bytes for a number that is not packed."""
    tensors = [one for body in bodies(model) for one in getattr(body, "initializer", ())]
    lists = ("float_data", "double_data", "int32_data", "int64_data", "uint64_data")
    return sum(
        len(one.raw_data) + 8 * sum(len(getattr(one, name)) for name in lists) for one in tensors
    )


def save(made: Any, target: Path) -> None:
    import onnx

    large = _bytes(made) > LARGEST
    onnx.save(
        made, str(target), save_as_external_data=large, location="weights.bin" if large else None
    )


def refusal(path: str) -> str:
    """Why the runtime would not open a model; nothing when it does."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - its errors have no common base, and this is a child
        return str(error).replace(path, Path(path).name).splitlines()[0]
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
