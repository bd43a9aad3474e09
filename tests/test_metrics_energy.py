"""Joules per inference: exact sums, and nothing out of nothing."""

import math

import numpy as np
import pytest
from _build import FAILED, metered, missing, value, window
from hypothesis import given
from hypothesis import strategies as st

from frugalbench.values import MEASURED, Method

SITES = ("energy.per_inference", "carbon.per_inference", "water.per_inference")


@given(
    watts=st.floats(0.5, 500),
    seconds=st.floats(0.01, 100),
    calls=st.integers(1, 10**6),
    batch=st.integers(1, 64),
)
def test_constant_power_is_watts_times_seconds_over_inferences(
    watts: float, seconds: float, calls: int, batch: int
) -> None:
    windows = [window(watts * seconds, calls=calls, seconds=seconds)] * 5
    found = value("energy.per_inference", metered(windows, batch=batch))
    expected = watts * seconds / (calls * batch)
    for end in (found.low, found.estimate, found.high):
        assert end == pytest.approx(expected, rel=1e-9)
    assert (found.n, found.unit) == (5 * calls * batch, "J")


def test_ten_watts_for_a_second_over_a_hundred_calls_is_a_tenth_of_a_joule() -> None:
    found = value("energy.per_inference", metered([window(10.0, calls=100)] * 5))
    assert (found.low, found.estimate, found.high) == (0.1, 0.1, 0.1)
    assert found.method == "hardware_counter"


def test_twice_the_calls_at_the_same_power_cost_the_same_each() -> None:
    once = [window(j, calls=100) for j in (9.0, 10.0, 11.0)]
    twice = [window(2 * j, calls=200, seconds=2.0) for j in (9.0, 10.0, 11.0)]
    a = value("energy.per_inference", metered(once))
    b = value("energy.per_inference", metered(twice))
    assert (a.estimate, a.low, a.high) == pytest.approx((b.estimate, b.low, b.high))
    assert b.n == 2 * a.n


def test_the_interval_is_students_over_the_windows_and_the_meters_own_error() -> None:
    joules = [9.0, 10.0, 11.0, 10.0, 10.0]
    half = 2.776445 * np.std(joules, ddof=1) / math.sqrt(5) / 100
    found = value("energy.per_inference", metered([window(j) for j in joules]))
    assert found.high - found.estimate == pytest.approx(half)
    rough = value("energy.per_inference", metered([window(j, error=2.0) for j in joules]))
    assert rough.high - rough.estimate == pytest.approx(half + 0.02)
    assert rough.estimate - rough.low == pytest.approx(half + 0.02)


def test_the_domains_of_one_method_add_window_by_window() -> None:
    cpu, ram = [8.0, 10.0, 12.0], [3.0, 2.0, 1.0]
    windows = []
    for c, r in zip(cpu, ram, strict=True):
        windows += [window(c), window(r, domain="ram")]
    record = metered(windows)
    found = value("energy.per_inference", record)
    assert found.estimate == pytest.approx(0.12)
    sums = np.array([11.0, 12.0, 13.0]) / 100
    assert found.high - found.estimate == pytest.approx(4.302653 * sums.std(ddof=1) / math.sqrt(3))
    assert value("energy.cpu_per_inference", record).estimate == pytest.approx(0.1)
    assert value("energy.ram_per_inference", record).estimate == pytest.approx(0.02)
    assert missing("energy.gpu_per_inference", record).reason == "no_meter"
    assert found.n == 300


@pytest.mark.parametrize("measured", MEASURED)
def test_a_measured_window_is_never_mixed_with_a_modelled_one(measured: Method) -> None:
    modelled = [
        window(500.0, domain=domain, method="modelled", meter="modelled")
        for domain in ("cpu", "ram")
        for _ in range(5)
    ]
    real = [window(10.0, method=measured, domain="gpu", meter="nvml")] * 5
    found = value("energy.per_inference", metered([*modelled, *real]))
    assert found.estimate == pytest.approx(0.1)
    assert found.method == measured
    # The part that no meter saw is asked for by its own name.
    assert value("energy.cpu_per_inference", metered([*modelled, *real])).method == "modelled"


def test_two_meters_of_one_domain_are_not_added() -> None:
    windows = [window(10.0), window(11.0, meter="other")] * 5
    found = value("energy.per_inference", metered(windows))
    assert found.estimate == pytest.approx(0.1)
    assert found.n == 500


def test_a_failed_reading_is_left_out_and_never_counts_as_zero() -> None:
    windows = [window(10.0), window(None, reason="rapl could not be read"), *[window(10.0)] * 3]
    found = value("energy.per_inference", metered(windows))
    assert (found.low, found.estimate, found.high) == (0.1, 0.1, 0.1)
    assert "1 readings failed" in found.note
    assert found.n == 400


def test_a_window_that_lacks_one_domain_is_left_out_whole() -> None:
    windows = []
    for cpu, ram in ((1.0, 1.0), (9.0, None), (1.0, 1.0), (1.0, 1.0)):
        windows += [window(cpu), window(ram, domain="ram")]
    found = value("energy.per_inference", metered(windows))
    assert found.estimate == pytest.approx(0.02)
    assert found.n == 300


def test_a_domain_that_was_never_read_makes_the_sum_missing_and_not_smaller() -> None:
    lost = [window(None, domain="gpu", meter="nvml", reason="nvml could not be read")] * 5
    record = metered([*[window(10.0)] * 5, *lost])
    found = missing("energy.per_inference", record)
    assert (found.reason, found.detail) == ("meter_failed", "nvml could not be read")
    assert value("energy.cpu_per_inference", record).estimate == pytest.approx(0.1)


@pytest.mark.parametrize("joules", [None, 0.0, -1.0, math.nan, math.inf])
def test_a_meter_that_gave_nothing_is_not_an_energy_of_zero(joules: float | None) -> None:
    for address in SITES:
        found = missing(address, metered([window(joules)] * 5))
        assert found.reason == "meter_failed"


def test_a_meter_with_an_impossible_error_was_not_read() -> None:
    for error in (math.nan, -1.0):
        windows = [window(10.0, error=error)] * 5
        assert missing("energy.per_inference", metered(windows)).reason == "meter_failed"


def test_without_a_meter_or_with_one_window_there_is_no_energy() -> None:
    assert missing("energy.per_inference", metered([])).reason == "no_meter"
    assert missing("energy.per_inference", metered([window(10.0)])).reason == "too_few_windows"
    idle = [window(10.0), *[window(10.0, calls=0)] * 4]
    assert missing("energy.per_inference", metered(idle)).reason == "too_few_windows"
    for address in SITES:
        assert missing(address, FAILED).reason == "no_run"


def test_a_failed_counter_falls_back_to_the_model_and_says_so() -> None:
    lost = [window(None)] * 5
    model = [window(20.0, method="modelled", meter="modelled")] * 5
    found = value("energy.per_inference", metered([*lost, *model]))
    assert found.method == "modelled"
    assert "5 readings failed" in found.note


@given(joules=st.lists(st.floats(0.1, 1e3), min_size=2, max_size=10))
def test_a_modelled_energy_is_never_narrower_than_half_of_itself(joules: list[float]) -> None:
    windows = [window(j, method="modelled", meter="modelled") for j in joules]
    found = value("energy.per_inference", metered(windows))
    assert found.high >= 1.5 * found.estimate * (1 - 1e-12)
    assert found.low <= 0.5 * found.estimate * (1 + 1e-12)
    assert found.low >= 0
