"""A meter that draws constant power by a clock you inject: for tests and examples, never proof.

Its method is `pretend`, which no policy can accept.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from frugalbench.meters._meter import Reading
from frugalbench.spec import Target
from frugalbench.values import Method

__all__ = ["Constant", "open"]


@dataclass
class Constant:
    """`watts` watts for ever, in one domain.

    One that `ticks` stands still between two multiples of its `period`, as counters do.
    """

    watts: float = 10.0
    domain: str = "cpu"
    clock: Callable[[], float] = time.perf_counter
    method: Method = "pretend"
    period: float = 0.0
    ticks: bool = False
    _start: float = field(init=False)

    def __post_init__(self) -> None:
        """Start at zero joules."""
        self._start = self.clock()

    def read(self) -> Reading:
        """Watts times the seconds since the start, or until the last tick."""
        seconds = self.clock() - self._start
        if self.ticks and self.period > 0:
            # 0.3 / 0.1 is a little less than 3.
            seconds = math.floor(seconds / self.period + 1e-9) * self.period
        return {self.domain: self.watts * seconds}

    def close(self) -> None:
        """Nothing to let go."""


def open(target: Target) -> Constant:
    """A constant 10 W."""
    return Constant()
