"""The ORT format: what the runtime itself reads in such a file, in a process of its own.

The file holds a graph that is already optimised, in a format only the runtime knows. It says its
interface and its metadata; operators and weights are not shown.
"""

import logging
import os
import re
import sys
from pathlib import Path
from typing import Any

import msgspec

from frugalbench.errors import UsageError
from frugalbench.models import _child
from frugalbench.record import Port

__all__ = ["Shown", "is_ort", "shown"]

SUFFIX = ".ort"
MARK = b"ORTM"
"""Bytes 4 to 8 of the file: the identifier of its flatbuffer."""
SECONDS = 120.0
MEMORY = 4 * 1024**3
COPIES = 4
SILENT = {"ORT_DISABLE_TELEMETRY": "1", "ORT_TELEMETRY_DISABLED": "1"}


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What the runtime shows of a file."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    producer: str
    metadata: dict[str, str]


def is_ort(path: Path) -> bool:
    """Whether a file is in the ORT format, by its first bytes; what cannot be read is not."""
    try:
        # Opening a named pipe would wait for someone to write to it.
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(8)[4:] == MARK
    except OSError:
        return False


def shown(path: Path) -> Shown:
    """Read the interface and the metadata of a file in the ORT format.

    Raises:
        UsageError: its name does not end in .ort, or the runtime cannot open it.
    """
    if path.suffix != SUFFIX:
        raise UsageError(f"{path} is in the ORT format: rename it to {path.stem}{SUFFIX}")
    ended = _child.run(__name__, [str(path)], seconds=SECONDS, environment=SILENT)
    if ended.code != 0:
        raise UsageError(
            f"{path} cannot be opened by this onnxruntime ({ended.how}); convert the .onnx again "
            "with frugalbench prepare --ort"
        )
    try:
        return msgspec.json.decode(ended.output, type=Shown)
    except msgspec.DecodeError:
        raise UsageError(f"{path} has an interface that cannot be read; export it again") from None


def main(arguments: list[str]) -> int:
    """The child: open one file, and write what it shows to standard output."""
    (path,) = arguments
    os.environ |= SILENT
    logging.disable(logging.CRITICAL)
    import onnxruntime

    _child.confine(MEMORY + COPIES * Path(path).stat().st_size, int(SECONDS))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - its errors have no common base, and this is a child
        sys.stderr.write(f"\n{str(error).replace(path, Path(path).name).splitlines()[0]}\n")
        return 1
    meta = session.get_modelmeta()
    found = Shown(
        inputs=tuple(map(_port, session.get_inputs())),
        outputs=tuple(map(_port, session.get_outputs())),
        producer=meta.producer_name,
        metadata=dict(meta.custom_metadata_map),
    )
    sys.stdout.buffer.write(msgspec.json.encode(found))
    return 0


def _port(one: Any) -> Port:
    """A port with the type in ONNX's words: the runtime writes `tensor(float)`."""
    tensor = re.fullmatch(r"tensor\((\w+)\)", one.type)
    if tensor is None:
        kind = {"seq": "sequence_type", "map": "map_type"}.get(one.type[:3], "unknown")
        return Port(name=one.name, dtype=kind, shape=None)
    shape = tuple(
        dim if isinstance(dim, str) else dim if isinstance(dim, int) and dim > 0 else None
        for dim in one.shape
    )
    return Port(name=one.name, dtype=tensor[1], shape=shape)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
