"""The stopwatch and the energy windows, on a clock that only the calls advance."""

import gc
import time
from collections.abc import Iterator
from itertools import cycle, pairwise
from typing import Any

import numpy as np
import pytest
from _clock import MS, Odometer, Time, in_turn
from hypothesis import given
from hypothesis import strategies as st

from frugalbench.bench import Meters, draw_order, timed_run
from frugalbench.bench._timed import Timed, idle
from frugalbench.errors import MeasurementError
from frugalbench.meters import Meter, Reading
from frugalbench.record import Window
from frugalbench.spec import Plan


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """Whatever a test does, the collector is on again after it.

    What was there before is not looked through again at each of the collections that are timed.
    """
    assert gc.isenabled()
    gc.freeze()
    yield
    gc.unfreeze()
    gc.enable()


def nothing(*_: object) -> None:
    """Nothing is looked at, and nobody hears of progress."""


def watched(clock: Time, **opened: Meter) -> Meters:
    """Meters on an injected clock; the wall shows 5,000 s more."""
    return Meters(opened, clock=clock.seconds, wall=lambda: 5000 + clock.seconds())


def timed(
    *spent: int,
    clock: Time | None = None,
    meters: Meters | None = None,
    seconds: float = 1.0,
    room: float = 0.0,
    call_seconds: float = 0.0,
    **plan: Any,
) -> Timed:
    """What is seen of calls that take these nanoseconds in turn."""
    clock = clock or Time()
    turn = cycle(spent)

    def run() -> None:
        clock.now += next(turn)

    return timed_run(
        in_turn(run, [nothing]),
        Plan(**plan),
        meters or watched(clock, fake=Odometer(clock)),
        nothing,
        nothing,
        seconds,
        room,
        clock,
        call_seconds,
    )


def joules(windows: list[Window]) -> list[float]:
    """The joules of windows that all have some."""
    found = [window.joules for window in windows]
    assert None not in found
    return [one for one in found if one is not None]


# Windows


def test_each_window_ends_at_its_share_of_the_time() -> None:
    seen = timed(10 * MS, windows=5)
    assert seen.tape.total == 100
    assert [window.calls for window in seen.windows] == [20] * 5
    assert [window.seconds for window in seen.windows] == pytest.approx([0.2] * 5, rel=1e-9)
    assert seen.seconds == pytest.approx(1.0)
    assert {(one.phase, one.process) for one in seen.windows} == {("run", 0)}


def test_a_call_longer_than_a_window_is_timed_once_in_each() -> None:
    seen = timed(10_000 * MS, windows=4)
    assert seen.tape.array().tolist() == [10_000 * MS] * 4
    assert [window.calls for window in seen.windows] == [1] * 4


@pytest.mark.parametrize(("call_seconds", "windows"), [(0.2, 5), (0.34, 2), (0.6, 1), (10.0, 1)])
def test_calls_known_to_be_slow_make_fewer_windows(call_seconds: float, windows: int) -> None:
    seen = timed(int(call_seconds * 1e9), windows=9, call_seconds=call_seconds)
    assert [window.calls >= 1 for window in seen.windows] == [True] * windows


def test_a_window_always_holds_a_query_however_small_its_share() -> None:
    seen = timed(5, seconds=1e-300, max_queries=1, windows=3)
    assert seen.tape.array().tolist() == [5, 5, 5]
    assert [window.calls for window in seen.windows] == [1, 1, 1]


def test_a_call_that_takes_no_time_at_all_still_ends() -> None:
    seen = timed(0, max_queries=10, windows=2)
    assert seen.tape.array().tolist() == [0] * 10
    assert [(one.seconds, one.joules, one.error) for one in seen.windows] == [(0, 0, 0)] * 2


@pytest.mark.parametrize(("most", "windows", "calls"), [(100, 5, 100), (103, 5, 100), (5, 5, 5)])
def test_no_more_than_the_most_queries_are_made(most: int, windows: int, calls: int) -> None:
    seen = timed(1, max_queries=most, windows=windows)
    assert seen.tape.total == calls
    assert {window.calls for window in seen.windows} == {calls // windows}


@given(
    spent=st.lists(st.integers(0, 50 * MS), min_size=1, max_size=9),
    count=st.integers(2, 12),
    most=st.integers(1, 300),
    seconds=st.floats(1e-9, 2),
)
def test_windows_partition_the_queries_and_their_energy(
    spent: list[int], count: int, most: int, seconds: float
) -> None:
    seen = timed(*spent, windows=count, max_queries=most, seconds=seconds)
    latencies, windows = seen.tape.array().tolist(), seen.windows
    assert len(windows) == count
    assert all(window.calls >= 1 for window in windows)
    assert sum(window.calls for window in windows) == len(latencies) <= max(most, count)
    ends = np.cumsum([0, *(window.calls for window in windows)])
    for number, (window, (start, end)) in enumerate(
        zip(windows, pairwise(ends), strict=True), start=1
    ):
        own = latencies[start:end]
        assert window.seconds == pytest.approx(sum(own) * 1e-9, abs=1e-12)
        # Only the last query of a window may cross its end, or one that began after it.
        assert len(own) == 1 or sum(latencies[: end - 1]) <= number * seconds * 1e9 / count
        assert window.joules == pytest.approx(10 * window.seconds, abs=1e-9)
    assert latencies == [spent[turn % len(spent)] for turn in range(len(latencies))]
    assert seen.seconds == pytest.approx(sum(latencies) * 1e-9, abs=1e-12)


def test_only_so_many_latencies_are_kept_and_all_are_counted() -> None:
    seen = timed(*range(1, 5001), max_queries=5000, windows=2, keep=1000)
    assert (seen.tape.total, len(seen.tape.kept)) == (5000, 625)
    assert seen.tape.array().tolist() == list(range(1, 5001, 8))
    assert sum(window.calls for window in seen.windows) == 5000


def test_progress_tells_the_share_that_is_done() -> None:
    told, clock = list[tuple[str, float]](), Time()
    timed_run(
        in_turn(clock.spend(MS), [nothing]),
        Plan(windows=4),
        Meters(),
        nothing,
        lambda stage, share: told.append((stage, share)),
        0.1,
        0.0,
        clock,
    )
    assert told == [("time", 0.25), ("time", 0.5), ("time", 0.75), ("time", 1.0)]


# The fewest queries


def test_timing_goes_on_until_the_fewest_queries_were_made() -> None:
    seen = timed(100 * MS, seconds=1.0, room=60.0, windows=2, min_queries=64)
    assert seen.tape.total == 64
    assert [window.calls for window in seen.windows] == [5, 59]
    assert joules(seen.windows) == pytest.approx([5.0, 59.0])


def test_where_there_is_no_room_fewer_queries_are_made() -> None:
    seen = timed(100 * MS, seconds=1.0, room=2.0, windows=2, min_queries=64)
    assert seen.tape.total == 20
    assert seen.seconds == pytest.approx(2.0)


def test_enough_queries_are_not_topped_up() -> None:
    assert timed(MS, seconds=0.1, room=60.0, windows=2, min_queries=100).tape.total == 100


# Energy


def test_ten_watts_are_ten_joules_a_second() -> None:
    windows = timed(125 * MS, seconds=2.0, windows=2).windows
    assert [window.seconds for window in windows] == pytest.approx([1.0, 1.0])
    assert joules(windows) == pytest.approx([10.0, 10.0])
    assert {(one.meter, one.domain, one.method) for one in windows} == {("fake", "cpu", "pretend")}
    assert {(one.error, one.reason, one.aligned) for one in windows} == {(0.0, "", False)}


def test_doubling_the_work_doubles_the_joules() -> None:
    energy = []
    for milliseconds in (3, 6):
        windows = timed(milliseconds * MS, seconds=3.0, windows=5).windows
        energy.append(sum(joules(windows)) / sum(window.calls for window in windows))
    assert energy[1] / energy[0] == pytest.approx(2)
    assert energy[0] == pytest.approx(10 * 0.003)


@pytest.mark.parametrize(
    ("edge", "expected"),
    [(0, [None, 10, 10]), (1, [None, None, 10]), (2, [10, None, None]), (3, [10, 10, None])],
)
def test_a_lost_reading_is_no_joules_on_either_side_of_it(
    edge: int, expected: list[float | None]
) -> None:
    clock = Time()
    meters = watched(clock, m=Odometer(clock, lost=[edge]))
    windows = timed(125 * MS, clock=clock, meters=meters, seconds=3.0, windows=3).windows
    assert [window.joules for window in windows] == [
        None if one is None else pytest.approx(one) for one in expected
    ]
    for window in windows:
        assert (window.reason == "m could not be read") == (window.joules is None)
        assert (window.calls, window.error) == (8, 0.0)
        assert window.seconds == pytest.approx(1.0)


def test_every_meter_and_domain_has_its_own_windows() -> None:
    clock = Time()
    meters = watched(
        clock, a=Odometer(clock), b=Odometer(clock, watts=3.0, domain="gpu", method="board_rail")
    )
    windows = timed(500 * MS, clock=clock, meters=meters, seconds=2.0, windows=2).windows
    seen = [(one.meter, one.domain, one.method) for one in windows]
    assert seen == [("a", "cpu", "pretend"), ("b", "gpu", "board_rail")] * 2
    assert joules(windows) == pytest.approx([10.0, 3.0] * 2)


def test_without_a_meter_there_are_latencies_and_no_windows() -> None:
    seen = timed(5, meters=Meters(), max_queries=4, windows=2)
    assert seen.tape.array().tolist() == [5] * 4
    assert seen.windows == []


def test_meters_are_closed_once_each() -> None:
    clock = Time()
    one, two = Odometer(clock), Odometer(clock)
    watched(clock, a=one, b=two).close()
    assert (one.closed, two.closed) == (1, 1)


# The two edges of a window


def test_a_stale_reading_at_both_edges_is_in_the_error() -> None:
    clock = Time()
    meters = watched(clock, m=Odometer(clock, period=0.1))
    windows = timed(125 * MS, clock=clock, meters=meters, seconds=2.0, windows=2).windows
    # The 10 J may have been drawn in a tenth of a second less: 11.1 W for a tenth of a second.
    assert [window.error for window in windows] == pytest.approx([10 / 9, 10 / 9])
    assert {(window.period, window.aligned) for window in windows} == {(0.1, False)}


def test_a_window_shorter_than_the_period_says_nothing_and_why() -> None:
    """The source may not have been updated at all: that is no energy of zero."""
    clock = Time()
    meters = watched(clock, m=Odometer(clock, period=5.0))
    windows = timed(125 * MS, clock=clock, meters=meters, seconds=2.0, windows=2).windows
    assert [window.joules for window in windows] == [None, None]
    assert all("5 s between two updates of m" in window.reason for window in windows)


def ticking(clock: Time, *, aligned: bool) -> Meters:
    """A counter that jumps every 50 ms, and says so or does not."""
    counter = Odometer(
        clock, method="hardware_counter", period=0.05, ticks=aligned, jumps=True, domain="cpu"
    )
    return watched(clock, counter=counter)


@pytest.mark.parametrize("milliseconds", [1, 2, 5])
def test_edges_on_ticks_give_the_joules_of_an_inference_exactly(milliseconds: int) -> None:
    clock = Time()
    clock.now += 13 * MS  # somewhere between two ticks
    seen = timed(milliseconds * MS, clock=clock, meters=ticking(clock, aligned=True), windows=2)
    assert len(seen.windows) == 2
    for window, energy in zip(seen.windows, joules(seen.windows), strict=True):
        assert window.aligned
        # A tick may be missed by the call that it falls into, and no more.
        gap = milliseconds * 1e-3
        assert energy == pytest.approx(round(energy / 0.5) * 0.5)
        assert abs(energy - 10 * window.seconds) <= 10 * gap
        assert window.error == pytest.approx(2 * gap * energy / window.seconds)


def test_calls_that_end_on_ticks_are_paid_to_the_last_joule() -> None:
    clock = Time()
    seen = timed(MS, clock=clock, meters=ticking(clock, aligned=True), windows=2)
    for window, energy in zip(seen.windows, joules(seen.windows), strict=True):
        assert energy / window.calls == pytest.approx(10 * 1e-3, rel=1e-9)


def test_edges_between_ticks_are_off_and_within_their_error() -> None:
    clock = Time()
    clock.now += 30 * MS
    seen = timed(
        MS, clock=clock, meters=ticking(clock, aligned=False), seconds=1.05, windows=2
    ).windows
    for window, energy in zip(seen, joules(seen), strict=True):
        assert not window.aligned
        off = abs(energy - 10 * window.seconds)
        # 525 ms hold ten jumps or eleven: half of one is missing, or too much.
        assert off == pytest.approx(0.25)
        assert off <= window.error == pytest.approx(0.05 * energy / (window.seconds - 0.05))


@given(spent=st.integers(1, 30 * MS), period=st.integers(10, 60), begin=st.integers(0, 100 * MS))
def test_an_aligned_window_holds_what_was_drawn_to_within_its_error(
    spent: int, period: int, begin: int
) -> None:
    # Not so short that a window holds very many.
    spent = max(spent, period * MS // 200)
    clock = Time()
    clock.now += begin
    counter = Odometer(clock, method="board_rail", period=period * 1e-3, ticks=True)
    meters = watched(clock, counter=counter)
    seen = timed(spent, clock=clock, meters=meters, seconds=0.03 * period, windows=5)
    assert 1 <= len(seen.windows) <= 3
    for window, energy in zip(seen.windows, joules(seen.windows), strict=True):
        assert window.aligned
        # A call that is longer than an update may take the last one with it.
        assert window.seconds > 9 * period * 1e-3 - spent * 1e-9
        assert abs(energy - 10 * window.seconds) <= window.error + 1e-9


def test_the_queries_of_a_wait_for_a_tick_are_in_its_window() -> None:
    clock = Time()
    clock.now += 30 * MS
    seen = timed(MS, clock=clock, meters=ticking(clock, aligned=True), windows=2)
    # The first wait ends at a tick and is nobody's; a window ends a wait after its share, and the
    # next one has what is left of its own.
    assert [window.calls for window in seen.windows] == [550, 500]
    assert seen.tape.total == 1050


def test_a_window_is_ten_updates_of_the_leading_meter_long_or_more() -> None:
    clock = Time()
    counter = Odometer(clock, method="hardware_counter", period=0.1, ticks=True)
    for seconds, windows in ((10.0, 8), (3.5, 3), (0.5, 1)):
        meters = watched(clock, counter=counter)
        seen = timed(MS, clock=clock, meters=meters, seconds=seconds, windows=8)
        assert len(seen.windows) == windows
        assert all(one.seconds >= min(1.0, seconds) for one in seen.windows)


def test_the_slowest_measured_counter_leads_and_only_its_edges_are_aligned() -> None:
    clock = Time()
    meters = watched(
        clock,
        quick=Odometer(clock, method="hardware_counter", period=0.01, ticks=True),
        slow=Odometer(clock, method="hardware_counter", period=0.05, ticks=True),
        smooth=Odometer(clock, method="sensor_integral", period=0.2),
        pretend=Odometer(clock, period=0.5, ticks=True),
    )
    assert meters.leader is meters.opened["slow"]
    assert meters.needed_seconds == 20 * 0.5
    seen = timed(MS, clock=clock, meters=meters, windows=2)
    assert {one.meter for one in seen.windows if one.aligned} == {"slow"}
    assert {one.meter for one in seen.windows} == {"quick", "slow", "smooth", "pretend"}
    assert {(one.meter, one.calls) for one in seen.windows} == {
        (name, calls) for name in meters.opened for calls in (550, 500)
    }


def test_a_pretend_counter_leads_where_there_is_no_other_and_nobody_without_one() -> None:
    clock = Time()
    pretend = Odometer(clock, period=0.5, ticks=True)
    smooth = Odometer(clock, method="sensor_integral", period=0.2)
    assert watched(clock, a=pretend, b=smooth).leader is pretend
    assert watched(clock, b=smooth).leader is None
    assert watched(clock, a=Odometer(clock, ticks=True)).leader is None
    assert Meters().needed_seconds == 0


def test_a_counter_that_stands_still_is_read_as_it_is() -> None:
    clock = Time()
    # It says that it ticks, and draws nothing.
    still = Odometer(clock, watts=0.0, method="hardware_counter", period=0.05, ticks=True)
    seen = timed(MS, clock=clock, meters=watched(clock, still=still), windows=2)
    assert [(one.joules, one.aligned) for one in seen.windows] == [(0.0, False)] * 2
    # Each edge was waited for three periods long, to within a call, and not for ever.
    assert seen.seconds == pytest.approx(1.0 + 0.15, abs=2.1e-3)


def test_a_reading_that_is_lost_while_a_tick_is_awaited_is_no_tick() -> None:
    clock = Time()
    # Reading 1 is the first look of the wait; the counter last jumped long before.
    counter = Odometer(clock, method="board_rail", period=0.05, ticks=True, lost=[1])
    meters = watched(clock, counter=counter)
    edge = meters.edge(clock.spend(MS))
    assert edge.at == pytest.approx(1.05)
    assert edge.gap == pytest.approx(1e-3)


def test_where_the_first_reading_of_a_wait_is_lost_no_edge_is_aligned() -> None:
    clock = Time()
    counter = Odometer(clock, method="board_rail", period=0.05, ticks=True, lost=[0])
    assert watched(clock, counter=counter).edge(clock.spend(MS)).gap is None


# The log of an instrument


class Log(Odometer):
    """A meter whose joules are known afterwards."""

    def __init__(self, clock: Time) -> None:
        super().__init__(clock, method="external_meter", period=1.0, domain="machine")
        self.asked = list[tuple[float, float]]()

    def read(self) -> Reading:
        return {}

    def between(self, begin: float, end: float) -> dict[str, tuple[float | None, float, str]]:
        self.asked.append((begin, end))
        if len(self.asked) == 2:
            return {"machine": (None, 0.0, "the log ends before the run")}
        return {"machine": (40 * (end - begin), 0.5, "")}


def test_the_log_of_an_instrument_is_asked_by_the_time_of_day() -> None:
    clock = Time()
    log = Log(clock)
    meters = watched(clock, log=log)
    assert timed(125 * MS, clock=clock, meters=meters, seconds=2.0, windows=2).windows == []
    # A log may make us wait: it is asked when nothing is timed any more.
    assert log.asked == []
    windows = meters.late_windows()
    assert meters.late_windows() == []
    assert log.asked == [
        pytest.approx((5001.0, 5002.0)),
        pytest.approx((5002.0, 5003.0)),
    ]
    assert [(one.joules, one.error, one.reason) for one in windows] == [
        (pytest.approx(40.0), 0.5, ""),
        (None, 0.0, "the log ends before the run"),
    ]
    assert {(one.method, one.domain, one.period) for one in windows} == {
        ("external_meter", "machine", 1.0)
    }


def test_what_slow_calls_overrun_does_not_add_up() -> None:
    """Windows of two seconds and calls of 1.6: the whole ends one call late, not one a window."""
    seen = timed(1600 * MS, seconds=6.0, windows=3)
    assert [window.calls for window in seen.windows] == [2, 1, 1]
    assert seen.seconds == pytest.approx(6.4)


# Standing idle


def test_idle_windows_hold_no_query(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Time()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    (window,) = idle(watched(clock, m=Odometer(clock, watts=4.0)), 2.5, "idle_after")
    assert (window.calls, window.phase) == (0, "idle_after")
    assert (window.seconds, window.joules) == pytest.approx((2.5, 10.0))


def test_idle_edges_are_on_ticks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Time()
    clock.now += 20 * MS
    monkeypatch.setattr(time, "sleep", clock.sleep)
    (window,) = idle(ticking(clock, aligned=True), 1.0, "idle_before")
    assert window.aligned
    assert window.joules == pytest.approx(10 * window.seconds)
    assert window.seconds == pytest.approx(1.05)


def test_there_is_no_idling_without_time_or_without_a_meter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def sleep(seconds: float) -> None:
        raise AssertionError("nobody waits for nothing")

    monkeypatch.setattr(time, "sleep", sleep)
    clock = Time()
    assert idle(watched(clock, m=Odometer(clock)), 0.0, "idle_before") == []
    assert idle(Meters(), 1.0, "idle_before") == []


# A server


def served(qps: float, service: int, seed: int = 1, **plan: Any) -> Timed:
    """Half a second of traffic at a rate, on a clock that watching it moves on by 20 µs."""
    clock = Time(step=20_000)
    order = draw_order(clock.spend(service), [nothing], seed, qps)
    asked = Plan(scenario="server", target_qps=qps, windows=2, **plan)
    return timed_run(
        order,
        asked,
        watched(clock, m=Odometer(clock)),
        nothing,
        nothing,
        0.5,
        9.0,
        clock,
    )


def test_a_server_that_keeps_up_leaves_nobody_waiting() -> None:
    # Mean gaps of 100 µs: nothing here is slept for long.
    seen = served(10_000, 1000)
    assert seen.unserved == 0
    assert seen.tape.total == pytest.approx(5000, abs=4 * 5000**0.5)
    assert sum(window.calls for window in seen.windows) == seen.tape.total


def test_a_server_that_cannot_keep_up_gives_up_a_tenth_after_the_schedule() -> None:
    seen = served(10_000, MS)
    assert seen.unserved > 0
    # Due in half a second, and asked for a tenth longer at a thousand a second at most.
    assert seen.tape.total + seen.unserved == pytest.approx(5000, abs=4 * 5000**0.5)
    assert 450 < seen.tape.total < 560
    assert seen.tape.array().max() > 200 * MS


def test_a_queue_is_not_emptied_by_reading_a_meter() -> None:
    """One schedule, one window: an edge inside it would let the queue run empty."""
    seen = served(10_000, 1000)
    assert len(seen.windows) == 1
    assert seen.windows[0].calls == seen.tape.total


def test_a_server_a_little_over_its_capacity_is_overloaded() -> None:
    assert served(1300, MS, min_queries=1).unserved > 0


def test_arrivals_come_from_the_seed_of_the_order() -> None:
    one, two, other = (served(10_000, 1000, seed).tape.total for seed in (1, 1, 2))
    assert one == two != other


def test_a_servers_schedule_is_long_enough_for_the_fewest_queries() -> None:
    assert served(10_000, 1000, min_queries=8000).tape.total >= 8000


def test_a_server_asks_no_more_than_the_most_queries() -> None:
    assert served(10_000, 1000, max_queries=100).tape.total == 100


# Garbage collection


def test_garbage_is_not_collected_while_calls_are_timed() -> None:
    seen = list[bool]()
    order = in_turn(lambda: seen.append(gc.isenabled()), [nothing])
    timed_run(order, Plan(max_queries=4, windows=2), Meters(), nothing, nothing, 1.0, 0.0)
    assert seen == [False] * 4
    assert gc.isenabled()


def test_garbage_collection_that_was_off_stays_off() -> None:
    gc.disable()
    timed(5, max_queries=4, windows=2)
    assert not gc.isenabled()


@pytest.mark.parametrize("kind", [MeasurementError("stop"), MemoryError(), KeyboardInterrupt()])
def test_a_call_that_raises_is_heard_and_collection_is_on_again(kind: BaseException) -> None:
    def call() -> None:
        raise kind

    with pytest.raises(type(kind)):
        timed_run(in_turn(call, [nothing]), Plan(), Meters(), nothing, nothing, 1.0, 0.0)
    assert gc.isenabled()
