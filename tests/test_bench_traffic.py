"""Who asks and when, on a clock that only the calls advance: every number is exact."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from _clock import MS, Time, in_turn
from hypothesis import given
from hypothesis import strategies as st

from frugalbench.bench import Order, Tape, closed_loop, draw_order
from frugalbench.bench._traffic import LEAST_LOOKS, MEAN_STRETCH, RING, schedule, server_loop

FOREVER = 1 << 62


def nothing(*_: object) -> None:
    """A sample put in place, or an answer looked at, in no time."""


class Model:
    """Calls that take these nanoseconds in turn, and keep which sample was in place."""

    def __init__(self, clock: Time, *spent: int, samples: int = 1, to_place: int = 0) -> None:
        self._clock, self._spent, self._to_place = clock, spent, to_place
        self.places = [self._placer(sample) for sample in range(samples)]
        self.placed, self.asked = -1, list[int]()

    def _placer(self, sample: int) -> Callable[[], None]:
        def place() -> None:
            self.placed = sample
            self._clock.now += self._to_place

        return place

    def run(self) -> int:
        self._clock.now += self._spent[len(self.asked) % len(self._spent)]
        self.asked.append(self.placed)
        return len(self.asked)


def asked_of(model: Model, clock: Time, most: int, until: int = FOREVER, looks: int = 1) -> Tape:
    tape = Tape(10_000)
    closed_loop(in_turn(model.run, model.places, looks=looks), tape, until, nothing, most, clock)
    return tape


# The tape


@given(
    pieces=st.lists(st.lists(st.integers(0, 10**12), max_size=40), max_size=12),
    most=st.integers(1, 60),
)
def test_a_tape_is_bounded_evenly_spaced_and_counts_right(
    pieces: list[list[int]], most: int
) -> None:
    tape = Tape(most)
    for piece in pieces:
        tape.extend(piece)
    whole = [one for piece in pieces for one in piece]
    assert tape.total == len(whole)
    assert tape.array().tolist() == whole[:: tape.stride]
    assert tape.array().dtype == np.int64
    assert len(tape.kept) <= most
    # Nothing is thrown away that had a place.
    assert tape.stride == 1 or -(-len(whole) // (tape.stride // 2)) > most


def test_how_latencies_are_handed_over_changes_nothing() -> None:
    numbers = list(range(1000))
    whole, single = Tape(100), Tape(100)
    whole.extend(numbers)
    for number in numbers:
        single.extend([number])
    assert whole.array().tolist() == single.array().tolist() == numbers[::16]


# The order


@given(seed=st.integers(0, 2**33), places=st.integers(1, 50), expected=st.floats(0, 1e7))
def test_an_order_is_its_seeds_alone(seed: int, places: int, expected: float) -> None:
    one, two = (draw_order(nothing, [nothing] * places, seed, expected) for _ in range(2))
    assert one.seed == seed
    assert one.picks.tolist() == two.picks.tolist()
    assert one.stretches.tolist() == two.stretches.tolist()
    assert set(one.picks.tolist()) <= set(range(places))


def test_another_seed_gives_another_order_and_other_looks() -> None:
    one, two = (draw_order(nothing, [nothing] * 10, seed, 1e6) for seed in (1, 2))
    assert one.picks.tolist() != two.picks.tolist()
    assert one.stretches.tolist() != two.stretches.tolist()


def test_every_sample_is_drawn_about_as_often_as_any_other() -> None:
    counts = np.bincount(draw_order(nothing, [nothing] * 8, 3, 1e6).picks, minlength=8)
    assert counts.sum() == RING
    # Five standard deviations of a binomial count.
    assert abs(counts - RING / 8).max() < 5 * (RING / 8 * 7 / 8) ** 0.5


@given(seed=st.integers(0, 2**32), samples=st.integers(1, 9), most=st.integers(1, 3000))
def test_every_stretch_ends_at_a_look_at_the_answer_that_was_asked_last(
    seed: int, samples: int, most: int
) -> None:
    clock, looks = Time(), list[tuple[int, object]]()
    model = Model(clock, 1, samples=samples)
    order = draw_order(model.run, model.places, seed, 2000)

    def look(sample: int, result: object) -> None:
        assert sample == model.placed == model.asked[-1]
        looks.append((sample, result))

    closed_loop(order, Tape(1000), FOREVER, look, most, clock)
    assert len(model.asked) == most
    # What a run gives back reaches the look: here, how many there were.
    ends = [result for _, result in looks]
    assert ends[-1] == most
    sizes = [int(one) for one in order.stretches[: len(ends) - 1]]
    assert ends[:-1] == np.cumsum(sizes).tolist()
    drawn = [int(pick) for pick in order.picks]
    assert model.asked == [drawn[turn % RING] for turn in range(most)]


@pytest.mark.parametrize("expected", [1.0, 63.0, 64.0, 100.0, 5000.0, 6400.0, 6464.0, 20_000.0])
@pytest.mark.parametrize("seed", range(5))
def test_one_answer_in_a_hundred_is_looked_at_and_64_at_least(expected: float, seed: int) -> None:
    clock, looks = Time(), list[object]()
    order = draw_order(clock.spend(1), [nothing], seed, expected)
    most = max(1, int(expected))
    closed_loop(order, Tape(1000), FOREVER, lambda *one: looks.append(one), most, clock)
    assert len(looks) >= min(most, max(LEAST_LOOKS, most / MEAN_STRETCH))
    # And not so many that looking is what is measured.
    assert len(looks) <= max(5 * LEAST_LOOKS, 1.1 * most / MEAN_STRETCH)


def test_the_ring_goes_round_without_a_seam() -> None:
    clock = Time()
    model = Model(clock, 1, samples=7)
    order = Order(model.run, model.places, np.array([4, 0, 6]), np.array([5, 2]))
    closed_loop(order, Tape(1000), FOREVER, nothing, 20, clock)
    assert model.asked == ([4, 0, 6] * 7)[:20]


# Asking again when an answer has come


def test_latencies_are_exact_and_in_order() -> None:
    clock = Time()
    tape = asked_of(Model(clock, 3, 1, 2), clock, 7)
    assert tape.array().tolist() == [3, 1, 2, 3, 1, 2, 3]


def test_putting_a_sample_in_place_and_looking_at_an_answer_are_not_timed() -> None:
    clock, tape = Time(), Tape(1000)
    model = Model(clock, 5, samples=3, to_place=1000)
    order = in_turn(model.run, model.places)
    closed_loop(order, tape, FOREVER, lambda *_: clock.spend(MS)(), 4, clock)
    assert tape.array().tolist() == [5] * 4
    # The clock saw all of it, and the tape the calls alone.
    assert clock.now == Time().now + 4 * (5 + 1000 + MS)


@given(
    spent=st.lists(st.integers(1, 50 * MS), min_size=1, max_size=9),
    turns=st.floats(0, 20),
    looks=st.integers(1, 30),
)
def test_a_loop_ends_with_the_first_answer_at_its_time(
    spent: list[int], turns: float, looks: int
) -> None:
    clock, tape = Time(), Tape(1000)
    model, begin = Model(clock, *spent), clock.now
    until = begin + int(turns * sum(spent))
    order = in_turn(model.run, model.places, looks=looks)
    end = closed_loop(order, tape, until, nothing, None, clock)
    latencies = tape.array()
    assert end == clock.now == begin + latencies.sum() >= until
    assert latencies.size == 1 or begin + latencies[:-1].sum() < until


@given(most=st.integers(1, 500), looks=st.integers(1, 30))
def test_a_loop_makes_no_more_than_the_most_queries(most: int, looks: int) -> None:
    clock = Time()
    assert asked_of(Model(clock, 1), clock, most, looks=looks).total == most


def test_one_query_is_made_even_when_the_time_is_over() -> None:
    clock = Time()
    assert asked_of(Model(clock, 9), clock, 5, until=clock.now - 1).array().tolist() == [9]


def test_a_call_that_takes_no_time_at_all_is_timed_as_none() -> None:
    clock = Time()
    assert asked_of(Model(clock, 0), clock, 10).array().tolist() == [0] * 10


# Asking at times drawn before


def served(
    clock: Time, service: int, due: list[int], *, patience: int = FOREVER, late: int = 0
) -> tuple[list[int], int]:
    """Latencies, and how many were never asked, of queries due at these times."""
    tape = Tape(1000)

    def sleep(seconds: float) -> None:
        # To the very moment that is waited for, or later.
        clock.now += round(seconds * 1e9) + 200_000 + late

    order = in_turn(clock.spend(service), [nothing])
    until = clock.now + patience if patience < FOREVER else FOREVER
    _, left = server_loop(order, tape, np.array(due), until, nothing, clock, sleep)
    return tape.array().tolist(), left


def test_waiting_in_line_counts_from_the_time_a_query_was_due() -> None:
    due = [5 * MS * number for number in range(20)]
    latencies, left = served(Time(), 10 * MS, due)
    assert latencies == [10 * MS + 5 * MS * number for number in range(20)]
    assert left == 0


def test_a_query_that_finds_nobody_waiting_takes_the_service_time() -> None:
    latencies, _ = served(Time(), 10 * MS, [20 * MS * number for number in range(20)])
    assert latencies == [10 * MS] * 20


def test_waking_late_is_part_of_the_answers_time() -> None:
    latencies, _ = served(Time(), 10 * MS, [20 * MS, 40 * MS], late=70_000)
    assert latencies == [10 * MS + 70_000] * 2


def test_a_burst_is_answered_one_after_the_other() -> None:
    latencies, _ = served(Time(), 3 * MS, [0, 0, 0, 100 * MS])
    assert latencies == [3 * MS, 6 * MS, 9 * MS, 3 * MS]


def test_what_still_waits_at_the_end_is_never_asked_and_is_counted() -> None:
    due = [5 * MS * number for number in range(10)]
    latencies, left = served(Time(), 10 * MS, due, patience=45 * MS)
    assert (len(latencies), left) == (5, 5)


def test_a_server_puts_the_sample_in_place_before_the_query_is_due() -> None:
    clock, tape = Time(), Tape(1000)
    order = in_turn(clock.spend(MS), [clock.spend(2 * MS)])
    due = np.array([10 * MS, 20 * MS])
    waits = list[float]()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.now += round(seconds * 1e9) + 200_000

    server_loop(order, tape, due, FOREVER, nothing, clock, sleep)
    assert tape.array().tolist() == [MS] * 2
    # 8 and 7 ms were left to wait, and the last 200 µs are watched and not slept.
    assert waits == pytest.approx([7.8e-3, 6.8e-3])


def test_a_short_wait_is_watched_and_not_slept() -> None:
    clock, tape = Time(step=100), Tape(1000)
    order = in_turn(nothing, [nothing])

    def sleep(seconds: float) -> None:
        raise AssertionError("sleeping alone wakes late")

    server_loop(order, tape, np.array([250_000]), FOREVER, nothing, clock, sleep)
    # Two looks at the clock: the one that ends the wait, and the one after the call.
    assert tape.array().tolist() == [100]


@given(seed=st.integers(0, 2**32), service=st.integers(1, 20), looks=st.integers(1, 9))
def test_a_server_is_a_queue_that_serves_in_order(seed: int, service: int, looks: int) -> None:
    """Each answer takes the service time, plus what is left of the ones before it."""
    due = schedule(100.0, 0.3, np.random.default_rng(seed))
    clock, tape = Time(step=1000), Tape(1000)
    order = in_turn(clock.spend(service * MS), [nothing], looks=looks)
    server_loop(order, tape, due, FOREVER, nothing, clock, clock.sleep)
    free, expected = 0, []
    for at in due.tolist():
        free = max(free, at) + service * MS
        expected.append(free - at)
    # Every look at the clock takes a microsecond, and in a queue they add up.
    assert tape.array() == pytest.approx(np.array(expected), abs=5000 * due.size)


# When queries are due


def test_arrivals_are_a_poisson_process() -> None:
    rng = np.random.default_rng(5)
    drawn = [schedule(50.0, 2.0, rng) for _ in range(2000)]
    sizes = np.array([one.size for one in drawn])
    # Mean and variance of a Poisson count are one; four standard errors of each.
    assert sizes.mean() == pytest.approx(100, abs=4 * (100 / 2000) ** 0.5)
    assert sizes.var() == pytest.approx(100, abs=4 * 100 * (2 / 2000) ** 0.5)
    gaps = np.concatenate([np.diff(one) for one in drawn]) * 1e-9
    # Gaps are exponential: as spread as they are long, and e⁻¹ of them longer than the mean.
    assert gaps.std() / gaps.mean() == pytest.approx(1, abs=0.03)
    assert (gaps > 1 / 50).mean() == pytest.approx(np.exp(-1), abs=0.01)


@given(qps=st.floats(1e-3, 1e4), seconds=st.floats(1e-6, 0.5), seed=st.integers(0, 2**32))
def test_arrivals_are_sorted_inside_their_time_and_come_from_the_seed(
    qps: float, seconds: float, seed: int
) -> None:
    one, two = (schedule(qps, seconds, np.random.default_rng(seed)) for _ in range(2))
    assert one.tolist() == two.tolist()
    assert all(before <= after for before, after in pairwise(one.tolist()))
    assert one.size >= 1
    assert one.dtype == np.int64
    assert 0 <= one[0] <= one[-1] < seconds * 1e9
