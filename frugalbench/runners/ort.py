"""ONNX Runtime, with inputs and outputs bound once so that a call does nothing but the call.

One file for all its execution providers. Inputs and outputs are bound on the GPU where the provider
computes on one: copies to it and from it are made by `writer` and `read`, outside a call. With CUDA
graphs a binding is captured under a number of its own, and whatever is not bound runs uncaptured.
"""

import contextlib
import io
import os
import re
from collections.abc import Callable
from functools import partial
from itertools import count

# Since 1.29 the runtime reports sessions and timings to its maker, from a thread of its own, by
# default. Nothing measured here leaves the machine, and nothing else runs beside the model. The
# variable is read when the library is loaded, and has had two names.
os.environ["ORT_DISABLE_TELEMETRY"] = os.environ["ORT_TELEMETRY_DISABLED"] = "1"

import numpy as np
import onnxruntime

if not hasattr(onnxruntime, "InferenceSession"):
    raise ImportError(
        "onnxruntime is there in part only, as after one of its packages was uninstalled beside "
        "another; frugalbench doctor says how to install it anew"
    )
from onnxruntime.capi import onnxruntime_pybind11_state

from frugalbench.errors import MeasurementError
from frugalbench.record import Placed
from frugalbench.runners import _providers
from frugalbench.runners._buffers import copy, each, open_ended, send
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
PLACEMENT = "session.record_ep_graph_assignment_info"
NO_FALLBACK = "session.disable_cpu_ep_fallback"
PLACE = re.compile(r"^/\S+\.\w+:\d+ .*?\) (?=\S)")
GRAPH_NUMBER = "gpu_graph_id"
UNCAPTURED = -1
LEVELS = {
    "disabled": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


class OrtSession:
    """An open ONNX Runtime session.

    `placement` is which provider runs which nodes, `provider_options` those in force, and `notes`
    what must be known of both.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        target: Target,
        placement: tuple[Placed, ...] = (),
        provider_options: dict[str, str] | None = None,
    ) -> None:
        """Wrap a session that runs on the provider of `target`."""
        self._session = session
        outputs = session.get_outputs()
        self._names = [port.name for port in outputs]
        self._open_ended = open_ended(session.get_inputs(), outputs)
        self._has_text = any(port.type == TEXT for port in outputs)
        self._has_maps = not all(port.type.startswith("tensor") for port in outputs)
        self._device = _providers.device_of(target)
        self._graphs = count() if target.cuda_graph else None
        # The runtime would capture a run like this one too, with buffers that are gone after it.
        self._uncaptured = _numbered(UNCAPTURED) if target.cuda_graph else None
        self.provider = target.provider
        self.placement, self.provider_options = placement, provider_options or {}
        self.notes = _providers.told(target, placement)
        self.bound = False

    def bind(self, feed: Feed) -> Bound:
        """Inputs and outputs on the device; a plain `run` where binding cannot be.

        Text inputs cannot be bound, nor can text outputs beside maps. An output whose shape
        depends on the values has no buffer: the runtime makes it anew in each call.

        Raises:
            MeasurementError: the runtime refuses the inputs, or cannot capture the call.
        """
        self.bound = False
        if self._graphs is not None and (self._has_text or self._has_maps or self._open_ended):
            raise MeasurementError(
                "a CUDA graph needs outputs in buffers that stay: this model gives text, maps, or "
                "outputs whose shape depends on the values; leave target.cuda_graph out"
            )
        if self._has_text and self._has_maps:
            return self._plain(feed)
        try:
            bound = self._bind_buffers(feed)
        except BINDING_ERRORS as error:
            if self._graphs is not None:
                raise MeasurementError(
                    f"the call cannot be captured: {_line(error)}; leave target.cuda_graph out"
                ) from None
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
            partial(self._session.run, self._names, inputs, self._uncaptured),
            lambda other: partial(inputs.update, other),
            read,
        )

    def _bind_buffers(self, feed: Feed) -> Bound:
        binding = self._session.io_binding()
        # On the processor a value shares the array's memory: writing there is writing the input.
        arrays = {name: np.array(array, order="C") for name, array in feed.items()}
        kind, number = self._device.kind, self._device.number
        values = {
            name: onnxruntime.OrtValue.ortvalue_from_numpy(array, kind, number)
            for name, array in arrays.items()
        }
        for name, value in values.items():
            binding.bind_ortvalue_input(name, value)
        for name in self._names:
            binding.bind_output(name, kind, number)
        self._session.run_with_iobinding(binding, self._uncaptured)
        binding.synchronize_outputs()
        # The first run tells the shapes; from then on every run writes into the same buffers.
        for name, output in zip(self._names, binding.get_outputs(), strict=True):
            binding.bind_ortvalue_output(name, output)
        run = self._call(binding)

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
            if self._device.is_cpu:
                writes = [copy(arrays[name], other[name]) for name in arrays]
            else:
                writes = [send(values[name], arrays[name], other[name]) for name in arrays]
            if not self._device.waits:
                writes.append(binding.synchronize_inputs)
            # A buffer of the last answer's shape would be refused.
            writes += [
                partial(binding.bind_output, name, kind, number) for name in self._open_ended
            ]
            return writes[0] if len(writes) == 1 else partial(each, writes)

        return Bound(run, writer, read)

    def _call(self, binding: onnxruntime.IOBinding) -> Callable[[], object]:
        """The call of a binding, which returns when its outputs are there."""
        run = partial(self._session.run_with_iobinding, binding)
        if self._graphs is not None:
            run = partial(run, _numbered(next(self._graphs)))
            run()
        if self._device.waits:
            return run

        def wait() -> None:
            run()
            binding.synchronize_outputs()

        return wait

    def predict(self, feed: Feed, outputs: tuple[str, ...]) -> Outputs:
        """Run once and return the named outputs as arrays.

        Raises:
            MeasurementError: the runtime refuses the inputs.
        """
        try:
            # An empty list would mean every output.
            answers = self._session.run(list(outputs) or None, dict(feed), self._uncaptured)
        except ORT_ERRORS as error:
            raise MeasurementError(f"the model cannot run on its inputs: {_line(error)}") from None
        return {
            name: as_array(value) for name, value in zip(outputs, answers, strict=bool(outputs))
        }


def open(model: Model, target: Target) -> OrtSession:
    """Open an ONNX file on exactly the provider asked for.

    Raises:
        UsageError: an option that the provider cannot have.
        MeasurementError: the provider is not installed or does not start, the runtime refuses the
            model or an option, no node runs on the provider, or nodes land on the processor and
            `target.strict` is on.
    """
    installed = onnxruntime.get_available_providers()
    if target.provider not in installed:
        package = _providers.wheel(target.provider) or "the matching package"
        raise MeasurementError(
            f"this onnxruntime has no {target.provider}; it has {', '.join(installed)}: "
            f"choose one with target.provider=… or install {package} in place of it (docs/gpu.md)"
        )
    if _providers.is_nvidia(target.provider) and hasattr(onnxruntime, "preload_dlls"):
        # CUDA and cuDNN as pip installs them are on no path of the system's; what is not there is
        # printed, and said again below where it matters.
        with contextlib.redirect_stdout(io.StringIO()):
            onnxruntime.preload_dlls()
    chain = _providers.ask_for(target, installed)
    strict = target.strict and target.provider != _providers.CPU
    try:
        session = _start(model, target, chain, strict=strict)
    except MemoryError:
        raise
    except ORT_ERRORS as error:
        if not (strict and "fallback to CPU EP" in str(error)):
            raise MeasurementError(f"onnxruntime cannot open the model: {_line(error)}") from None
        # Without the rule the runtime opens it, and says which nodes they are.
        session = _again(model, target, chain, error)
    used = session.get_providers()[0]
    if used != target.provider:
        raise MeasurementError(
            f"{target.provider} did not start; onnxruntime fell back to {used}: its libraries or "
            "its device are missing (docs/gpu.md says what each provider needs)"
        )
    placement = _placement(session) if target.provider != _providers.CPU else ()
    if placement and used not in {one.provider for one in placement}:
        raise MeasurementError(
            f"{used} takes no node of this model, or its device is missing: choose another "
            "target.provider"
        )
    if strict and (landed := _providers.on_cpu(placement)):
        raise MeasurementError(
            f"{landed}, not on {target.provider}: choose a model or precision that it can run "
            "whole, or allow them with target.strict=false"
        )
    options = session.get_provider_options().get(used, {})
    return OrtSession(session, target, placement, _providers.in_force(chain[0][1], options))


def _start(
    model: Model, target: Target, chain: list[tuple[str, dict[str, str]]], *, strict: bool
) -> onnxruntime.InferenceSession:
    """Open a session; a strict one is refused where a node is left to the processor."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = target.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = LEVELS[target.optimisation]
    spinning = "1" if target.spinning else "0"
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    if target.provider != _providers.CPU:
        options.add_session_config_entry(PLACEMENT, "1")
        # Of Windows' provider alone, which says that it needs it.
        options.enable_mem_pattern = not target.provider.startswith("Dml")
    if strict:
        options.add_session_config_entry(NO_FALLBACK, "1")
    # The runtime would print that it failed, and try again on the processor.
    return onnxruntime.InferenceSession(model.path, options, providers=chain, enable_fallback=0)


def _again(
    model: Model, target: Target, chain: list[tuple[str, dict[str, str]]], refusal: Exception
) -> onnxruntime.InferenceSession:
    """The session that was refused because of nodes on the processor, to see which they are.

    Raises:
        MeasurementError: it cannot be opened so either, or does not say.
    """
    try:
        session = _start(model, target, chain, strict=False)
    except ORT_ERRORS:
        session = None
    started = session is not None and session.get_providers()[0] == target.provider
    if session is None or (started and not _providers.on_cpu(_placement(session))):
        raise MeasurementError(
            f"nodes would run on the CPU, not on {target.provider} ({_line(refusal)}): allow them "
            "with target.strict=false"
        ) from None
    return session


def _placement(session: onnxruntime.InferenceSession) -> tuple[Placed, ...]:
    """Which provider runs which nodes; nothing where the runtime is too old to say it."""
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return ()
    try:
        return _providers.placed(session.get_provider_graph_assignment_info())
    except ORT_ERRORS:
        return ()


def _numbered(graph: int) -> onnxruntime.RunOptions:
    """Options of a run that captures a CUDA graph under a number, and replays it from then on."""
    options = onnxruntime.RunOptions()
    options.add_run_config_entry(GRAPH_NUMBER, str(graph))
    return options


def _line(error: Exception) -> str:
    """The first line of a runtime's message, without its prefix or its place in the sources."""
    text = str(error).strip().splitlines()
    if not text:
        return type(error).__name__
    return PLACE.sub("", text[0].removeprefix("[ONNXRuntimeError] : "))[:300]
