"""Joules per inference: exact sums, and nothing out of nothing."""

import math

import numpy as np
import pytest
from _build import FAILED, at_rest, change, metered, missing, value, window
from hypothesis import given
from hypothesis import strategies as st

from frugalbench.record import Window
from frugalbench.values import MEASURED, Method

SITES = ("energy.per_inference", "carbon.per_inference", "water.per_inference")


@given(
    watts=st.floats(0.5, 500),
    seconds=st.floats(0.01, 100),
    calls=st.integers(1, 10**6),
    samples=st.integers(1, 64),
)
def test_constant_power_is_watts_times_seconds_over_inferences(
    watts: float, seconds: float, calls: int, samples: int
) -> None:
    windows = [window(watts * seconds, calls=calls, seconds=seconds)] * 5 + at_rest(watts)
    found = value("energy.per_inference", metered(windows, samples=samples))
    expected = watts * seconds / (calls * samples)
    for end in (found.low, found.estimate, found.high):
        assert end == pytest.approx(expected, rel=1e-9)
    assert (found.n, found.unit) == (5 * calls * samples, "J")


def test_ten_watts_for_a_second_over_a_hundred_calls_is_a_tenth_of_a_joule() -> None:
    found = value("energy.per_inference", metered([window(10.0, calls=100)] * 5 + at_rest(5)))
    assert (found.low, found.estimate, found.high) == (0.1, 0.1, 0.1)
    assert (found.method, found.grade) == ("hardware_counter", "high")


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
    rest = at_rest(5)
    found = value("energy.per_inference", metered([*(window(j) for j in joules), *rest]))
    assert found.high - found.estimate == pytest.approx(half)
    rough = [window(j, error=0.05) for j in joules]
    rougher = value("energy.per_inference", metered([*rough, *rest]))
    assert rougher.high - rougher.estimate == pytest.approx(half + 0.0005)
    assert rougher.estimate - rougher.low == pytest.approx(half + 0.0005)


def test_the_domains_of_one_method_add_window_by_window() -> None:
    cpu, ram = [8.0, 10.0, 12.0], [3.0, 2.0, 1.0]
    windows = []
    for c, r in zip(cpu, ram, strict=True):
        windows += [window(c), window(r, domain="ram")]
    rest = [*at_rest(5), *at_rest(1, domain="ram")]
    record = metered([*windows, *rest])
    found = value("energy.per_inference", record)
    assert found.estimate == pytest.approx(0.12)
    sums = np.array([11.0, 12.0, 13.0]) / 100
    half = 4.302653 * sums.std(ddof=1) / math.sqrt(3)
    # ±21 % is of medium quality, and no narrower than that.
    assert found.grade == "medium"
    assert found.high - found.estimate == pytest.approx(max(half, 0.25 * 0.12))
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
    found = value("energy.per_inference", metered([*windows, *at_rest(5)]))
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


# What is added up, and what is not


def parts(**joules: float) -> list[Window]:
    """Five windows of a hundred calls of each domain."""
    return [window(j, domain=name.replace("_", ":")) for name, j in joules.items()] * 5


def test_the_total_holds_the_processor_the_memory_and_the_gpu() -> None:
    """A tracker elsewhere called the GPU's part alone the total."""
    assert value("energy.per_inference", metered(parts(cpu=3, ram=2, gpu=5))).estimate == (
        pytest.approx(0.1)
    )


@pytest.mark.parametrize("whole", ["machine", "board"])
def test_a_whole_machine_is_taken_alone(whole: str) -> None:
    found = value("energy.per_inference", metered(parts(cpu=3, ram=2, **{whole: 20})))
    assert found.estimate == pytest.approx(0.2)
    assert found.note.startswith(whole)


def test_what_overlaps_is_shown_and_not_added() -> None:
    windows = parts(cpu=3, psys=9, rail_gpu0=4)
    assert value("energy.per_inference", metered(windows)).estimate == pytest.approx(0.03)
    only = missing("energy.per_inference", metered(parts(rail_gpu0=4)))
    assert only.reason == "partial_rails"


def test_a_gpu_whose_processor_was_not_read_is_of_medium_quality_at_best() -> None:
    windows = [*parts(gpu=10), *at_rest(20, domain="gpu")]
    found = value("energy.per_inference", metered(windows))
    assert found.grade == "medium"
    assert "processor" in found.note
    assert found.high >= 1.25 * found.estimate * (1 - 1e-12)


def test_a_model_on_a_gpu_that_no_meter_read_has_no_energy() -> None:
    record = metered([*parts(cpu=3), *at_rest(5)])
    assert record.run is not None
    on_gpu = change(record, run=change(record.run, provider="CUDAExecutionProvider"))
    assert missing("energy.per_inference", on_gpu).reason == "no_meter"


# Quality


@pytest.mark.parametrize(
    ("after", "grade"), [(5.2, "high"), (5.24, "high"), (5.3, "medium"), (5.5, "medium"),
                         (5.6, "low"), (4.5, "low"), (4.7, "medium")],
)  # fmt: skip
def test_idle_power_that_drifts_lowers_the_quality_and_widens_the_interval(
    after: float, grade: str
) -> None:
    """Relative to the power itself: 5 % and 10 %, whatever the watts."""
    for scale in (1e-3, 1.0, 1e3):
        windows = [window(10.0 * scale)] * 5 + at_rest(5 * scale, after * scale)
        found = value("energy.per_inference", metered(windows))
        assert found.grade == grade
        width = {"high": 0.0, "medium": 0.25, "low": 0.5}[grade] * found.estimate
        assert found.high - found.estimate == pytest.approx(width, abs=1e-12)
        assert ("drifted" in found.note) == (grade != "high")


@pytest.mark.parametrize(("other", "grade"), [(9.6, "high"), (9.4, "medium"), (5.6, "medium")])
def test_a_counter_and_an_integral_that_disagree_by_a_twentieth_lower_the_quality(
    other: float, grade: str
) -> None:
    """A checker elsewhere compared with half in place of a twentieth."""
    windows = [window(10.0), window(other, meter="sensor", method="sensor_integral")] * 5
    found = value("energy.per_inference", metered([*windows, *at_rest(5)]))
    assert (found.estimate, found.grade) == (pytest.approx(0.1), grade)
    assert ("differ by" in found.note) == (grade != "high")


def test_a_modelled_energy_is_never_above_low() -> None:
    windows = [window(10.0, method="modelled", meter="modelled")] * 50
    rest = at_rest(5, method="modelled", meter="modelled")
    assert value("energy.per_inference", metered([*windows, *rest])).grade == "low"


def test_a_wide_interval_is_of_low_quality() -> None:
    windows = [window(j) for j in (2.0, 10.0, 18.0)]
    assert value("energy.per_inference", metered([*windows, *at_rest(5)])).grade == "low"


# Above idle


def test_what_a_machine_draws_at_rest_is_subtracted_exactly() -> None:
    windows = [window(10.0, seconds=1)] * 5 + at_rest(4)
    found = value("energy.net_per_inference", metered(windows))
    assert (found.low, found.estimate, found.high) == pytest.approx((0.06, 0.06, 0.06))
    assert value("energy.idle_power", metered(windows)).estimate == pytest.approx(4)
    assert value("energy.power", metered(windows)).estimate == pytest.approx(10)


def test_the_uncertainty_of_rest_is_in_the_difference() -> None:
    """u² = u(E)² + T² u(P)², by hand: half the drift of 0.1 W is 0.05 W over 1 s and 100 calls."""
    joules = [9.9, 10.0, 10.1, 10.0, 10.0]
    windows = [*(window(j) for j in joules), *at_rest(4.0, 4.1)]
    found = value("energy.net_per_inference", metered(windows))
    stat = 2.776445 * np.std(joules, ddof=1) / math.sqrt(5) / 100
    half = math.hypot(stat, 1.959964 * 0.05 / 100)
    assert found.estimate == pytest.approx((10 - 4.05) / 100)
    assert found.high - found.estimate == pytest.approx(half, rel=1e-4)
    assert found.bound is None


def test_a_difference_of_noise_may_be_negative_and_says_what_it_is_at_most() -> None:
    windows = [*(window(j) for j in (9.0, 10.0, 10.5, 9.5, 10.0)), *at_rest(10.0, 9.9)]
    found = value("energy.net_per_inference", metered(windows))
    assert found.estimate < 0 < found.high
    assert found.low < found.estimate
    assert found.interval == "below_detection"
    assert "below the detection limit" in found.note
    assert found.bound == pytest.approx(found.high)


def test_without_a_rest_there_is_a_total_and_nothing_above_it() -> None:
    record = metered([window(10.0)] * 5)
    assert missing("energy.net_per_inference", record).reason == "no_idle"
    assert missing("energy.idle_power", record).reason == "no_idle"
    total = value("energy.per_inference", record)
    assert (total.grade, "no idle baseline" in total.note) == ("medium", True)


# Several processes


def test_processes_that_differ_widen_what_each_alone_would_say() -> None:
    windows, rest = list[Window](), list[Window]()
    for process, joules in enumerate((10.0, 10.4, 9.7, 10.1, 10.0)):
        windows += [window(joules, process=process)] * 5
        rest += at_rest(5, process=process)
    found = value("energy.per_inference", metered([*windows, *rest]))
    assert found.estimate == pytest.approx(0.1)
    assert found.low < 0.097
    assert found.high > 0.102
    assert found.n == 2500
