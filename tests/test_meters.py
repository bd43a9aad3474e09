"""Energy meters on fake trees and a mocked NVML: wraps, lost readings, permissions."""

import builtins
import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import create_autospec

import pynvml
import pytest

from frugalbench import meters
from frugalbench.errors import UsageError
from frugalbench.meters import Unavailable, modelled, nvml, rapl
from frugalbench.meters.fake import Constant
from frugalbench.spec import Target

CPU, GPU = Target(), Target(provider="CUDAExecutionProvider")
TOP = 262_143_328_850


def zone(root: Path, folder: str, name: str, microjoules: int, top: int = TOP) -> Path:
    """One powercap zone; returns the file of its counter."""
    path = root / folder
    path.mkdir(parents=True)
    (path / "name").write_text(f"{name}\n")
    (path / "max_energy_range_uj").write_text(f"{top}\n")
    counter = path / "energy_uj"
    counter.write_text(f"{microjoules}\n")
    return counter


def opened(root: Path) -> rapl.Rapl:
    meter = rapl.open(CPU, root)
    assert isinstance(meter, rapl.Rapl)
    return meter


def test_package_and_dram_are_two_domains(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    dram = zone(tmp_path, "intel-rapl:0:1", "dram", 5_000_000)
    meter = opened(tmp_path)
    assert meter.read() == {"cpu": 0.0, "ram": 0.0}
    package.write_text("3500000")
    dram.write_text("5250000")
    assert meter.read() == {"cpu": 2.5, "ram": 0.25}


def test_two_packages_add_up(tmp_path: Path) -> None:
    counters = [zone(tmp_path, f"intel-rapl:{i}", f"package-{i}", 0) for i in range(2)]
    meter = opened(tmp_path)
    for counter in counters:
        counter.write_text("2000000")
    assert meter.read() == {"cpu": 4.0}


def test_parts_that_overlap_a_package_are_not_counted(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    others = [
        zone(tmp_path, "intel-rapl:0:0", "core", 0),
        zone(tmp_path, "intel-rapl:0:2", "uncore", 0),
        zone(tmp_path, "intel-rapl:1", "psys", 0),
    ]
    meter = opened(tmp_path)
    for counter in others:
        counter.write_text("9000000")
    assert meter.read() == {"cpu": 0.0}


def test_a_zone_shown_twice_is_counted_once(tmp_path: Path) -> None:
    shown = [
        zone(tmp_path, "intel-rapl:0", "package-0", 0),
        zone(tmp_path, "intel-rapl-mmio:0", "package-0", 0),
    ]
    meter = opened(tmp_path)
    for counter in shown:
        counter.write_text("1000000")
    assert meter.read() == {"cpu": 1.0}


def test_a_counter_that_wraps_goes_on(tmp_path: Path) -> None:
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 9_000_000, top=10_000_000)
    meter = opened(tmp_path)
    counter.write_text("500000")
    reading = meter.read()["cpu"]
    assert reading == pytest.approx(1.5, abs=1e-5)


def test_a_lost_reading_is_unknown_for_good_and_never_a_zero_or_a_spike(tmp_path: Path) -> None:
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    meter = opened(tmp_path)
    counter.write_text("not a number")
    assert meter.read() == {"cpu": None}
    counter.write_text("900000000")
    assert meter.read() == {"cpu": None}


def test_counters_only_root_may_read_say_how_to_unlock_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    real = Path.read_text

    def guarded(self: Path, *args: object, **kwargs: object) -> str:
        if self.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return real(self)

    monkeypatch.setattr(Path, "read_text", guarded)
    meter = rapl.open(CPU, tmp_path)
    assert isinstance(meter, Unavailable)
    assert "chmod" in meter.unlock


def test_a_machine_without_counters_says_so(tmp_path: Path) -> None:
    meter = rapl.open(CPU, tmp_path)
    assert isinstance(meter, Unavailable)
    assert "no RAPL counter" in meter.reason


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """NVML with two GPUs that have used 1 and 2 J so far."""
    library = create_autospec(pynvml)
    library.NVMLError = pynvml.NVMLError
    library.nvmlDeviceGetCount.return_value = 2
    library.nvmlDeviceGetHandleByIndex.side_effect = lambda index: index
    library.nvmlDeviceGetTotalEnergyConsumption.side_effect = lambda handle: 1000 * (handle + 1)
    monkeypatch.setitem(sys.modules, "pynvml", library)
    return library


def test_the_gpu_counter_is_read_in_joules_since_the_start(driver: ModuleType) -> None:
    meter = nvml.open(GPU)
    assert isinstance(meter, nvml.Nvml)
    driver.nvmlDeviceGetTotalEnergyConsumption.side_effect = lambda handle: 6000 * (handle + 1)
    assert meter.read() == {"gpu": 15.0}
    meter.close()
    driver.nvmlShutdown.assert_called_once()


def test_a_gpu_that_stops_answering_is_unknown(driver: ModuleType) -> None:
    meter = nvml.open(GPU)
    assert isinstance(meter, nvml.Nvml)
    error = pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
    driver.nvmlDeviceGetTotalEnergyConsumption.side_effect = error
    assert meter.read() == {"gpu": None}


def test_a_gpu_without_a_counter_is_unavailable(driver: ModuleType) -> None:
    error = pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
    driver.nvmlDeviceGetTotalEnergyConsumption.side_effect = error
    assert isinstance(nvml.open(GPU), Unavailable)
    driver.nvmlShutdown.assert_called_once()


def test_a_machine_without_the_driver_is_unavailable(driver: ModuleType) -> None:
    driver.nvmlInit.side_effect = pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
    meter = nvml.open(GPU)
    assert isinstance(meter, Unavailable)
    assert "driver" in meter.unlock


def test_the_gpu_of_a_processor_target_is_left_alone(driver: ModuleType) -> None:
    assert isinstance(nvml.open(CPU), Unavailable)
    driver.nvmlInit.assert_not_called()


def test_the_model_gives_growing_joules_in_two_domains_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    meter = modelled.open(CPU)
    assert isinstance(meter, modelled.Modelled)
    before = meter.read()
    sum(i * i for i in range(300_000))
    after = meter.read()
    meter.close()
    assert set(after) == {"cpu", "ram"}
    for domain, joules in after.items():
        then = before[domain]
        assert joules is not None
        assert then is not None
        assert joules > then
    assert meter.method == "modelled"
    assert not list(tmp_path.iterdir())


def test_without_codecarbon_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *args: object, **kwargs: object) -> object:
        if name.startswith("codecarbon"):
            raise ImportError(name)
        return real(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", absent)
    meter = modelled.open(CPU)
    assert isinstance(meter, Unavailable)
    assert "pip install" in meter.unlock


def test_constant_power_is_never_nothing() -> None:
    now = iter([0.0, 1.0, 3.0])
    meter = Constant(watts=10.0, clock=lambda: next(now))
    assert meter.read() == {"cpu": 10.0}
    assert meter.read() == {"cpu": 30.0}
    assert meter.method == "pretend"


def test_an_unknown_meter_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean 'rapl'"):
        meters.open_meter("rapel", CPU)
    assert {"rapl", "nvml", "modelled", "fake"} <= set(meters.names())
