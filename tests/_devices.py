"""A runtime with a GPU that is none: its provider computes on the processor, and says otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest

from frugalbench.runners import ort

__all__ = ["CUDA", "TENSORRT", "Pretended", "pretend"]

CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
REFUSAL = (
    "[ONNXRuntimeError] : 1 : FAIL : This session contains graph nodes that are assigned to the "
    "default CPU EP, but fallback to CPU EP has been explicitly disabled by the user."
)
CPU = "CPUExecutionProvider"
Node = tuple[str, str, str]
"""Provider, domain and operator."""


@dataclass
class Pretended:
    """What the runtime has and says, and what was asked of it, in order."""

    installed: tuple[str, ...] = (CUDA, CPU)
    nodes: Sequence[Node] = ((CUDA, "", "Gemm"), (CUDA, "", "Softmax"))
    starts: bool = True
    tells: bool = True
    in_force: dict[str, str] = field(default_factory=dict)
    refuses: str = ""
    binds: bool = True
    opened: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    @property
    def on_cpu(self) -> bool:
        return not self.starts or any(one[0] == CPU for one in self.nodes)


def pretend(monkeypatch: pytest.MonkeyPatch, **words: Any) -> Pretended:
    """Put the pretended runtime in place of the real one."""
    told = Pretended(**words)
    pieces = {
        "get_available_providers": lambda: list(told.installed),
        "InferenceSession": lambda *given, **more: Session(told, *given, **more),
        "OrtValue": Values(told),
        "RunOptions": lambda: Options(),
        "preload_dlls": lambda: told.calls.append("preload"),
        "SessionOptions": onnxruntime.SessionOptions,
        "GraphOptimizationLevel": onnxruntime.GraphOptimizationLevel,
    }
    monkeypatch.setattr(ort, "onnxruntime", SimpleNamespace(**pieces))
    return told


class Options:
    """Options of a run."""

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}

    def add_run_config_entry(self, key: str, value: str) -> None:
        self.entries[key] = value


class Session:
    """A session that runs on the processor and says that it runs elsewhere."""

    def __init__(
        self,
        told: Pretended,
        path: str,
        options: Any,
        *,
        providers: list[tuple[str, dict[str, str]]],
        enable_fallback: int,
    ) -> None:
        assert not enable_fallback, "the runtime's own fallback prints, and goes on elsewhere"
        entry = options.get_session_config_entry
        strict = _has(entry, "session.disable_cpu_ep_fallback")
        told.opened.append({"providers": providers, "strict": strict, "entry": entry})
        if told.refuses:
            raise RuntimeError(told.refuses)
        if strict and told.on_cpu:
            raise RuntimeError(REFUSAL)
        self._told, self._asked = told, providers
        plain = onnxruntime.SessionOptions()
        self._real = onnxruntime.InferenceSession(path, plain, providers=[CPU])
        self.get_inputs, self.get_outputs = self._real.get_inputs, self._real.get_outputs
        if told.tells:
            self.get_provider_graph_assignment_info = self._assigned

    def get_providers(self) -> list[str]:
        return [*(name for name, _ in self._asked if self._told.starts), CPU]

    def get_provider_options(self) -> dict[str, dict[str, str]]:
        return {name: {**self._told.in_force, **given} for name, given in self._asked}

    def _assigned(self) -> list[Any]:
        return [_part(*one) for one in self._told.nodes]

    def run(self, names: Any, feed: Any, options: Options | None = None) -> Any:
        self._told.calls.append(f"plain{_number(options)}")
        return self._real.run(names, feed)

    def io_binding(self) -> "Binding":
        return Binding(self._told, self._real.io_binding())

    def run_with_iobinding(self, binding: "Binding", options: Options | None = None) -> None:
        self._told.calls.append(f"run{_number(options)}")
        self._real.run_with_iobinding(binding.real)


def _part(provider: str, domain: str, op: str) -> Any:
    """A part of a graph with one node in it."""
    nodes = [SimpleNamespace(domain=domain, op_type=op)]
    return SimpleNamespace(ep_name=provider, get_nodes=lambda: nodes)


def _has(entry: Any, key: str) -> bool:
    try:
        return bool(entry(key) == "1")
    except RuntimeError:
        return False


def _number(options: Options | None) -> str:
    return "" if options is None else f" {options.entries['gpu_graph_id']}"


class Values:
    """Values on a device: copies, as those of a GPU are."""

    def __init__(self, told: Pretended) -> None:
        self._told = told

    def ortvalue_from_numpy(self, array: Any, kind: str, number: int) -> Any:
        if not self._told.binds:
            raise RuntimeError("no such device")
        self._told.calls.append(f"to {kind}:{number}")
        return Value(self._told, np.array(array))


class Value:
    """One of them."""

    def __init__(self, told: Pretended, array: Any) -> None:
        self._told = told
        self.real = onnxruntime.OrtValue.ortvalue_from_numpy(array)

    def update_inplace(self, array: Any) -> None:
        # The real one copies as many bytes as there are, whatever they mean.
        assert array.flags["C_CONTIGUOUS"]
        self._told.calls.append("write")
        self.real.update_inplace(array)


class Binding:
    """A binding whose buffers are the processor's."""

    def __init__(self, told: Pretended, real: Any) -> None:
        self._told, self.real = told, real

    def bind_ortvalue_input(self, name: str, value: Value) -> None:
        self.real.bind_ortvalue_input(name, value.real)

    def bind_output(self, name: str, kind: str, number: int) -> None:
        self._told.calls.append(f"output {kind}:{number}")
        self.real.bind_output(name, "cpu", 0)

    def bind_ortvalue_output(self, name: str, value: Any) -> None:
        self.real.bind_ortvalue_output(name, value)

    def get_outputs(self) -> Any:
        return self.real.get_outputs()

    def copy_outputs_to_cpu(self) -> Any:
        self._told.calls.append("read")
        return self.real.copy_outputs_to_cpu()

    def synchronize_inputs(self) -> None:
        self._told.calls.append("inputs there")

    def synchronize_outputs(self) -> None:
        self._told.calls.append("outputs there")
