"""ONNX Runtime, with inputs and outputs bound once so that a call does nothing but the call."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

# Since 1.29 the runtime reports sessions and timings to its maker, from a thread of its own, by
# default. Nothing measured here leaves the machine, and nothing else runs beside the model. The
# variable is read when the library is loaded, and has had two names.
os.environ["ORT_DISABLE_TELEMETRY"] = os.environ["ORT_TELEMETRY_DISABLED"] = "1"

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state

from frugalbench.errors import MeasurementError
from frugalbench.runners._session import Feed, Outputs, as_array
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
DEVICES = {"CUDAExecutionProvider": "cuda", "TensorrtExecutionProvider": "cuda"}


class OrtSession:
    """An open ONNX Runtime session."""

    def __init__(self, session: onnxruntime.InferenceSession, provider: str) -> None:
        """Wrap a session that runs on `provider`."""
        self._session = session
        self._names = [port.name for port in session.get_outputs()]
        self._device = DEVICES.get(provider, "cpu")
        self.provider = provider
        self.bound = False

    def bind(self, feed: Feed) -> Callable[[], object]:
        """A call with inputs and outputs on the device; a plain `run` where binding cannot be.

        Text tensors, sequences and maps cannot be bound.

        Raises:
            MeasurementError: the runtime refuses the inputs.
        """
        try:
            call = self._bind_buffers(feed)
        except BINDING_ERRORS:
            self.bound = False
            self.predict(feed, tuple(self._names))
            return partial(self._session.run, self._names, dict(feed))
        self.bound = True
        return call

    def _bind_buffers(self, feed: Feed) -> Callable[[], object]:
        binding = self._session.io_binding()
        for name, array in feed.items():
            value = onnxruntime.OrtValue.ortvalue_from_numpy(array, self._device, 0)
            binding.bind_ortvalue_input(name, value)
        for name in self._names:
            binding.bind_output(name, self._device)
        self._session.run_with_iobinding(binding)
        # The first run tells the shapes; from then on every run writes into the same buffers.
        for name, output in zip(self._names, binding.get_outputs(), strict=True):
            binding.bind_ortvalue_output(name, output)
        call = partial(self._session.run_with_iobinding, binding)
        call()
        return call

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


def _line(error: Exception) -> str:
    """The first line of a runtime's message, without its prefix."""
    text: Any = str(error).strip().splitlines()
    return text[0].removeprefix("[ONNXRuntimeError] : ")[:300] if text else type(error).__name__
