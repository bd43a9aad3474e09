"""NVML with one GPU that stands as a test says; what is None is not supported."""

import re
import time
from types import SimpleNamespace
from typing import Any

import pynvml

__all__ = ["OWN", "Driver"]

UNSUPPORTED = pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
OWN = 4711
Process = tuple[int, int]
"""Its number and its MIG instance."""


class Driver:
    """One GPU of NVML; what is None is not supported. Calls take what NVML's take."""

    NVMLError = pynvml.NVMLError
    NVMLLibraryMismatchError = pynvml.NVMLLibraryMismatchError
    NVML_CLOCK_SM = pynvml.NVML_CLOCK_SM
    NVML_TEMPERATURE_GPU = pynvml.NVML_TEMPERATURE_GPU
    NVML_ERROR_NO_PERMISSION = pynvml.NVML_ERROR_NO_PERMISSION

    def __init__(self, **shown: Any) -> None:
        self.clock: float | None = 1980
        self.nominal: float | None = 1980
        self.temperature: float | None = 61
        self.limit: float | None = 700_000
        self.bits: int | None = 0
        self.errors: int | None = 5
        self.ecc: bool | None = True
        self.split = False
        self.compute: list[Process] | None = [(OWN, 0)]
        self.graphics: list[Process] | None = []
        self.samples: list[tuple[int, int]] | None = None
        self.watts: float | None = 100.0
        self.inits = 0
        for name, value in shown.items():
            setattr(self, name, value)

    def __getattr__(self, name: str) -> Any:
        """`nvmlDeviceGetName` is `device_get_name` here."""
        if not name.startswith("nvml"):
            raise AttributeError(name)
        return getattr(self, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name[4:]).lower())

    def init(self) -> None:
        self.inits += 1

    def shutdown(self) -> None:
        self.inits -= 1

    def device_get_count(self) -> int:
        return 1

    def device_get_handle_by_index(self, index: int) -> str:
        return "gpu"

    def device_get_pci_info(self, handle: str) -> Any:
        return SimpleNamespace(domain=0, bus=1, device=0)

    def device_get_uuid(self, handle: str) -> str:
        return "GPU-aaaa1111"

    def device_get_total_energy_consumption(self, handle: str) -> int:
        return int(shown(self.watts) * time.perf_counter() * 1e3)

    def device_get_power_usage(self, handle: str) -> int:
        return int(shown(self.watts) * 1e3)

    def device_get_mig_mode(self, handle: str) -> list[int]:
        return [int(self.split)] * 2

    def device_get_name(self, handle: str) -> bytes:
        return b"Example  GPU"

    def system_get_driver_version(self) -> str:
        return "999.1"

    def device_get_clock_info(self, handle: str, kind: int) -> Any:
        return shown(self.clock)

    def device_get_max_clock_info(self, handle: str, kind: int) -> Any:
        return shown(self.nominal)

    def device_get_temperature(self, handle: str, kind: int) -> Any:
        return shown(self.temperature)

    def device_get_enforced_power_limit(self, handle: str) -> Any:
        return shown(self.limit)

    def device_get_current_clocks_event_reasons(self, handle: str) -> Any:
        return shown(self.bits)

    def device_get_ecc_mode(self, handle: str) -> Any:
        return [int(shown(self.ecc)), 0]

    def device_get_total_ecc_errors(self, handle: str, kind: int, since: int) -> Any:
        assert (kind, since) == (pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, 0)
        return shown(self.errors)

    def device_get_compute_running_processes(self, handle: str) -> Any:
        return listed(shown(self.compute))

    def device_get_graphics_running_processes(self, handle: str) -> Any:
        return listed(shown(self.graphics))

    def device_get_process_utilization(self, handle: str, since: int) -> Any:
        return [SimpleNamespace(pid=pid, timeStamp=when) for pid, when in shown(self.samples)]


def shown(value: Any) -> Any:
    if value is None:
        raise UNSUPPORTED
    return value


def listed(those: list[Process]) -> Any:
    return [
        SimpleNamespace(pid=pid, gpuInstanceId=instance, computeInstanceId=0)
        for pid, instance in those
    ]
