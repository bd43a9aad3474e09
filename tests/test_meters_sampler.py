"""Joules from power: the trapezoid rule, lost samples, holes, and the thread."""

import math
import threading

import pytest
from _meters import Clock
from hypothesis import given
from hypothesis import strategies as st

from frugalbench.meters._sampler import Every, Sampler, Watts


class Sensor:
    """Power that is set by hand."""

    def __init__(self, **watts: float | None) -> None:
        self.watts = watts

    def __call__(self) -> dict[str, float | None]:
        return dict(self.watts)


def sampler(sensor: Watts, clock: Clock, interval: float = 0.1) -> Sampler:
    return Sampler(sensor, method="sensor_integral", interval=interval, clock=clock, thread=False)


def test_constant_power_is_exactly_power_times_time() -> None:
    clock, sensor = Clock(), Sensor(machine=10.0)
    meter = sampler(sensor, clock)
    for _ in range(20):
        clock.wait(0.125)
        meter.sample()
    assert meter.read() == {"machine": 25.0}
    clock.wait(0.5)
    assert meter.read() == {"machine": 30.0}


def test_one_sample_is_enough_for_constant_power() -> None:
    clock = Clock()
    meter = sampler(Sensor(gpu=8.0), clock)
    clock.wait(0.5)
    assert meter.read() == {"gpu": 4.0}


def test_power_between_two_samples_lies_on_a_line() -> None:
    clock, sensor = Clock(), Sensor(gpu=0.0)
    meter = sampler(sensor, clock)
    clock.wait(0.5)
    sensor.watts["gpu"] = 100.0
    meter.sample()
    assert meter.read() == {"gpu": 25.0}


def test_reading_changes_nothing() -> None:
    clock, sensor = Clock(), Sensor(gpu=4.0)
    meter = sampler(sensor, clock)
    for _ in range(4):
        clock.wait(0.25)
        meter.read()
        meter.read()
        meter.sample()
    assert meter.read() == {"gpu": 4.0}


@given(st.lists(st.tuples(st.floats(0.001, 0.9), st.floats(0, 500)), min_size=1, max_size=30))
def test_the_integral_is_that_of_the_polygon(samples: list[tuple[float, float]]) -> None:
    clock, sensor = Clock(), Sensor(machine=50.0)
    meter = sampler(sensor, clock)
    total, last = 0.0, 50.0
    for seconds, watts in samples:
        clock.wait(seconds)
        sensor.watts["machine"] = watts
        meter.sample()
        total += (last + watts) / 2 * seconds
        last = watts
    assert meter.read() == {"machine": pytest.approx(total, abs=1e-6)}


def test_a_slow_sensor_is_taken_to_tell_of_the_middle_of_its_answer() -> None:
    clock = Clock()

    def slow() -> dict[str, float | None]:
        clock.wait(0.2)
        return {"board": 10.0}

    meter = sampler(slow, clock, interval=1.0)
    clock.wait(0.9)
    meter.sample()
    # From half of the first answer to the end of the second.
    assert meter.read() == {"board": pytest.approx(10.0 * (0.1 + 0.9 + 0.2))}


@pytest.mark.parametrize("lost", [None, math.nan, math.inf, -0.1, 1.1e6])
def test_a_lost_sample_makes_its_domain_unknown_for_good(lost: float | None) -> None:
    clock, sensor = Clock(), Sensor(gpu=10.0, board=20.0)
    meter = sampler(sensor, clock)
    clock.wait(0.1)
    sensor.watts["gpu"] = lost
    meter.sample()
    sensor.watts["gpu"] = 10.0
    clock.wait(0.1)
    meter.sample()
    assert meter.read() == {"gpu": None, "board": pytest.approx(4.0)}
    assert meter.reason("gpu") == "a sample was lost"
    assert meter.reason("board") == ""
    assert meter.reason("else") == ""


def test_a_domain_that_never_gave_a_sample_is_unknown() -> None:
    clock = Clock()
    meter = sampler(Sensor(gpu=None), clock)
    assert meter.read() == {"gpu": None}


def test_a_hole_of_ten_intervals_makes_the_integral_unknown() -> None:
    clock = Clock()
    meter = sampler(Sensor(gpu=10.0), clock, interval=0.1)
    clock.wait(0.99)
    meter.sample()
    assert meter.read() == {"gpu": pytest.approx(9.9)}
    clock.wait(1.01)
    meter.sample()
    assert meter.read() == {"gpu": None}
    assert "not sampled for 1.0 s" in meter.reason("gpu")


def test_a_thread_that_died_is_noticed_at_the_next_reading() -> None:
    clock = Clock()
    meter = sampler(Sensor(gpu=10.0), clock, interval=0.1)
    clock.wait(30.0)
    assert meter.read() == {"gpu": None}


def test_a_sampler_is_no_counter_and_as_stale_as_its_interval() -> None:
    meter = sampler(Sensor(gpu=1.0), Clock(), interval=0.25)
    assert (meter.ticks, meter.period, meter.method) == (False, 0.25, "sensor_integral")
    slow = Sampler(Sensor(gpu=1.0), method="board_rail", period=5.0, clock=Clock(), thread=False)
    assert (slow.period, slow.interval) == (5.0, 0.1)


def test_the_thread_samples_until_it_is_closed() -> None:
    called, closed = threading.Event(), []

    def watts() -> dict[str, float | None]:
        if threading.current_thread() is not threading.main_thread():
            called.set()
        return {"gpu": 1.0}

    meter = Sampler(
        watts, method="sensor_integral", interval=0.001, on_close=lambda: closed.append(1)
    )
    assert called.wait(10)
    threads = [one for one in threading.enumerate() if one.name == "frugalbench-meter"]
    assert all(one.daemon for one in threads)
    meter.close()
    assert not [one for one in threads if one.is_alive()]
    assert closed == [1]


def test_a_thread_that_has_not_begun_ends_at_once() -> None:
    every = Every(3600.0, lambda: None)
    every.close()
    assert not [one for one in threading.enumerate() if one.name == "frugalbench-meter"]
