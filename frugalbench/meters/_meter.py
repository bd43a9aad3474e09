"""What a meter is: an odometer that counts joules by domain, and what keeps one from opening."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from frugalbench.values import Method

__all__ = ["Deferred", "Meter", "Reading", "Unavailable"]

Reading = dict[str, float | None]
"""Joules since the meter opened, by domain (`cpu`, `ram`, `gpu`, …); None could not be read.

Domains that are parts of a machine (`cpu`, `ram`, `gpu`) are added up. `board` and `machine` are
whole ones and are never added to a part. `psys` and `rail:NAME` overlap others and are only shown.
"""


class Meter(Protocol):
    """An open source of energy readings.

    `period` is the time in seconds between two updates of the source: the reading may be that
    stale, and the error of a window follows from it. `ticks` says that the source is a counter
    that jumps at its updates, so that a window can begin and end on one; it must be cheap to read.
    """

    @property
    def method(self) -> Method:
        """How its joules are got."""

    @property
    def period(self) -> float:
        """Update period of the source, s."""

    @property
    def ticks(self) -> bool:
        """Whether the source jumps at its updates."""

    def read(self) -> Reading:
        """Joules so far, by domain. A domain that cannot be read is None, never 0."""

    def close(self) -> None:
        """Let the source go."""


@runtime_checkable
class Deferred(Protocol):
    """A meter whose joules are known afterwards: the log of an instrument, by its timestamps."""

    def between(self, begin: float, end: float) -> dict[str, tuple[float | None, float, str]]:
        """Joules by domain between two times of this machine's clock (`time.time()`).

        Returns:
            By domain: the joules or None, their worst-case error in joules, and the reason why
            there is none (empty otherwise).
        """


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why a meter cannot be opened here, and the step that would unlock it (may be empty)."""

    reason: str
    unlock: str = ""
