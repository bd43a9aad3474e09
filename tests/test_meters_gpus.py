"""What is seen of a GPU beside its energy, through a mocked NVML."""

from typing import Any

import pynvml
import pytest
from _meters import CPU, GPU
from _nvml import OWN, Driver

from frugalbench import meters
from frugalbench.meters import Unavailable, Watch
from frugalbench.meters._gpus import REASONS, present, watch
from frugalbench.record import Gpu


def watching(driver: Any, now: float = 1000.0) -> Watch:
    opened = watch(GPU, driver, {})
    return Watch(driver, [one.gpu for one in opened._seen], own=OWN, wall=lambda: now)


def seen(driver: Any) -> Gpu:
    """What a span shows in which the GPU stands as it does."""
    watched = watching(driver)
    watched.begin()
    watched.look()
    (found,) = watched.seen()
    return found


def test_a_gpu_is_told_with_its_clock_heat_limit_and_errors() -> None:
    found = seen(Driver())
    assert found == Gpu(
        place=0,
        name="Example GPU",
        driver="999.1",
        split=False,
        clock_low=1.98e9,
        clock_high=1.98e9,
        clock_nominal=1.98e9,
        temperature=61,
        power_limit=700,
        throttled=(),
        ecc=True,
        uncorrected=0,
        others=0,
    )


def test_what_the_driver_does_not_show_is_none_and_never_zero() -> None:
    names = ("clock", "nominal", "temperature", "limit", "bits", "errors", "ecc", "compute")
    found = seen(Driver(**dict.fromkeys((*names, "graphics"))))
    assert found == Gpu(place=0, name="Example GPU", driver="999.1", split=False)


def test_extremes_are_of_the_span_and_of_nothing_before() -> None:
    driver = Driver(clock=300, temperature=90, bits=0x40)
    watched = watching(driver)
    watched.look()
    watched.begin()
    for driver.clock, driver.temperature, driver.limit in ((1500, 50, 600e3), (1900, 70, 700e3)):
        driver.bits = 1
        watched.look()
    driver.errors = 8
    (found,) = watched.seen()
    assert (found.clock_low, found.clock_high) == (1.5e9, 1.9e9)
    assert (found.temperature, found.power_limit) == (70, 600)
    assert (found.throttled, found.uncorrected) == ((), 3)


@pytest.mark.parametrize(("bit", "name"), REASONS.items())
def test_the_bits_are_those_of_nvmls_reasons(bit: int, name: str) -> None:
    assert seen(Driver(bits=bit | 1)).throttled == (name,)
    called = "".join(word.title() for word in name.removesuffix("s").split("_"))
    called = {"ApplicationsClock": "ApplicationsClocksSetting"}.get(called, called)
    called = {"DisplayClock": "DisplayClockSetting"}.get(called, called)
    called = {"HwPowerBrake": "HwPowerBrakeSlowdown"}.get(called, called)
    assert getattr(pynvml, f"nvmlClocksEventReason{called}") == bit


def test_reasons_raised_at_any_look_are_kept() -> None:
    driver = Driver()
    watched = watching(driver)
    watched.begin()
    for driver.bits in (4, 0x60, 0):
        watched.look()
    (found,) = watched.seen()
    assert found.throttled == ("sw_power_cap", "sw_thermal_slowdown", "hw_thermal_slowdown")


def test_an_older_driver_names_the_reasons_otherwise() -> None:
    driver: Any = Driver()
    driver.nvmlDeviceGetCurrentClocksEventReasons = _absent
    driver.nvmlDeviceGetCurrentClocksThrottleReasons = lambda handle: 8
    assert seen(driver).throttled == ("hw_slowdown",)


def _absent(handle: str) -> Any:
    raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)


def test_a_binding_newer_than_the_driver_is_no_answer() -> None:
    def mismatch(handle: str) -> Any:
        raise pynvml.NVMLLibraryMismatchError("unversioned function called")

    driver: Any = Driver()
    driver.nvmlDeviceGetComputeRunningProcesses = mismatch
    driver.graphics = None
    assert seen(driver).others is None


# ── who else is there ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("compute", "graphics", "others"),
    [
        ([(OWN, 0)], [], 0),
        ([(OWN, 0), (9, 0)], [], 1),
        ([(OWN, 0)], [(9, 0), (10, 0)], 2),
        # The same process on both lists is one.
        ([(OWN, 0), (9, 0)], [(9, 0), (OWN, 0)], 1),
        # In a container our own number is not on the list: one of those there is us.
        ([(100, 0)], [], 0),
        ([(100, 0), (101, 0)], [], 1),
        # A list without us, where we surely are, hides everybody.
        ([], [], None),
        (None, None, None),
        (None, [(OWN, 0)], 0),
    ],
)
def test_other_processes_are_counted_once_and_ourselves_never(
    compute: Any, graphics: Any, others: int | None
) -> None:
    assert seen(Driver(compute=compute, graphics=graphics)).others == others


def test_one_that_came_and_went_between_two_looks_is_found_in_the_samples() -> None:
    before, within = int(999e6), int(1001e6)
    driver = Driver(samples=[(77, before), (OWN, within), (88, within)])
    assert seen(driver).others == 1


def test_one_that_was_there_at_the_start_only_counts() -> None:
    driver = Driver(compute=[(OWN, 0), (9, 0)])
    watched = watching(driver)
    watched.begin()
    driver.compute = [(OWN, 0)]
    watched.look()
    assert watched.seen()[0].others == 1


def test_on_a_divided_gpu_only_those_of_the_same_instance_count() -> None:
    driver = Driver(split=True, compute=[(OWN, 2), (9, 2), (10, 3)], samples=[(55, 2 * 10**9)])
    found = seen(driver)
    assert (found.split, found.others) == (True, 1)
    assert seen(Driver(split=True, compute=[(9, 2)])).others is None


def test_a_target_without_a_gpu_is_not_watched() -> None:
    driver = Driver()
    watched = watch(CPU, driver, {})
    watched.begin()
    watched.look()
    assert watched.seen() == ()
    watched.close()
    assert driver.inits == 0


def test_a_watch_lets_nvml_go() -> None:
    driver = Driver()
    watched = watch(GPU, driver, {})
    assert driver.inits == 1
    watched.close()
    assert driver.inits == 0


# ── those of the machine ─────────────────────────────────────────────────────


def test_every_gpu_is_told_and_nvml_let_go() -> None:
    driver = Driver(ecc=None, compute=[(9, 0), (3, 0)])
    (found,) = there(driver)
    assert (found.place, found.name, found.driver) == (0, "Example GPU", "999.1")
    assert (found.split, found.ecc, found.processes) == (False, None, (3, 9))
    assert driver.inits == 0
    assert there(Driver(compute=None, graphics=None))[0].processes is None


def there(driver: Driver) -> tuple[meters.Present, ...]:
    found = present(driver)
    assert not isinstance(found, Unavailable)
    return found


def test_gpus_that_nvml_does_not_show_are_a_reason_and_no_crash() -> None:
    driver: Any = Driver()

    def gone(index: int) -> str:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)

    driver.nvmlDeviceGetHandleByIndex = gone
    found = present(driver)
    assert isinstance(found, Unavailable)
    assert "does not show" in found.reason
    assert driver.inits == 0
