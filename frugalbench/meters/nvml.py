"""GPU energy from NVML's own counter (Volta and later), domain `gpu`."""

from dataclasses import dataclass
from typing import Any

from frugalbench.meters._meter import Reading, Unavailable
from frugalbench.spec import Target
from frugalbench.values import Method

__all__ = ["Nvml", "open"]

GPU_PROVIDERS = ("CUDA", "Tensorrt", "NvTensorRTRTX", "cuda")


@dataclass
class Nvml:
    """The energy counters of every NVIDIA GPU that NVML shows."""

    library: Any
    handles: list[Any]
    start: list[int]
    method: Method = "hardware_counter"
    period: float = 0.1

    def read(self) -> Reading:
        """Joules of all GPUs together; None when one of them cannot be read."""
        try:
            now = [self.library.nvmlDeviceGetTotalEnergyConsumption(h) for h in self.handles]
        except self.library.NVMLError:
            return {"gpu": None}
        return {"gpu": sum(b - a for a, b in zip(self.start, now, strict=True)) * 1e-3}

    def close(self) -> None:
        """Shut NVML down."""
        self.library.nvmlShutdown()


def open(target: Target) -> Nvml | Unavailable:
    """Open the counters of the GPUs, when the target uses one."""
    if not target.provider.startswith(GPU_PROVIDERS):
        return Unavailable("the target does not run on an NVIDIA GPU")
    try:
        import pynvml
    except ImportError:
        return Unavailable("nvidia-ml-py is not installed", "pip install nvidia-ml-py")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return Unavailable(f"NVML does not start: {error}", "install the NVIDIA driver")
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        start = [pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) for handle in handles]
    except pynvml.NVMLError as error:
        pynvml.nvmlShutdown()
        return Unavailable(f"a GPU shows no energy counter: {error}")
    if not handles:
        pynvml.nvmlShutdown()
        return Unavailable("NVML shows no GPU")
    return Nvml(pynvml, handles, start)
