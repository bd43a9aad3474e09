"""Times of calls: exact where the calls are known, honest where they are few or alike."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from _build import FAILED, change, missing, timed, value
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.stats import t

from frugalbench.bench import Tape
from frugalbench.metrics import find, latency
from frugalbench.record import Process, Record
from frugalbench.values import Missing

PERCENTILES = {
    "p50": (0.5, 11),
    "p90": (0.9, 64),
    "p95": (0.95, 130),
    "p97": (0.97, 219),
    "p99": (0.99, 662),
    "p99_9": (0.999, 6636),
}


def seen(record: Record) -> tuple[Process, ...]:
    assert record.run is not None
    return record.run.processes


def changed(record: Record, *processes: Process) -> Record:
    """The record with other facts about its processes."""
    assert record.run is not None
    return change(record, run=change(record.run, processes=processes))


def bound(address: str, record: Record) -> float:
    """The one-sided bound of a percentile, which it must have."""
    found = value(address, record).bound
    assert found is not None
    return found


def shuffled(n: int) -> npt.NDArray[np.int64]:
    """1 to n µs in an order without memory."""
    return (np.random.default_rng(0).permutation(n) + 1) * 1000


@pytest.mark.parametrize("name", PERCENTILES)
def test_a_percentile_of_known_calls_is_exact(name: str) -> None:
    p, _ = PERCENTILES[name]
    found = value(f"latency.{name}", timed(shuffled(10_000)))
    assert found.estimate == pytest.approx((10_000 * p + 1) * 1e-6)
    assert found.low < found.estimate < found.high
    assert (found.n, found.unit, found.method) == (10_000, "s", "timer")


def test_the_interval_of_known_calls_is_the_binomials() -> None:
    """100 calls: the 40th and the 61st bound the median (Conover, Practical Statistics, table)."""
    found = value("latency.p50", timed(shuffled(100)))
    # Chance correlation may only widen it.
    assert found.low <= 40e-6 * (1 + 1e-12)
    assert found.high >= 61e-6 * (1 - 1e-12)
    assert found.high - found.low < 30e-6


@pytest.mark.parametrize("name", PERCENTILES)
def test_too_few_queries_say_how_many_more(name: str) -> None:
    p, fewest = PERCENTILES[name]
    for calls in (0, 1, fewest - 1):
        found = missing(f"latency.{name}", timed(shuffled(calls)))
        assert found.reason == "too_few_calls"
        counted = "1 query was" if calls == 1 else f"{calls:,} queries were"
        assert f"{counted} timed; p{p * 100:g} needs " in found.detail
        assert f" {fewest - calls:,} more at least" in found.detail
        assert "plan.process_seconds" in found.detail
    constant = timed(np.full(fewest, 1000))
    assert value(f"latency.{name}", constant).estimate == pytest.approx(1e-6)
    # What several processes timed counts together.
    split = timed(np.full(fewest // 2, 1000), np.full(fewest - fewest // 2, 1000))
    assert value(f"latency.{name}", split).n == fewest


def test_the_percentiles_are_in_order() -> None:
    record = timed(np.random.default_rng(1).lognormal(10, 1, 10_000))
    found = [value(f"latency.{name}", record).estimate for name in PERCENTILES]
    assert found == sorted(found)
    bounds = [bound(f"latency.{name}", record) for name in PERCENTILES]
    assert bounds == sorted(bounds)


@pytest.mark.parametrize(("name", "aside"), [("p50", 4883), ("p90", 930), ("p99_9", 2)])
def test_the_bound_of_known_calls_is_the_one_mlperf_would_report(name: str, aside: int) -> None:
    """Of 10,000 queries so many are set aside: sorted[n - t], from a table."""
    record = timed(shuffled(10_000))
    assert bound(f"latency.{name}", record) == pytest.approx((10_000 - aside + 1) * 1e-6)
    assert bound(f"latency.{name}", record) > value(f"latency.{name}", record).estimate


def test_the_bound_of_processes_is_their_median_and_of_short_ones_that_of_all() -> None:
    random = np.random.default_rng(3)
    parts = [random.permutation(1000) + more for more in (1, 10_001, 20_001)]
    assert bound("latency.p90", timed(*parts)) == pytest.approx((11_000 - 78 + 1) * 1e-9)
    short = [part[:60] for part in parts]
    together = np.sort(np.concatenate(short))
    # Of 180 queries 8 may be over the 90th percentile.
    assert bound("latency.p90", timed(*short)) == pytest.approx(together[-8] * 1e-9)


def test_the_percentile_of_processes_is_the_median_of_theirs() -> None:
    random = np.random.default_rng(4)
    parts = [more + random.permutation(10_000) for more in (100_000, 100_400, 150_000)]
    found = value("latency.p90", timed(*parts))
    assert found.estimate == pytest.approx(109_400e-9)
    assert (found.n, found.interval) == (30_000, "hierarchical_bootstrap")
    spread = float(np.std([109_000, 109_400, 159_000], ddof=1)) * 1e-9
    half = float(t.ppf(0.975, 2)) * spread / math.sqrt(3) * math.sqrt(math.pi / 2)
    assert found.high - found.estimate == pytest.approx(half)
    # Nothing is faster than the fastest call.
    assert found.estimate - half < 100_000e-9
    assert found.low == pytest.approx(100_000e-9)


def test_processes_whose_calls_are_too_few_are_read_together() -> None:
    calls = shuffled(100)
    found = value("latency.p90", timed(calls[:50], calls[50:]))
    alone = value("latency.p90", timed(calls))
    assert found.estimate == alone.estimate
    # How far the two medians lie apart is in it too.
    assert found.low <= alone.low
    assert found.high >= alone.high


def test_short_processes_that_lie_apart_widen_what_all_calls_together_say() -> None:
    """Calls of one process each look alike; the spread is between them."""
    parts = [np.random.default_rng(n).normal(1e6, 1e3, 600) for n in range(3)]
    apart = [part * scale for part, scale in zip(parts, (0.9, 1.0, 1.1), strict=True)]
    near, far = value("latency.p99", timed(*parts)), value("latency.p99", timed(*apart))
    assert near.high / near.low < 1.02
    assert far.low < 0.95e-3
    assert far.high > 1.2e-3


@pytest.mark.parametrize(("spread", "told"), [(0.049, False), (0.051, True)])
def test_hierarchical_bootstraphat_differ_by_more_than_a_twentieth_are_flagged(
    spread: float, told: bool
) -> None:
    """Two values at 1 - d and 1 + d have a coefficient of variation of d·√2."""
    calls = np.full(2000, 10_000_000)
    apart = spread / math.sqrt(2)
    found = value("latency.p50", timed(calls * (1 - apart), calls * (1 + apart)))
    assert ("the 2 processes differ by 5%, over 5%" in found.note) == told


def test_one_process_more_shrinks_the_interval_and_a_slow_one_widens_it() -> None:
    random = np.random.default_rng(5)
    parts = [random.normal(1e6 + 1e4 * step, 1e4, 2000) for step in (0, 1, 0, 1, 0, 1)]
    widths = [
        (found := value("latency.p50", timed(*parts[:k]))).high - found.low for k in (2, 4, 6)
    ]
    assert widths[0] > widths[1] > widths[2]
    slow = value("latency.p50", timed(*parts, 2 * parts[0]))
    assert slow.high - slow.low > 3 * widths[2]
    assert slow.estimate < 1.05e-3


def test_a_slow_drift_widens_the_interval_and_is_told() -> None:
    random = np.random.default_rng(2)
    calls = random.gamma(4, 1e4, 20_000)
    drift = lfilter([1.0], [1.0, -0.98], random.normal(size=calls.size))
    alone = value("latency.p90", timed(calls))
    # The same calls, slow ones beside slow ones.
    drifting = value("latency.p90", timed(np.sort(calls)[drift.argsort().argsort()]))
    assert alone.estimate == drifting.estimate
    assert drifting.high - drifting.low > 3 * (alone.high - alone.low)
    assert "correlated" in drifting.note
    assert alone.note == ""


def test_too_few_slow_calls_are_not_taken_for_independent_ones() -> None:
    """Seven calls over the 99th percentile lie apart by chance; the next ones came together."""
    calls = np.random.default_rng(3).permutation(700) + 1000
    calls[100:150] = 5000 + np.arange(50)
    calls[[5, 60, 200, 300, 400, 500, 650]] = 9000 + np.arange(7)
    scattered = np.random.default_rng(4).permutation(calls)
    together, apart = value("latency.p99", timed(calls)), value("latency.p99", timed(scattered))
    assert together.estimate == apart.estimate
    assert "correlated" in together.note
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_calls_worth_too_few_are_bounded_by_the_fastest_and_the_slowest() -> None:
    """A machine that grew slower all along has shown none of its percentiles twice."""
    found = value("latency.p99", timed(np.arange(700) * 1000 + 1000))
    assert (found.low, found.high) == pytest.approx((1e-6, 700e-6))
    assert found.estimate == pytest.approx(694e-6)
    assert found.interval == "range"
    assert "correlated" in found.note


@pytest.mark.parametrize("slow", [0.0, 0.5])
def test_two_runs_of_one_machine_seldom_differ(slow: float) -> None:
    """The intervals of two runs are apart as seldom as they promise, drift or no drift."""
    random, n, times, apart = np.random.default_rng(6), 3000, 100, 0
    for _ in range(times):
        runs = []
        for _ in range(2):
            drift = lfilter([1.0], [1.0, -0.98], random.normal(0, 0.2, n))
            noise = random.normal(size=n)
            calls = 1e5 * (10 + np.sqrt(slow) * drift + np.sqrt(1 - slow) * noise)
            runs.append(value("latency.p50", timed(calls)))
        a, b = runs
        apart += a.high < b.low or b.high < a.low
    assert apart / times <= 0.05


@given(batch=st.integers(1, 64), ns=st.integers(1, 10**9), calls=st.integers(10, 99))
def test_the_throughput_of_constant_calls_is_exact(batch: int, ns: int, calls: int) -> None:
    found = value("latency.throughput", timed(np.full(calls, ns), samples=batch))
    for end in (found.estimate, found.low, found.high):
        assert end == pytest.approx(batch / (ns * 1e-9), rel=1e-9)
    assert found.n == calls


def test_one_slow_part_of_the_loop_widens_the_throughput() -> None:
    calls = np.full(1000, 1000)
    calls[800:] = 2000
    found = value("latency.throughput", timed(calls))
    assert found.estimate == pytest.approx(1e9 / 1200)
    assert found.low < 1e9 / 1700
    assert found.high > 1e9 / 1000


def test_a_spread_past_the_mean_still_bounds_the_throughput() -> None:
    calls = np.full(100, 1000)
    calls[90:] = 1_000_000
    found = value("latency.throughput", timed(calls))
    assert 0 < found.low < found.estimate < found.high
    assert found.high >= 1e6 * (1 - 1e-9)


def test_two_calls_a_part_are_the_fewest_for_a_throughput() -> None:
    assert missing("latency.throughput", timed(np.full(9, 1000))).reason == "too_few_calls"
    assert value("latency.throughput", timed(np.full(10, 1000)))


@pytest.mark.parametrize("samples", [1, 8])
def test_throughput_over_processes_is_the_median_of_theirs(samples: int) -> None:
    record = timed(*[np.full(1000, ns) for ns in (1000, 1250, 2000)], samples=samples)
    found = value("latency.throughput", record)
    assert found.estimate == pytest.approx(samples * 1e9 / 1250)
    assert (found.interval, found.n) == ("hierarchical_bootstrap", 3000)
    assert 0 < found.low < found.estimate < found.high
    assert found.high >= samples * 1e9 / 1000 * (1 - 1e-9)


def test_the_throughput_of_a_server_is_by_the_clock_and_not_by_its_answers() -> None:
    """A server that waits between queries serves as many as were asked, however fast it is."""
    record = timed(
        *[np.full(200, 1000)] * 3,
        samples=2,
        processes={"queries": 400, "seconds": 10.0},
        plan={"scenario": "server", "target_qps": 40.0},
    )
    found = value("latency.throughput", record)
    assert (found.low, found.estimate, found.high) == pytest.approx((80, 80, 80))
    assert found.n == 1200
    one, two, three = seen(record)
    slower = changed(record, one, change(two, seconds=12.5), change(three, seconds=20.0))
    found = value("latency.throughput", slower)
    assert found.estimate == pytest.approx(64)
    assert found.low < 40 < 80 < found.high
    alone = changed(timed(shuffled(100), plan={"scenario": "server", "target_qps": 1.0}), one)
    assert value("latency.throughput", alone).interval == "single_observation"


def test_all_samples_at_once_have_a_throughput_and_no_percentiles() -> None:
    record = timed(np.full(1000, 2_000_000), samples=500, plan={"scenario": "offline"})
    for name in PERCENTILES:
        found = missing(f"latency.{name}", record)
        assert found.reason == "other_scenario"
        assert "only throughput" in found.detail
    assert value("latency.throughput", record).estimate == pytest.approx(250_000)


@pytest.mark.parametrize("address", ["latency.cold_start", "latency.model_load"])
def test_a_start_that_was_seen_once_has_no_interval(address: str) -> None:
    found = value(address, timed(shuffled(100)))
    assert (found.n, found.interval) == (1, "single_observation")
    assert found.low == found.estimate == found.high


def test_starts_of_fresh_processes_have_an_interval() -> None:
    record = timed(*[shuffled(100)] * 3)
    times = (0.30, 0.32, 0.40)
    starts = [
        change(one, cold_start_seconds=s, load_seconds=s / 10)
        for one, s in zip(seen(record), times, strict=True)
    ]
    record = changed(record, *starts)
    found = value("latency.cold_start", record)
    assert (found.estimate, found.n, found.interval) == (0.32, 3, "hierarchical_bootstrap")
    half = float(t.ppf(0.975, 2)) * np.std(times, ddof=1) / math.sqrt(3) * math.sqrt(math.pi / 2)
    assert found.high == pytest.approx(0.32 + half)
    assert found.low == pytest.approx(max(0, 0.32 - half))
    load = value("latency.model_load", record)
    assert load.estimate == pytest.approx(0.032)
    assert load.n == 3
    # Times below nothing there are none.
    wild = changed(record, *[change(starts[0], load_seconds=s) for s in (0.001, 0.002, 0.9)])
    assert value("latency.model_load", wild).low == 0


def test_a_warm_process_has_no_cold_start_and_is_not_counted_as_one() -> None:
    record = timed(shuffled(100), shuffled(100))
    cold, warm = seen(record)[0], change(seen(record)[1], cold_start_seconds=None)
    assert value("latency.cold_start", changed(record, cold, warm)).n == 1
    assert missing("latency.cold_start", changed(record, warm, warm)).reason == "not_observed"
    assert value("latency.model_load", changed(record, warm, warm)).n == 2


@pytest.mark.parametrize("most", [1000, 3000])
def test_percentiles_of_every_second_call_are_those_of_all(most: int) -> None:
    calls = shuffled(20_000)
    tape = Tape(most)
    for start in range(0, calls.size, 700):
        tape.extend(calls[start : start + 700].tolist())
    kept = tape.array()
    assert most / 2 <= kept.size <= most
    record = timed(kept, processes={"queries": 20_000})
    found, whole = value("latency.p90", record), value("latency.p90", timed(calls))
    assert found.n == kept.size
    assert found.low <= whole.estimate <= found.high
    assert found.high - found.low > whole.high - whole.low


def test_the_calls_of_each_process_stay_its_own_where_they_kept_different_numbers() -> None:
    record = timed(np.full(2000, 1000), np.full(500, 3000), np.full(1000, 2000))
    found = value("latency.p50", record)
    assert found.estimate == pytest.approx(2e-6)
    assert found.n == 3500


def test_a_process_that_kept_nothing_is_left_out() -> None:
    record = timed(np.full(2000, 1000), np.full(0, 0), np.full(1000, 2000))
    assert value("latency.p50", record).estimate == pytest.approx(1.5e-6)
    assert value("latency.throughput", record).estimate == pytest.approx(1e9 / 1500)


def test_without_a_run_there_is_no_time() -> None:
    for name in (*PERCENTILES, "throughput", "cold_start", "model_load"):
        found = find(f"latency.{name}")(FAILED)
        assert isinstance(found, Missing)
        assert found.reason == "no_run"


def test_the_latency_of_a_pretend_model_can_never_certify() -> None:
    record = timed(shuffled(1000))
    assert record.run is not None
    pretend = change(record, run=change(record.run, runner="fake", provider="fake"))
    for name in ("p50", "throughput", "cold_start"):
        assert value(f"latency.{name}", pretend).method == "pretend"


def test_a_run_that_wanders_is_bounded_by_its_parts_and_not_by_one_slow_call() -> None:
    """One call of a second among a million must not be the end of the median's interval."""
    calls = np.repeat([3_000, 3_500, 3_200, 3_900], 25_000)
    calls[77] = 1_000_000_000
    found = value("latency.p50", timed(calls))
    assert found.interval == "range_of_parts"
    assert 3_000e-9 <= found.low <= found.estimate <= found.high <= 3_900e-9


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_no_interval_is_narrower_than_the_step_of_the_clock(processes: int) -> None:
    """Nearly all calls read the same on a clock that steps by 10 ns and rounds to 1."""
    random = np.random.default_rng(0)
    readings = np.array([2643, 2644, 2653, 2654, 2663, 2664])
    share = [0.005, 0.005, 0.0, 0.98, 0.005, 0.005]
    parts = [random.choice(readings, 15_000, p=share) for _ in range(processes)]
    found = latency.percentile(parts, 0.5)
    assert found is not None
    assert found[0] == 2654
    assert found[1] <= 2644
    assert found[2] >= 2663
