"""The 8-bit twin of a network."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx
from onnxruntime import quantization

from .datasets import Dataset, Floats
from .network import finish

HOW = (
    "dense layers quantised after training with onnxruntime.quantization: static, QDQ, signed "
    "8-bit weights (7 bits used) and activations, calibrated on the whole train split"
)


class Rows(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Training rows, for the calibration of the activations."""

    def __init__(self, x: Floats) -> None:
        self.batches: Iterator[dict[str, Floats]] = iter(
            [{"features": x[start : start + 256]} for start in range(0, len(x), 256)]
        )

    def get_next(self) -> dict[str, Floats] | None:
        """The next batch, or None at the end."""
        return next(self.batches, None)


def to_int8(model: onnx.ModelProto, data: Dataset) -> onnx.ModelProto:
    """Static 8-bit quantisation of the dense layers, calibrated on the train split."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(onnx.shape_inference.infer_shapes(model), source)
        quantization.quantize_static(
            source,
            target,
            Rows(data.train.x),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Gemm"],
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8,
            # 7-bit weights: on processors without VNNI, pairs of full 8-bit products saturate,
            # and the same file would then answer differently from one machine to another.
            reduce_range=True,
            # Scores stay float: 8-bit scores would coarsen the probabilities for no gain.
            extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm"]},
        )
        quantised = onnx.load(target)
    # shape inference by the quantiser leaves hints that no runtime needs
    del quantised.graph.value_info[:]
    return finish(quantised, data)
