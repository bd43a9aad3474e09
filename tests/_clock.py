"""A clock that only calls and waits advance, so that every number on it is exact."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from frugalbench.bench import Order
from frugalbench.meters import Reading
from frugalbench.values import Method

__all__ = ["MS", "Odometer", "Time", "in_turn"]

MS = 1_000_000


class Time:
    """A clock in nanoseconds that stands still unless something spends time.

    It starts at one second: no machine that runs shows zero. With a `step` it moves on by itself
    whenever it is read, as one that is watched in a loop must.
    """

    def __init__(self, step: int = 0) -> None:
        self.now = 1000 * MS
        self._step = step

    def __call__(self) -> int:
        self.now += self._step
        return self.now

    def seconds(self) -> float:
        return self.now * 1e-9

    def spend(self, nanoseconds: int) -> Callable[[], None]:
        """A call that takes so long."""

        def call() -> None:
            self.now += nanoseconds

        return call

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)


class Odometer:
    """A meter of constant power by an injected clock.

    One that jumps shows what it drew until the last multiple of its `period`; only one that
    `ticks` says so. `lost` are the numbers of the readings, from 0, that cannot be made.
    """

    def __init__(
        self,
        clock: Time,
        *,
        watts: float = 10.0,
        domain: str = "cpu",
        method: Method = "pretend",
        period: float = 0.0,
        ticks: bool = False,
        jumps: bool | None = None,
        lost: Sequence[int] = (),
    ) -> None:
        self.method: Method = method
        self.period = period
        self.ticks = ticks
        self.reads = self.closed = 0
        self._clock, self._watts, self._domain = clock, watts, domain
        self._jumps = ticks if jumps is None else jumps
        self._lost = lost

    def read(self) -> Reading:
        self.reads += 1
        if self.reads - 1 in self._lost:
            return {self._domain: None}
        now = self._clock.now
        if self._jumps:
            # In whole nanoseconds, so that a tick is where it should be to the last bit.
            now -= now % round(self.period * 1e9)
        return {self._domain: self._watts * now * 1e-9}

    def close(self) -> None:
        self.closed += 1


def in_turn(run: Callable[[], object], places: Sequence[Any], *, looks: int = 1) -> Order:
    """An order that takes the samples in turn, and looks at one answer in `looks`."""
    return Order(run, places, np.arange(len(places)), np.full(1, looks))
