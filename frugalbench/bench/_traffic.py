"""Who asks, and when: the four scenarios, with the stopwatch around the call and nothing else.

Closed loops ask again when an answer has come (`single_stream`, `multi_stream`, `offline`); the
open one (`server`) asks at random times that were drawn before, and counts from the time a query
was due, so that waiting in line is part of an answer's time.
"""

import itertools
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Clock", "Look", "Order", "Tape", "closed_loop", "draw_order", "schedule", "server_loop"]

Clock = Callable[[], int]
Call = Callable[[], object]
Look = Callable[[int, object], None]
"""Called outside the timed span with which sample was asked last, and what the call returned."""

RING = 4096
MEAN_STRETCH = 100
LEAST_LOOKS = 64
SPIN_NS = 300_000
SLEEP_AHEAD = 200_000


@dataclass(slots=True)
class Tape:
    """Latencies in ns, evenly spaced where there are more than `most` of them."""

    most: int
    kept: "array[int]" = field(default_factory=lambda: array("q"))
    total: int = 0
    stride: int = 1

    def extend(self, latencies: Sequence[int]) -> None:
        """Add latencies in order; once full, every second one goes."""
        self.kept.extend(latencies[-self.total % self.stride :: self.stride])
        self.total += len(latencies)
        while len(self.kept) > self.most:
            self.kept = self.kept[::2]
            self.stride *= 2

    def array(self) -> npt.NDArray[np.int64]:
        """What is kept, shape (kept,)."""
        return np.array(self.kept, np.int64)


@dataclass(slots=True)
class Order:
    """Samples in the order they are asked, drawn with replacement from a recorded seed.

    A query puts its sample in place, which is not timed, and then runs. The ring of samples is
    asked round and round in stretches; after each stretch, whose lengths are drawn too, the last
    answer is looked at. It is longer than one turn by the longest stretch, so that no stretch is
    cut at its end.
    """

    run: Call
    places: Sequence[Call]
    picks: npt.NDArray[np.int64]
    stretches: npt.NDArray[np.int64]
    seed: int = 0
    ring: list[Call] = field(init=False)
    at: int = 0
    turn: int = 0

    def __post_init__(self) -> None:
        """Lay the samples out."""
        drawn = [self.places[int(pick)] for pick in self.picks]
        spare = int(self.stretches.max())
        self.ring = [*drawn, *itertools.islice(itertools.cycle(drawn), spare)]

    def stretch(self) -> list[Call]:
        """The next samples, up to the one whose answer is looked at."""
        size = int(self.stretches[self.turn % self.stretches.size])
        return self.ring[self.at : self.at + size]

    def asked(self, count: int) -> int:
        """Move on by so many queries; returns which sample was the last one."""
        last = (self.at + count - 1) % self.picks.size
        self.at = (self.at + count) % self.picks.size
        self.turn += 1
        return int(self.picks[last])


def draw_order(run: Call, places: Sequence[Call], seed: int, expected: float) -> Order:
    """An order of samples, and where to look: at one in a hundred, and at 64 at least.

    Args:
        run: runs the model on the sample in place.
        places: put a sample in place.
        seed: of the sampling order.
        expected: about how many queries there will be.
    """
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(places), RING)
    # A run may make fewer queries than its warm-up promised: a quarter of them still suffices.
    mean = max(1, min(MEAN_STRETCH, int(expected / (4 * LEAST_LOOKS))))
    # Two stretches make twice the mean together, so that chance never leaves too few looks.
    odd = rng.integers(1, 2 * mean, RING // 2)
    stretches = np.column_stack([odd, 2 * mean - odd]).reshape(-1)
    return Order(run, places, picks, stretches, seed)


def closed_loop(
    order: Order,
    tape: Tape,
    until: int,
    look: Look,
    most: int | None = None,
    clock: Clock = time.perf_counter_ns,
) -> int:
    """Ask, wait for the answer, and ask again, until the clock shows `until`; once at least.

    Args:
        order: the queries.
        tape: gets the time of each, ns.
        until: when to stop, ns of the clock.
        look: looks at the last answer of each stretch.
        most: the most queries to make, or None.
        clock: nanoseconds, never going back.

    Returns:
        The clock at the end of the last answer.
    """
    left = -1 if most is None else most
    end = 0
    while left and (end < until):
        latencies: list[int] = []
        add, run, result = latencies.append, order.run, None
        places = order.stretch()
        for place in places if left < 0 else places[:left]:
            place()
            start = clock()
            result = run()
            end = clock()
            add(end - start)
            if end >= until:
                break
        tape.extend(latencies)
        left -= len(latencies) if left > 0 else 0
        look(order.asked(len(latencies)), result)
    return end


def schedule(qps: float, seconds: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """When queries are due, ns from the start, shape (queries,): a Poisson process.

    One query is due at least, so that there is something to time.
    """
    count = max(1, int(rng.poisson(qps * seconds)))
    return np.sort((rng.random(count) * seconds * 1e9).astype(np.int64))


def server_loop(
    order: Order,
    tape: Tape,
    due: npt.NDArray[np.int64],
    until: int,
    look: Look,
    clock: Clock = time.perf_counter_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[int, int]:
    """Ask each query when it is due, or as soon after as the one before is answered.

    Args:
        order: the queries.
        tape: gets the time of each from when it was due, ns.
        due: when each query is due, ns from now.
        until: when to give up on what is still waiting, ns of the clock.
        look: looks at the last answer of each stretch.
        clock: nanoseconds, never going back.
        sleep: waits, in seconds.

    Returns:
        The clock at the end of the last answer, and how many queries were never asked.
    """
    begin, asked, end = clock(), 0, clock()
    while asked < due.size and end < until:
        latencies: list[int] = []
        result: object = None
        places = order.stretch()
        aheads = due[asked : asked + len(places)].tolist()
        for place, ahead in zip(places, aheads, strict=False):
            at = begin + ahead
            place()
            _wait(at, clock, sleep)
            result = order.run()
            end = clock()
            latencies.append(end - at)
            if end >= until:
                break
        tape.extend(latencies)
        asked += len(latencies)
        look(order.asked(len(latencies)), result)
    return end, int(due.size) - asked


def _wait(at: int, clock: Clock, sleep: Callable[[float], None]) -> None:
    """Sleep until shortly before a time, then watch the clock: sleeping alone wakes late."""
    ahead = at - clock()
    if ahead > SPIN_NS:
        sleep((ahead - SLEEP_AHEAD) * 1e-9)
    while clock() < at:
        pass
