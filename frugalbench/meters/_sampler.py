"""Joules from power: watts sampled by a thread of their own and added up by the trapezoid rule."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from frugalbench.meters._meter import Reading
from frugalbench.values import Method

__all__ = ["Every", "Sampler", "Watts"]

Watts = Callable[[], Mapping[str, float | None]]
"""The power of each domain now, W; None could not be read. The domains stay the same."""

HOLE = 10
"""Intervals without a sample after which an integral has a hole."""


MOST_WATTS = 1e6
"""More than any machine draws: a sensor that shows more has failed."""


class Every:
    """A thread that calls a function again and again, until it is closed."""

    def __init__(self, interval: float, function: Callable[[], object]) -> None:
        """Call `function` every `interval` seconds from now on."""
        self._interval = interval
        self._function = function
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="frugalbench-meter", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        due = time.monotonic() + self._interval
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            self._function()
            # What was missed is not made up for: samples would come in bursts.
            due = max(due + self._interval, time.monotonic())

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(self._interval + 5.0)


@dataclass(slots=True)
class _Integral:
    """The energy of one domain so far, J, and its power at the last sample, W."""

    watts: float
    joules: float = 0.0
    lost: str = ""


class Sampler:
    """An odometer over a power sensor. Equal samples count like any others.

    A domain with a lost sample, or with no sample for ten intervals, is unknown from then on:
    nobody knows what it drew meanwhile.
    """

    ticks = False

    def __init__(
        self,
        watts: Watts,
        *,
        method: Method,
        interval: float = 0.1,
        period: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        note: str = "",
        lost: str = "a sample was lost",
        on_close: Callable[[], object] = lambda: None,
        thread: bool = True,
    ) -> None:
        """Take the first sample, and start the thread.

        Args:
            watts: the sensor.
            method: how its joules are got.
            interval: seconds between two samples.
            period: how stale the sensor may be, s; the interval when not given.
            clock: monotonic, s.
            note: what to know about it.
            lost: why a sample is missing, when one is.
            on_close: lets the sensor go.
            thread: without one, `sample` is called by hand.
        """
        self.method: Method = method
        self.period = interval if period is None else period
        self.interval = interval
        self.note = note
        self._source, self._clock = watts, clock
        self._words, self._on_close = lost, on_close
        self._lock = threading.Lock()
        found, self._at = self._look()
        self._domains = {
            domain: _Integral(0.0, lost=lost) if bad(one) else _Integral(one or 0.0)
            for domain, one in found.items()
        }
        self._every = Every(interval, self.sample) if thread else None

    def _look(self) -> tuple[Mapping[str, float | None], float]:
        """The power now, and when that was: halfway through looking."""
        before = self._clock()
        found = self._source()
        return found, (before + self._clock()) / 2

    def sample(self) -> None:
        """Take one sample."""
        found, at = self._look()
        with self._lock:
            seconds = at - self._at
            self._check_hole(seconds)
            for domain, one in self._domains.items():
                watts = found.get(domain)
                if bad(watts):
                    one.lost = one.lost or self._words
                elif not one.lost:
                    assert watts is not None
                    one.joules += (one.watts + watts) / 2 * max(0.0, seconds)
                    one.watts = watts
            self._at = max(self._at, at)

    def _check_hole(self, seconds: float) -> None:
        if seconds > HOLE * self.interval:
            for one in self._domains.values():
                one.lost = one.lost or f"it was not sampled for {seconds:.1f} s"

    def read(self) -> Reading:
        """Joules so far, the last sample's power drawn out to now."""
        with self._lock:
            since = max(0.0, self._clock() - self._at)
            self._check_hole(since)
            return {
                domain: None if one.lost else one.joules + one.watts * since
                for domain, one in self._domains.items()
            }

    def reason(self, domain: str) -> str:
        """Why a domain is unknown; empty when it is known."""
        one = self._domains.get(domain)
        return one.lost if one else ""

    def close(self) -> None:
        """End the thread and let the sensor go."""
        if self._every is not None:
            self._every.close()
        self._on_close()


def bad(watts: float | None) -> bool:
    """Whether a power was not read, or is none: negative, not finite, or more than a megawatt."""
    return watts is None or not 0 <= watts <= MOST_WATTS
