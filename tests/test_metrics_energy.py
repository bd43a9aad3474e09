"""Joules per inference: exact sums, and nothing out of nothing."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from _build import FAILED, at_rest, change, metered, missing, value, window
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from frugalbench.record import Record, Window
from frugalbench.values import GRADES, MEASURED, Grade, Method

SITES = ("energy.per_inference", "carbon.per_inference", "water.per_inference")
MEDIAN = math.sqrt(math.pi / 2)


def ran(joules: Sequence[float | None], **given: object) -> list[Window]:
    """Windows of a second and a hundred calls."""
    return [change(window(one), **given) for one in joules]


def on_gpu(record: Record) -> Record:
    assert record.run is not None
    return change(record, run=change(record.run, provider="CUDAExecutionProvider"))


# What a window holds, over the inferences in it


@given(
    watts=st.floats(0.5, 500),
    seconds=st.floats(0.01, 100),
    calls=st.integers(1, 10**6),
    samples=st.integers(1, 64),
)
def test_constant_power_is_watts_times_seconds_over_inferences(
    watts: float, seconds: float, calls: int, samples: int
) -> None:
    windows = [window(watts * seconds, calls=calls, seconds=seconds)] * 5
    found = value("energy.per_inference", metered([*windows, *at_rest(watts / 2)], samples=samples))
    expected = watts * seconds / (calls * samples)
    for end in (found.low, found.estimate, found.high):
        assert end == pytest.approx(expected, rel=1e-9)
    assert (found.n, found.unit, found.grade) == (5 * calls * samples, "J", "high")


def test_ten_watts_for_a_second_over_a_hundred_calls_is_a_tenth_of_a_joule() -> None:
    found = value("energy.per_inference", metered([*ran([10.0] * 5), *at_rest(3.0)]))
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
    joules = [9.5, 10.0, 10.5, 10.0, 10.0]
    half = 2.776445 * np.std(joules, ddof=1) / math.sqrt(5) / 100
    found = value("energy.per_inference", metered([*ran(joules), *at_rest(3.0)]))
    assert found.high - found.estimate == pytest.approx(half)
    assert found.interval == "windows_t"
    rough = value("energy.per_inference", metered([*ran(joules, error=0.5), *at_rest(3.0)]))
    assert rough.high - rough.estimate == pytest.approx(half + 0.005)
    assert rough.estimate - rough.low == pytest.approx(half + 0.005)
    assert (found.grade, rough.grade) == ("high", "high")


def test_power_is_joules_over_seconds_while_answering_and_at_rest() -> None:
    windows = [window(20.0, seconds=2.0), window(24.0, seconds=2.0), window(22.0, seconds=2.0)]
    record = metered([*windows, *at_rest(4.0, 4.1)])
    busy, idle = value("energy.power", record), value("energy.idle_power", record)
    assert busy.estimate == pytest.approx(11.0)
    assert idle.estimate == pytest.approx(4.05)
    assert idle.low < 4.0 < 4.1 < idle.high
    assert (busy.unit, idle.unit, busy.n, idle.n) == ("W", "W", 3, 2)
    awake = metered(windows)
    assert missing("energy.idle_power", awake).reason == "no_idle"
    assert value("energy.power", awake).estimate == pytest.approx(11.0)


# Which domains and meters count


def test_the_total_holds_processor_memory_and_gpu() -> None:
    """A total without the memory or the GPU has been printed as the whole elsewhere."""
    cpu, ram, gpu = [8.0, 10.0, 12.0], [3.0, 2.0, 1.0], [20.0, 21.0, 22.0]
    windows = []
    for c, r, g in zip(cpu, ram, gpu, strict=True):
        windows += [window(c), window(r, domain="ram"), window(g, domain="gpu", meter="nvml")]
    record = on_gpu(metered(windows))
    found = value("energy.per_inference", record)
    assert found.estimate == pytest.approx((10 + 2 + 21) / 100)
    assert "cpu + gpu + ram" in found.note
    for part, joules in (("cpu", 0.1), ("ram", 0.02), ("gpu", 0.21)):
        assert value(f"energy.{part}_per_inference", record).estimate == pytest.approx(joules)
    assert found.n == 300


def test_the_domains_add_window_by_window() -> None:
    """Where one draws more as another draws less, the sum is steadier than its parts."""
    windows = []
    for c, r in ((8.0, 4.0), (10.0, 2.0), (12.0, 0.0)):
        windows += [window(c), window(r, domain="ram")]
    record = metered([*windows, *at_rest(1.0), *at_rest(1.0, domain="ram")])
    found = value("energy.per_inference", record)
    assert (found.low, found.estimate, found.high) == pytest.approx((0.12, 0.12, 0.12))
    part = value("energy.cpu_per_inference", record)
    assert part.high - part.low > 0.05
    assert missing("energy.gpu_per_inference", record).reason == "no_meter"


def test_a_part_that_only_a_less_trusted_sensor_sees_is_in_the_total_and_names_the_method() -> None:
    """RAPL counts the processor; an AMD GPU shows power alone. Without it the total is a lie."""
    gpu = ran([30.0] * 5, domain="gpu", meter="hwmon", method="sensor_integral")
    record = metered([*ran([10.0] * 5), *gpu])
    found = value("energy.per_inference", record)
    assert found.estimate == pytest.approx(0.4)
    assert found.method == "sensor_integral"
    assert value("energy.cpu_per_inference", record).method == "hardware_counter"


def test_a_less_trusted_part_that_failed_makes_the_total_missing_and_not_smaller() -> None:
    lost = ran(
        [None] * 5, domain="gpu", meter="hwmon", method="sensor_integral", reason="hwmon: gone"
    )
    record = metered([*ran([10.0] * 5), *lost])
    found = missing("energy.per_inference", record)
    assert (found.reason, found.detail) == ("meter_failed", "hwmon: gone")
    # Another meter of that part takes its place.
    second = ran([30.0] * 5, domain="gpu", meter="riser", method="board_rail")
    whole = value("energy.per_inference", metered([*ran([10.0] * 5), *lost, *second]))
    assert whole.estimate == pytest.approx(0.4)
    assert whole.method == "board_rail"


@pytest.mark.parametrize("whole", ["machine", "board"])
@pytest.mark.parametrize("method", MEASURED)
def test_a_whole_machine_is_taken_alone(whole: str, method: Method) -> None:
    parts = [*ran([10.0] * 5, method=method), *ran([30.0] * 5, domain="gpu", method=method)]
    record = metered([*parts, *ran([60.0] * 5, domain=whole, method=method, meter="whole")])
    found = value("energy.per_inference", record)
    assert found.estimate == pytest.approx(0.6)
    assert found.note.startswith(f"{whole}, 5 windows")


def test_a_machine_is_more_than_its_board() -> None:
    windows = [*ran([20.0] * 5, domain="board"), *ran([30.0] * 5, domain="machine", meter="wall")]
    assert value("energy.per_inference", metered(windows)).estimate == pytest.approx(0.3)


def test_a_less_trusted_whole_does_not_replace_counters_nor_is_it_added() -> None:
    battery = ran([60.0] * 5, domain="machine", meter="battery", method="sensor_integral")
    found = value("energy.per_inference", metered([*ran([10.0] * 5), *battery]))
    assert found.estimate == pytest.approx(0.1)
    assert found.method == "hardware_counter"


def test_a_wall_meter_is_taken_before_the_counters() -> None:
    wall = ran([60.0] * 5, domain="machine", meter="csvlog", method="external_meter")
    found = value("energy.per_inference", metered([*ran([10.0] * 5), *wall]))
    assert found.estimate == pytest.approx(0.6)
    assert found.method == "external_meter"


def test_the_platform_and_single_rails_overlap_others_and_are_not_added() -> None:
    shown = [*ran([50.0] * 5, domain="psys"), *ran([7.0] * 5, domain="rail:soc")]
    found = value("energy.per_inference", metered([*ran([10.0] * 5), *shown]))
    assert found.estimate == pytest.approx(0.1)
    assert found.note.startswith("cpu, ")


def test_the_platform_alone_is_better_than_nothing_and_rails_alone_are_not_the_whole() -> None:
    alone = value("energy.per_inference", metered(ran([50.0] * 5, domain="psys")))
    assert alone.estimate == pytest.approx(0.5)
    found = missing("energy.per_inference", metered(ran([7.0] * 5, domain="rail:soc")))
    assert found.reason == "partial_rails"


def test_a_gpu_without_its_processor_is_of_medium_quality_at_best() -> None:
    gpu = ran([30.0] * 5, domain="gpu", meter="nvml")
    rest = at_rest(20.0, domain="gpu", meter="nvml")
    found = value("energy.per_inference", on_gpu(metered([*gpu, *rest])))
    assert found.grade == "medium"
    assert "the processor is not in it" in found.note
    assert found.high == pytest.approx(1.25 * found.estimate)
    whole = [*gpu, *rest, *ran([10.0] * 5), *at_rest(5.0)]
    assert value("energy.per_inference", on_gpu(metered(whole))).grade == "high"
    # Asked for by its name, nothing is lacking.
    assert value("energy.gpu_per_inference", on_gpu(metered([*gpu, *rest]))).grade == "high"


def test_a_gpu_that_no_meter_read_is_not_left_out_of_the_total() -> None:
    cpu = [*ran([10.0] * 5), *at_rest(5.0)]
    found = missing("energy.per_inference", on_gpu(metered(cpu)))
    assert found.reason == "no_meter"
    assert "GPU" in found.detail
    assert value("energy.cpu_per_inference", on_gpu(metered(cpu))).estimate == pytest.approx(0.1)
    board = ran([40.0] * 5, domain="board", meter="jetson", method="board_rail")
    assert value("energy.per_inference", on_gpu(metered(board))).estimate == pytest.approx(0.4)


@pytest.mark.parametrize("measured", MEASURED)
def test_a_measured_window_is_never_mixed_with_a_modelled_one(measured: Method) -> None:
    modelled = [
        one
        for domain in ("cpu", "ram")
        for one in ran([500.0] * 5, domain=domain, method="modelled", meter="modelled")
    ]
    real = ran([10.0] * 5, method=measured, domain="gpu", meter="nvml")
    found = value("energy.per_inference", metered([*modelled, *real]))
    assert found.estimate == pytest.approx(0.1)
    assert found.method == measured
    # The part that no meter saw is asked for by its own name.
    assert value("energy.cpu_per_inference", metered([*modelled, *real])).method == "modelled"


def test_two_meters_of_one_domain_are_not_added() -> None:
    windows = [window(10.0), window(10.2, meter="other")] * 5
    found = value("energy.per_inference", metered(windows))
    assert found.estimate == pytest.approx(0.1)
    assert found.n == 500


# What was not read


def test_a_failed_reading_is_left_out_and_never_counts_as_zero() -> None:
    windows = [window(10.0), window(None, reason="rapl could not be read"), *[window(10.0)] * 3]
    found = value("energy.per_inference", metered([*windows, *at_rest(4.0)]))
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
    lost = ran([None] * 5, domain="gpu", meter="nvml", reason="nvml could not be read")
    record = metered([*ran([10.0] * 5), *lost])
    found = missing("energy.per_inference", record)
    assert (found.reason, found.detail) == ("meter_failed", "nvml could not be read")
    assert value("energy.cpu_per_inference", record).estimate == pytest.approx(0.1)


@pytest.mark.parametrize("joules", [None, 0.0, -1.0, math.nan, math.inf])
def test_a_meter_that_gave_nothing_is_not_an_energy_of_zero(joules: float | None) -> None:
    for address in (*SITES, "energy.power", "energy.net_per_inference"):
        found = missing(address, metered([*ran([joules] * 5), *at_rest(1.0)]))
        assert found.reason == "meter_failed"


def test_a_meter_with_an_impossible_error_was_not_read() -> None:
    for error in (math.nan, -1.0, math.inf):
        windows = ran([10.0] * 5, error=error)
        assert missing("energy.per_inference", metered(windows)).reason == "meter_failed"


def test_without_a_meter_or_with_one_window_there_is_no_energy() -> None:
    assert missing("energy.per_inference", metered([])).reason == "no_meter"
    assert missing("energy.per_inference", metered([window(10.0)])).reason == "too_few_windows"
    idle = [window(10.0), *[window(10.0, calls=0)] * 4]
    assert missing("energy.per_inference", metered(idle)).reason == "too_few_windows"
    for address in SITES:
        assert missing(address, FAILED).reason == "no_run"


def test_idle_windows_are_never_counted_as_answers() -> None:
    alone = metered([*ran([10.0]), *at_rest(10.0)])
    assert missing("energy.per_inference", alone).reason == "too_few_windows"
    idle = metered(at_rest(10.0))
    assert missing("energy.per_inference", idle).reason == "meter_failed"


def test_a_failed_counter_falls_back_to_the_model_and_says_so() -> None:
    model = ran([20.0] * 5, method="modelled", meter="modelled")
    found = value("energy.per_inference", metered([*ran([None] * 5), *model]))
    assert found.method == "modelled"
    assert "5 readings failed" in found.note


# Above idle


@given(
    watts=st.floats(0.5, 500),
    share=st.floats(0.01, 0.95),
    seconds=st.floats(0.01, 100),
    calls=st.integers(1, 10**6),
)
def test_what_is_drawn_at_rest_is_taken_off_exactly(
    watts: float, share: float, seconds: float, calls: int
) -> None:
    windows = [window(watts * seconds, calls=calls, seconds=seconds)] * 5
    found = value("energy.net_per_inference", metered([*windows, *at_rest(share * watts)]))
    expected = (1 - share) * watts * seconds / calls
    for end in (found.low, found.estimate, found.high):
        assert end == pytest.approx(expected, rel=1e-6)
    assert found.bound is None


def test_the_uncertainty_of_what_is_above_idle_is_that_of_both() -> None:
    """By hand: u(E - P·T)² = u(E)² + T² u(P)², and the edges' worst case on top."""
    joules, seconds = [19.2, 20.0, 20.8, 20.0, 20.0], 2.0
    windows = [window(one, seconds=seconds, error=0.2) for one in joules]
    rest = at_rest(4.0, 4.1, error=0.3)
    found = value("energy.net_per_inference", metered([*windows, *rest]))
    assert found.estimate == pytest.approx((20.0 - 4.05 * 2.0) / 100)
    u_energy = np.std(joules, ddof=1) / math.sqrt(5)
    # Half the drift, and the worst case at the edges of an idle window as a uniform one.
    u_power = math.hypot(0.05, 0.3 / 10 / math.sqrt(3))
    half = math.hypot(float(t.ppf(0.975, 4)) * u_energy, 1.959964 * seconds * u_power) + 0.2
    assert found.high - found.estimate == pytest.approx(half / 100, rel=1e-6)
    assert found.estimate - found.low == pytest.approx(half / 100, rel=1e-6)
    assert (found.grade, found.interval, found.n) == ("high", "windows_t", 500)


def test_a_longer_or_busier_window_is_less_uncertain_by_the_idle_power() -> None:
    rest = at_rest(4.0, 4.1)
    few = value("energy.net_per_inference", metered([*ran([10.0] * 5), *rest]))
    many = value("energy.net_per_inference", metered([*ran([10.0] * 5, calls=1000), *rest]))
    assert few.high - few.low == pytest.approx(10 * (many.high - many.low))


def test_what_is_above_idle_may_be_negative_and_has_an_interval() -> None:
    """A difference of two noisy numbers: refusing it, or calling it zero, would be a bias."""
    noisy = [*ran([9.8, 10.1, 9.9, 10.0, 10.2]), *at_rest(10.3)]
    found = value("energy.net_per_inference", metered(noisy))
    assert found.estimate == pytest.approx(-0.003)
    assert found.low < found.estimate < found.high
    assert found.low < 0
    # What is below nothing is at most nothing.
    assert found.bound == pytest.approx(max(0.0, found.high))
    assert found.interval == "below_detection"


def test_below_the_detection_limit_the_most_it_can_be_is_said() -> None:
    joules = [9.8, 10.1, 9.9, 10.0, 10.2]
    found = value("energy.net_per_inference", metered([*ran(joules), *at_rest(9.9)]))
    assert found.estimate == pytest.approx(0.001)
    half = float(t.ppf(0.975, 4)) * np.std(joules, ddof=1) / math.sqrt(5) / 100
    assert found.bound == pytest.approx(0.001 + half)
    assert f"below the detection limit: at most {0.001 + half:.3g} J" in found.note


@pytest.mark.parametrize(("units", "below"), [(2.9, True), (3.1, False)])
def test_three_standard_uncertainties_are_the_detection_limit(units: float, below: bool) -> None:
    """Of P·T only: half the drift between idle before and after, here 1 % of 10 W."""
    windows = [*ran([10.0 + units * 0.05] * 5), *at_rest(9.95, 10.05)]
    found = value("energy.net_per_inference", metered(windows))
    assert (found.interval == "below_detection") == below
    assert (found.bound is not None) == below
    assert ("below the detection limit" in found.note) == below


def test_without_idle_windows_nothing_is_subtracted_and_the_total_is_no_substitute() -> None:
    found = missing("energy.net_per_inference", metered(ran([10.0] * 5)))
    assert found.reason == "no_idle"
    assert "plan.idle_seconds" in found.detail
    # The memory was not read at rest: the sum at rest is unknown.
    windows = [*ran([10.0] * 5), *ran([2.0] * 5, domain="ram"), *at_rest(4.0)]
    assert missing("energy.net_per_inference", metered(windows)).reason == "no_idle"
    lost = [change(one, joules=None) for one in at_rest(4.0)]
    assert (
        missing("energy.net_per_inference", metered([*ran([10.0] * 5), *lost])).reason == "no_idle"
    )


def test_each_process_has_its_own_rest() -> None:
    windows = []
    for process, idle in enumerate((4.0, 4.1, 4.2)):
        windows += ran([10.0 + idle] * 5, process=process)
        windows += at_rest(idle, process=process)
    record = metered(windows)
    found = value("energy.net_per_inference", record)
    for end in (found.low, found.estimate, found.high):
        assert end == pytest.approx(0.1)
    total = value("energy.per_inference", record)
    assert total.high - total.low > 0.005
    # A process that was not read at rest is left out of the difference.
    partly = value("energy.net_per_inference", metered(windows[:-2]))
    assert partly.estimate == pytest.approx(0.1)
    assert partly.n == 1000


# Several processes


def test_the_energy_of_processes_is_the_median_of_theirs() -> None:
    windows = []
    for process, joules in enumerate((10.0, 10.1, 10.3)):
        windows += [*ran([joules] * 5, process=process), *at_rest(4.0, process=process)]
    found = value("energy.per_inference", metered(windows))
    assert found.estimate == pytest.approx(0.101)
    assert found.interval == "hierarchical_bootstrap"
    spread = float(np.std([0.100, 0.101, 0.103], ddof=1))
    half = float(t.ppf(0.975, 2)) * spread / math.sqrt(3) * MEDIAN
    assert found.high - found.estimate == pytest.approx(half)
    assert (found.n, found.grade) == (1500, "high")


def test_a_window_more_in_one_process_does_not_make_it_count_for_more() -> None:
    windows = [*ran([10.0] * 9), *ran([12.0] * 2, process=1), *ran([11.0] * 3, process=2)]
    assert value("energy.per_inference", metered(windows)).estimate == pytest.approx(0.11)


def test_a_meter_that_only_some_processes_had_is_not_paired_with_another_process() -> None:
    """The memory's meter opened in the second process only: its windows go with that one's."""
    cpu = [*ran([10.0] * 3), *ran([30.0] * 3, process=1)]
    ram = ran([2.0] * 3, domain="ram", process=1)
    found = value("energy.per_inference", metered([*cpu, *ram]))
    assert found.estimate == pytest.approx(0.32)
    assert found.n == 300


def test_a_process_whose_meter_failed_is_left_out() -> None:
    windows = [*ran([10.0] * 5), *ran([None] * 5, process=1), *ran([10.2] * 5, process=2)]
    found = value("energy.per_inference", metered(windows))
    assert found.estimate == pytest.approx(0.101)
    assert "5 readings failed" in found.note


# How far an energy can be trusted


@pytest.mark.parametrize(
    ("off", "grade"),
    [(0.099, "high"), (0.101, "medium"), (0.249, "medium"), (0.251, "low"), (0.8, "low")],
)
def test_the_grade_is_the_best_whose_width_holds_the_interval(off: float, grade: Grade) -> None:
    windows = [*ran([10.0] * 5, error=10 * off), *at_rest(4.0)]
    found = value("energy.per_inference", metered(windows))
    assert found.grade == grade
    floor = GRADES[grade] if grade != "high" else 0.0
    assert found.high == pytest.approx(0.1 * (1 + max(off, floor)))
    assert found.low == pytest.approx(0.1 * (1 - max(off, floor)))


@pytest.mark.parametrize(
    ("apart", "grade"),
    [
        (0.0, "high"),
        (0.049, "high"),
        (0.05, "high"),
        (0.051, "medium"),
        (0.1, "medium"),
        (0.101, "low"),
        (1.0, "low"),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_idle_power_that_drifted_lowers_the_grade_and_widens_the_interval(
    apart: float, grade: Grade, sign: int
) -> None:
    """Against its mean, 10 W, so that 5 % and 10 % are exact."""
    rest = at_rest(10 - sign * 5 * apart, 10 + sign * 5 * apart)
    record = metered([*ran([20.0] * 5), *rest])
    for address in ("energy.per_inference", "energy.power"):
        found = value(address, record)
        assert found.grade == grade
        floor = GRADES[grade] if grade != "high" else 0.0
        assert found.high == pytest.approx((1 + floor) * found.estimate)
        assert found.low == pytest.approx((1 - floor) * found.estimate)
        assert (f"idle power drifted by {apart:.0%}" in found.note) == (grade != "high")
    net = value("energy.net_per_inference", record)
    assert net.grade == grade
    # What the total may be off by, the difference is off by too.
    floor = GRADES[grade] * 0.2 if grade != "high" else 0.0
    assert net.high - net.estimate >= floor * (1 - 1e-9)


def test_the_process_that_drifted_most_decides() -> None:
    windows = []
    for process, after in enumerate((4.0, 4.3, 4.0)):
        windows += ran([10.0] * 5, process=process) + at_rest(4.0, after, process=process)
    found = value("energy.per_inference", metered(windows))
    assert found.grade == "medium"
    assert "drifted by 7%" in found.note


@pytest.mark.parametrize("kept", [[], ["idle_before"], ["idle_after"]])
def test_without_a_baseline_on_both_sides_the_quality_is_medium_at_best(kept: list[str]) -> None:
    rest = [one for one in at_rest(4.0) if one.phase in kept]
    found = value("energy.per_inference", metered([*ran([10.0] * 5), *rest]))
    assert found.grade == "medium"
    assert "no idle baseline" in found.note


@pytest.mark.parametrize(
    ("integral", "told"), [(9.55, False), (9.5, False), (9.45, True), (10.5, False), (10.6, True)]
)
def test_a_counter_and_an_integral_that_differ_by_a_twentieth_are_doubted(
    integral: float, told: bool
) -> None:
    """5 %, and not 50 % or half a percent: a threshold has been mistyped elsewhere."""
    other = ran([integral] * 5, meter="hwmon", method="sensor_integral")
    found = value("energy.per_inference", metered([*ran([10.0] * 5), *other, *at_rest(4.0)]))
    assert found.estimate == pytest.approx(0.1)
    assert found.grade == ("medium" if told else "high")
    assert ("rapl and hwmon differ by 6%" in found.note) == told
    assert found.high == pytest.approx(0.125 if told else 0.1)


def test_a_reading_that_failed_in_one_of_two_meters_is_no_disagreement() -> None:
    other = ran([10.0, None, 10.0, 10.0, 10.0], meter="hwmon", method="sensor_integral")
    found = value("energy.per_inference", metered([*ran([10.0] * 5), *other, *at_rest(4.0)]))
    assert found.grade == "high"
    assert "differ" not in found.note


def test_a_model_that_differs_from_a_counter_is_the_models_fault() -> None:
    model = ran([70.0] * 5, meter="modelled", method="modelled")
    found = value("energy.per_inference", metered([*ran([10.0] * 5), *model, *at_rest(4.0)]))
    assert (found.grade, found.method) == ("high", "hardware_counter")


@given(
    joules=st.lists(st.floats(9, 11), min_size=3, max_size=6),
    error=st.floats(0, 1),
    after=st.floats(3, 5),
    integral=st.floats(8, 12),
    factor=st.sampled_from([1e-9, 1e-6, 1e-3, 1e3, 1e6]),
)
def test_every_threshold_is_relative_and_a_tiny_board_is_judged_like_a_server(
    joules: list[float], error: float, after: float, integral: float, factor: float
) -> None:
    def seen(scale: float) -> Record:
        other = ran([integral * scale] * len(joules), meter="hwmon", method="sensor_integral")
        return metered(
            [
                *ran([one * scale for one in joules], error=error * scale),
                *other,
                *at_rest(4.0 * scale, after * scale),
            ]
        )

    for address in ("energy.per_inference", "energy.net_per_inference", "energy.power"):
        here, there = value(address, seen(1.0)), value(address, seen(factor))
        assert (here.grade, here.interval) == (there.grade, there.interval)
        assert here.note.partition(", below")[0] == there.note.partition(", below")[0]
        for end in ("low", "estimate", "high"):
            expected = getattr(here, end) * factor
            assert getattr(there, end) == pytest.approx(expected, rel=1e-6, abs=1e-12 * factor)


@given(joules=st.lists(st.floats(0.1, 1e3), min_size=2, max_size=10))
def test_a_modelled_energy_is_of_low_quality_and_never_narrower_than_half_of_itself(
    joules: list[float],
) -> None:
    windows = ran(joules, method="modelled", meter="modelled")
    rest = at_rest(0.05, method="modelled", meter="modelled")
    found = value("energy.per_inference", metered([*windows, *rest]))
    assert found.high >= 1.5 * found.estimate * (1 - 1e-12)
    assert found.low <= 0.5 * found.estimate * (1 + 1e-12)
    assert found.low >= 0
    for address in ("energy.per_inference", "energy.net_per_inference", "energy.power"):
        one = value(address, metered([*windows, *rest]))
        assert one.grade == "low"
        assert one.interval in ("model_grade_low", "below_detection")


def test_a_pretend_meter_is_of_low_quality_and_stays_pretend() -> None:
    windows = [*ran([10.0] * 5, method="pretend", meter="fake")]
    found = value("energy.per_inference", metered(windows))
    assert (found.method, found.grade) == ("pretend", "low")


@pytest.mark.parametrize("domain", ["cpu", "ram", "gpu", "machine", "psys", "rail:cpu"])
@pytest.mark.parametrize("real", ["hardware_counter", "modelled"])
def test_one_pretend_window_makes_the_whole_energy_pretend(real: Method, domain: str) -> None:
    """A pretend domain was left out of the sum, and what was left passed for the whole."""
    measured = [*ran([10.0] * 5, method=real), *at_rest(4, method=real)]
    record = metered([*measured, window(1e3, domain=domain, method="pretend", meter="fake")])
    for address in ("energy.per_inference", "energy.net_per_inference", "energy.power"):
        found = value(address, record)
        assert (found.method, found.grade) == ("pretend", "low")
    own = value("energy.cpu_per_inference", record).method
    assert own == ("pretend" if domain == "cpu" else real)


def test_the_energy_is_all_joules_over_all_inferences_and_no_mean_of_ratios() -> None:
    """A window of one inference that mostly waited must not count as much as one of a thousand."""
    windows = [window(100.0, calls=1000), window(100.0, calls=1000), window(20.0, calls=1)]
    found = value("energy.per_inference", metered([*windows, *at_rest(5)]))
    assert found.estimate == pytest.approx(220 / 2001)
    waited = [*windows, window(30.0, calls=0)]
    assert value("energy.per_inference", metered([*waited, *at_rest(5)])).estimate == (
        pytest.approx(250 / 2001)
    )
