"""Make a variant of a model file: in the ORT format, or quantised with calibrated scales.

The work is done in a child process, as every conversion is. 8-bit weights with scales found as the
model runs are made by `_convert`; this module marks them as a variant too.
"""

import json
import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.errors import UsageError
from frugalbench.models import _child
from frugalbench.models._convert import (
    COPIES,
    KINDS,
    LARGEST,
    LEAST,
    MEMORY,
    NOTHING,
    SILENT,
    convert,
    import_once,
    lift_constants,
    refusal,
    save,
    tidy,
    without_weight,
)
from frugalbench.models._variant import KEY
from frugalbench.models._weights import weights

__all__ = ["make"]

Array = npt.NDArray[Any]
SECONDS = 600.0
PORTABLE = ["NchwcTransformer"]
"""Optimisers to leave out: they lay weights out for the processor that converts."""


def make(
    path: Path, how: str, told: str, folder: Path, batches: Sequence[Mapping[str, Array]] = ()
) -> Path:
    """Write a variant of a model into `folder`.

    Args:
        path: an ONNX file.
        how: `ort`, `int8_dynamic` or `int8_static`.
        told: what the variant says of itself, for its metadata.
        folder: an empty one, which is removed by the caller whatever happens.
        batches: what a call is fed, by input; the rows `int8_static` finds its scales on.

    Returns:
        The new file: one, whole.

    Raises:
        UsageError: nothing in the model can be converted, the runtime cannot do it, or the model
            is too large for one file.
    """
    source, target = path, folder / ("made.ort" if how == "ort" else "made.onnx")
    if how == "int8_dynamic":
        source = convert(path, "int8", folder)
    fed = folder / "fed"
    fed.mkdir()
    for number, batch in enumerate(batches):
        # Names of inputs are a stranger's: they stay out of the names of files.
        (fed / f"{number:06}.json").write_text(json.dumps(list(batch)), encoding="utf-8")
        np.savez(fed / f"{number:06}.npz", *batch.values())
    (folder / "told.json").write_text(told, encoding="utf-8")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        ended = _child.run(
            __name__,
            [str(source), str(target), how, str(folder), scratch],
            seconds=SECONDS,
            environment=SILENT | {"PYTHONHASHSEED": "0", "TMPDIR": scratch},
        )
    shutil.rmtree(fed)
    if ended.code == NOTHING:
        raise UsageError(
            f"{path} has no weights that {how} can convert, or too few ({ended.said}); "
            "measure it as it is"
        )
    if ended.code != 0 or not target.is_file():
        how_it_ended = ended.how.replace(f"{folder}/", "")
        raise UsageError(
            f"{path} could not be prepared as {how} ({how_it_ended}); "
            "prepare it with other tools and measure what they make"
        )
    return target


def main(arguments: list[str]) -> int:
    """The child: make one file.

    Returns:
        Its exit code: 0, `NOTHING`, or 1 with the reason on standard error.
    """
    source, target, how, folder, scratch = arguments
    os.environ |= SILENT
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    import onnx

    size = sum(part.stat().st_size for part in (Path(source), *Path(folder, "fed").iterdir()))
    _child.confine(MEMORY + COPIES * size, int(SECONDS))
    model = onnx.load(source, format="protobuf")
    if model.ByteSize() > LARGEST:
        sys.stderr.write("\nit is over 1.9 GB, too large for one file\n")
        return 1
    given = onnx.ModelProto()
    given.CopyFrom(model)
    if how == "int8_static":
        before = weights(model)
        model = _static(model, Path(folder, "fed"), Path(scratch))
        gained = sum(weights(model).get(kind, 0) - before.get(kind, 0) for kind in KINDS["int8"])
        total = sum(before.values())
        if gained <= 0 or gained < LEAST * total:
            sys.stderr.write(f"\n{max(0, gained):,} of {total:,} numbers\n")
            return NOTHING
        tidy(model, given)
    _tell(model, Path(folder, "told.json").read_text(encoding="utf-8"))
    if how == "ort":
        return _to_ort(model, target, Path(scratch))
    save(model, Path(target))
    if why := refusal(target):
        Path(target).unlink()
        sys.stderr.write(f"\n{why}\n")
        return 1
    return 0


def _tell(model: Any, told: str) -> None:
    """Write the entry; that of the parent, if it is a variant itself, gives way."""
    kept = [one for one in model.metadata_props if one.key != KEY]
    entries = [(one.key, one.value) for one in kept] + [(KEY, told)]
    del model.metadata_props[:]
    for key, value in entries:
        model.metadata_props.add(key=key, value=value)


def _to_ort(model: Any, target: str, scratch: Path) -> int:
    """Optimise the graph and write it in the ORT format, for any processor."""
    import onnx
    import onnxruntime

    source = scratch / "told.onnx"
    onnx.save(model, str(source))
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = target
    options.add_session_config_entry("session.save_model_format", "ORT")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(
            str(source),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=PORTABLE,
        )
    except Exception as error:  # noqa: BLE001 - its errors have no common base, and this is a child
        sys.stderr.write(f"\n{str(error).replace(str(source), source.name).splitlines()[0]}\n")
        return 1
    return 0


class _Fed:
    """What the calibration is fed, a file a call."""

    def __init__(self, folder: Path) -> None:
        self._calls = self._each(folder)

    @staticmethod
    def _each(folder: Path) -> Iterator[dict[str, Array]]:
        for file in sorted(folder.glob("*.npz")):
            names = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
            with np.load(file, allow_pickle=False) as held:
                yield {name: held[f"arr_{place}"] for place, name in enumerate(names)}

    def get_next(self) -> dict[str, Array] | None:
        """The inputs of the next call, or None."""
        return next(self._calls, None)


def _static(model: Any, fed: Path, scratch: Path) -> Any:
    """Weights and activations in 8 bits, between pairs that quantise and dequantise (QDQ)."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Reader(_Fed, CalibrationDataReader):  # type: ignore[misc]
        """The same, as the quantiser wants it."""

    import_once(model)
    lift_constants(model.graph)
    made = scratch / "made.onnx"
    quantize_static(
        model,
        str(made),
        Reader(fed),
        per_channel=True,
        # As in the dynamic one: 7 bits of the weights, so that no processor saturates.
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=without_weight(model.graph),
    )
    return onnx.load(str(made), format="protobuf")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
