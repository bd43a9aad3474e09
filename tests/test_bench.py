"""The stopwatch, on a clock that only the calls advance: every number is exact."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugalbench.bench import Meters, timed_loop
from frugalbench.errors import MeasurementError
from frugalbench.meters import Reading
from frugalbench.meters.fake import Constant
from frugalbench.record import Window
from frugalbench.spec import Plan

MS = 1_000_000


class Time:
    """A clock in nanoseconds that stands still unless a call spends time."""

    now = 0

    def __call__(self) -> int:
        return self.now

    def seconds(self) -> float:
        return self.now * 1e-9

    def spend(self, nanoseconds: int) -> Callable[[], None]:
        def call() -> None:
            self.now += nanoseconds

        return call


class Lossy(Constant):
    """A meter whose reading is lost at some edges; it also counts how often it is closed."""

    lost: tuple[int, ...] = ()
    edge = -1

    def read(self) -> Reading:
        self.edge += 1
        return {self.domain: None} if self.edge in self.lost else super().read()


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """Whatever a test does, the collector is on again after it."""
    assert gc.isenabled()
    yield
    gc.enable()


def timed(
    *spent: int, meters: dict[str, Any] | None = None, clock: Time | None = None, **plan: Any
) -> tuple[list[int], list[Window], list[tuple[str, float]]]:
    """The latencies, windows and progress of calls that take these nanoseconds in turn."""
    clock, told = clock or Time(), list[tuple[str, float]]()
    latencies, windows = timed_loop(
        [clock.spend(one) for one in spent],
        Plan(**plan),
        Meters(meters if meters is not None else {"fake": Constant(clock=clock.seconds)}),
        lambda stage, share: told.append((stage, share)),
        clock,
    )
    assert latencies.dtype == np.int64
    return latencies.tolist(), windows, told


def test_latencies_are_exact_and_in_order() -> None:
    latencies, _, _ = timed(3, 1, 2, max_calls=7, windows=2, max_seconds=1)
    assert latencies == [3, 1, 2, 3, 1, 2]


def test_a_call_that_takes_no_time_at_all_still_ends() -> None:
    latencies, windows, _ = timed(0, max_calls=10, windows=2)
    assert latencies == [0] * 10
    assert [window.seconds for window in windows] == [0, 0]
    assert [window.error for window in windows] == [0, 0]


def test_each_window_ends_at_its_share_of_the_time() -> None:
    latencies, windows, _ = timed(10 * MS, max_seconds=1.0, windows=5)
    assert len(latencies) == 100
    assert [window.calls for window in windows] == [20] * 5
    assert [window.seconds for window in windows] == pytest.approx([0.2] * 5, rel=1e-12)


def test_a_call_longer_than_a_window_is_timed_once_in_each() -> None:
    latencies, windows, _ = timed(10_000 * MS, max_seconds=1.0, windows=4)
    assert latencies == [10_000 * MS] * 4
    assert [window.calls for window in windows] == [1] * 4


def test_a_window_always_holds_a_call_however_small_its_share() -> None:
    latencies, windows, _ = timed(5, max_seconds=1e-300, max_calls=1, windows=3)
    assert latencies == [5, 5, 5]
    assert [window.calls for window in windows] == [1, 1, 1]


@pytest.mark.parametrize(("most", "windows", "calls"), [(100, 5, 100), (103, 5, 100), (5, 5, 5)])
def test_no_more_than_the_most_calls_are_made(most: int, windows: int, calls: int) -> None:
    latencies, seen, _ = timed(1, max_calls=most, windows=windows, max_seconds=1)
    assert len(latencies) == calls
    assert {window.calls for window in seen} == {calls // windows}


@given(
    spent=st.lists(st.integers(0, 50 * MS), min_size=1, max_size=9),
    count=st.integers(2, 12),
    most=st.integers(1, 300),
    seconds=st.floats(1e-9, 2),
)
def test_windows_partition_the_calls_and_their_energy(
    spent: list[int], count: int, most: int, seconds: float
) -> None:
    latencies, windows, _ = timed(*spent, windows=count, max_calls=most, max_seconds=seconds)
    assert len(windows) == count
    assert all(window.calls >= 1 for window in windows)
    assert sum(window.calls for window in windows) == len(latencies) <= max(most, count)
    ends = np.cumsum([0, *(window.calls for window in windows)])
    for window, start, end in zip(windows, ends, ends[1:], strict=False):
        own = latencies[start:end]
        assert window.seconds == pytest.approx(sum(own) * 1e-9, rel=1e-9)
        # Only the last call of a window may cross its deadline.
        assert sum(own[:-1]) <= seconds * 1e9 / count
        assert window.joules == pytest.approx(10 * window.seconds, rel=1e-6, abs=1e-6)
    assert latencies == [spent[turn % len(spent)] for turn in range(len(latencies))]


# Meters


def test_ten_watts_are_ten_joules_a_second() -> None:
    _, windows, _ = timed(125 * MS, max_seconds=2.0, windows=2)
    assert [window.seconds for window in windows] == [1.0, 1.0]
    assert [window.joules for window in windows] == [10.0, 10.0]
    assert {(one.meter, one.domain, one.method) for one in windows} == {("fake", "cpu", "pretend")}
    assert {(one.error, one.reason) for one in windows} == {(0.0, "")}


def test_a_stale_reading_at_both_edges_is_in_the_error() -> None:
    clock = Time()
    meter = Constant(clock=clock.seconds, period=0.1)
    _, windows, _ = timed(125 * MS, meters={"m": meter}, clock=clock, max_seconds=2.0, windows=2)
    assert [window.error for window in windows] == pytest.approx([2.0, 2.0])


@pytest.mark.parametrize(
    ("edge", "joules"),
    # Two readings a window: one as it starts, one as it ends.
    [(0, [None, 10.0, 10.0]), (3, [10.0, None, 10.0]), (5, [10.0, 10.0, None])],
)
def test_a_lost_reading_is_a_window_without_joules(edge: int, joules: list[float | None]) -> None:
    clock = Time()
    meter = Lossy(clock=clock.seconds)
    meter.lost = (edge,)
    _, windows, _ = timed(125 * MS, meters={"m": meter}, clock=clock, max_seconds=3.0, windows=3)
    assert [window.joules for window in windows] == joules
    for window in windows:
        assert (window.reason == "m could not be read") == (window.joules is None)
        assert (window.calls, window.seconds, window.error) == (8, 1.0, 0.0)


def test_every_meter_and_domain_has_its_own_windows() -> None:
    clock = Time()
    meters = {
        "a": Constant(clock=clock.seconds),
        "b": Constant(watts=3.0, domain="gpu", clock=clock.seconds),
    }
    _, windows, _ = timed(500 * MS, meters=meters, clock=clock, max_seconds=2.0, windows=2)
    seen = [(window.meter, window.domain, window.joules) for window in windows]
    assert seen == [("a", "cpu", 10.0), ("b", "gpu", 3.0)] * 2


def test_without_a_meter_there_are_latencies_and_no_windows() -> None:
    latencies, windows, told = timed(5, meters={}, max_calls=4, windows=2)
    assert latencies == [5] * 4
    assert windows == []
    assert told == [("time", 0.5), ("time", 1.0)]


# Garbage collection


def test_garbage_is_not_collected_while_calls_are_timed() -> None:
    seen = list[bool]()
    plan = Plan(max_calls=4, windows=2)
    timed_loop([lambda: seen.append(gc.isenabled())], plan, Meters(), lambda stage, share: None)
    assert seen == [False] * 4
    assert gc.isenabled()


def test_garbage_collection_that_was_off_stays_off() -> None:
    gc.disable()
    timed(5, max_calls=4, windows=2)
    assert not gc.isenabled()


@pytest.mark.parametrize("kind", [MeasurementError("stop"), MemoryError(), KeyboardInterrupt()])
def test_a_call_that_raises_is_heard_and_collection_is_on_again(kind: BaseException) -> None:
    def call() -> None:
        raise kind

    with pytest.raises(type(kind)):
        timed_loop([call], Plan(), Meters(), lambda stage, share: None)
    assert gc.isenabled()
