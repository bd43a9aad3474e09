"""Times of calls: exact where the calls are known, honest where they are few or alike."""

import numpy as np
import pytest
from _build import FAILED, change, missing, timed, value
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from frugalbench.metrics import find
from frugalbench.values import Missing

PERCENTILES = {"p50": (0.5, 11), "p90": (0.9, 64), "p95": (0.95, 130), "p99": (0.99, 662)}


def shuffled(n: int) -> np.ndarray:
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
def test_too_few_calls_say_how_many_more(name: str) -> None:
    _, fewest = PERCENTILES[name]
    for calls in (0, 1, fewest - 1):
        found = missing(f"latency.{name}", timed(shuffled(calls)))
        assert found.reason == "too_few_calls"
        assert f"{calls} calls" in found.detail
        assert f"needs {fewest - calls} more" in found.detail
    constant = timed(np.full(fewest, 1000))
    assert value(f"latency.{name}", constant).estimate == pytest.approx(1e-6)


def test_the_percentiles_are_in_order() -> None:
    record = timed(np.random.default_rng(1).lognormal(10, 1, 3000))
    found = [value(f"latency.{name}", record).estimate for name in PERCENTILES]
    assert found == sorted(found)


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
    found = value("latency.throughput", timed(np.full(calls, ns), batch=batch))
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


def test_a_cold_start_is_seen_once() -> None:
    record = timed(shuffled(100))
    assert record.run is not None
    for address in ("latency.cold_start", "latency.model_load"):
        found = value(address, record)
        assert (found.n, found.interval) == (1, "single_observation")
        assert found.low == found.estimate == found.high
    assert value("latency.cold_start", record).estimate == record.run.cold_start_seconds
    warm = change(record, run=change(record.run, cold_start_seconds=None))
    assert missing("latency.cold_start", warm).reason == "not_observed"


def test_without_a_run_there_is_no_time() -> None:
    for name in (*PERCENTILES, "throughput", "cold_start", "model_load"):
        found = find(f"latency.{name}")(FAILED)
        assert isinstance(found, Missing)
        assert found.reason == "no_run"


def test_the_latency_of_a_pretend_model_can_never_certify() -> None:
    record = timed(shuffled(1000))
    assert record.run is not None
    pretend = change(record, run=change(record.run, runner="fake", provider="fake"))
    assert value("latency.p50", pretend).method == "pretend"


def test_a_run_that_wanders_is_bounded_by_its_parts_and_not_by_one_slow_call() -> None:
    """One call of a second among a million must not be the end of the median's interval."""
    calls = np.repeat([3_000, 3_500, 3_200, 3_900], 25_000)
    calls[77] = 1_000_000_000
    found = value("latency.p50", timed(calls))
    assert found.interval == "range_of_parts"
    assert 3_000e-9 <= found.low <= found.estimate <= found.high <= 3_900e-9
