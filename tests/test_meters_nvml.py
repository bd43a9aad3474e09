"""GPUs through a mocked NVML: which ones CUDA uses, their counters, and their power."""

import sys
from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import pynvml
import pytest
from _meters import CPU, GPU, Clock, why

from frugalbench.meters import nvml, nvml_power
from frugalbench.meters._nvidia import Chosen, choose
from frugalbench.meters._sampler import Sampler
from frugalbench.spec import Target

GONE = pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
UNSUPPORTED = pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
PCI = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
MIG = "MIG-11111111-2222-3333-4444-555555555555"

CALLED = (
    "nvmlInit",
    "nvmlShutdown",
    "nvmlDeviceGetCount",
    "nvmlDeviceGetHandleByIndex",
    "nvmlDeviceGetHandleByUUID",
    "nvmlDeviceGetDeviceHandleFromMigDeviceHandle",
    "nvmlDeviceGetPciInfo",
    "nvmlDeviceGetUUID",
    "nvmlDeviceGetMigMode",
    "nvmlDeviceGetTotalEnergyConsumption",
    "nvmlDeviceGetPowerUsage",
    "nvmlDeviceGetFieldValues",
    "nvmlDeviceGetArchitecture",
)


@cache
def once() -> dict[str, Any]:
    # A specification of all of NVML takes long to make: only what is called is there.
    return {name: create_autospec(getattr(pynvml, name)) for name in CALLED}


def specified() -> dict[str, Any]:
    """Functions that take what NVML's take, as if nobody had called them."""
    for function in once().values():
        function.reset_mock()
        function.side_effect = None
    return once()


class Driver:
    """NVML with GPUs whose counters and power are set by hand. Handles are names."""

    def __init__(self, uuids: tuple[str, ...], *, order: tuple[int, ...] = ()) -> None:
        """Bus numbers grow with `uuids`; NVML enumerates them in `order`."""
        self.uuids, self.order = uuids, order or tuple(range(len(uuids)))
        self.millijoules = dict.fromkeys(uuids, 1000)
        self.milliwatts = dict.fromkeys(uuids, 50_000)
        self.split: set[str] = set()
        self.instances: dict[str, str] = {}
        self.library: Any = SimpleNamespace(**specified())
        self._fill()

    def _fill(self) -> None:
        lib = self.library
        lib.NVMLError = pynvml.NVMLError
        for constant in ("NVML_ERROR_NO_PERMISSION", "NVML_DEVICE_ARCH_AMPERE"):
            setattr(lib, constant, getattr(pynvml, constant))
        lib.NVML_FI_DEV_POWER_INSTANT = pynvml.NVML_FI_DEV_POWER_INSTANT
        lib.nvmlDeviceGetCount.return_value = len(self.uuids)
        lib.nvmlDeviceGetHandleByIndex.side_effect = lambda i: self.uuids[self.order[i]]
        lib.nvmlDeviceGetPciInfo.side_effect = lambda handle: SimpleNamespace(
            domain=0, bus=16 * (1 + self.uuids.index(handle)), device=0
        )
        lib.nvmlDeviceGetUUID.side_effect = lambda handle: handle
        lib.nvmlDeviceGetMigMode.side_effect = self._mig
        lib.nvmlDeviceGetHandleByUUID.side_effect = self._instance
        lib.nvmlDeviceGetDeviceHandleFromMigDeviceHandle.side_effect = self.instances.get
        lib.nvmlDeviceGetTotalEnergyConsumption.side_effect = lambda h: self.millijoules[h]
        lib.nvmlDeviceGetPowerUsage.side_effect = lambda h: self.milliwatts[h]
        lib.nvmlDeviceGetArchitecture.return_value = 9
        lib.nvmlDeviceGetFieldValues.side_effect = lambda h, fields: [
            SimpleNamespace(nvmlReturn=0, value=SimpleNamespace(uiVal=self.milliwatts[h]))
        ]

    def _mig(self, handle: str) -> list[int]:
        if not self.split:
            raise UNSUPPORTED
        return [int(handle in self.split)] * 2

    def _instance(self, uuid: str) -> str:
        if uuid not in self.instances:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return uuid


ONE = ("GPU-aaaa1111",)
THREE = ("GPU-aaaa1111", "GPU-aaaa2222", "GPU-bbbb3333")


def chosen(driver: Driver, **environ: str) -> Chosen:
    found = choose(driver.library, environ)
    assert isinstance(found, Chosen), found
    return found


def visible(driver: Driver, **environ: str) -> list[str]:
    return [gpu.uuid for gpu in chosen(driver, **environ).visible]


# ── which GPUs CUDA sees ─────────────────────────────────────────────────────


def test_a_single_gpu_needs_no_order() -> None:
    assert visible(Driver(ONE)) == list(ONE)
    assert visible(Driver(ONE), CUDA_VISIBLE_DEVICES="0") == list(ONE)


@pytest.mark.parametrize(
    ("listed", "seen"),
    [
        ("0", [0]),
        ("2,1", [2, 1]),
        (" 1 , 2 ", [1, 2]),
        ("0,2,-1,1", [0, 2]),
        ("1,7,0", [1]),
        ("1,x,0", [1]),
        ("1,,0", [1]),
        ("GPU-b", [2]),
        ("gpu-BBBB", [2]),
        ("GPU-aaaa2", [1]),
        ("GPU-aaaa1,GPU-bbbb3333", [0, 2]),
        ("GPU-bbbb3333,GPU-aaaa", [2]),
        ("GPU-bbbb3333,GPU-none,0", [2]),
    ],
)
def test_the_list_of_visible_devices_is_read_as_cuda_reads_it(listed: str, seen: list[int]) -> None:
    found = visible(Driver(THREE), CUDA_VISIBLE_DEVICES=listed, **PCI)
    assert found == [THREE[k] for k in seen]


@pytest.mark.parametrize("listed", ["", "-1", "-1,0", "3", "x", "GPU-aaaa", "GPU-none", MIG, "+"])
def test_a_list_that_begins_with_no_gpu_hides_them_all(listed: str) -> None:
    found = why(choose(Driver(THREE).library, {"CUDA_VISIBLE_DEVICES": listed, **PCI}))
    assert "leaves no GPU" in found.reason
    assert "GPU-aaaa1111" in found.unlock


@pytest.mark.parametrize("environ", [{}, {"CUDA_VISIBLE_DEVICES": "1"}, {"CUDA_DEVICE_ORDER": "?"}])
def test_among_several_gpus_a_number_means_nothing_while_cuda_sorts_by_speed(
    environ: Mapping[str, str],
) -> None:
    found = why(choose(Driver(THREE).library, environ))
    assert "CUDA_DEVICE_ORDER=PCI_BUS_ID" in found.unlock
    assert "CUDA_VISIBLE_DEVICES=GPU-aaaa1111" in found.unlock


def test_a_uuid_needs_no_order() -> None:
    assert visible(Driver(THREE), CUDA_VISIBLE_DEVICES="GPU-bbbb") == ["GPU-bbbb3333"]


def test_numbers_count_on_the_bus_whatever_the_order_of_nvml() -> None:
    shuffled = Driver(THREE, order=(2, 0, 1))
    assert visible(shuffled, CUDA_VISIBLE_DEVICES="0", **PCI) == ["GPU-aaaa1111"]
    assert visible(shuffled, **PCI) == list(THREE)


def test_a_list_that_names_a_gpu_twice_is_refused() -> None:
    found = why(choose(Driver(THREE).library, {"CUDA_VISIBLE_DEVICES": "0,GPU-aaaa1", **PCI}))
    assert "twice" in found.reason


def test_only_the_first_visible_gpu_is_computed_on_and_the_others_are_shown() -> None:
    found = chosen(Driver(THREE), CUDA_VISIBLE_DEVICES="2,0", **PCI)
    assert [gpu.uuid for gpu in found.used] == ["GPU-bbbb3333"]
    assert [gpu.rail for gpu in found.shown] == ["rail:gpu2", "rail:gpu0"]
    assert "GPU-bbbb3333" in found.note


def test_gpus_kept_from_this_process_are_not_counted() -> None:
    driver = Driver(THREE)
    real = driver.library.nvmlDeviceGetHandleByIndex.side_effect

    def handle(index: int) -> str:
        if index == 0:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NO_PERMISSION)
        found: str = real(index)
        return found

    driver.library.nvmlDeviceGetHandleByIndex.side_effect = handle
    assert visible(driver, CUDA_VISIBLE_DEVICES="0", **PCI) == ["GPU-aaaa2222"]


def test_older_bindings_give_uuids_as_bytes() -> None:
    driver = Driver(ONE)
    driver.library.nvmlDeviceGetUUID.side_effect = lambda handle: handle.encode()
    assert visible(driver) == list(ONE)


# ── MIG ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("listed", [MIG, f"{MIG},0", "MIG-GPU-aaaa2222/1/0"])
@pytest.mark.parametrize("opener", [nvml.open, nvml_power.open])
def test_of_a_mig_instance_no_energy_is_read_and_the_reason_told(listed: str, opener: Any) -> None:
    driver = Driver(THREE)
    driver.split = {"GPU-aaaa2222"}
    driver.instances[MIG] = "GPU-aaaa2222"
    found = why(opener(GPU, library=driver.library, environ={"CUDA_VISIBLE_DEVICES": listed}))
    assert "whole GPU GPU-aaaa2222, of which" in found.reason
    assert listed.partition(",")[0] in found.reason
    driver.library.nvmlDeviceGetTotalEnergyConsumption.assert_not_called()
    driver.library.nvmlShutdown.assert_called_once()


@pytest.mark.parametrize("opener", [nvml.open, nvml_power.open])
def test_a_single_gpu_in_mig_mode_is_not_read_either(opener: Any) -> None:
    driver = Driver(ONE)
    driver.split = {ONE[0]}
    found = why(opener(GPU, library=driver.library, environ={}))
    assert "divided by MIG" in found.reason
    assert "not divided" in found.unlock


def test_among_several_gpus_one_in_mig_mode_must_be_named() -> None:
    driver = Driver(THREE)
    driver.split = {"GPU-aaaa2222"}
    found = why(choose(driver.library, PCI))
    assert "CUDA_VISIBLE_DEVICES=MIG-" in found.unlock


# ── the device that the provider is told to use ──────────────────────────────


@pytest.mark.parametrize(("number", "used"), [("0", 2), ("1", 0)])
def test_the_device_the_provider_is_told_to_use_is_the_one_counted(number: str, used: int) -> None:
    found = choose(Driver(THREE).library, {"CUDA_VISIBLE_DEVICES": "2,0", **PCI}, number)
    assert isinstance(found, Chosen)
    assert [gpu.uuid for gpu in found.used] == [THREE[used]]
    assert f"{'the first' if number == '0' else 'number 1'}, {THREE[used]}, computes" in found.note


@pytest.mark.parametrize("number", ["3", "-1", "x", "1.5", "", "99999999"])
def test_a_device_that_cuda_does_not_see_is_not_counted(number: str) -> None:
    found = why(choose(Driver(THREE).library, PCI, number))
    assert "none of the 3 GPUs" in found.reason


def test_the_meters_count_the_device_that_the_target_names() -> None:
    driver = Driver(THREE)
    target = Target(provider="CUDAExecutionProvider", provider_options={"device_id": 1})
    meter = nvml.open(target, library=driver.library, environ=PCI, probe_seconds=0.0)
    assert isinstance(meter, nvml.Nvml), meter
    driver.millijoules["GPU-aaaa2222"] += 7000
    assert meter.read()["gpu"] == 7.0


# ── the counter ──────────────────────────────────────────────────────────────


def opened(driver: Driver, **environ: str) -> nvml.Nvml:
    meter = nvml.open(
        GPU, library=driver.library, environ=environ, clock=Clock(), probe_seconds=0.0
    )
    assert isinstance(meter, nvml.Nvml), meter
    return meter


def test_the_gpu_counter_is_read_in_joules_since_the_start() -> None:
    driver = Driver(ONE)
    meter = opened(driver)
    assert meter.read() == {"gpu": 0.0}
    driver.millijoules[ONE[0]] = 6000
    assert meter.read() == {"gpu": 5.0}
    assert (meter.method, meter.ticks, meter.period) == ("hardware_counter", True, 0.1)
    meter.close()
    driver.library.nvmlShutdown.assert_called_once()


def test_of_several_gpus_only_the_one_used_is_counted_and_each_is_shown() -> None:
    driver = Driver(THREE)
    meter = opened(driver, CUDA_VISIBLE_DEVICES="1,2", **PCI)
    driver.millijoules |= {"GPU-aaaa1111": 90_000, "GPU-aaaa2222": 3000, "GPU-bbbb3333": 9000}
    assert meter.read() == {"gpu": 2.0, "rail:gpu1": 2.0, "rail:gpu2": 8.0}


def test_a_gpu_that_stops_answering_is_unknown_until_it_answers_again() -> None:
    driver = Driver(ONE)
    meter = opened(driver)
    real = driver.library.nvmlDeviceGetTotalEnergyConsumption.side_effect
    driver.library.nvmlDeviceGetTotalEnergyConsumption.side_effect = GONE
    assert meter.read() == {"gpu": None}
    assert meter.reason("gpu") == str(GONE)
    # The counter went on meanwhile and cannot have wrapped: nothing is lost.
    driver.library.nvmlDeviceGetTotalEnergyConsumption.side_effect = real
    driver.millijoules[ONE[0]] = 9000
    assert meter.read() == {"gpu": 8.0}
    assert meter.reason("gpu") == ""


def test_a_neighbour_that_stops_answering_does_not_hide_the_gpu_used() -> None:
    driver = Driver(THREE)
    meter = opened(driver, CUDA_VISIBLE_DEVICES="0,1", **PCI)

    def counter(handle: str) -> int:
        if handle == "GPU-aaaa2222":
            raise GONE
        return 2000

    driver.library.nvmlDeviceGetTotalEnergyConsumption.side_effect = counter
    assert meter.read() == {"gpu": 1.0, "rail:gpu0": 1.0, "rail:gpu1": None}
    assert meter.reason("gpu") == ""
    assert meter.reason("rail:gpu1") == str(GONE)


def test_a_counter_that_begins_again_is_unknown_for_good() -> None:
    driver = Driver(ONE)
    meter = opened(driver)
    for millijoules in (10, 5000, 10**9):
        driver.millijoules[ONE[0]] = millijoules
        assert meter.read() == {"gpu": None}
    assert "reset" in meter.reason("gpu")


def test_the_update_period_is_probed() -> None:
    driver, clock = Driver(ONE), Clock(step=0.001)
    driver.library.nvmlDeviceGetTotalEnergyConsumption.side_effect = lambda handle: int(
        (clock.now - 99) / 0.02
    )
    meter = nvml.open(GPU, library=driver.library, environ={}, clock=clock)
    assert isinstance(meter, nvml.Nvml)
    assert meter.period == pytest.approx(0.02, abs=0.002)


def test_a_gpu_at_rest_whose_counter_does_not_move_keeps_the_usual_period() -> None:
    meter = nvml.open(GPU, library=Driver(ONE).library, environ={}, clock=Clock(step=0.01))
    assert isinstance(meter, nvml.Nvml)
    assert meter.period == 0.1


# ── what keeps it from opening ───────────────────────────────────────────────


def refused(driver: Driver, opener: Any = nvml.open) -> Any:
    return why(opener(GPU, library=driver.library, environ={}))


def test_a_gpu_without_a_counter_is_unavailable_and_says_what_is_left() -> None:
    driver = Driver(ONE)
    driver.library.nvmlDeviceGetTotalEnergyConsumption.side_effect = UNSUPPORTED
    found = refused(driver)
    assert "nvml_power" in found.unlock
    driver.library.nvmlShutdown.assert_called_once()


def test_a_machine_without_the_driver_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(ONE)
    driver.library.nvmlInit.side_effect = pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
    monkeypatch.setitem(sys.modules, "pynvml", driver.library)
    assert "driver" in why(nvml.open(GPU)).unlock


@pytest.mark.parametrize("opener", [nvml.open, nvml_power.open])
def test_gpus_that_nvml_does_not_show_are_unavailable(opener: Any) -> None:
    driver = Driver(ONE)
    driver.library.nvmlDeviceGetHandleByIndex.side_effect = GONE
    assert "does not show" in refused(driver, opener).reason
    driver.library.nvmlShutdown.assert_called_once()
    assert "no GPU" in refused(Driver(()), opener).reason


@pytest.mark.parametrize("opener", [nvml.open, nvml_power.open])
def test_the_gpu_of_a_processor_target_is_left_alone(opener: Any) -> None:
    driver = Driver(ONE)
    assert "does not run on an NVIDIA GPU" in why(opener(CPU, library=driver.library)).reason
    driver.library.nvmlInit.assert_not_called()


def test_an_old_package_of_the_same_name_is_told_apart() -> None:
    old: Any = SimpleNamespace(NVMLError=Exception, nvmlInit=lambda: None)
    assert "pip uninstall" in why(nvml.open(GPU, library=old)).unlock


def test_without_nvidia_ml_py_there_is_no_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert "pip install" in why(nvml.open(GPU)).unlock


# ── the power, as a cross-check ──────────────────────────────────────────────


def power(driver: Driver, clock: Clock, **environ: str) -> Sampler:
    meter = nvml_power.open(GPU, library=driver.library, environ=environ, clock=clock, thread=False)
    assert isinstance(meter, Sampler), meter
    return meter


def test_power_adds_up_to_the_energy_of_the_same_gpus() -> None:
    driver, clock = Driver(THREE), Clock()
    meter = power(driver, clock, CUDA_VISIBLE_DEVICES="1,2", **PCI)
    driver.milliwatts["GPU-bbbb3333"] = 100_000
    clock.wait(0.5)
    meter.sample()
    found = meter.read()
    assert found == {
        "gpu": pytest.approx(25.0),
        "rail:gpu1": pytest.approx(25.0),
        "rail:gpu2": pytest.approx(37.5),
    }
    assert (meter.method, meter.ticks, meter.period) == ("sensor_integral", False, 0.1)
    meter.close()
    driver.library.nvmlShutdown.assert_called_once()


def no_field(driver: Driver) -> None:
    driver.library.nvmlDeviceGetFieldValues.side_effect = lambda handle, fields: [
        SimpleNamespace(nvmlReturn=pynvml.NVML_ERROR_NOT_SUPPORTED, value=SimpleNamespace(uiVal=0))
    ]


@pytest.mark.parametrize(("architecture", "period"), [(5, 0.1), (7, 1.0), (9, 1.0)])
def test_where_only_an_average_is_shown_the_reading_is_as_stale_as_it(
    architecture: int, period: float
) -> None:
    driver, clock = Driver(ONE), Clock()
    no_field(driver)
    driver.library.nvmlDeviceGetArchitecture.return_value = architecture
    meter = power(driver, clock)
    clock.wait(0.5)
    assert meter.read() == {"gpu": pytest.approx(25.0)}
    assert meter.period == period


def test_an_architecture_that_is_not_told_is_taken_to_average() -> None:
    driver = Driver(ONE)
    driver.library.nvmlDeviceGetFieldValues.side_effect = UNSUPPORTED
    driver.library.nvmlDeviceGetArchitecture.side_effect = UNSUPPORTED
    assert power(driver, Clock()).period == 1.0


def test_a_power_that_fails_once_leaves_a_hole() -> None:
    driver, clock = Driver(ONE), Clock()
    meter = power(driver, clock)
    real = driver.library.nvmlDeviceGetFieldValues.side_effect
    driver.library.nvmlDeviceGetFieldValues.side_effect = GONE
    clock.wait(0.1)
    meter.sample()
    driver.library.nvmlDeviceGetFieldValues.side_effect = real
    clock.wait(0.1)
    meter.sample()
    assert meter.read() == {"gpu": None}
    assert "NVML" in meter.reason("gpu")


def test_a_gpu_that_shows_no_power_is_unavailable() -> None:
    driver = Driver(ONE)
    no_field(driver)
    driver.library.nvmlDeviceGetPowerUsage.side_effect = UNSUPPORTED
    assert "no power" in refused(driver, nvml_power.open).reason
    driver.library.nvmlShutdown.assert_called_once()
