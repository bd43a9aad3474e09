"""What is known of ONNX Runtime's execution providers, by name; the runtime is not imported.

Where each wants its inputs and outputs, and whether a run of it returns when the answer is there,
are as its documentation and the runtime's sources say.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from frugalbench.errors import UsageError
from frugalbench.record import Placed
from frugalbench.spec import NVIDIA_PROVIDERS, Target

__all__ = [
    "CPU",
    "Device",
    "ask_for",
    "device_of",
    "in_force",
    "is_nvidia",
    "on_cpu",
    "ordinal",
    "placed",
    "told",
    "wheel",
]

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
BEFORE_CUDA = ("TensorrtExecutionProvider", "NvTensorRTRTXExecutionProvider")
SHOWN = 6
PRECISION = (
    *("use_tf32", "trt_fp16_enable", "trt_bf16_enable", "trt_int8_enable"),
    *("migraphx_fp16_enable", "migraphx_int8_enable", "precision", "enable_htp_fp16_precision"),
)
"""Options that decide how numbers are computed: what is in force is in the record."""
WHEELS = {
    "CUDA": "onnxruntime-gpu",
    "Tensorrt": "onnxruntime-gpu",
    "ROCM": "onnxruntime-rocm",
    "MIGraphX": "onnxruntime-migraphx",
    "OpenVINO": "onnxruntime-openvino",
    "Dml": "onnxruntime-directml",
    "QNN": "onnxruntime-qnn",
    "CoreML": "onnxruntime",
}


@dataclass(frozen=True, slots=True)
class Device:
    """Where inputs and outputs are bound: `kind` and `number` in the runtime's words.

    `waits` says that a run returns when its outputs are there; `graph` is the provider's option
    for CUDA graphs.
    """

    kind: str
    number: int = 0
    waits: bool = True
    graph: str = ""

    @property
    def is_cpu(self) -> bool:
        """Whether they are in the processor's own memory."""
        return self.kind == "cpu"


DEVICES = {
    CUDA: Device("cuda", graph="enable_cuda_graph"),
    "TensorrtExecutionProvider": Device("cuda", graph="trt_cuda_graph_enable"),
    "NvTensorRTRTXExecutionProvider": Device("cuda", graph="enable_cuda_graph"),
    "ROCMExecutionProvider": Device("cuda", waits=False),
    "MIGraphXExecutionProvider": Device("cuda", waits=False),
    "DmlExecutionProvider": Device("dml", waits=False),
}


def device_of(target: Target) -> Device:
    """Where a target's provider wants its inputs and outputs; the processor's memory by default."""
    known = DEVICES.get(target.provider, Device("cpu"))
    number = 0 if known.is_cpu else ordinal(target)
    return Device(known.kind, number, known.waits, known.graph)


def ordinal(target: Target) -> int:
    """Which of the devices that the provider sees it computes on: its option `device_id`.

    Raises:
        UsageError: it is no whole number from 0 on.
    """
    given = target.provider_options.get("device_id", 0)
    if isinstance(given, bool) or not str(given).isdecimal() or not str(given).isascii():
        raise UsageError(
            f"target.provider_options.device_id={given} is no device: number them from 0 on"
        )
    return int(str(given)[:6])


def ask_for(target: Target, installed: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
    """The providers to open with their options, the one asked for first.

    Behind TensorRT stands CUDA where it is installed, for the nodes that TensorRT does not take:
    they stay on the same GPU.

    Raises:
        UsageError: CUDA graphs are asked of a provider that has none.
    """
    options = {name: str(value) for name, value in target.provider_options.items()}
    if target.cuda_graph:
        graph = DEVICES.get(target.provider, Device("cpu")).graph
        if not graph:
            raise UsageError(
                f"{target.provider} has no CUDA graphs: leave target.cuda_graph out, or choose "
                "CUDAExecutionProvider or TensorrtExecutionProvider"
            )
        options[graph] = "1"
    chain = [(target.provider, options)]
    if target.provider in BEFORE_CUDA and CUDA in installed:
        chain.append((CUDA, {"device_id": str(ordinal(target))}))
    return chain


def in_force(asked: Mapping[str, str], options: Mapping[str, str]) -> dict[str, str]:
    """The options to put on record: those asked for and those of precision, as the provider has it.

    Of a path only the last part is kept: a record can be shared.
    """
    names = [*asked, *(one for one in PRECISION if one in options and one not in asked)]
    return {name: _last(str(options.get(name, asked.get(name)))) for name in sorted(names)}


def _last(text: str) -> str:
    if "/" not in text and "\\" not in text:
        return text
    return PureWindowsPath(text).name if "\\" in text else PurePosixPath(text).name


def placed(subgraphs: Iterable[Any]) -> tuple[Placed, ...]:
    """How many nodes of which operators each provider runs."""
    found: dict[str, Counter[str]] = {}
    for part in subgraphs:
        for node in part.get_nodes():
            standard = node.domain in ("", "ai.onnx")
            name = node.op_type if standard else f"{node.domain}.{node.op_type}"
            found.setdefault(part.ep_name, Counter())[name] += 1
    return tuple(
        Placed(provider=name, ops=dict(sorted(ops.items()))) for name, ops in sorted(found.items())
    )


def on_cpu(placement: Iterable[Placed]) -> str:
    """How many nodes run on the processor, and which they are; empty where none does."""
    every = tuple(placement)
    here = next((one for one in every if one.provider == CPU), None)
    if here is None or not here.nodes:
        return ""
    most = Counter(here.ops).most_common(SHOWN)
    more = len(here.ops) - len(most)
    named = ", ".join(f"{name} {count}" for name, count in most) + f" and {more} more" * bool(more)
    return f"{here.nodes} of {sum(one.nodes for one in every)} nodes run on the CPU ({named})"


def told(target: Target, placement: tuple[Placed, ...]) -> tuple[str, ...]:
    """What a reader of the record must know of where its nodes ran."""
    if target.provider == CPU:
        return ()
    if not placement:
        return (
            "which nodes ran on the CPU is not known: onnxruntime says it from version 1.24 on",
        )
    found = on_cpu(placement)
    return (f"{found}, as target.strict=false allows",) if found else ()


def wheel(provider: str) -> str:
    """The package to install for a provider; empty where none is known."""
    return next((name for start, name in WHEELS.items() if provider.startswith(start)), "")


def is_nvidia(provider: str) -> bool:
    """Whether a provider computes on an NVIDIA GPU."""
    return provider.startswith(NVIDIA_PROVIDERS)
