"""The timed part of a process: idle, then traffic in energy windows, then idle again."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from frugalbench import noise
from frugalbench.bench._meters import Edge, Meters
from frugalbench.bench._rows import Progress
from frugalbench.bench._traffic import (
    Clock,
    Look,
    Order,
    Tape,
    closed_loop,
    schedule,
    server_loop,
)
from frugalbench.record import Gpu, Noise, Phase, Window
from frugalbench.spec import Plan

__all__ = ["Timed", "idle", "timed_run"]

NAP = 0.001
OVERTIME = 0.1
ENOUGH = 1.5
"""Times the time in which as many queries are due as the plan asks for: arrivals are random."""
PERIODS_A_WINDOW = 10


@dataclass(slots=True)
class Timed:
    """What the timed part saw: latencies, energy windows, queries never asked, noise, GPUs."""

    tape: Tape
    windows: list[Window] = field(default_factory=list)
    seconds: float = 0.0
    unserved: int = 0
    noise: Noise | None = None
    gpus: tuple[Gpu, ...] = ()


def idle(meters: Meters, seconds: float, phase: Phase) -> list[Window]:
    """Energy while nothing is asked, with the model loaded."""
    if seconds <= 0 or not meters.opened:
        return []
    begin = meters.edge(lambda: time.sleep(NAP))
    time.sleep(seconds)
    end = meters.edge(lambda: time.sleep(NAP))
    return meters.windows(begin, end, 0, phase=phase)


def timed_run(
    order: Order,
    plan: Plan,
    meters: Meters,
    look: Look,
    progress: Progress,
    seconds: float,
    room: float,
    clock: Clock = time.perf_counter_ns,
    call_seconds: float = 0.0,
) -> Timed:
    """Time queries in energy windows that follow each other without a gap.

    Every window holds a query at least, and is ten update periods of the leading meter long or
    more. Garbage is collected before and not meanwhile.

    Args:
        order: the queries, in the order they are asked.
        plan: scenario, windows, rate, most and fewest queries.
        meters: read at the edges of the windows.
        look: looks at answers, outside the timed spans.
        progress: told `time` and the share done.
        seconds: how long to time.
        room: how long the timing may go on until `plan.min_queries` were made.
        clock: nanoseconds, never going back.
        call_seconds: about how long a query takes: slow ones make fewer windows.
    """
    timed = Timed(Tape(plan.keep))
    leader = meters.leader
    parts = plan.windows
    if leader is not None:
        parts = max(1, min(parts, int(seconds / (PERIODS_A_WINDOW * leader.period))))
    if call_seconds > 0:
        parts = max(1, min(parts, int(seconds / call_seconds)))
    if plan.scenario == "server":
        # A queue goes on: cut into windows it would be emptied at each edge.
        parts = 1
        if plan.target_qps is not None:
            seconds = max(seconds, min(room, ENOUGH * plan.min_queries / plan.target_qps))
    share = _Share(order, plan, timed, look, seconds / parts, parts, clock)
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        meters.gpus.begin()
        begin = meters.edge(share.step)
        share.start()
        snapshots, started, first = [noise.look()], clock(), begin
        for number in range(parts):
            share.run()
            if number == parts - 1:
                share.top_up(started + int(room * 1e9))
            end = meters.edge(share.step)
            timed.windows += meters.windows(begin, end, share.taken())
            begin = end
            snapshots.append(noise.look())
            meters.gpus.look()
            progress("time", (number + 1) / parts)
        timed.seconds = _span(first, begin)
    finally:
        if collecting:
            gc.enable()
    timed.noise, timed.gpus = noise.between(snapshots), meters.gpus.seen()
    return timed


def _span(first: Edge, last: Edge) -> float:
    return last.at - first.at


@dataclass(slots=True)
class _Share:
    """One window's worth of traffic."""

    order: Order
    plan: Plan
    timed: Timed
    look: Look
    seconds: float
    parts: int
    clock: Clock
    wait: Callable[[float], None] = time.sleep
    rng: np.random.Generator = field(init=False)
    counted: int = 0
    counting: bool = False
    began: int = 0
    number: int = 0

    def __post_init__(self) -> None:
        """Arrivals are drawn beside the order, from the same recorded seed."""
        self.rng = np.random.default_rng([self.order.seed, 1])

    def start(self) -> None:
        """From now on steps are timed queries, not only load."""
        self.counting, self.began = True, self.clock()

    def taken(self) -> int:
        """Queries since the last time this was asked."""
        counted, self.counted = self.counted, self.timed.tape.total
        return self.counted - counted

    @property
    def most(self) -> int | None:
        """The most queries of a window."""
        most = self.plan.max_queries
        return None if most is None else max(1, most // self.parts)

    def run(self) -> None:
        """Ask until the end of the window's share of the time, once at least."""
        self.number += 1
        # From the start of all, so that what slow calls overrun does not add up.
        until = self.began + int(self.number * self.seconds * 1e9)
        if self.plan.scenario == "server":
            self._serve(until)
        else:
            closed_loop(self.order, self.timed.tape, until, self.look, self.most, self.clock)

    def _serve(self, until: int) -> None:
        """Ask on one schedule; what still waits a tenth of it later shows that it is too much."""
        due = schedule(self.plan.target_qps or 1.0, self.seconds, self.rng)[: self.most]
        give_up = until + int(OVERTIME * self.seconds * 1e9)
        end, unserved = server_loop(
            self.order, self.timed.tape, due, give_up, self.look, self.clock
        )
        self.timed.unserved += unserved
        # Standing idle until the end of the schedule is part of serving it.
        if not unserved and end < until:
            self.wait((until - end) * 1e-9)

    def step(self) -> None:
        """One more query while a meter's tick is awaited; a server only waits."""
        if self.plan.scenario == "server":
            return
        if self.counting:
            closed_loop(self.order, self.timed.tape, 1 << 62, self.look, 1, self.clock)
        else:
            self.order.run()

    def top_up(self, until: int) -> None:
        """Go on until the plan's fewest queries were made, or there is no room."""
        lacking = self.plan.min_queries - self.timed.tape.total
        if lacking > 0 and self.plan.scenario != "server" and self.clock() < until:
            closed_loop(self.order, self.timed.tape, until, self.look, lacking, self.clock)
