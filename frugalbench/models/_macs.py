"""Multiply-adds of one inference, counted on the graph: nothing is run.

What is counted, and what is not, is said in `_operators`. Shapes are inferred by ONNX on a copy
without weights. A graph of the plainest operators is inferred here; any other one in a child
process that may take `SECONDS` and `MEMORY`, because damaged attributes make ONNX end its process
and some graphs make it fill all memory.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from frugalbench.models import _child
from frugalbench.models._fold import fold
from frugalbench.models._order import inner_graphs
from frugalbench.models._slim import Slim, TooLargeError, slim
from frugalbench.models._tally import TOO_MANY, Work, tally

__all__ = ["count"]

PLAIN_NODES = 2000
PLAIN_AXES = 8
ROUNDS = 16
SECONDS = 20
MEMORY = 2 * 1024**3
PLAIN = {
    *(("", op) for op in ("Add", "Cast", "Clip", "Constant", "DequantizeLinear", "Div", "Gemm")),
    *(("", op) for op in ("Identity", "LogSoftmax", "MatMul", "Mul", "QuantizeLinear", "Relu")),
    *(("", op) for op in ("Sigmoid", "Softmax", "Sub", "Tanh")),
    *(("ai.onnx.ml", op) for op in ("LinearRegressor", "Normalizer", "Scaler", "ZipMap")),
}


def count(proto: Any, dims: Mapping[str, int], batch: int = 1) -> tuple[int | None, str]:
    """Multiply-adds of one inference (1 multiply-add = 2 FLOPs), and what to know about the number.

    Args:
        proto: the model, which is not changed.
        dims: sizes of dynamic axes by name; one without a size counts as 1.
        batch: samples in a call where the first axis is dynamic. Where the graph fixes one batch
            for all its inputs, that one holds. The count is for one sample.

    Returns:
        The number, or None where there is none, and a note, which may be empty. A note that begins
        with "at least" says that the number is a lower bound.
    """
    from google.protobuf.message import Error

    try:
        copy = slim(proto, dims, batch)
    except (TooLargeError, RecursionError):
        return None, "the graph is too large, or calls itself, so its products were not counted"
    except (ValueError, TypeError, MemoryError, Error):
        return None, "the graph holds names or numbers that cannot be copied"
    work = _infer_and_tally(copy.proto) if _plain(copy) else _in_child(copy.proto)
    return _told(work, copy)


def _told(work: Work, copy: Slim) -> tuple[int | None, str]:
    missing = " and ".join(work.left_out)
    if work.failure or (missing and not work.macs):
        return None, work.failure or f"{missing} could not be counted"
    if work.macs >= TOO_MANY:
        return None, "the count is larger than any number that can be kept"
    notes = [f"at least: {missing} are not counted"] if missing else []
    macs, uneven = work.macs, work.macs % copy.samples
    if uneven:
        notes.append(f"of a call of {copy.samples} samples, which do not share it evenly")
    else:
        macs //= copy.samples
        notes += [f"for one of the {copy.samples} samples of a call"] if copy.fixed else []
    notes += work.notes
    if copy.unsized:
        notes.append(f"{copy.unsized} axes without a size count as 1 (model.dims gives sizes)")
    return macs, "; ".join(notes)


def _plain(copy: Slim) -> bool:
    """Whether the graph holds only operators whose shapes are safe to infer in this process."""
    graph = copy.proto.graph
    widest = [len(one.type.tensor_type.shape.dim) for one in graph.input]
    widest += [len(one.dims) for one in graph.initializer]
    return (
        not copy.functions
        and len(graph.node) <= PLAIN_NODES
        and max(widest, default=0) <= PLAIN_AXES
        and all((one.domain, one.op_type) in PLAIN for one in graph.node)
        and not any(inner_graphs(one) for one in graph.node)
    )


def _in_child(proto: Any) -> Work:
    ended = _child.run(__name__, given=proto.SerializeToString(), seconds=SECONDS)
    try:
        found = json.loads(ended.output) if ended.code == 0 else None
        if found is not None:
            return Work(**(found | {"foreign": set(found["foreign"])}))
    except (ValueError, TypeError, KeyError):
        pass
    return Work(failure=f"the shapes in the graph could not be inferred: {ended.how}")


def _infer_and_tally(proto: Any) -> Work:
    """Infer every shape, then add up."""
    from google.protobuf.message import DecodeError, EncodeError
    from onnx import checker, inliner, shape_inference

    problems = (
        *(shape_inference.InferenceError, checker.ValidationError, DecodeError, EncodeError),
        *(ValueError, RuntimeError, TypeError, IndexError, MemoryError),
    )
    try:
        if proto.functions:
            proto = inliner.inline_local_functions(proto)
        for _ in range(ROUNDS):
            proto = shape_inference.infer_shapes(proto, strict_mode=False, data_prop=True)
            if not fold(proto.graph, {}):
                break
    except problems as error:
        words = "".join(one for one in str(error)[:200] if one.isprintable())
        return Work(failure=f"the shapes in the graph could not be inferred: {words}")
    return tally(proto.graph, {})


def main() -> int:
    """The child: read a copy on standard input, write its work on standard output."""
    from google.protobuf.message import DecodeError
    from onnx import ModelProto

    _child.confine(MEMORY, SECONDS)
    try:
        work = _infer_and_tally(ModelProto.FromString(sys.stdin.buffer.read()))
    except (DecodeError, RecursionError) as error:
        work = Work(failure=f"the shapes in the graph could not be inferred: {error}")
    sys.stdout.write(json.dumps(asdict(work) | {"foreign": sorted(work.foreign)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
