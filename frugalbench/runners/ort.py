"""ONNX Runtime, with inputs and outputs bound once so that a call does nothing but the call."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

# Since 1.29 the runtime reports sessions and timings to its maker, from a thread of its own, by
# default. Nothing measured here leaves the machine, and nothing else runs beside the model. The
# variable is read when the library is loaded, and has had two names.
os.environ["ORT_DISABLE_TELEMETRY"] = os.environ["ORT_TELEMETRY_DISABLED"] = "1"

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state

from frugalbench.errors import MeasurementError
from frugalbench.runners._session import Bound, Feed, Outputs, as_array
from frugalbench.spec import Model, Target

__all__ = ["OrtSession", "open"]

ORT_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    ValueError,
    *(
        kind
        for kind in vars(onnxruntime_pybind11_state).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ),
)
BINDING_ERRORS: tuple[type[Exception], ...] = (TypeError, *ORT_ERRORS)
TEXT = "tensor(string)"
DEVICES = {"CUDAExecutionProvider": "cuda", "TensorrtExecutionProvider": "cuda"}
LEVELS = {
    "disabled": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


class OrtSession:
    """An open ONNX Runtime session."""

    def __init__(self, session: onnxruntime.InferenceSession, provider: str) -> None:
        """Wrap a session that runs on `provider`."""
        self._session = session
        outputs = session.get_outputs()
        self._names = [port.name for port in outputs]
        self._open_ended = _open_ended(session.get_inputs(), outputs)
        self._has_text = any(port.type == TEXT for port in outputs)
        self._has_maps = not all(port.type.startswith("tensor") for port in outputs)
        self._device = DEVICES.get(provider, "cpu")
        self.provider = provider
        self.bound = False

    def bind(self, feed: Feed) -> Bound:
        """Inputs and outputs on the device; a plain `run` where binding cannot be.

        Text inputs cannot be bound, nor can text outputs beside maps. An output whose shape
        depends on the values has no buffer: the runtime makes it anew in each call.

        Raises:
            MeasurementError: the runtime refuses the inputs.
        """
        self.bound = False
        if self._has_text and self._has_maps:
            return self._plain(feed)
        try:
            bound = self._bind_buffers(feed)
        except BINDING_ERRORS:
            return self._plain(feed)
        self.bound = not self._open_ended
        return bound

    def _plain(self, feed: Feed) -> Bound:
        self.predict(feed, tuple(self._names))
        inputs = dict(feed)

        def read(result: object, names: tuple[str, ...]) -> Outputs:
            assert isinstance(result, list), "a plain run returns the outputs"
            found = dict(zip(self._names, result, strict=True))
            return {name: as_array(found[name]) for name in names}

        return Bound(
            partial(self._session.run, self._names, inputs),
            lambda other: partial(inputs.update, other),
            read,
        )

    def _bind_buffers(self, feed: Feed) -> Bound:
        binding = self._session.io_binding()
        # On the processor a value shares the array's memory: writing there is writing the input.
        arrays = {name: np.array(array, order="C") for name, array in feed.items()}
        values = {
            name: onnxruntime.OrtValue.ortvalue_from_numpy(array, self._device, 0)
            for name, array in arrays.items()
        }
        for name, value in values.items():
            binding.bind_ortvalue_input(name, value)
        for name in self._names:
            binding.bind_output(name, self._device)
        self._session.run_with_iobinding(binding)
        # The first run tells the shapes; from then on every run writes into the same buffers.
        for name, output in zip(self._names, binding.get_outputs(), strict=True):
            binding.bind_ortvalue_output(name, output)

        def read(result: object, names: tuple[str, ...]) -> Outputs:
            if self._has_text:
                # `copy_outputs_to_cpu` crashes on text.
                outputs = [value.numpy() for value in binding.get_outputs()]
            else:
                outputs = binding.copy_outputs_to_cpu()
            # On the processor these arrays are views of buffers that the next run overwrites.
            found = dict(zip(self._names, outputs, strict=True))
            return {name: as_array(found[name]).copy() for name in names}

        def writer(other: Feed) -> Callable[[], object]:
            writes: list[Callable[[], object]]
            if self._device == "cpu":
                writes = [_copy(arrays[name], other[name]) for name in arrays]
            else:
                writes = [partial(values[name].update_inplace, other[name]) for name in arrays]
            # A buffer of the last answer's shape would be refused.
            writes += [
                partial(binding.bind_output, name, self._device) for name in self._open_ended
            ]
            return writes[0] if len(writes) == 1 else partial(_each, writes)

        return Bound(partial(self._session.run_with_iobinding, binding), writer, read)

    def predict(self, feed: Feed, outputs: tuple[str, ...]) -> Outputs:
        """Run once and return the named outputs as arrays.

        Raises:
            MeasurementError: the runtime refuses the inputs.
        """
        try:
            # An empty list would mean every output.
            answers = self._session.run(list(outputs) or None, dict(feed))
        except ORT_ERRORS as error:
            raise MeasurementError(f"the model cannot run on its inputs: {_line(error)}") from None
        return {
            name: as_array(value) for name, value in zip(outputs, answers, strict=bool(outputs))
        }


def open(model: Model, target: Target) -> OrtSession:
    """Open an ONNX file on exactly the provider asked for.

    Raises:
        MeasurementError: the provider is not installed, or the runtime refuses the model.
    """
    installed = onnxruntime.get_available_providers()
    if target.provider not in installed:
        raise MeasurementError(
            f"this onnxruntime has no {target.provider}; it has {', '.join(installed)}: "
            "choose one with target.provider=… or install the matching package"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = target.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = LEVELS[target.optimisation]
    options.add_session_config_entry(
        "session.intra_op.allow_spinning", "1" if target.spinning else "0"
    )
    try:
        session = onnxruntime.InferenceSession(model.path, options, providers=[target.provider])
    except MemoryError:
        raise
    except ORT_ERRORS as error:
        raise MeasurementError(f"onnxruntime cannot open the model: {_line(error)}") from None
    used = session.get_providers()[0]
    if used != target.provider:
        raise MeasurementError(f"{target.provider} did not start; onnxruntime fell back to {used}")
    return OrtSession(session, used)


def _open_ended(inputs: Sequence[Any], outputs: Sequence[Any]) -> tuple[str, ...]:
    """The tensors among the outputs whose shape the inputs' shapes may not decide.

    A size is decided where it is a number, or named after an input's axis; the first axis of an
    output without names is taken for the batch.
    """
    named = {size for port in inputs for size in port.shape if isinstance(size, str)}
    unnamed_batch = any(port.shape and port.shape[0] is None for port in inputs)

    def decided(axis: int, size: object) -> bool:
        if size is None:
            return axis == 0 and unnamed_batch
        return isinstance(size, int) or size in named

    return tuple(
        port.name
        for port in outputs
        # No axes at all may also be an unknown number of them.
        if port.type.startswith("tensor")
        and not (port.shape and all(decided(*one) for one in enumerate(port.shape)))
    )


def _copy(into: npt.NDArray[Any], array: npt.NDArray[Any]) -> Callable[[], object]:
    """Write an array over another one, byte by byte: four times quicker than `copyto`."""
    # `ascontiguousarray` would make a row of a scalar.
    source = np.asarray(array, into.dtype, order="C")
    if source.shape != into.shape:
        raise ValueError(f"an input of shape {source.shape} has no place in one of {into.shape}")
    return partial(_bytes(into).__setitem__, slice(None), _bytes(source))


def _bytes(array: npt.NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _each(calls: Sequence[Callable[[], object]]) -> None:
    for call in calls:
        call()


def _line(error: Exception) -> str:
    """The first line of a runtime's message, without its prefix."""
    text: Any = str(error).strip().splitlines()
    return text[0].removeprefix("[ONNXRuntimeError] : ")[:300] if text else type(error).__name__
